"""What the offers and answers of a leg announce: who wants to receive what, where, and from when on.

A session description says where its author *receives* (RFC 3264 section 5).  So a line that the caller
announced tells packets *to* the caller, whoever sends them.
"""

from __future__ import annotations

import enum
import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.sip.sdp import Media
from tqdecrypt.sip.sdp_attributes import Codec, codec_of
from tqdecrypt.sip.sdp_reader import parse_sdp

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.offer import Offer
    from tqdecrypt.sip.sdp import SessionDescription

__all__ = ["MediaLine", "Protection", "endpoint_of", "formats_of", "lines_of"]

MOST_LINES = 128
"""Lines kept of a leg; further changes are counted."""
MOST_SHARED = 1 << 12
"""Lists of codecs that are shared; a full table is emptied."""
MOST_CANDIDATES = 16
"""ICE candidates kept of a line."""


_Codecs = tuple[tuple[str, str, int | None], ...]
_codecs: dict[_Codecs, _Codecs] = {}


class Protection(enum.StrEnum):
    """How a line protects its packets.  The value is the word in JSON."""

    NONE = "none"
    """RTP/AVP without keys."""
    SDES = "sdes"
    """Keys in the SDP (RFC 4568)."""
    DTLS = "dtls"
    """Keys from a DTLS handshake (RFC 5764)."""
    UNKNOWN = "unknown"
    """SRTP, and nothing says where the keys come from."""


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One media description while it holds.  Times in nanoseconds since 1970-01-01 UTC."""

    party: Party
    """Who announced it, and receives there."""
    index: int
    """Which media description of the session it is, from 0."""
    kind: str
    """``audio``, ``video``, ``image`` …"""
    protocol: str
    endpoint: str
    """``ip:port``; empty when it is refused or has no address."""
    rtcp: str
    """Where RTCP goes; the same as ``endpoint`` with rtcp-mux."""
    signalled_from: str
    """``ip:port`` that the description came from."""
    since: int
    frame: int
    carrier: str
    """What it stood in: a method, or a status."""
    is_answer: bool
    early: bool
    """Whether it came in a provisional response."""
    direction: str
    """``sendrecv`` …, as its author says it."""
    held: bool
    refused: bool
    fax: bool
    """T.38."""
    codecs: tuple[tuple[str, str, int | None], ...]
    """Payload type, encoding (``PCMA/8000``) and clock rate."""
    ptime: float | None
    protection: Protection
    candidates: tuple[str, ...] = ()
    """``ip:port`` of ICE candidates for RTP."""
    until: int | None = None
    """When another description took its place, or the call ended."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Payload type and fmtp of the codecs that have one."""
    hop: str = ""
    """The two between whom it was said, and the branch of a fork."""

    @property
    def ends(self) -> tuple[str, ...]:
        """Every endpoint at which it may receive."""
        return (self.endpoint, *self.candidates) if self.endpoint else self.candidates

    @property
    def formats(self) -> dict[int, Codec]:
        """Payload type → format."""
        parameters = dict(self.parameters)
        return {
            int(number): codec_of(number, encoding, parameters.get(number, ""))
            for number, encoding, _ in self.codecs
            if number.isdecimal() and int(number) < 128
        }

    def encoding(self, payload_type: int) -> str:
        """Return the encoding of a payload type; empty when it is not announced."""
        number = str(payload_type)
        return next((encoding for one, encoding, _ in self.codecs if one == number), "")


def endpoint_of(address: str, port: int | None) -> str:
    """Return ``ip:port`` as streams have it."""
    if not address or not port:
        return ""
    if ":" not in address:
        return f"{address}:{port}"
    try:
        spelled = str(ipaddress.IPv6Address(address))  # RFC 5952, as packets' addresses are
    except ValueError:
        spelled = address
    return f"[{spelled}]:{port}"


def lines_of(leg: Leg) -> tuple[list[MediaLine], int]:
    """Return every line of a leg with the time that it held, and how many were dropped."""
    current: dict[tuple[str, Party, int], int] = {}
    found: list[MediaLine] = []
    dropped = 0
    end = leg.ended
    for line in sorted(_announced(leg), key=lambda line: line.since):
        key = line.hop, line.party, line.index
        before = current.get(key)
        if before is not None:
            known = found[before]
            if replace(known, until=None) == _as_before(known, line):
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


def _as_before(known: MediaLine, line: MediaLine) -> MediaLine:
    """Return *line* as if it had come when *known* did: only what it says may differ."""
    return replace(
        line,
        since=known.since,
        frame=known.frame,
        carrier=known.carrier,
        early=known.early,
        is_answer=known.is_answer,
    )


def _announced(leg: Leg) -> Iterator[MediaLine]:
    """Yield the lines of every hop; forks each have their own."""
    for offer in leg.offers:
        if offer.rejected is not None and offer.transaction.to_tag:
            continue  # a re-INVITE that was refused changes nothing (RFC 3261 section 14.1)
        hop = sys.intern(
            " ".join(sorted((offer.flow.source, offer.flow.destination))) + offer.callee_tag
        )
        offerer = Party.CALLER if offer.by_caller else Party.CALLEE
        answerer = Party.CALLEE if offer.by_caller else Party.CALLER
        offered_from, answered_from = _senders(offer)
        for line in _lines(offer.body, offerer, offered_from, offer.time, offer.frame):
            yield replace(line, carrier=offer.carrier, hop=hop)
        if offer.early is not None and offer.early_time is not None:
            for line in _lines(
                offer.early, answerer, answered_from, offer.early_time, offer.early_frame or 0
            ):
                yield replace(line, is_answer=True, early=True, carrier="18x", hop=hop)
        if offer.answer is not None and offer.answer_time is not None:
            for line in _lines(
                offer.answer, answerer, answered_from, offer.answer_time, offer.answer_frame or 0
            ):
                yield replace(line, is_answer=True, carrier=offer.answer_carrier, hop=hop)


def _senders(offer: Offer) -> tuple[str, str]:
    """Return where the offer came from and where its answer does."""
    return offer.flow.source, offer.flow.destination


def _lines(body: bytes, party: Party, source: str, time: int, frame: int) -> Iterator[MediaLine]:
    description = parse_sdp(body)
    for index, media in enumerate(description.media):
        yield _line(description, media, index, party, source, time, frame)


def _line(
    description: SessionDescription,
    media: Media,
    index: int,
    party: Party,
    source: str,
    time: int,
    frame: int,
) -> MediaLine:
    endpoint = endpoint_of(media.address, media.port)
    rtcp = media.rtcp
    if media.rtcp_mux:
        control = endpoint
    elif rtcp is not None:
        control = endpoint_of(rtcp.address or media.address, rtcp.port)
    else:
        control = endpoint_of(media.address, media.port + 1 if media.port else None)
    candidates = tuple(
        endpoint_of(one.address, one.port)
        for one in media.candidates
        if one.component == 1 and one.transport == "UDP"
    )
    return MediaLine(
        party=party,
        index=index,
        kind=sys.intern(media.kind),
        protocol=sys.intern(media.protocol),
        endpoint=endpoint,
        rtcp=control,
        signalled_from=source,
        since=time,
        frame=frame,
        carrier="",
        is_answer=False,
        early=False,
        direction=sys.intern(media.direction),
        held=media.held,
        refused=media.refused,
        fax=media.is_fax,
        codecs=_shared(tuple((c.format, c.encoding, c.clock_rate) for c in media.codecs)),
        ptime=media.ptime,
        protection=_protection(media),
        candidates=candidates[:MOST_CANDIDATES],
        parameters=tuple((c.format, c.parameters) for c in media.codecs if c.parameters),
    )


def _shared(codecs: _Codecs) -> _Codecs:
    """Return the same codecs as another line's object: a trunk has a handful of lists."""
    if len(_codecs) >= MOST_SHARED:
        _codecs.clear()
    return _codecs.setdefault(codecs, codecs)


def _protection(media: Media) -> Protection:
    if media.values("crypto"):
        return Protection.SDES
    if "TLS" in media.protocol.upper() or media.fingerprints:
        return Protection.DTLS
    return Protection.UNKNOWN if "SAVP" in media.protocol.upper() else Protection.NONE


def formats_of(body: bytes) -> dict[str, dict[int, Codec]]:
    """Return what a description says of payload types: endpoint → payload type → what it is."""
    found: dict[str, dict[int, Codec]] = {}
    for media in parse_sdp(body).media:
        endpoint = endpoint_of(media.address, media.port)
        if endpoint and "RTP/" in media.protocol:
            found[endpoint] = {
                int(codec.format): codec
                for codec in media.codecs
                if codec.format.isdecimal() and int(codec.format) < 128
            }
    return found
