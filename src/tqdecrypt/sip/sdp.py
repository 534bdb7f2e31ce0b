"""Session descriptions (RFC 8866), and what offer and answer make of them (RFC 3264).

:func:`~tqdecrypt.sip.sdp_reader.parse_sdp` makes them.  What an attribute means (codecs, keys,
candidates, direction) is read when somebody asks.  What a media description leaves out it has from the
session: connection, direction, fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tqdecrypt.sip.problems import Note, Notes, Problem, ignore
from tqdecrypt.sip.sdp_attributes import (
    DIRECTIONS,
    STATIC_TYPES,
    Attribute,
    Candidate,
    Codec,
    Crypto,
    Fingerprint,
    Rtcp,
    check_attributes,
    codec_of,
    milliseconds,
    read_candidate,
    read_crypto,
    read_fingerprint,
    read_rtcp,
)

__all__ = [
    "Bandwidth",
    "Connection",
    "Group",
    "Media",
    "Origin",
    "SessionDescription",
    "Timing",
]


_NO_HOST = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound to it


class Origin(NamedTuple):
    """Who made the description (section 5.2)."""

    username: str
    session_id: str
    version: str
    """Counts up with every change; a number of any length."""
    network_type: str
    address_type: str
    address: str


class Connection(NamedTuple):
    """Where media goes (section 5.7)."""

    network_type: str
    """``IN``."""
    address_type: str
    """``IP4`` or ``IP6``."""
    address: str
    """Without time to live and number of addresses."""
    suffix: str
    """What follows the address: ``127/3`` for multicast; mostly empty."""


class Bandwidth(NamedTuple):
    """``AS`` in kbit/s, ``TIAS`` in bit/s … (section 5.8)."""

    kind: str
    value: int


class Timing(NamedTuple):
    """When the session is, in seconds since 1900; 0 0 for always (section 5.9)."""

    start: int
    stop: int


class Group(NamedTuple):
    """Media that belong together (RFC 5888), ``BUNDLE`` for example (RFC 9143)."""

    semantics: str
    mids: tuple[str, ...]


class _Attributed:
    """What has attributes."""

    __slots__ = ()
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> str | None:
        """Return the value of the first attribute *name* here: empty when it has none, ``None``
        when it does not stand here.
        """
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value or ""
        return None

    def values(self, name: str) -> list[str]:
        """Return the values of all attributes *name* here."""
        return [a.value or "" for a in self.attributes if a.name == name]


@dataclass(frozen=True, slots=True)
class Media(_Attributed):
    """One media description (section 5.14), with what it has from the session."""

    kind: str
    """``audio``, ``video``, ``image``, ``application`` …"""
    port: int | None
    """``None`` when it is not a number; 0 refuses the media."""
    count: int
    """Number of ports; 1 unless told."""
    protocol: str
    """``RTP/AVP``, ``RTP/SAVP``, ``UDP/TLS/RTP/SAVPF``, ``udptl`` …"""
    formats: tuple[str, ...]
    """Payload types of RTP; otherwise what the protocol wants."""
    title: str | None
    own_connection: Connection | None
    """What stands in this description."""
    connection: Connection | None
    """What counts: its own, or the session's."""
    bandwidths: tuple[Bandwidth, ...]
    attributes: tuple[Attribute, ...]
    """Its own."""
    session_attributes: tuple[Attribute, ...] = field(repr=False)
    offset: int
    """Where its line begins in the description."""

    @property
    def address(self) -> str:
        """Where media goes; empty when that is not told."""
        return self.connection.address if self.connection else ""

    @property
    def direction(self) -> str:
        """``sendrecv`` unless it or the session says otherwise (RFC 8866 section 6.7)."""
        for attributes in (self.attributes, self.session_attributes):
            for attribute in reversed(attributes):
                if attribute.name in DIRECTIONS:
                    return attribute.name
        return "sendrecv"

    @property
    def refused(self) -> bool:
        """Whether port 0 says no; with ``bundle-only`` it does not (RFC 9143 section 6)."""
        return self.port == 0 and self.attribute("bundle-only") is None

    @property
    def held(self) -> bool:
        """Whether it puts the other side on hold, by direction (RFC 3264 section 8.4) or by the
        address 0.0.0.0 (RFC 2543 section B.5).
        """
        if self.refused:
            return False
        return self.direction in ("sendonly", "inactive") or self.address in _NO_HOST

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """The formats, with what rtpmap and fmtp say of each."""
        return self.read_codecs()

    def read_codecs(self, note: Note = ignore) -> tuple[Codec, ...]:
        """Return :attr:`codecs`, and note what is wrong with them."""
        names = dict(STATIC_TYPES) if "RTP/" in self.protocol else {}
        parameters: dict[str, str] = {}
        for attribute in self.attributes:
            if attribute.name in ("rtpmap", "fmtp"):
                number, _, content = (attribute.value or "").partition(" ")
                if attribute.name == "rtpmap":
                    encoding = content.strip()
                    one_channel = encoding.count("/") == 2 and encoding.endswith("/1")
                    names[number] = encoding[:-2] if one_channel else encoding
                else:
                    parameters.setdefault(number, content.strip())
        return tuple(
            codec_of(number, names.get(number), parameters.get(number, ""), note)
            for number in self.formats
        )

    @property
    def crypto(self) -> tuple[Crypto, ...]:
        """Keys in the description (RFC 4568); they stand with the media only."""
        found = (read_crypto(value) for value in self.values("crypto"))
        return tuple(crypto for crypto in found if crypto is not None)

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Of certificates for DTLS-SRTP, its own or the session's."""
        found = (read_fingerprint(value) for value in self._inherited("fingerprint"))
        return tuple(one for one in found if one is not None)

    @property
    def setup(self) -> str | None:
        """Who opens the DTLS association: ``active``, ``passive``, ``actpass`` (RFC 4145)."""
        return self._inherited_first("setup")

    @property
    def ice_ufrag(self) -> str | None:
        """User fragment of ICE; with another one, ICE starts anew."""
        return self._inherited_first("ice-ufrag")

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Where ICE may send to."""
        found = (read_candidate(value) for value in self.values("candidate"))
        return tuple(one for one in found if one is not None)

    @property
    def rtcp(self) -> Rtcp | None:
        """Where RTCP goes, when that is told."""
        value = self.attribute("rtcp")
        return read_rtcp(value) if value is not None else None

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTCP comes on the port of RTP (RFC 5761)."""
        return self.attribute("rtcp-mux") is not None

    @property
    def mid(self) -> str | None:
        """What groups call it (RFC 5888)."""
        return self.attribute("mid")

    @property
    def ptime(self) -> float | None:
        """Milliseconds of media in a packet."""
        return milliseconds(self.attribute("ptime"))

    @property
    def maxptime(self) -> float | None:
        """Most milliseconds of media in a packet."""
        return milliseconds(self.attribute("maxptime"))

    @property
    def is_fax(self) -> bool:
        """Whether it is T.38 (ITU-T T.38 annex D)."""
        return self.kind == "image" and any(one.lower() == "t38" for one in self.formats)

    @property
    def fax_parameters(self) -> dict[str, str]:
        """``T38FaxVersion``, ``T38MaxBitRate`` … → value."""
        return {a.name: a.value or "" for a in self.attributes if a.name.lower().startswith("t38")}

    def _inherited(self, name: str) -> list[str]:
        own = self.values(name)
        return own or [a.value or "" for a in self.session_attributes if a.name == name]

    def _inherited_first(self, name: str) -> str | None:
        return next(iter(self._inherited(name)), None)


@dataclass(frozen=True, slots=True)
class SessionDescription(_Attributed):
    """A session description."""

    raw: bytes = field(repr=False)
    """As it stands, keys and all."""
    version: str | None
    """``0``."""
    origin: Origin | None
    name: str | None
    title: str | None
    connection: Connection | None
    """Of the media that have none of their own."""
    bandwidths: tuple[Bandwidth, ...]
    times: tuple[Timing, ...]
    attributes: tuple[Attribute, ...]
    media: tuple[Media, ...]
    others: tuple[tuple[str, str], ...] = field(repr=False)
    """Lines of the session without a field here (``u=``, ``e=``, ``p=``, ``r=``, ``z=``, ``k=``)."""
    structure: tuple[Problem, ...] = field(repr=False)
    """What is wrong with the lines; :attr:`problems` looks into the attributes, too."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Media that belong together."""
        found = (value.split() for value in self.values("group"))
        return tuple(Group(words[0], tuple(words[1:])) for words in found if words)

    @property
    def bundle(self) -> tuple[str, ...]:
        """The mids that share one transport; empty without a bundle."""
        return next((group.mids for group in self.groups if group.semantics == "BUNDLE"), ())

    @property
    def held(self) -> bool:
        """Whether all media that are not refused put the other side on hold."""
        offered = [media for media in self.media if not media.refused]
        return bool(offered) and all(media.held for media in offered)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is not as the specifications want it, in the order of the lines."""
        notes = Notes()
        for media in self.media:
            check_attributes(media.attributes, notes)
            notes.offset = media.offset
            media.read_codecs(notes)
        check_attributes(self.attributes, notes)
        return tuple(sorted((*self.structure, *notes.all()), key=lambda one: one.offset))
