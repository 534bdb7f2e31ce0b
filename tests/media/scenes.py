"""Calls with their media, written down as a few lines, and what comes of them in a whole run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit import write_pcap
from kit.packets import START, Endpoint, Segment
from tqdecrypt.inputs import open_keys
from tqdecrypt.insight import Analysis, Finding
from tqdecrypt.keys import KeyRing
from tqdecrypt.media.association import CallMedia, LegMedia
from tqdecrypt.media.audio.levels import hear
from tqdecrypt.media.collector import MediaCollector
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures

from .reading import MILLISECOND

__all__ = ["Ran", "SipCall", "run", "run_file", "sdp", "through_a_proxy", "write"]

CALLER: Endpoint = ("198.51.100.10", 5060)
CALLEE: Endpoint = ("203.0.113.20", 5060)


def sdp(
    host: str,
    port: int,
    *,
    protocol: str = "RTP/AVP",
    types: str = "8 101",
    lines: Sequence[str] = (),
    medium: str = "audio",
    session: Sequence[str] = (),
) -> str:
    """Return a session description with one medium."""
    rows = [
        "v=0",
        f"o=- {port} 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        *session,
        f"m={medium} {port} {protocol} {types}",
        *(["a=rtpmap:101 telephone-event/8000"] if "101" in types.split() else []),
        *lines,
    ]
    return "".join(f"{row}\r\n" for row in rows)


@dataclass
class SipCall:
    """INVITE, 180, 200, ACK, BYE, 200; times in milliseconds."""

    offer: str
    answer: str
    call_id: str = "call-1@example.com"
    early: str = ""
    """Description in the 180, which then is a 183."""
    caller: Endpoint = CALLER
    callee: Endpoint = CALLEE
    begin: float = 0
    ring: float = 100
    answered: float | None = 1000
    bye: float | None = 11_000
    changes: Sequence[tuple[float, str, str]] = ()
    """re-INVITEs by the caller: when, offer, answer."""
    users: tuple[str, str] = ("alice", "bob")
    infos: Sequence[tuple[float, str, str]] = ()
    """INFO requests by the caller: when, Content-Type, body."""

    def segments(self) -> list[Segment]:
        """Return its datagrams."""
        found = [self._request(self.begin, "INVITE", 1, self.offer, to_tag=False)]
        status = 183 if self.early else 180
        found.append(self._response(self.ring, status, "INVITE", 1, self.early))
        if self.answered is None:
            return found
        found.append(self._response(self.answered, 200, "INVITE", 1, self.answer))
        found.append(self._request(self.answered + 10, "ACK", 1, branch="ack"))
        for number, (when, offer, answer) in enumerate(self.changes, 2):
            found.append(self._request(when, "INVITE", number, offer))
            found.append(self._response(when + 20, 200, "INVITE", number, answer))
            found.append(self._request(when + 30, "ACK", number, branch="ack"))
        for number, (when, kind, body) in enumerate(self.infos, 50):
            found.append(self._request(when, "INFO", number, body, kind=kind))
            found.append(self._request(when + 500, "INFO", number, body, kind=kind))  # sent again
            found.append(self._response(when + 520, 200, "INFO", number))
        if self.bye is not None:
            found.append(self._request(self.bye, "BYE", 90))
            found.append(self._response(self.bye + 20, 200, "BYE", 90))
        return found

    def _request(
        self,
        when: float,
        method: str,
        number: int,
        body: str = "",
        *,
        to_tag: bool = True,
        branch: str = "",
        kind: str = "application/sdp",
    ) -> Segment:
        start = f"{method} sip:{self.users[1]}@{self.callee[0]} SIP/2.0"
        return self._message(
            when, start, method, number, body, to_tag, branch, answers=False, kind=kind
        )

    def _response(
        self, when: float, status: int, method: str, number: int, body: str = ""
    ) -> Segment:
        return self._message(
            when, f"SIP/2.0 {status} Whatever", method, number, body, True, "", answers=True
        )

    def _message(
        self,
        when: float,
        start: str,
        method: str,
        number: int,
        body: str,
        to_tag: bool,
        branch: str,
        *,
        answers: bool,
        kind: str = "application/sdp",
    ) -> Segment:
        via = f"{self.caller[0]}:{self.caller[1]}"
        rows = [
            start,
            f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{self.call_id[:6]}{method}{number}{branch}",
            f"From: <sip:{self.users[0]}@{self.caller[0]}>;tag=a{self.call_id[:6]}",
            f"To: <sip:{self.users[1]}@{self.callee[0]}>" + (";tag=b1" if to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:x@{(self.callee if answers else self.caller)[0]}>",
            "Max-Forwards: 70",
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
            "",
        ]
        data = "".join(f"{row}\r\n" for row in rows).encode() + body.encode()
        ends = (self.callee, self.caller) if answers else (self.caller, self.callee)
        return Segment(START + round(when * MILLISECOND), *ends, data)


def through_a_proxy(
    first: tuple[str, str], second: tuple[str, str], proxy: Endpoint = ("192.0.2.1", 5060)
) -> list[SipCall]:
    """Return both hops of a call: offer and answer on the caller's one, then on the callee's.

    The Call-ID and the tags are the same on both, so that it is one leg.
    """
    return [
        SipCall(*first, callee=proxy, answered=1010),
        SipCall(*second, caller=proxy, begin=5, ring=90),
    ]


@dataclass
class Ran:
    """What came of a run."""

    collector: MediaCollector
    calls: list[CallMedia]
    unassigned: list[tuple[Stream, MediaVerdict]]
    findings: list[Finding]
    summary: Summary

    @property
    def leg(self) -> LegMedia:
        """The only leg."""
        (call,) = self.calls
        (leg,) = call.legs
        return leg

    def found(self, name: str) -> list[Finding]:
        """Return the findings with that name."""
        return [one for one in self.findings if one.name == name]


class _Nothing:
    def message(self, message: object) -> None:
        """Nothing."""

    def session(self, report: object) -> None:
        """Nothing."""

    def call(self, call: object) -> None:
        """Nothing."""


def write(path: Path, *parts: SipCall | Sequence[Segment]) -> None:
    """Write calls and media into a capture, by time."""
    segments: list[Segment] = []
    for part in parts:
        segments += part.segments() if isinstance(part, SipCall) else part
    segments.sort(key=lambda segment: segment.time_ns)
    write_pcap(path, [segment.packet() for segment in segments], nanoseconds=True)


def run(*parts: SipCall | Sequence[Segment], sound: bool = False) -> Ran:
    """Read calls and media as ``tqdecrypt media`` does; with *sound* as it does with ``--audio``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.pcap"
        write(path, *parts)
        return run_file(path, sound=sound)


def run_file(path: Path, ring: KeyRing | None = None, *, sound: bool = False) -> Ran:
    """Read a capture likewise."""
    calls: list[CallMedia] = []
    unassigned: list[tuple[Stream, MediaVerdict]] = []
    troubles: list[str] = []

    def listen() -> None:
        if sound:
            hear([str(path)], calls, collector.dtls, on_trouble=troubles.append)
        for call in calls:
            analysis.call_media(call)

    collector = MediaCollector(
        calls.append,
        lambda stream, verdict, call_id: unassigned.append((stream, verdict)),
        listen,
    )
    analysis = Analysis(media=collector)
    options = ReadOptions(ring=ring or open_keys().ring, media=collector, analysis=analysis)
    summary = read_captures([str(path)], options, _Nothing())
    assert not troubles
    return Ran(collector, calls, unassigned, analysis.findings, summary)
