"""Packets in memory, until they are delivered."""

from __future__ import annotations

from tqdecrypt.export.backlog import MemoryBacklog


def test_what_was_read_and_not_settled_is_read_again() -> None:
    backlog = MemoryBacklog(100)
    for one in (b"a", b"b", b"c"):
        assert backlog.append(one) == 0
    assert backlog.read(2) == [b"a", b"b"]
    backlog.settle(1)
    assert backlog.pending == 2
    backlog.rewind()
    assert backlog.read(100) == [b"b", b"c"]
    assert backlog.read(100) == []


def test_a_packet_that_is_too_large_for_the_batch_goes_alone() -> None:
    backlog = MemoryBacklog(100)
    backlog.append(bytes(50))
    backlog.append(b"b")
    assert backlog.read(10) == [bytes(50)]
    assert backlog.read(10) == [b"b"]


def test_without_room_the_oldest_goes_that_is_not_on_its_way() -> None:
    backlog = MemoryBacklog(4)
    for one in (b"a", b"b", b"c", b"d"):
        backlog.append(one)
    assert backlog.read(2) == [b"a", b"b"]
    assert not backlog.has_room(1)
    assert backlog.append(b"ef") == 2
    assert backlog.read(100) == [b"ef"]
    backlog.rewind()
    assert backlog.read(100) == [b"a", b"b", b"ef"]
