"""Header values that say where: Via, and everything that holds an address (RFC 3261 section 20).

Each ``read_`` function takes the unfolded value of one header field and returns the values in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.sip.lexical import (
    BLANKS,
    NO_PARAMETERS,
    Parameters,
    excerpt,
    is_token,
    maybe_number,
    read_parameters,
    split_list,
    split_quoted,
    unquote,
)
from tqdecrypt.sip.problems import Note, ignore
from tqdecrypt.sip.uri import Uri, parse_host, parse_port, parse_uri

__all__ = [
    "Address",
    "Via",
    "read_address",
    "read_addresses",
    "read_contacts",
    "read_uris",
    "read_vias",
]

_VIA = re.compile(
    r"([^ \t/]*)[ \t]*/[ \t]*([^ \t/]*)[ \t]*/[ \t]*([^ \t/]*)[ \t]+"
    r"(\[[^\]]*\]|[^ \t;:,\[\]]*)[ \t]*(?::[ \t]*([^ \t;]*)[ \t]*)?"
)
_TOKEN_BLANKS = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t]*")
MAGIC_COOKIE = "z9hG4bK"
"""Begins the branch of everybody who follows RFC 3261 (section 8.1.1.7)."""


class Via(NamedTuple):
    """One hop on the way of a request (RFC 3261 section 20.42)."""

    protocol: str
    """``SIP``."""
    version: str
    """``2.0``."""
    transport: str
    """``UDP``, ``TCP``, ``TLS``, ``WSS`` …, as it stands."""
    host: str
    """Where the hop wants responses: a name or an address, IPv6 without brackets."""
    port: int | None
    """``None``: the transport's own."""
    parameters: Parameters

    @property
    def branch(self) -> str:
        """What names the transaction; empty when there is none."""
        return self.parameters.get("branch") or ""

    @property
    def received(self) -> str | None:
        """Where the request came from, as the next hop saw it; IPv6 without brackets."""
        value = self.parameters.get("received")
        return value if value is None else value.strip("[]")

    @property
    def wants_rport(self) -> bool:
        """Whether responses shall go back to the port that the request came from (RFC 3581)."""
        return self.parameters.get("rport") is not None

    @property
    def rport(self) -> int | None:
        """The port that the request came from, as the next hop saw it (RFC 3581)."""
        value = self.parameters.get("rport")
        return parse_port(value) if value else None

    @property
    def maddr(self) -> str | None:
        """Where responses go instead of :attr:`host`."""
        return self.parameters.get("maddr")

    @property
    def ttl(self) -> int | None:
        """Time to live of multicast."""
        return maybe_number(self.parameters.get("ttl") or "", 255)


class Address(NamedTuple):
    """A name-addr or addr-spec with its parameters: From, To, Contact, Route …"""

    display_name: str
    """Without quotation marks; empty when there is none."""
    uri: Uri | None
    """``None`` for the ``*`` of Contact (RFC 3261 section 10.2.2)."""
    parameters: Parameters
    """Of the header field, not of the URI."""
    uri_text: str
    """The URI as it stands; ``*`` for the star."""

    @property
    def tag(self) -> str:
        """The tag of From or To; empty when there is none."""
        return self.parameters.get("tag") or ""


def read_vias(value: str, note: Note = ignore) -> tuple[Via, ...]:
    """Read the values of a Via field; what is none is noted and left out."""
    found = []
    for part in split_list(value.strip(BLANKS), note):
        match = _VIA.match(part)
        if match is None:
            note("value", f"{excerpt(part)} is no Via: protocol, transport and host are expected.")
            continue
        protocol, version, transport, host, port_text = match.groups()
        if not (is_token(protocol) and is_token(version) and is_token(transport)):
            note("value", f"{excerpt(part)} does not begin with a protocol such as SIP/2.0/UDP.")
        port = None if port_text is None else parse_port(port_text, note)
        host = parse_host(host, note)
        parameters = read_parameters(part[match.end() :], note)
        via = Via(protocol, version, transport, host, port, parameters)
        _check_via(via, note)
        found.append(via)
    return tuple(found)


def _check_via(via: Via, note: Note) -> None:
    if via.host == "255.255.255.255":
        note("broadcast", "Via names the broadcast address, where no response may be sent.")
    if via.branch == MAGIC_COOKIE:
        note("branch", f"The branch is the magic cookie {MAGIC_COOKIE} alone, with nothing unique.")
    received = via.received
    if received:
        parse_host(f"[{received}]" if ":" in received else received, note)
    if (rport := via.parameters.get("rport")) and via.rport is None:
        note("port", f"The rport of Via is {excerpt(rport)}, no port number.")
    if via.parameters.get("ttl") is not None and via.ttl is None:
        note("number", "The ttl of Via is no number up to 255.")


def read_contacts(value: str, note: Note = ignore) -> tuple[Address, ...]:
    """Read Contact, whose value may be ``*``."""
    if value == "*":
        return (Address("", None, NO_PARAMETERS, "*"),)
    return read_addresses(value, note)


def read_addresses(value: str, note: Note = ignore) -> tuple[Address, ...]:
    """Read a list of addresses (Route, Record-Route, P-Asserted-Identity …)."""
    return tuple(
        address for part in split_list(value, note) for address in read_address(part, note)
    )


def read_uris(value: str, note: Note = ignore) -> tuple[Address, ...]:
    """Read a list of ``<URI>;parameters`` (Alert-Info, Call-Info, Error-Info)."""
    return read_addresses(value, note)


def read_address(value: str, note: Note = ignore) -> tuple[Address, ...]:
    """Read one address (From, To, Refer-To …); nothing when the value is empty."""
    if not value:
        note("value", "The value is empty; an address is expected.")
        return ()
    at = 0
    if value[0] == '"':
        at = split_quoted(value)
        if at < 0:
            # The mark without its partner quotes nothing: the name goes up to the bracket.
            note("quotation", "The quotation mark of the display name has no partner.")
            at = 0
    opening = value.find("<", at)
    semicolon = value.find(";", at)
    if opening < 0 or (0 <= semicolon < opening and not _named(value[:opening])):
        return (_bare(value, at, note),)
    name = _display_name(value[:opening], at, note)
    closing = value.find(">", opening)
    if closing < 0:
        note("brackets", f"The < before {excerpt(value[opening + 1 :])} has no partner.")
        closing = len(value)
    inside = value[opening + 1 : closing]
    uri = parse_uri(inside, note)
    parameters = read_parameters(value[closing + 1 :], note)
    return (Address(name, uri, parameters, inside.strip(BLANKS)),)


def _named(text: str) -> bool:
    """Return whether what stands before a bracket could be meant as a name, not a URI."""
    return ":" not in text.partition(";")[0]


def _display_name(text: str, quoted: int, note: Note) -> str:
    """Return the display name in what stands before the bracket.

    :param quoted: where its quoted string ends; 0 when it has none.
    """
    if quoted:
        if text[quoted:].strip(BLANKS):
            note("display-name", f"{excerpt(text[quoted:])} stands behind the quoted name.")
        return unquote(text[:quoted])
    name = text.strip(BLANKS)
    if name and not _TOKEN_BLANKS.fullmatch(name):
        note("display-name", f"The display name {excerpt(name)} must be in quotation marks.")
    return name.removeprefix('"')


def _bare(value: str, at: int, note: Note) -> Address:
    """Read an address without brackets: parameters belong to the header (RFC 3261 section 20.10)."""
    name = ""
    if at:
        note("brackets", "A display name needs brackets around the URI behind it.")
        name = unquote(value[:at])
    text, semicolon, tail = value[at:].partition(";")
    text = text.strip(BLANKS)
    uri = parse_uri(text, note)
    if "," in text or "?" in text:
        note("brackets", f"The URI {excerpt(text)} must be in brackets: it has a comma or ? in it.")
    parameters = read_parameters(semicolon + tail, note) if semicolon else NO_PARAMETERS
    return Address(name, uri, parameters, text)
