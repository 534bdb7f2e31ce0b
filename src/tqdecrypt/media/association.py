"""Which stream belongs to which call, leg and direction.

A stream goes where somebody said in an SDP that he receives: that decides.  Where it comes from need not be
what the other one said: NAT changes it, an SBC latches on to it, many phones send from another port.  So
the source is only compared.  Where the destination was never announced, because an SBC answers to where
packets come from, the stream in the other direction tells it, or else the source.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.fields import host_of
from tqdecrypt.media.description import Protection
from tqdecrypt.media.heard import Heard
from tqdecrypt.media.info_digits import InfoDigit
from tqdecrypt.media.lines import MediaLine
from tqdecrypt.media.reports import Reported
from tqdecrypt.media.srtp.legs import LegKeys
from tqdecrypt.media.srtp.outcome import SrtpReport
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.verdict import MEANINGS, MediaVerdict
from tqdecrypt.media.vq_report import QualityReport
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = [
    "LINGER",
    "MOST_CANDIDATES",
    "Assigned",
    "CallMedia",
    "How",
    "LegMedia",
    "Place",
    "SourceIs",
    "StreamEnds",
    "find_places",
    "note_successors",
]

LEAD = 5_000_000_000
"""Nanoseconds that media may come before the SDP that announces it: answers travel slower than speech."""
MOST_CANDIDATES = 256
"""Lines with the same endpoint that are looked at for a stream, the latest ones: calls that go on at the same
time have it only in test traffic."""
LINGER = 60_000_000_000
"""Nanoseconds that it may begin after its line was over when both of its ends are those of the call; then the
ports are somebody else's."""
SOON = 2_000_000_000
"""The same where just one end is: ports are given out anew soon, and the BYE is the sign for it."""


class How(enum.StrEnum):
    """How a stream was assigned.  The value is the word in JSON."""

    ANNOUNCED = "announced"
    """Its destination stands in an SDP."""
    CANDIDATE = "ice-candidate"
    """Its destination is an ICE candidate of an SDP."""
    LATCHED = "latched"
    """It answers to where the stream of the other direction comes from."""
    SOURCE = "source"
    """Only its source stands in an SDP."""


class SourceIs(enum.StrEnum):
    """How a stream's source fits what its sender announced.  The value is the word in JSON."""

    ANNOUNCED = "announced"
    OTHER_PORT = "other-port"
    """The same host sends from a port at which it does not receive."""
    OTHER_HOST = "other-host"
    """NAT, or something on the path that relays."""
    UNKNOWN = "unknown"
    """The sender announced nothing that was captured."""


_RANKS = {
    SourceIs.ANNOUNCED: 0,
    SourceIs.OTHER_PORT: 1,
    SourceIs.OTHER_HOST: 2,
    SourceIs.UNKNOWN: 2,
}
"""How well a source speaks for a line: what nobody announced says no less than what NAT changed."""


@dataclass(slots=True)
class Assigned:
    """A stream of a leg."""

    stream: Stream
    line: MediaLine
    """The line that it goes to; for :attr:`How.SOURCE` that of its sender."""
    to: Party
    """Who receives it."""
    how: How
    source_is: SourceIs
    sender: MediaLine | None
    """What the other side announced, when that is known."""
    verdict: MediaVerdict = MediaVerdict.CLEAR
    reported: Reported | None = None
    """What the receiver said of it in RTCP."""
    follows: Stream | None = None
    """The stream with another SSRC between the same endpoints in whose place it came."""
    beside: Stream | None = None
    """One with another SSRC between the same endpoints at the same time: two senders, or one that mixes."""
    srtp: SrtpReport | None = None
    """What came of opening it, if that was tried."""
    heard: Heard | None = None
    """How loud it was, if somebody asked for that and it could be decoded."""

    @property
    def encoding(self) -> str:
        """The codec by the SDP; empty when the payload type is not announced."""
        number = self.stream.payload_type
        told = self.line.encoding(number)
        return told or (self.sender.encoding(number) if self.sender is not None else "")

    @property
    def formats(self) -> dict[int, Codec]:
        """What its payload types are: as who receives it says it, and what that leaves out, as who sends."""
        found: dict[int, Codec] = {}
        for line in (self.line, self.sender):
            for number, codec in ({} if line is None else line.formats).items():
                found.setdefault(number, codec)
        return found

    @property
    def amr_modes(self) -> Mapping[int, int]:
        """Bit rate → packets in that mode of AMR; empty while nothing but ciphertext was seen."""
        return self.stream.amr_modes if MEANINGS[self.verdict].clear else {}

    @property
    def answered_without_key(self) -> bool:
        """Whether the SDP that it goes to announces SRTP and has no key, so that none was agreed on."""
        return self.line.protection is Protection.UNKNOWN

    @property
    def before_answer(self) -> bool:
        """Whether it began before the line that it goes to was announced, or in early media."""
        return self.line.early or self.stream.started < self.line.since


@dataclass(slots=True)
class LegMedia:
    """The media of one leg.  Times in nanoseconds since 1970-01-01 UTC."""

    call_id: str
    number: int
    """Of the leg."""
    caller: str
    callee: str
    started: int
    answered: int | None
    ended: int | None
    last_time: int
    failed: bool
    sessions: tuple[int, ...]
    lines: tuple[MediaLine, ...]
    lines_dropped: int = 0
    streams: list[Assigned] = field(default_factory=list)
    """In the order in which they began."""
    faxes: list[tuple[MediaLine, int, int, int]] = field(default_factory=list)
    """T.38 that was seen: its line, packets, first and last time."""
    reports: list[QualityReport] = field(default_factory=list)
    """RFC 6035 reports about it."""
    info_digits: list[InfoDigit] = field(default_factory=list)
    """Keys that were pressed, by INFO."""
    usually_seen: bool = False
    """Whether the capture has RTP of at least half of the answered legs between the same media hosts: only
    then something is missing when this one has none."""

    @property
    def media_hosts(self) -> frozenset[str]:
        """Addresses at which its parties receive."""
        return frozenset(host_of(line.endpoint).strip("[]") for line in self.lines if line.endpoint)

    keys: LegKeys = field(default_factory=LegKeys)
    """What its parties protect media with, by their offers and answers."""
    _announced: dict[tuple[Party, int], tuple[frozenset[str], frozenset[str]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def announced_by(self, party: Party, index: int) -> tuple[frozenset[str], frozenset[str]]:
        """Return the endpoints that *party* announced for one media line, ever, and their hosts."""
        known = self._announced.get((party, index))
        if known is None:
            own = (one for one in self.lines if one.party is party and one.index == index)
            ends = frozenset(end for line in own for end in line.ends)
            known = self._announced[party, index] = ends, frozenset(map(host_of, ends))
        return known

    def to(self, party: Party) -> list[Assigned]:
        """Return the streams that *party* receives."""
        return [one for one in self.streams if one.to is party]

    def counterpart(
        self, line: MediaLine, party: Party, endpoint: str, time: int
    ) -> MediaLine | None:
        """Return what *party* had announced at that time, or first afterwards, for the media of *line*.

        A proxy that has media relayed changes what each hop announces.  So what names the *endpoint* goes
        first, then what was said on the line's own hop.
        """
        own = [one for one in self.lines if one.party is party and one.index == line.index]
        own = [one for one in own if endpoint in one.ends] or own
        own = [one for one in own if one.hop == line.hop] or own
        before = [one for one in own if one.since <= time]
        return before[-1] if before else (own[0] if own else None)


@dataclass(slots=True)
class CallMedia:
    """The media of a call, over all its legs."""

    legs: list[LegMedia]

    @property
    def call_ids(self) -> tuple[str, ...]:
        """Call-IDs in the order of the legs."""
        return tuple(leg.call_id for leg in self.legs)

    @property
    def streams(self) -> Iterator[tuple[LegMedia, Assigned]]:
        """Yield every stream with its leg."""
        for leg in self.legs:
            for one in leg.streams:
                yield leg, one


class StreamEnds(Protocol):
    """A stream, as far as it tells whose it is."""

    @property
    def number(self) -> int:
        """From 1, in the order in which streams began."""

    @property
    def source(self) -> str:
        """``ip:port``."""

    @property
    def destination(self) -> str:
        """``ip:port``."""

    @property
    def started(self) -> int:
        """First packet, nanoseconds."""

    @property
    def ended(self) -> int:
        """Last packet so far, nanoseconds."""


class Place(NamedTuple):
    """Where a stream belongs."""

    leg: LegMedia
    line: MediaLine
    to: Party
    how: How

    def take(self, stream: Stream) -> Assigned:
        """Return the stream as one of the leg; it is not added there."""
        sending = Party.CALLEE if self.to is Party.CALLER else Party.CALLER
        if self.how is How.SOURCE:
            return Assigned(stream, self.line, self.to, self.how, SourceIs.ANNOUNCED, self.line)
        sender = self.leg.counterpart(self.line, sending, stream.source, stream.started)
        source_is = _source_is(stream, self.leg, sending, self.line.index)
        return Assigned(stream, self.line, self.to, self.how, source_is, sender)


def find_places(streams: Iterable[StreamEnds], legs: Iterable[LegMedia]) -> dict[int, Place]:
    """Return where streams belong, by their numbers; those that no leg announces are not in it.

    All streams from and to the ends of a leg have to be there, and all legs that announce an end of any of
    them: one that was left out might have been the right one.
    """
    announced: dict[str, list[tuple[LegMedia, MediaLine]]] = {}
    for leg in legs:
        for line in leg.lines:
            for end in dict.fromkeys(line.ends):
                announced.setdefault(end, []).append((leg, line))
    for lines in announced.values():
        lines.sort(key=lambda pair: pair[1].since)
    places: dict[int, Place] = {}
    by_ends: dict[tuple[str, str], list[tuple[StreamEnds, Place]]] = {}
    left = []
    for stream in sorted(streams, key=lambda one: one.started):
        found = _announced(stream, announced.get(stream.destination, ()))
        if found is None:
            left.append(stream)
            continue
        leg, line = found
        how = How.ANNOUNCED if stream.destination == line.endpoint else How.CANDIDATE
        place = places[stream.number] = Place(leg, line, line.party, how)
        by_ends.setdefault((stream.source, stream.destination), []).append((stream, place))
    for stream in left:
        others = by_ends.get((stream.destination, stream.source), ())
        found_place = _by_other_direction(stream, others) or _by_source(
            stream, announced.get(stream.source, ())
        )
        if found_place is not None:
            places[stream.number] = found_place
    return places


def note_successors(leg: LegMedia) -> None:
    """Note which streams of a leg, in the order in which they began, follow or accompany another one."""
    last: dict[tuple[str, str], Stream] = {}
    for one in leg.streams:
        stream = one.stream
        ends = stream.source, stream.destination
        before = last.get(ends)
        if before is not None and before.ended <= stream.started:
            one.follows = before
        elif before is not None:
            one.beside = before
        if before is None or stream.ended > before.ended:
            last[ends] = stream


def _announced(
    stream: StreamEnds, candidates: Sequence[tuple[LegMedia, MediaLine]]
) -> tuple[LegMedia, MediaLine] | None:
    """Return the line that held when the stream began: ports are used again.

    Where several held, the source tells: test traffic has the same port in all calls at a time.
    """
    best: tuple[tuple[bool, int, int, int], LegMedia, MediaLine] | None = None
    last = bisect_right(candidates, stream.ended + LEAD, key=lambda pair: pair[1].since)
    for leg, line in candidates[max(last - MOST_CANDIDATES, 0) : last]:
        until = line.until if line.until is not None else max(leg.last_time, stream.started)
        if stream.ended < line.since - LEAD or stream.started > until + LINGER:
            continue
        sending = Party.CALLEE if line.party is Party.CALLER else Party.CALLER
        comes_from = _source_is(stream, leg, sending, line.index)
        if stream.started > until + SOON and comes_from is not SourceIs.ANNOUNCED:
            continue
        # How far the beginning is from the time in which the line held.
        away = max(line.since - stream.started, stream.started - until, 0)
        source = _RANKS[comes_from]
        rank = (away > 0, source, away, -line.since)
        if best is None or rank < best[0]:
            best = rank, leg, line
    return None if best is None else best[1:]


def _source_is(stream: StreamEnds, leg: LegMedia, sending: Party, index: int) -> SourceIs:
    ends, hosts = leg.announced_by(sending, index)
    if not ends:
        return SourceIs.UNKNOWN
    if stream.source in ends:
        return SourceIs.ANNOUNCED
    return SourceIs.OTHER_PORT if host_of(stream.source) in hosts else SourceIs.OTHER_HOST


def _by_other_direction(
    stream: StreamEnds, others: Iterable[tuple[StreamEnds, Place]]
) -> Place | None:
    """Return the leg whose stream goes the other way between the same endpoints."""
    for other, place in others:
        if stream.started > other.ended + LINGER or stream.ended < other.started - LEAD:
            continue
        to = Party.CALLEE if place.to is Party.CALLER else Party.CALLER
        line = (
            place.leg.counterpart(place.line, to, stream.destination, stream.started) or place.line
        )
        return Place(place.leg, line, to, How.LATCHED)
    return None


def _by_source(stream: StreamEnds, announced: Iterable[tuple[LegMedia, MediaLine]]) -> Place | None:
    """Return the leg in which its sender announced where it comes from."""
    for leg, line in announced:
        until = line.until if line.until is not None else max(leg.last_time, stream.started)
        if line.since - LEAD <= stream.started <= until + SOON:
            to = Party.CALLEE if line.party is Party.CALLER else Party.CALLER
            return Place(leg, line, to, How.SOURCE)
    return None
