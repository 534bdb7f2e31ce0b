"""What media have to know of a session description, read in one pass over its lines.

:func:`~tqdecrypt.sip.sdp_reader.parse_sdp` reads all of it and says what is wrong.  A call has several, and
only addresses, codecs and keys count here.  A test holds the two equal.
"""

from __future__ import annotations

import enum
import ipaddress
import re
import sys
from functools import lru_cache
from typing import NamedTuple

from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.lexical import maybe_number
from tqdecrypt.sip.sdp_attributes import (
    DIRECTIONS,
    STATIC_TYPES,
    Codec,
    Crypto,
    codec_of,
    milliseconds,
    read_candidate,
    read_crypto,
    read_fingerprint,
    read_rtcp,
)
from tqdecrypt.sip.sdp_reader import MOST_LINES

__all__ = ["MediaDescription", "Protection", "describe", "endpoint_of"]

MOST_REMEMBERED = 4_096
"""Descriptions that are remembered, some two kilobytes each: whoever sends one says it again in the next
response, and what a call announced is asked for once more when it is over."""
MOST_LISTS = 1_024
"""Lists of codecs that are remembered: a trunk has a handful."""
LARGEST_REMEMBERED = 4_096
"""Bytes of a description that is remembered."""
MOST_FORMATS = 64
"""Formats of one that is remembered, in all of its media."""
MOST_CANDIDATES = 16
"""ICE candidates kept of a medium."""
_NO_HOST = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound to it
_FORMATS = frozenset({"rtpmap", "fmtp"})
_LINE = re.compile(r"[^\r\n]+")


class Protection(enum.StrEnum):
    """How a medium's packets are protected.  The value is the word in JSON."""

    NONE = "none"
    """RTP/AVP without keys."""
    SDES = "sdes"
    """Keys in the SDP (RFC 4568)."""
    DTLS = "dtls"
    """Keys from a DTLS handshake (RFC 5764)."""
    UNKNOWN = "unknown"
    """SRTP, and nothing says where the keys come from."""


class MediaDescription(NamedTuple):
    """One media description (RFC 8866 section 5.14), as far as it tells packets."""

    kind: str
    """``audio``, ``video``, ``image`` …"""
    protocol: str
    endpoint: str
    """``ip:port``; empty when it is refused or has no address."""
    rtcp: str
    """Where RTCP goes; the same as ``endpoint`` with rtcp-mux."""
    direction: str
    """``sendrecv`` …, as its author says it."""
    held: bool
    refused: bool
    fax: bool
    """T.38."""
    formats: tuple[Codec, ...]
    """What its formats are, in their order."""
    ptime: float | None
    protection: Protection
    candidates: tuple[str, ...]
    """``ip:port`` of ICE candidates for RTP."""
    crypto: tuple[str, ...]
    """Values of its crypto attributes, keys and all.  Never shown."""

    @property
    def ends(self) -> tuple[str, ...]:
        """Every endpoint at which it may receive."""
        return (self.endpoint, *self.candidates) if self.endpoint else self.candidates

    @property
    def codecs(self) -> tuple[tuple[str, str, int | None], ...]:
        """Payload type, encoding (``PCMA/8000``) and clock rate of each format."""
        return tuple([(one.format, one.encoding, one.clock_rate) for one in self.formats])

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Payload type and fmtp of the codecs that have one."""
        return tuple([(one.format, one.parameters) for one in self.formats if one.parameters])

    @property
    def payload_types(self) -> dict[int, Codec]:
        """What the payload types of RTP are."""
        if "RTP/" not in self.protocol:
            return {}
        return {
            int(one.format): one
            for one in self.formats
            if one.format.isdecimal() and int(one.format) < 128
        }

    @property
    def keys(self) -> tuple[Crypto, ...]:
        """Keys of SRTP in it (RFC 4568).  Secret."""
        found = (read_crypto(value) for value in self.crypto)
        return tuple(one for one in found if one is not None)

    def __repr__(self) -> str:
        keys = f", {len(self.crypto)} keys" if self.crypto else ""
        return f"<{self.kind} {self.protocol} to {self.endpoint or 'nowhere'}{keys}>"


class _Section:
    """Lines of the session, or of one media description."""

    __slots__ = ("address", "attributes", "crypto", "direction", "formats", "media")

    def __init__(self, media: str) -> None:
        self.media = media
        """Behind ``m=``."""
        self.address: str | None = None
        self.direction = ""
        self.attributes: dict[str, list[str]] = {}
        """Name → values, in their order."""
        self.formats: list[tuple[str, str]] = []
        """Names and values of rtpmap and fmtp."""
        self.crypto: list[str] = []


_remembered: dict[bytes, tuple[MediaDescription, ...]] = {}
"""The latest ones."""


def describe(body: bytes) -> tuple[MediaDescription, ...]:
    """Return every media description of a session description, in their order."""
    known = _remembered.get(body)
    if known is None:
        known = _read(body)
        formats = sum(1 + len(one.formats) for one in known)
        if len(body) <= LARGEST_REMEMBERED and formats <= MOST_FORMATS:
            if len(_remembered) >= MOST_REMEMBERED:
                del _remembered[next(iter(_remembered))]
            _remembered[body] = known
    return known


def _read(body: bytes) -> tuple[MediaDescription, ...]:
    session = section = _Section("")
    sections: list[_Section] = []
    # CR and LF are no part of any character beyond ASCII, so that lines may be cut after decoding.
    for line in _LINE.findall(text(body))[:MOST_LINES]:
        start = line[:2]
        if start == "a=":
            name, _, value = line[2:].rstrip().partition(":")
            name = name.strip()
            if name in _FORMATS:
                section.formats.append((name, value))
            elif name == "crypto":
                section.crypto.append(value)
            elif name in DIRECTIONS:
                section.direction = name
            else:
                section.attributes.setdefault(name, []).append(value)
        elif start == "m=":
            section = _Section(line[2:].rstrip())
            sections.append(section)
        elif start == "c=":
            words = line[2:].split()
            section.address = words[-1].partition("/")[0] if words else None
    return tuple([_media(one, session) for one in sections])


def _media(section: _Section, session: _Section) -> MediaDescription:
    words = section.media.split()
    kind, place, protocol = (*words, "", "", "")[:3]
    port = maybe_number(place.partition("/")[0], 0xFFFF)
    address = section.address
    if address is None:
        address = session.address or ""
    attributes = section.attributes
    endpoint = endpoint_of(address, port)
    refused = port == 0 and "bundle-only" not in attributes
    direction = section.direction or session.direction or "sendrecv"
    ptime = attributes.get("ptime")
    return MediaDescription(
        sys.intern(kind),
        sys.intern(protocol),
        endpoint,
        _rtcp(attributes, address, port, endpoint),
        direction,
        not refused and (direction in ("sendonly", "inactive") or address in _NO_HOST),
        refused,
        kind == "image" and any(one.lower() == "t38" for one in words[3:]),
        _formats("RTP/" in protocol, words[3:], section.formats),
        milliseconds(ptime[0]) if ptime else None,
        _protection(section, session, protocol.upper()),
        _candidates(attributes["candidate"]) if "candidate" in attributes else (),
        tuple(section.crypto),
    )


def _rtcp(attributes: dict[str, list[str]], address: str, port: int | None, endpoint: str) -> str:
    if "rtcp-mux" in attributes:
        return endpoint
    told = attributes.get("rtcp")
    rtcp = read_rtcp(told[0]) if told else None
    if rtcp is not None:
        return endpoint_of(rtcp.address or address, rtcp.port)
    return endpoint_of(address, port + 1 if port else None)


def _candidates(values: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for value in values:
        one = read_candidate(value)
        if one is not None and one.component == 1 and one.transport == "UDP":
            found.append(endpoint_of(one.address, one.port))
            if len(found) == MOST_CANDIDATES:
                break
    return tuple(found)


def _protection(section: _Section, session: _Section, protocol: str) -> Protection:
    if section.crypto:
        return Protection.SDES
    if "TLS" in protocol:
        return Protection.DTLS
    told = section.attributes.get("fingerprint") or session.attributes.get("fingerprint") or ()
    if any(read_fingerprint(value) is not None for value in told):
        return Protection.DTLS
    return Protection.UNKNOWN if "SAVP" in protocol else Protection.NONE


def _formats(
    is_rtp: bool, formats: list[str], attributes: list[tuple[str, str]]
) -> tuple[Codec, ...]:
    """Return what formats are, by rtpmap and fmtp (RFC 8866 section 6.6)."""
    said = is_rtp, tuple(formats), tuple(attributes)
    if len(formats) > MOST_FORMATS or len(attributes) > 2 * MOST_FORMATS:
        return _read_formats(*said)
    return _known_formats(*said)


def _read_formats(
    is_rtp: bool, formats: tuple[str, ...], attributes: tuple[tuple[str, str], ...]
) -> tuple[Codec, ...]:
    names = dict(STATIC_TYPES) if is_rtp else {}
    parameters: dict[str, str] = {}
    for kind, value in attributes:
        number, _, content = value.partition(" ")
        if kind == "rtpmap":
            encoding = content.strip()
            one_channel = encoding.count("/") == 2 and encoding.endswith("/1")
            names[number] = encoding[:-2] if one_channel else encoding
        else:
            parameters.setdefault(number, content.strip())
    return tuple([codec_of(one, names.get(one), parameters.get(one, "")) for one in formats])


_known_formats = lru_cache(maxsize=MOST_LISTS)(_read_formats)


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
