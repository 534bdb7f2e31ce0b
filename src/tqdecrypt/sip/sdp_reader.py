"""From the bytes of a session description to its lines and media (RFC 8866 section 5)."""

from __future__ import annotations

import re
import socket

from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.lexical import excerpt, maybe_number
from tqdecrypt.sip.problems import Note, Notes
from tqdecrypt.sip.sdp import Bandwidth, Connection, Media, Origin, SessionDescription, Timing
from tqdecrypt.sip.sdp_attributes import Attribute

__all__ = ["MOST_LINES", "parse_sdp"]

MOST_LINES = 20_000
"""Lines that are read: a description with a hundred media, each with its candidates, has fewer."""

_LINE = re.compile(rb"[^\r\n]+")
_ORDER = "vosiuepcbtrzka"


class _Section:
    """Lines of the session or of one media description, as they are gathered."""

    __slots__ = ("attributes", "bandwidths", "connection", "media", "offset", "order", "title")

    def __init__(self, media: str | None, offset: int) -> None:
        self.media = media
        self.offset = offset
        self.title: str | None = None
        self.connection: Connection | None = None
        self.bandwidths: list[Bandwidth] = []
        self.attributes: list[Attribute] = []


def parse_sdp(body: bytes) -> SessionDescription:
    """Parse a session description; what is wrong stands in its ``problems``."""
    notes = Notes()
    session = section = _Section(None, 0)
    sections: list[_Section] = []
    firsts: dict[str, str] = {}
    origin: Origin | None = None
    times: list[Timing] = []
    others: list[tuple[str, str]] = []
    for number, line in enumerate(_LINE.finditer(body)):
        if number >= MOST_LINES:
            notes("sdp-too-long", f"Only the first {MOST_LINES} lines are read.")
            break
        offset = notes.offset = line.start()
        content = text(line[0])
        kind, value = content[:1], content[2:].rstrip()
        if content[1:2] != "=":
            notes("sdp-line", f"{excerpt(content)} is no line of a description: letter, =, value.")
        elif kind == "a":
            name, colon, rest = value.partition(":")
            section.attributes.append(Attribute(name.strip(), rest if colon else None, offset))
        elif kind == "m":
            section = _Section(value, offset)
            sections.append(section)
        elif kind == "c":
            section.connection = _read_connection(value, notes)
        elif kind == "b":
            section.bandwidths += _read_bandwidth(value, notes)
        elif kind == "i":
            section.title = value
        elif section is not session:
            if kind != "k":
                notes("sdp-line", f"A line {excerpt(kind)} stands below a media description.")
        elif kind == "o":
            origin = origin or _read_origin(value, notes)
        elif kind == "t":
            times += _read_timing(value, notes)
        elif kind in "vs":
            firsts.setdefault(kind, value)
        else:
            if kind not in _ORDER:
                notes("sdp-line", f"{excerpt(kind)} is no kind of line.")
            others.append((kind, value))
    notes.offset = 0
    _check_presence(firsts, origin, times, notes)
    shared = tuple(session.attributes)
    media = tuple(_media(one, session.connection, shared, notes) for one in sections)
    return SessionDescription(
        body,
        firsts.get("v"),
        origin,
        firsts.get("s"),
        session.title,
        session.connection,
        tuple(session.bandwidths),
        tuple(times),
        shared,
        media,
        tuple(others),
        notes.all(),
    )


def _check_presence(
    firsts: dict[str, str], origin: Origin | None, times: list[Timing], notes: Notes
) -> None:
    if firsts.get("v", "0") != "0":
        notes("sdp-version", f"The version is {excerpt(firsts['v'])}, not 0.")
    present = {"v": "v" in firsts, "o": origin is not None, "s": "s" in firsts, "t": bool(times)}
    for kind, found in present.items():
        if not found:
            notes("sdp-missing", f"The line {kind}= is missing.")


def _media(
    section: _Section, shared: Connection | None, attributes: tuple[Attribute, ...], notes: Notes
) -> Media:
    notes.offset = section.offset
    words = (section.media or "").split()
    kind, port_text, protocol = (*words, "", "", "")[:3]
    number, slash, several = port_text.partition("/")
    port = maybe_number(number, 0xFFFF)
    count = maybe_number(several, 0xFFFF) if slash else 1
    if len(words) < 4 or port is None or count is None:
        notes("sdp-media", f"m={excerpt(section.media or '')}: kind, port, protocol and formats.")
    connection = section.connection or shared
    if connection is None and port != 0:
        notes("sdp-connection", f"No c= line says where the media {excerpt(kind)} go.")
    formats = tuple(words[3:])
    if "RTP/" in protocol:
        for one in formats:
            if maybe_number(one, 127) is None:
                notes("sdp-format", f"{excerpt(one)} is no payload type of RTP.")
    return Media(
        kind,
        port,
        count or 1,
        protocol,
        formats,
        section.title,
        section.connection,
        connection,
        tuple(section.bandwidths),
        tuple(section.attributes),
        attributes,
        section.offset,
    )


def _read_origin(value: str, note: Note) -> Origin | None:
    words = value.split()
    if len(words) != 6:
        note("sdp-origin", f"o= has {len(words)} words instead of six.")
        if len(words) < 6:
            return None
    origin = Origin(*words[:6])
    for number in (origin.session_id, origin.version):
        if not (number.isascii() and number.isdigit()):
            note("sdp-origin", f"{excerpt(number)} in o= is no number.")
    return origin


def _read_connection(value: str, note: Note) -> Connection | None:
    words = value.split()
    if len(words) != 3:
        note("sdp-connection", f"c={excerpt(value)}: network, kind of address and address.")
        if not words:
            return None
    address, _, suffix = words[-1].partition("/")
    network_type, address_type = (*words[:-1], "", "")[:2]
    family = {"IP4": socket.AF_INET, "IP6": socket.AF_INET6}.get(address_type)
    numeric = ":" in address or address.replace(".", "").isdigit()
    if len(words) == 3 and family is None:
        note("sdp-connection", f"{excerpt(address_type)} is no kind of address.")
    elif family is not None and numeric:
        try:
            socket.inet_pton(family, address)
        except (OSError, ValueError):
            note("sdp-address", f"{excerpt(address)} is no address of kind {address_type}.")
    return Connection(network_type, address_type, address, suffix)


def _read_bandwidth(value: str, note: Note) -> list[Bandwidth]:
    kind, _, number_text = value.partition(":")
    number = maybe_number(number_text.strip(), 1 << 62)
    if number is None:
        note("sdp-bandwidth", f"b={excerpt(value)} is no kind and number.")
        return []
    return [Bandwidth(kind, number)]


def _read_timing(value: str, note: Note) -> list[Timing]:
    numbers = [maybe_number(word, 1 << 62) for word in value.split()]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        note("sdp-time", f"t={excerpt(value)} is not two numbers.")
        return []
    return [Timing(numbers[0], numbers[1])]
