"""The record layer over a stream: boundaries behind gaps, bounds, what is no TLS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import TlsPair, Version
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.direction import MAX_FAILED
from tqdecrypt.tls.premaster import run_at_once
from tqdecrypt.tls.record import RecordState, plausible_header, plausible_headers

from .handmade import Talk
from .passive import Passive, flat, listen, records_of, ring, server_key, talk


@pytest.mark.parametrize(
    ("header", "plausible"),
    [
        ("1703030100", True),
        ("1603010200", True),
        ("1803044000", True),
        ("1303030100", False),
        ("1903030100", False),
        ("1702030100", False),
        ("1703050100", False),
        ("1703034801", False),
    ],
)
def test_what_may_be_a_header(header: str, plausible: bool) -> None:
    assert plausible_header(bytes.fromhex(header), 0) is plausible


@given(st.lists(st.sampled_from([b"\x16\3\1", b"\x14", b"\x17", b"\3", b"\0", b"\x48\0", b"\xff"])))
def test_headers_are_found_where_each_place_would_be_looked_at(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for start in range(3):
        plain = [i for i in range(start, len(data) - 4) if plausible_header(data, i)]
        assert list(plausible_headers(data, start)) == plain


def opened(pair: TlsPair) -> tuple[Passive, list[bytes]]:
    """Hear the handshake; return the client's records behind it, too."""
    start = len(pair.flights)
    before = len(pair.sent(True))
    talk(pair, 6)
    heard = Passive(SecretFinder(ring([server_key()], pair.keylog_lines)))
    for side, data in flat(pair.flights)[:start]:
        heard.hear(side, data)
    return heard, records_of(pair.sent(True)[before:])


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
def test_ciphertext_that_looks_like_a_long_header_holds_nothing_up(
    version: Version,
) -> None:
    heard, records = opened(TlsPair(version=version))
    heard.hear(0, records[0])
    heard.miss(0, len(records[1]) - 30)
    heard.hear(0, bytes.fromhex("170303") + b"\x40\0" + bytes(25) + records[2])
    assert len(heard.records) == 2
    heard.hear(0, records[3])
    heard.finish()
    assert [frame - heard.records[0][2] for _, _, frame in heard.records] == [0, 1, 2]


def test_a_gap_in_the_tail_of_a_record_costs_that_record() -> None:
    heard, records = opened(TlsPair())
    heard.hear(0, records[0] + records[1][:20])
    heard.miss(0, 10)
    heard.hear(0, records[1][30:] + records[2])
    assert len(heard.records) == 2
    assert heard.gaps == 1


def test_gaps_while_the_keys_are_sought() -> None:
    pair = TlsPair()
    start = len(pair.flights)
    talk(pair, 4)
    waiting = []
    finder = SecretFinder(ring([server_key()]), lambda *task: waiting.append(task))
    heard = Passive(finder)
    for number, (side, data) in enumerate(flat(pair.flights)):
        if number == start + 2:
            heard.miss(side, len(data))
        else:
            heard.hear(side, data)
    assert heard.session.budget.used > 0
    for task in waiting:
        run_at_once(*task)
    heard.finish()
    assert heard.session.budget.used == 0
    assert sum(from_client for from_client, _, _ in heard.records) == 3
    assert heard.verdict == "packets-missing"


def test_a_direction_that_fails_for_long_is_given_up() -> None:
    """Its keys changed where nobody could see it; each record would be searched for in vain."""
    heard, records = opened(TlsPair())
    heard.hear(0, records[0])
    for _ in range(MAX_FAILED + 5):
        heard.hear(0, records[1][:-1] + b"\0")
    assert heard.session.readers[0].state is RecordState.DARK
    assert heard.finish().verdict.value == "corrupt-records"
    assert len(heard.records) == 1


def test_empty_records_are_no_error() -> None:
    """Some senders put one in front of each CBC record of TLS 1.0."""
    talk_by_hand = Talk(0x002F, 0x0301)
    for text in (b"", b"first", b"", b"second"):
        talk_by_hand.write(0, 23, text)
    heard = listen(talk_by_hand.packets, ring([server_key()]))
    assert bytes(heard.client) == b"firstsecond"
    assert heard.verdict == "decrypted"


def test_unknown_alerts_and_short_ones() -> None:
    hello = TlsPair().flights[0].data
    odd = bytes.fromhex("15030300022a") + b"\xfe" + bytes.fromhex("150303000101")
    heard = listen([(0, hello), (1, odd)], ring())
    assert heard.report.alert == "alert 254 (warning) from the server, frame 2"


def test_garbage_in_the_handshake() -> None:
    pair = TlsPair()
    packets = flat(pair.flights)
    packets.insert(1, (1, b"\x16\x03\x03\x00\x08" + b"\xff" * 8))
    heard = listen(packets, ring([server_key()]))
    assert heard.verdict == "packets-missing"
    assert heard.session.unreadable_frame == 2


def test_too_many_handshakes() -> None:
    hello = TlsPair().flights[0].data
    heard = Passive(SecretFinder(ring()))
    for number in range(80):
        forged = bytearray(hello)
        forged[11:13] = number.to_bytes(2, "big")
        heard.hear(0, bytes(forged))
    heard.finish()
    assert len(heard.session.exchanges) == 64
    assert heard.verdict == "handshake-incomplete"
    assert any("at most 64" in note for note in heard.report.notes)
