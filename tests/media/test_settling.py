"""Calls are handed over, and forgotten, as soon as nothing can change any more whose streams are whose."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls.script import messages_of
from kit import certificates
from kit.capture import write_pcap
from kit.packets import Endpoint, Segment
from kit.signalling import over_tls
from kit.tls import TlsPair
from tqdecrypt.cli.collect import Nothing
from tqdecrypt.inputs import open_keys
from tqdecrypt.insight import Analysis
from tqdecrypt.keys import KeyRing
from tqdecrypt.media import former_streams, settling, streams, usually
from tqdecrypt.media.association import CallMedia
from tqdecrypt.media.collector import MediaCollector
from tqdecrypt.media.dark_hosts import DarkHosts
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.pipeline.reading import read_by_block
from tqdecrypt.tls import SessionReport, Verdict

from .reading import talk
from .scenes import SipCall, sdp, write

CALLER, CALLEE = ("198.51.100.10", 4000), ("203.0.113.20", 6000)
SECOND = 1000
"""Milliseconds, as scenes have them."""


class Told:
    """Keeps what is handed over, and says how much of the capture had been read by then."""

    def __init__(self, path: Path, ring: KeyRing | None = None) -> None:
        self.calls: dict[str, CallMedia] = {}
        self.packets: dict[str, int] = {}
        """Call-ID, or source of a stream that is nobody's → packets of RTP that had been read."""
        self.loose: list[tuple[Stream, MediaVerdict, str]] = []
        self.collector = MediaCollector(self._call, self._stream)
        self.most_streams = 0
        self.analysis = Analysis(media=self.collector)
        options = ReadOptions(
            ring or open_keys().ring, media=self.collector, analysis=self.analysis
        )
        self.summary: Summary = read_captures(
            [str(path)], options, self, on_progress=self._note_streams
        )

    def _note_streams(self, done: int, total: int) -> None:
        self.most_streams = max(self.most_streams, len(self.collector.table.streams))

    def _call(self, call: CallMedia) -> None:
        self.analysis.call_media(call)
        for call_id in call.call_ids:
            self.calls[call_id] = call
            self.packets[call_id] = self.collector.counters["rtp_packets"]

    def _stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        self.loose.append((stream, verdict, call_id))
        self.packets[stream.source] = self.collector.counters["rtp_packets"]

    def message(self, message: object) -> None: ...

    def session(self, report: object) -> None: ...

    def call(self, call: object) -> None: ...

    def streams(self, call_id: str) -> list[tuple[str, int, str, str]]:
        """Return SSRC, packets, receiver and manner of assignment of the streams of a call."""
        return sorted(
            (f"{one.stream.ssrc:x}", one.stream.packets, one.to.value, one.how.value)
            for _, one in self.calls[call_id].streams
        )


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.capture.source.WINDOW", 1 << 14)


def short_call(number: int, begin: float, ports: tuple[int, int] = (4000, 6000)) -> list[Segment]:
    """A call of two seconds with its two streams."""
    caller, callee = (CALLER[0], ports[0]), (CALLEE[0], ports[1])
    call = SipCall(
        sdp(*caller),
        sdp(*callee),
        call_id=f"{number}@example.com",
        begin=begin,
        ring=begin + 20,
        answered=begin + 100,
        bye=begin + 2000,
    )
    there = talk(
        range(90), begin=begin + 100, source=caller, destination=callee, ssrc=2 * number + 1
    )
    back = talk(
        range(90), begin=begin + 100, source=callee, destination=caller, ssrc=2 * number + 2
    )
    return [*call.segments(), *there, *back]


def babble(until: float) -> list[Segment]:
    """A stream that nobody announces, so that time passes: five packets a second."""
    numbers = range(round(until / 200))
    return talk(numbers, step=200, source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002))


def test_a_call_is_handed_over_a_minute_after_it_was_over(tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    write(path, short_call(1, 0), short_call(2, 200 * SECOND), babble(300 * SECOND))
    told = Told(path)
    first, second = told.packets["1@example.com"], told.packets["2@example.com"]
    every = told.collector.counters["rtp_packets"]
    # 62 seconds after the beginning; blocks of packets are half a minute long here.
    assert 180 + 62 * 5 < first < 180 + 110 * 5
    assert first < second < every
    assert told.streams("1@example.com") == [
        ("3", 90, "callee", "announced"),
        ("4", 90, "caller", "announced"),
    ]


def test_memory_does_not_grow_with_the_calls(tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    calls = [
        segment
        for number in range(60)
        for segment in short_call(number, 10 * SECOND * number, (4000 + number, 6000 + number))
    ]
    write(path, calls)
    told = Told(path)
    assert len(told.calls) == 60
    assert all(len(told.streams(call_id)) == 2 for call_id in told.calls)
    # Two streams a call, of those of the last minute and of what one block of packets holds.
    assert told.most_streams < 40
    assert not any(
        name.endswith(("evicted", "not_kept", "hurried")) for name in told.summary.counters
    )


def test_media_that_goes_on_after_the_call_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    late = talk(range(4500), begin=100, source=CALLER, destination=CALLEE, ssrc=7)
    write(path, short_call(1, 0), late, babble(300 * SECOND))
    told = Told(path)
    assert ("7", 4500, "callee", "announced") in told.streams("1@example.com")
    assert told.packets["1@example.com"] > 4500 + 180 + 150 * 5
    assert [one.name for one in told.analysis.findings if one.name == "media-after-bye"]


def test_a_stream_that_goes_on_when_its_call_was_handed_over_says_whose_it_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.pcap"
    again = talk(range(500, 600), begin=90 * SECOND, source=CALLER, destination=CALLEE, ssrc=3)
    another = talk(range(50), begin=90 * SECOND, source=CALLER, destination=CALLEE, ssrc=99)
    write(path, short_call(1, 0), again, another, babble(300 * SECOND))
    told = Told(path)
    loose = {stream.ssrc: (stream.packets, call_id) for stream, _, call_id in told.loose}
    assert loose[3] == (100, "1@example.com")
    assert loose[99] == (50, "")
    assert told.summary.counters["media_packets_after_their_call"] == 100
    assert told.streams("1@example.com")[0] == ("3", 90, "callee", "announced")


def test_the_same_ssrc_on_the_same_ports_is_a_stream_of_the_next_call_some_minutes_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.pcap"
    later = 400 * SECOND
    second = SipCall(
        sdp(*CALLER),
        sdp(*CALLEE),
        call_id="later@example.com",
        begin=later,
        ring=later + 20,
        answered=later + 100,
        bye=later + 2000,
    )
    media = talk(range(80), begin=later + 100, source=CALLER, destination=CALLEE, ssrc=3)
    write(path, short_call(1, 0), second, media)
    told = Told(path)
    assert told.streams("later@example.com") == [("3", 80, "callee", "announced")]
    assert not told.loose


def test_media_on_hold_is_one_stream_as_long_as_the_call_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    call = SipCall(sdp(*CALLER), sdp(*CALLEE), bye=400 * SECOND)
    before = talk(range(50), begin=2000, source=CALLER, destination=CALLEE)
    after = talk(range(50, 100), begin=350 * SECOND, source=CALLER, destination=CALLEE)
    write(path, call, before, after, babble(600 * SECOND))
    told = Told(path)
    assert told.streams("call-1@example.com") == [("1234", 100, "callee", "announced")]


def test_a_stream_of_nobody_is_told_when_it_was_quiet_for_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    loose = talk(range(50), source=("192.0.2.7", 9000), destination=("192.0.2.8", 9002), ssrc=5)
    write(path, loose, babble(300 * SECOND))
    told = Told(path)
    assert told.packets["192.0.2.7:9000"] < 50 + 110 * 5
    assert [stream.ssrc for stream, _, _ in told.loose] == [5, 0x1234]


def test_a_full_table_settles_the_first_calls_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_CALLS", 16)
    path = tmp_path / "calls.pcap"
    calls = [
        short_call(number, 100 * number, (4000 + number, 6000 + number)) for number in range(40)
    ]
    write(path, *calls)
    told = Told(path)
    assert told.summary.counters["media_calls_hurried"] > 0
    assert all(len(told.streams(call_id)) == 2 for call_id in told.calls)
    assert len(told.calls) == 40


def test_streams_that_the_table_gave_up_are_still_those_of_their_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 16)
    path = tmp_path / "calls.pcap"
    call = SipCall(sdp(*CALLER), sdp(*CALLEE), bye=60 * SECOND)
    looping = [
        segment
        for number in range(200)
        for segment in talk(
            range(4), begin=2000 + 200 * number, source=CALLER, destination=CALLEE, ssrc=number
        )
    ]
    write(path, call, looping, babble(200 * SECOND))
    told = Told(path)
    assert told.summary.counters["media_streams_evicted"] > 100
    assert len(told.streams("call-1@example.com")) == 200
    monkeypatch.setattr(former_streams, "MOST_STREAMS", 150)
    told = Told(path)
    kept = len(told.streams("call-1@example.com"))
    assert kept + told.summary.counters["media_streams_not_kept"] == 200
    assert 150 <= kept < 200


def test_calls_without_media_wait_until_others_show_whether_it_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usually, "ENOUGH", 3)
    path = tmp_path / "calls.pcap"
    silent = SipCall(sdp(*CALLER), sdp(*CALLEE), call_id="0silent@example.com")
    heard = [short_call(number, 100 * SECOND * number) for number in (1, 2, 3)]
    write(path, silent, *heard, babble(500 * SECOND))
    told = Told(path)
    (leg,) = told.calls["0silent@example.com"].legs
    assert leg.usually_seen
    assert [one.call_ids for one in told.analysis.findings if one.name == "no-audio"] == [
        ("0silent@example.com",)
    ]
    second, last = told.packets["2@example.com"], told.collector.counters["rtp_packets"]
    assert second <= told.packets["0silent@example.com"] < last


def test_a_stream_beside_a_tls_session_that_is_dark_so_far_says_so(tmp_path: Path) -> None:
    messages, _ = messages_of("""
        198.51.100.10:5060 -> 203.0.113.20:5061: INVITE 1 id=call
        203.0.113.20:5061 -> 198.51.100.10:5060: 200 INVITE 1 id=call
    """)
    pair = TlsPair()
    media = [
        *talk(range(90), begin=100, source=CALLER, destination=CALLEE, ssrc=5),
        *babble(300 * SECOND),
    ]
    packets = [*over_tls(messages, pair), *(segment.packet() for segment in media)]
    path = write_pcap(tmp_path / "dark.pcap", sorted(packets, key=lambda one: one.time_ns))
    told = Told(path)
    assert [(stream.ssrc, verdict) for stream, verdict, _ in told.loose] == [
        (5, MediaVerdict.SIGNALLING_DARK),
        (0x1234, MediaVerdict.UNASSIGNED),
    ]
    assert told.packets[f"{CALLER[0]}:{CALLER[1]}"] < 110 * 5, "while the session went on"


def test_a_session_that_was_decrypted_after_all_hides_nothing() -> None:
    hosts = DarkHosts()
    for number, verdict in ((1, Verdict.DECRYPTED), (2, Verdict.FORWARD_SECRECY)):
        ends = f"192.0.2.{number}:5061", "203.0.113.20:5061"
        hosts.dark_so_far(number, *ends)
        assert hosts.any_of([f"192.0.2.{number}:4000"])
        hosts.over(SessionReport(number, *ends, 0, 1, 1, 2, verdict=verdict))
    assert not hosts.any_of(["192.0.2.1:4000"])
    assert hosts.any_of(["192.0.2.2:4000"])
    assert hosts.any_of(["203.0.113.20:6000"]), "the other session of that host was dark"
    hosts.over(SessionReport(3, "192.0.2.3:1", "192.0.2.4:2", 0, 1, 1, 2))
    assert not hosts.any_of(["192.0.2.3:4000"]), "a session without records hides nothing"


def test_loss_of_the_capture_is_known_when_a_call_is_handed_over(tmp_path: Path) -> None:
    kept = [n for n in range(200) if not 100 <= n < 110]
    both = [
        one
        for ends in ((CALLER, CALLEE, 1), (CALLEE, CALLER, 2))
        for n, one in enumerate(
            talk(range(200), begin=1000, source=ends[0], destination=ends[1], ssrc=ends[2])
        )
        if n in kept
    ]
    path = tmp_path / "calls.pcap"
    write(path, SipCall(sdp(*CALLER), sdp(*CALLEE)), both, babble(300 * SECOND))
    told = Told(path)
    assert told.packets["call-1@example.com"] < 400 + 110 * 5
    assert [one.stream.capture_lost for _, one in told.calls["call-1@example.com"].streams] == [
        10,
        10,
    ]


def test_calls_over_tls_settle_while_the_connection_goes_on(tmp_path: Path) -> None:
    pair = TlsPair()
    script = []
    for number in range(3):
        caller, callee = sdp(CALLER[0], 4000 + number), sdp(CALLEE[0], 6000 + number)
        script.append(f"""
            alice -> bob: INVITE 1 id={number} | body application/sdp {lines(caller)}
            bob -> alice: 200 INVITE 1 id={number} | body application/sdp {lines(callee)}
            alice -> bob: ACK 1 id={number} to=b1
            wait 2 s
            alice -> bob: BYE 2 id={number} to=b1
            bob -> alice: 200 BYE 2 id={number}
            wait 100 s
        """)
    messages, _ = messages_of("\n".join(script))
    media = [
        segment
        for number in range(3)
        for segment in talk(
            range(50),
            begin=102_070 * number + 100,
            source=(CALLER[0], 4000 + number),
            destination=(CALLEE[0], 6000 + number),
            ssrc=number,
        )
    ]
    packets = [*over_tls(messages, pair), *(segment.packet() for segment in media)]
    path = write_pcap(tmp_path / "tls.pcap", sorted(packets, key=lambda one: one.time_ns))
    key = tmp_path / "server.key"
    key.write_bytes(certificates.server().key_pem())
    told = Told(path, open_keys([str(key)]).ring)
    assert [len(told.streams(str(number))) for number in range(3)] == [1, 1, 1]
    assert told.packets["0"] < told.packets["2"] == 150
    assert not told.loose


def lines(description: str) -> str:
    """A description as scripts have it."""
    return description.replace("\r\n", "\\n")


def test_on_a_pipe_time_goes_on_when_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "call.pcap"
    write(path, short_call(1, 0))
    calls: list[CallMedia] = []
    collector = MediaCollector(calls.append)
    analysis = Analysis(media=collector)
    options = ReadOptions(open_keys().ring, media=collector, analysis=analysis)
    reading, writing = os.pipe()
    os.write(writing, path.read_bytes())
    steps = read_by_block([f"/dev/fd/{reading}"], options, Nothing())
    while collector.counters["rtp_packets"] < 180:
        next(steps)
    assert not calls
    now = time.monotonic_ns()
    monkeypatch.setattr("tqdecrypt.pipeline.run.time.monotonic_ns", lambda: now + 70 * 10**9)
    next(steps)
    assert [call.call_ids for call in calls] == [("1@example.com",)]
    steps.close()
    os.close(writing)
    os.close(reading)


ENDS: list[Endpoint] = [
    *(("198.51.100.10", 4000), ("198.51.100.10", 4002), ("203.0.113.20", 6000)),
    *(("203.0.113.20", 6002), ("192.0.2.99", 31_000)),
]
_END = st.integers(0, len(ENDS) - 1)
CALLS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(2, 120), _END, _END, st.booleans()), max_size=5
)
FLOWS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(3, 150), _END, _END), min_size=1, max_size=8
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS, FLOWS)
def test_it_is_the_same_as_looking_at_everything_at_the_end(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[tuple[int, int, int, int, bool]],
    flows: list[tuple[int, int, int, int]],
) -> None:
    path = tmp_path_factory.mktemp("settling") / "calls.pcap"
    parts: list[SipCall | list[Segment]] = [babble(700 * SECOND)]
    for number, (begin, length, caller, callee, ends) in enumerate(calls):
        at = begin * SECOND
        parts.append(
            SipCall(
                sdp(*ENDS[caller]),
                sdp(*ENDS[callee]),
                call_id=f"{number}@example.com",
                begin=at,
                ring=at + 20,
                answered=at + 100,
                bye=at + length * SECOND if ends else None,
            )
        )
    for number, (begin, packets, source, destination) in enumerate(flows, 1):
        parts.append(
            talk(
                range(packets),
                step=SECOND,
                begin=begin * SECOND,
                source=ENDS[source],
                destination=ENDS[destination],
                ssrc=number,
            )
        )
    write(path, *parts)
    soon = Told(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settling.Settling, "settle", lambda self, now: None)
        late = Told(path)
    assert {one: soon.streams(one) for one in soon.calls} == {
        one: late.streams(one) for one in late.calls
    }
    assert {stream.ssrc for stream, _, _ in soon.loose} == {
        stream.ssrc for stream, _, _ in late.loose
    }
