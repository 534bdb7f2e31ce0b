"""Watched sessions say what others say; parking and bounds leave the recording alone."""

from __future__ import annotations

import pytest

from explain.stories import packets_of, read_watched
from kit import TlsPair, Version, write_pcap
from tls.datagrams import recorded_key, recording
from tls.passive import ENDS, Passive, flat, ring, server_key, talk
from tqdecrypt.keys import KeyRing
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.tls import SecretFinder, WaitingBudget, report_session
from tqdecrypt.tls import recording as recording_module
from tqdecrypt.tls.parking import Parking
from tqdecrypt.tls.watching import Watch


class Listening(Passive):
    """A passive listener whose session is watched."""

    def __init__(self, keys: KeyRing, watch: Watch, number: int = 1) -> None:
        super().__init__(SecretFinder(keys))
        self.watch = watch
        self.session = watch.open_tls(number, self.finder, self, ENDS, WaitingBudget())


def listen(pair: TlsPair, watch: Watch, number: int = 1) -> Listening:
    heard = Listening(ring([server_key()], pair.keylog_lines), watch, number)
    for side, data in flat(pair.flights):
        heard.hear(side, data)
    return heard


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
def test_watching_changes_nothing(version: Version, tmp_path) -> None:  # type: ignore[no-untyped-def]
    pair = TlsPair(version=version, mutual=True)
    talk(pair)
    pair.close()
    path = write_pcap(tmp_path / "a.pcap", packets_of(pair))
    keys = ring([server_key()], pair.keylog_lines)
    sink, _, summary = read_watched(path, keys)
    from explain.stories import Sessions

    plain = Sessions()
    unwatched = read_captures([str(path)], ReadOptions(keys), plain)
    assert sink.reports == plain.reports
    assert summary == unwatched


def test_every_message_has_its_frame_and_time() -> None:
    pair = TlsPair()
    talk(pair)
    watch = Watch({1})
    heard = listen(pair, watch)
    heard.finish()
    recording = watch.recordings[1]
    assert len(recording.messages) == 8
    assert all(message.time == message.frame * 1000 for message in recording.messages)
    assert sum(record.size for record in recording.opened) == len(heard.client) + len(heard.server)
    assert not recording.unkept


def test_only_what_is_wanted_is_recorded() -> None:
    watch = Watch({2})
    pair = TlsPair()
    listen(pair, watch, number=1).finish()
    assert watch.recordings == {}
    assert list(watch.issuers.values()) == [1], "by its ticket another session may resume it"


def test_a_parked_session_that_is_only_watched_wakes_up() -> None:
    pair = TlsPair()
    talk(pair)
    watch = Watch({2})
    heard = listen(pair, watch)
    finder = heard.finder
    parking = Parking(finder, WaitingBudget(), watch)
    parked = parking.park(heard.session)
    assert parked is not None
    session = parking.wake(parked, heard)
    report = report_session(session, 1, ENDS, 0)
    assert report.client_bytes == len(heard.client)
    assert session.watch is watch  # type: ignore[attr-defined]


def test_a_recording_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "MOST_MESSAGES", 3)
    monkeypatch.setattr(recording_module, "MOST_RECORDS", 2)
    monkeypatch.setattr(recording_module, "MOST_TIMES", 4)
    pair = TlsPair()
    talk(pair, rounds=6)
    watch = Watch({1})
    listen(pair, watch).finish()
    recording = watch.recordings[1]
    assert len(recording.messages) == 3
    assert recording.unkept == 5
    assert len(recording.opened) == 4
    assert [more.count for more in recording.more_opened] == [4, 4]
    assert len(recording.times) == 4


def test_issued_tickets_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.tls.watching.MOST_ISSUED", 1)
    watch = Watch({3})
    for number in (1, 2):
        listen(TlsPair(), watch, number).finish()
    assert list(watch.issuers.values()) == [2]


def test_dtls_is_recorded_by_datagrams() -> None:
    watch = Watch({1})
    heard = recording("rsa")
    finder = SecretFinder(ring([recorded_key()]))
    listener = Passive(finder)
    session = watch.open_dtls(1, finder, listener, ENDS, WaitingBudget())
    for frame, (side, data) in enumerate(heard.datagrams, 1):
        session.receive_datagram(side, data, frame, frame * 1000)
    session.finish()
    report = report_session(session, 1, ENDS, None)
    watch.ended(session, report)
    recorded = watch.recordings[1]
    assert recorded.dtls
    assert recorded.exchanges is session.exchanges
    assert {message.data[0] for message in recorded.messages} >= {1, 2, 3, 11, 14, 16, 20}
