"""What the offers and answers of a leg announce: who wants to receive what, where, and from when on.

A session description says where its author *receives* (RFC 3264 section 5).  So a line that the caller
announced tells packets *to* the caller, whoever sends them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.media.description import MediaDescription, Protection, describe

if TYPE_CHECKING:
    from tqdecrypt.calls.offer import Offer
    from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["MediaLine", "lines_of"]

MOST_LINES = 128
"""Lines kept of a leg; further changes are counted."""


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One media description while it holds.  Times in nanoseconds since 1970-01-01 UTC."""

    party: Party
    """Who announced it, and receives there."""
    index: int
    """Which media description of the session it is, from 0."""
    description: MediaDescription
    signalled_from: str
    """``ip:port`` that the description came from."""
    since: int
    frame: int
    carrier: str
    """What it stood in: a method, or a status."""
    is_answer: bool
    early: bool
    """Whether it came in a provisional response."""
    hop: str
    """The two between whom it was said, and the branch of a fork."""
    until: int | None = None
    """When another description took its place, or the call ended."""

    @property
    def kind(self) -> str:
        """``audio``, ``video``, ``image`` …"""
        return self.description.kind

    @property
    def protocol(self) -> str:
        """``RTP/AVP``, ``RTP/SAVP`` …"""
        return self.description.protocol

    @property
    def endpoint(self) -> str:
        """``ip:port``; empty when it is refused or has no address."""
        return self.description.endpoint

    @property
    def rtcp(self) -> str:
        """Where RTCP goes; the same as :attr:`endpoint` with rtcp-mux."""
        return self.description.rtcp

    @property
    def direction(self) -> str:
        """``sendrecv`` …, as its author says it."""
        return self.description.direction

    @property
    def held(self) -> bool:
        """Whether it puts the other side on hold."""
        return self.description.held

    @property
    def refused(self) -> bool:
        """Whether its port says no."""
        return self.description.refused

    @property
    def fax(self) -> bool:
        """Whether it is T.38."""
        return self.description.fax

    @property
    def codecs(self) -> tuple[tuple[str, str, int | None], ...]:
        """Payload type, encoding (``PCMA/8000``) and clock rate of each."""
        return self.description.codecs

    @property
    def ptime(self) -> float | None:
        """Milliseconds of media in a packet, when it says so."""
        return self.description.ptime

    @property
    def protection(self) -> Protection:
        """How its packets are protected."""
        return self.description.protection

    @property
    def candidates(self) -> tuple[str, ...]:
        """``ip:port`` of ICE candidates for RTP."""
        return self.description.candidates

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Payload type and fmtp of the codecs that have one."""
        return self.description.parameters

    @property
    def ends(self) -> tuple[str, ...]:
        """Every endpoint at which it may receive."""
        return self.description.ends

    @property
    def formats(self) -> dict[int, Codec]:
        """Payload type → format."""
        return self.description.payload_types

    def encoding(self, payload_type: int) -> str:
        """Return the encoding of a payload type; empty when it is not announced."""
        number = str(payload_type)
        return next((one.encoding for one in self.description.formats if one.format == number), "")


def lines_of(offers: Iterable[Offer], end: int | None) -> tuple[list[MediaLine], int]:
    """Return every line of a leg with the time that it held, and how many were dropped.

    :param end: when the leg was over, ns; ``None``: it goes on.
    """
    current: dict[tuple[str, Party, int], int] = {}
    found: list[MediaLine] = []
    dropped = 0
    for line in sorted(_announced(offers), key=lambda line: line.since):
        key = line.hop, line.party, line.index
        before = current.get(key)
        if before is not None:
            known = found[before]
            if _says_the_same(known, line):
                continue  # said again, in the 200 for example
            found[before] = replace(known, until=line.since)
        if len(found) >= MOST_LINES:
            dropped += 1
            continue
        current[key] = len(found)
        found.append(line)
    if end is not None:
        found = [line if line.until is not None else replace(line, until=end) for line in found]
    return found, dropped


def _says_the_same(known: MediaLine, line: MediaLine) -> bool:
    """Return whether *line* says what *known* did, only later or in another message."""
    return known.signalled_from == line.signalled_from and known.description == line.description


def _announced(offers: Iterable[Offer]) -> Iterator[MediaLine]:
    """Yield the lines of every hop; forks each have their own."""
    for offer in offers:
        if offer.rejected is not None and offer.transaction.to_tag:
            continue  # a re-INVITE that was refused changes nothing (RFC 3261 section 14.1)
        source, destination = offer.flow.source, offer.flow.destination
        hop = sys.intern(" ".join(sorted((source, destination))) + offer.callee_tag)
        offerer = Party.CALLER if offer.by_caller else Party.CALLEE
        answerer = Party.CALLEE if offer.by_caller else Party.CALLER
        yield from _lines(hop, offerer, offer.body, source, offer.time, offer.frame, offer.carrier)
        if offer.early is not None and offer.early_time is not None:
            said = offer.early, destination, offer.early_time, offer.early_frame or 0, "18x"
            yield from _lines(hop, answerer, *said, is_answer=True, early=True)
        if offer.answer is not None and offer.answer_time is not None:
            frame, carrier = offer.answer_frame or 0, offer.answer_carrier
            said = offer.answer, destination, offer.answer_time, frame, carrier
            yield from _lines(hop, answerer, *said, is_answer=True)


def _lines(
    hop: str,
    party: Party,
    body: bytes,
    signalled_from: str,
    since: int,
    frame: int,
    carrier: str,
    *,
    is_answer: bool = False,
    early: bool = False,
) -> Iterator[MediaLine]:
    for index, one in enumerate(describe(body)):
        yield MediaLine(
            *(party, index, one, signalled_from, since, frame, carrier, is_answer, early, hop)
        )
