"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), and when two of them are the same.

:func:`parse_uri` always returns something: what cannot be read as the scheme wants it is noted, and
the parts are given as far as they can be told.  Parts stand as they came, escapes included; only
:func:`unescape` and the comparison look through ``%41``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdecrypt.sip.lexical import (
    BLANKS,
    NO_PARAMETERS,
    Parameter,
    Parameters,
    excerpt,
    maybe_number,
)
from tqdecrypt.sip.masked import masked_end
from tqdecrypt.sip.problems import Note, ignore

__all__ = [
    "OtherUri",
    "SipUri",
    "TelUri",
    "Uri",
    "parse_host",
    "parse_port",
    "parse_uri",
    "same_uri",
    "unescape",
]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:;?\[]*)(?::([^;?]*))?")
_HOST_NAME = re.compile(r"[A-Za-z0-9\-._]+")  # underscores are not allowed, but all over the place
_IPV4_SHAPE = re.compile(r"[0-9.]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()%&=+$,;?/]*")
_PASSWORD = re.compile(r"[A-Za-z0-9\-_.!~*'()%&=+$,]*")
_PARAMETER = re.compile(r"[A-Za-z0-9\-_.!~*'()%\[\]/:&+$]*")
_HEADER = re.compile(r"[A-Za-z0-9\-_.!~*'()%\[\]/?:+$]*")
_GLOBAL_NUMBER = re.compile(r"\+[\-.()]*\d[\d\-.()]*")
_LOCAL_NUMBER = re.compile(r"[\-.()]*[\dA-Fa-f*#][\dA-Fa-f*#\-.()]*")
_SEPARATORS = str.maketrans("", "", "-.()")
_RESERVED = frozenset(";/?:@&=+$,")
"""Characters that mean something else when they are not escaped (RFC 2396 section 2.2)."""
_MUST_MATCH = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that make two URIs differ when only one of them has it.  Section 19.1.4 names the first
four in its rules, and ``transport`` in its examples."""


@dataclass(frozen=True, slots=True)
class SipUri:
    """``sip:user:password@host:port;parameters?headers``."""

    scheme: str
    """``sip`` or ``sips``."""
    user: str | None
    """As it stands; ``None`` without userinfo."""
    password: str | None = field(repr=False)
    host: str
    """As it stands, an IPv6 address without its brackets."""
    port: int | None
    """``None`` when none stands there, or none that can be read."""
    parameters: Parameters = NO_PARAMETERS
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields for a request that is made from this URI."""


@dataclass(frozen=True, slots=True)
class TelUri:
    """``tel:+1-201-555-0123;parameters``."""

    number: str
    """As it stands, visual separators included."""
    parameters: Parameters = NO_PARAMETERS
    scheme: str = "tel"

    @property
    def digits(self) -> str:
        """The number without its visual separators."""
        return self.number.translate(_SEPARATORS)


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of any other scheme, or what stands in the place of a URI."""

    scheme: str
    """In lower case; empty when there is none."""
    rest: str
    """What follows the colon; everything when there is no scheme."""

    @property
    def parameters(self) -> Parameters:
        """None: what parameters are is the scheme's own affair."""
        return NO_PARAMETERS


Uri = SipUri | TelUri | OtherUri


def parse_uri(text: str, note: Note = ignore) -> Uri:
    """Read a URI, without brackets around it."""
    stripped = text.strip(BLANKS)
    if len(stripped) < len(text):
        note("uri-blank", f"Blanks stand around the URI {excerpt(stripped)}.")
    match = _SCHEME.match(stripped)
    if match is None:
        note("uri", f"{excerpt(stripped)} is no URI: it has no scheme.")
        return OtherUri("", stripped)
    scheme = match[0][:-1].lower()
    rest = stripped[match.end() :]
    if " " in rest or "\t" in rest:
        note("uri-blank", f"Blanks stand in the URI {excerpt(stripped)}.")
    if scheme in ("sip", "sips"):
        return _parse_sip(scheme, rest, note)
    if scheme == "tel":
        return _parse_tel(rest, note)
    if not rest:
        note("uri", f"Nothing follows the scheme of {excerpt(stripped)}.")
    return OtherUri(scheme, rest)


def _parse_sip(scheme: str, rest: str, note: Note) -> SipUri:
    user = password = None
    # An @ must be escaped in every other part, so that the first one ends the userinfo.
    userinfo, at_sign, behind = rest.partition("@")
    if at_sign:
        rest = behind
        user, colon, secret = userinfo.partition(":")
        password = secret if colon else None
        _check_characters(user, _USER, "The user part", note)
        if password is not None and not _PASSWORD.fullmatch(password):
            note("uri-characters", "The password has characters that must be escaped.")
        if not user:
            note("uri", "Nothing stands before the @ of the URI.")
    match = _HOST_PORT.match(rest)
    assert match is not None  # both parts may be empty
    host, port_text = match[1], match[2]
    end = match.end()
    if port_text is not None and ":" in port_text and _is_ipv6(rest[:end]):
        note("ipv6-brackets", f"The IPv6 address {excerpt(rest[:end])} stands without brackets.")
        host, port = rest[:end], None
    else:
        host = parse_host(host, note)
        port = None if port_text is None else parse_port(port_text.strip(BLANKS), note)
    tail, question, header_text = rest[end:].partition("?")
    if tail and tail[0] != ";":
        note("uri", f"{excerpt(tail)} stands behind the host of the URI.")
    parameters = _uri_parameters(tail.partition(";")[2], note) if ";" in tail else NO_PARAMETERS
    headers = _uri_headers(header_text, note) if question else ()
    return SipUri(scheme, user, password, host, port, parameters, headers)


def _parse_tel(rest: str, note: Note) -> TelUri:
    number, semicolon, tail = rest.partition(";")
    parameters = _uri_parameters(tail, note) if semicolon else NO_PARAMETERS
    if number.startswith("+"):
        if not _GLOBAL_NUMBER.fullmatch(number) and not _is_masked(number[1:]):
            note("tel", f"{excerpt(number)} is no global number: digits follow the plus sign.")
    elif not _LOCAL_NUMBER.fullmatch(number) and not _is_masked(number):
        note("tel", f"{excerpt(number)} is no telephone number.")
    elif parameters.get("phone-context") is None:
        note("tel", f"The local number {excerpt(number)} has no phone-context.")
    return TelUri(number, parameters)


def _is_masked(number: str) -> bool:
    return bool(masked_end(number.translate(_SEPARATORS)))


def parse_host(host: str, note: Note = ignore) -> str:
    """Check a host name, IPv4 address or IPv6 reference; return it without brackets."""
    if host[:1] == "[":
        address = host[1:].removesuffix("]")
        if _is_ipv6(address):
            return address
        if ":::" in address and _is_ipv6(address.replace(":::", "::", 1)):
            # RFC 3261's grammar made this of an IPv4 address at the end (RFC 5118 section 4.10).
            note("ipv6-colons", f"The IPv6 address {excerpt(address)} has three colons in a row.")
        else:
            note("host", f"{excerpt(address)} is no IPv6 address.")
        return address
    bare = host.strip(BLANKS)
    if not bare:
        note("host", "The host is empty.")
    elif _IPV4_SHAPE.fullmatch(bare):
        if not _is_ipv4(bare):
            note("host", f"{excerpt(bare)} is neither an IPv4 address nor a host name.")
    elif not _HOST_NAME.fullmatch(bare):
        note("host", f"{excerpt(bare)} is no host name.")
    return bare


def parse_port(text: str, note: Note = ignore) -> int | None:
    """Read a port number; ``None`` when it is none."""
    port = maybe_number(text, 0xFFFF)
    if port is None:
        missing = "A colon has no port behind it."
        note("port", f"{excerpt(text)} is no port number." if text else missing)
    return port


def _check_characters(text: str, allowed: re.Pattern[str], what: str, note: Note) -> None:
    if not allowed.fullmatch(text) or ("%" in text and _NO_ESCAPE.search(text)):
        note("uri-characters", f"{what} {excerpt(text)} has characters that must be escaped.")


def _uri_parameters(text: str, note: Note) -> Parameters:
    """Read ``name=value;name``."""
    found = []
    for part in text.split(";"):
        name, equals, value = part.strip(BLANKS).partition("=")
        if not name:
            note("empty-element", "A semicolon of a URI has no parameter behind it.")
            continue
        _check_characters(name, _PARAMETER, "The URI parameter", note)
        if equals:
            _check_characters(value, _PARAMETER, "The URI parameter's value", note)
        found.append(Parameter(name, value if equals else None))
    return Parameters(found)


def _uri_headers(text: str, note: Note) -> tuple[tuple[str, str], ...]:
    """Read ``name=value&name=value``."""
    found = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not (name and equals):
            note("uri", f"{excerpt(part)} is no header of a URI: name, equals sign, value.")
        _check_characters(name, _HEADER, "The name of a header in the URI,", note)
        _check_characters(value, _HEADER, "The value of a header in the URI,", note)
        found.append((name, value))
    return tuple(found)


def unescape(text: str) -> str:
    """Return *text* with each ``%HH`` as its character, once (RFC 3986 section 2.4).

    Characters outside ASCII are UTF-8; what is not stands as a backslash escape.
    """
    if "%" not in text:
        return text
    data = re.sub(
        rb"%([0-9A-Fa-f]{2})",
        lambda match: bytes((int(match[1], 16),)),
        text.encode("utf-8", "surrogatepass"),
    )
    return data.decode("utf-8", "backslashreplace")


def same_uri(one: Uri, other: Uri) -> bool:
    """Return whether two URIs mean the same resource (RFC 3261 section 19.1.4, RFC 3966 section 4).

    This is no equivalence: parameters that only one URI has are mostly ignored, so that two URIs can
    equal a third without being equal.
    """
    if isinstance(one, SipUri) and isinstance(other, SipUri):
        return _same_sip(one, other)
    if isinstance(one, TelUri) and isinstance(other, TelUri):
        return _same_tel(one, other)
    return one == other


def _same_sip(one: SipUri, other: SipUri) -> bool:
    return (
        one.scheme == other.scheme
        and _comparable(one.user) == _comparable(other.user)
        and _comparable(one.password) == _comparable(other.password)
        and one.port == other.port
        and _same_host(one.host, other.host)
        and _same_parameters(one.parameters, other.parameters)
        and _comparable_headers(one.headers) == _comparable_headers(other.headers)
    )


def _same_parameters(ones: Parameters, others: Parameters) -> bool:
    one, other = _comparable_parameters(ones), _comparable_parameters(others)
    if any(one[name] != other[name] for name in one.keys() & other.keys()):
        return False
    return not any((name in one) != (name in other) for name in _MUST_MATCH)


def _same_tel(one: TelUri, other: TelUri) -> bool:
    """Parameters must be the same in any order, without regard to case; so must the digits."""
    if one.digits.lower() != other.digits.lower() or (one.number[:1] == "+") != (
        other.number[:1] == "+"
    ):
        return False
    return _tel_parameters(one.parameters) == _tel_parameters(other.parameters)


def _tel_parameters(parameters: Iterable[Parameter]) -> dict[str, str]:
    found = {}
    for name, value in parameters:
        key, content = name.lower(), (value or "").lower()
        if key in ("ext", "isub") or (key == "phone-context" and content.startswith("+")):
            content = content.translate(_SEPARATORS)
        found[key] = content
    return found


def _comparable(text: str | None, fold: bool = False) -> str | None:
    """Return *text* with every escape that changes nothing resolved, the others in capitals."""
    if text is None:
        return None
    if "%" in text:
        text = _ESCAPE.sub(_resolve, text)
    return text.lower() if fold else text


def _resolve(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    plain = "!" <= character <= "~" and character not in _RESERVED and character != "%"
    return character if plain else match[0].upper()


def _comparable_parameters(parameters: Parameters) -> dict[str, str | None]:
    return {
        _comparable(name, fold=True) or "": _comparable(value, fold=True)
        for name, value in parameters
    }


def _comparable_headers(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted(
        (_comparable(name, fold=True) or "", _comparable(value) or "") for name, value in headers
    )


def _same_host(one: str, other: str) -> bool:
    """Compare names without regard to case, IPv6 addresses by what they mean (RFC 5954 section 4.2)."""
    if one.lower() == other.lower():
        return True
    if ":" not in one or ":" not in other:
        return False
    first, second = _packed(one), _packed(other)
    return first is not None and first == second


def _packed(address: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None


def _is_ipv6(text: str) -> bool:
    return ":" in text and _packed(text) is not None


def _is_ipv4(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True
