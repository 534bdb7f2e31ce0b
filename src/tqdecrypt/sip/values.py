"""Header values that say anything else than where: numbers, reasons, dialogs, credentials, types.

Each ``read_`` function takes the unfolded value of one header field and returns the values in it,
mostly one; none when it cannot be told what the value means, and then that is noted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from tqdecrypt.sip.lexical import (
    BLANKS,
    LARGEST_SECONDS,
    Parameter,
    Parameters,
    excerpt,
    is_token,
    read_number,
    read_parameters,
    split_list,
    split_quoted,
    unquote,
)
from tqdecrypt.sip.problems import Note, ignore

__all__ = [
    "CSeq",
    "Credentials",
    "MediaType",
    "Named",
    "RAck",
    "Replaces",
    "RetryAfter",
    "Seconds",
    "SessionId",
    "Warn",
    "read_charging_vector",
    "read_credentials",
    "read_cseq",
    "read_date",
    "read_max_forwards",
    "read_media_type",
    "read_named",
    "read_named_list",
    "read_rack",
    "read_replaces",
    "read_retry_after",
    "read_rseq",
    "read_seconds",
    "read_session_id",
    "read_warnings",
]

LARGEST_CSEQ = 2**31 - 1
"""CSeq numbers are less than 2**31 (RFC 3261 section 8.1.1.5)."""

_CSEQ = re.compile(r"(\S+)[ \t]+(\S+)")
_RACK = re.compile(r"(\S+)[ \t]+(\S+)[ \t]+(\S+)")
_MEDIA_TYPE = re.compile(r"([^ \t/;]*)[ \t]*/[ \t]*([^ \t/;]*)")
_SCHEME = re.compile(r"([^ \t,=]+)(?:[ \t]+|\Z)")
_WARNING = re.compile(r"(\S+)[ \t]+(\S+)[ \t]*")
_UUID = re.compile(r"[0-9a-f]{32}")
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT",
    re.ASCII,
)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_SECRET = frozenset({"response", "rspauth", "password"})
"""Parameters of credentials that say something about a password."""


class CSeq(NamedTuple):
    """Number and method of a request (RFC 3261 section 20.16)."""

    number: int
    method: str


class RAck(NamedTuple):
    """Which provisional response a PRACK acknowledges (RFC 3262 section 7.2)."""

    rseq: int
    """RSeq of the response."""
    cseq: int
    """CSeq of the response."""
    method: str


class Seconds(NamedTuple):
    """A time span, and parameters (Expires, Session-Expires, Min-SE, Min-Expires)."""

    seconds: int
    parameters: Parameters

    @property
    def refresher(self) -> str | None:
        """``uac`` or ``uas``: who refreshes the session (RFC 4028 section 4)."""
        value = self.parameters.get("refresher")
        return value.lower() if value is not None else None


class RetryAfter(NamedTuple):
    """When to try again (RFC 3261 section 20.33)."""

    seconds: int
    comment: str
    """Without its parentheses; mostly empty."""
    parameters: Parameters

    @property
    def duration(self) -> int | None:
        """How long the called party will be reachable then, seconds."""
        value = self.parameters.get("duration")
        return read_number(value, "The duration", LARGEST_SECONDS) if value else None


class Named(NamedTuple):
    """A name with parameters: Reason (RFC 3326), Event, Subscription-State, Content-Disposition …"""

    name: str
    """The protocol of a Reason: ``Q.850``, ``SIP``; the package of an Event."""
    parameters: Parameters

    @property
    def cause(self) -> int | None:
        """Of a Reason: the number that its protocol has for it."""
        value = self.parameters.get("cause")
        return read_number(value, "The cause", 1 << 31) if value else None

    @property
    def text(self) -> str | None:
        """Of a Reason: what it means, in words."""
        return self.parameters.get("text")


class Replaces(NamedTuple):
    """A dialog that a new one shall take the place of, or join (RFC 3891, RFC 3911)."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool
    """Whether it may only replace a dialog that nobody answered yet."""


class SessionId(NamedTuple):
    """One session end to end, across back-to-back user agents (RFC 7989)."""

    local: str
    """The sender's UUID: 32 hexadecimal digits."""
    remote: str | None
    """The other side's; zeros while it is unknown; ``None`` in the older form (RFC 7329)."""


class MediaType(NamedTuple):
    """What a body is (RFC 3261 section 20.15)."""

    kind: str
    """``application``, in lower case."""
    subtype: str
    """``sdp``, in lower case."""
    parameters: Parameters

    def __str__(self) -> str:
        return f"{self.kind}/{self.subtype}"


class Warn(NamedTuple):
    """One value of Warning (RFC 3261 section 20.43)."""

    code: int
    agent: str
    """Host or name of who warns."""
    text: str


class Credentials(NamedTuple):
    """A challenge or the answer to one (RFC 3261 section 22, RFC 8760)."""

    scheme: str
    """``Digest``."""
    parameters: Parameters
    """Without quotation marks.  A scheme's own text without equals sign is a name without value."""

    def __repr__(self) -> str:
        shown = [
            f"{name}=…" if name.lower() in _SECRET else f"{name}={value!r}"
            for name, value in self.parameters
            if value is not None  # all of Basic and Bearer is a secret
        ]
        return f"<{self.scheme} {', '.join(shown)}>"


def read_cseq(value: str, note: Note = ignore) -> tuple[CSeq, ...]:
    """Read CSeq."""
    match = _CSEQ.fullmatch(value)
    number = read_number(match[1], "CSeq", LARGEST_CSEQ, note) if match else None
    if match is None:
        note("value", f"CSeq is {excerpt(value)}; a number and a method are expected.")
    if match is None or number is None:
        return ()
    if not is_token(match[2]):
        note("value", f"{excerpt(match[2])} in CSeq is no method.")
    return (CSeq(number, match[2]),)


def read_rack(value: str, note: Note = ignore) -> tuple[RAck, ...]:
    """Read RAck."""
    match = _RACK.fullmatch(value)
    if match is None:
        note("value", f"RAck is {excerpt(value)}; two numbers and a method are expected.")
        return ()
    rseq = read_number(match[1], "The first number of RAck", LARGEST_SECONDS, note)
    cseq = read_number(match[2], "The second number of RAck", LARGEST_CSEQ, note)
    return () if rseq is None or cseq is None else (RAck(rseq, cseq, match[3]),)


def read_max_forwards(value: str, note: Note = ignore) -> tuple[int, ...]:
    """Read Max-Forwards, 0 … 255."""
    number = read_number(value, "Max-Forwards", 255, note)
    return () if number is None else (number,)


def read_rseq(value: str, note: Note = ignore) -> tuple[int, ...]:
    """Read RSeq."""
    number = read_number(value, "RSeq", LARGEST_SECONDS, note)
    return () if number is None else (number,)


def read_seconds(value: str, note: Note = ignore) -> tuple[Seconds, ...]:
    """Read a number of seconds, with or without parameters."""
    text, semicolon, tail = value.partition(";")
    number = read_number(text.strip(BLANKS), "The number of seconds", LARGEST_SECONDS, note)
    parameters = read_parameters(semicolon + tail, note)
    return () if number is None else (Seconds(number, parameters),)


def read_retry_after(value: str, note: Note = ignore) -> tuple[RetryAfter, ...]:
    """Read Retry-After: seconds, a comment in parentheses, parameters."""
    opening = value.find("(")
    semicolon = value.find(";")
    comment = ""
    rest = value
    if opening >= 0 and (semicolon < 0 or opening < semicolon):
        closing = value.rfind(")")
        if closing < opening:
            note("value", "The comment of Retry-After has no closing parenthesis.")
            closing = len(value)
        comment = value[opening + 1 : closing]
        rest = value[:opening] + value[closing + 1 :]
    found = read_seconds(rest.strip(BLANKS), note)
    return tuple(RetryAfter(one.seconds, comment, one.parameters) for one in found)


def read_named(value: str, note: Note = ignore) -> tuple[Named, ...]:
    """Read a token with parameters."""
    name, semicolon, tail = value.partition(";")
    name = name.strip(BLANKS)
    if not is_token(name):
        note("value", f"{excerpt(name)} stands where a name is expected.")
        if not name:
            return ()
    return (Named(name, read_parameters(semicolon + tail, note)),)


def read_named_list(value: str, note: Note = ignore) -> tuple[Named, ...]:
    """Read a list of tokens with parameters (Reason)."""
    return tuple(named for part in split_list(value, note) for named in read_named(part, note))


def read_replaces(value: str, note: Note = ignore) -> tuple[Replaces, ...]:
    """Read Replaces or Join."""
    call_id, semicolon, tail = value.partition(";")
    parameters = read_parameters(semicolon + tail, note)
    to_tag, from_tag = parameters.get("to-tag"), parameters.get("from-tag")
    if to_tag is None or from_tag is None:
        note("value", "A dialog is named by Call-ID, to-tag and from-tag; one of them is missing.")
    early_only = parameters.get("early-only") is not None
    return (Replaces(call_id.strip(BLANKS), to_tag or "", from_tag or "", early_only),)


def read_session_id(value: str, note: Note = ignore) -> tuple[SessionId, ...]:
    """Read Session-ID."""
    local, semicolon, tail = value.partition(";")
    local = local.strip(BLANKS)
    remote = read_parameters(semicolon + tail, note).get("remote")
    for uuid in (local, remote):
        if uuid is not None and not _UUID.fullmatch(uuid):
            note("uuid", f"{excerpt(uuid)} is not 32 hexadecimal digits in lower case.")
    return (SessionId(local, remote),)


def read_charging_vector(value: str, note: Note = ignore) -> tuple[Parameters, ...]:
    """Read P-Charging-Vector (RFC 7315 section 4.6): ``icid-value``, ``orig-ioi`` …"""
    parameters = read_parameters(";" + value, note)
    if parameters.get("icid-value") is None:
        note("value", "P-Charging-Vector has no icid-value.")
    return (parameters,)


def read_media_type(value: str, note: Note = ignore) -> tuple[MediaType, ...]:
    """Read Content-Type."""
    match = _MEDIA_TYPE.match(value)
    if match is None or not (is_token(match[1]) and is_token(match[2])):
        note("value", f"{excerpt(value)} is no media type such as application/sdp.")
        return ()
    parameters = read_parameters(value[match.end() :], note)
    return (MediaType(match[1].lower(), match[2].lower(), parameters),)


def read_warnings(value: str, note: Note = ignore) -> tuple[Warn, ...]:
    """Read Warning: code, agent and quoted text."""
    found = []
    for part in split_list(value, note):
        match = _WARNING.match(part)
        code = read_number(match[1], "The code of Warning", 999, note) if match else None
        text = part[match.end() :] if match else ""
        if match is None or split_quoted(text) != len(text):
            note("value", f"{excerpt(part)} is no Warning: code, agent, text in quotation marks.")
        if match is not None and code is not None:
            quoted = text[:1] == '"' and split_quoted(text) > 0
            found.append(Warn(code, match[2], unquote(text) if quoted else text))
    return tuple(found)


def read_credentials(value: str, note: Note = ignore) -> tuple[Credentials, ...]:
    """Read Authorization, WWW-Authenticate, Proxy-Authenticate or Proxy-Authorization."""
    match = _SCHEME.match(value)
    if match is None or not is_token(match[1]):
        note("value", f"{excerpt(value[:20])} does not begin with a scheme such as Digest.")
        return ()
    found = []
    for part in split_list(value[match.end() :].strip(BLANKS), note):
        name, equals, content = part.partition("=")
        name, content = name.strip(BLANKS), content.strip(BLANKS)
        if not equals or not is_token(name) or not content.strip("="):
            found.append(Parameter(part, None))  # token68 of Basic and Bearer, or anything
            if match[1].lower() == "digest":
                note("parameter", f"A part of {match[1]} credentials is no name=value.")
            continue
        if content[0] == '"':
            if split_quoted(content) != len(content):
                note(
                    "quotation",
                    f"The quoted value of {excerpt(name)} does not end where it should.",
                )
                content += '"'
            content = unquote(content)
        found.append(Parameter(name, content))
    return (Credentials(match[1], Parameters(found)),)


def read_date(value: str, note: Note = ignore) -> tuple[datetime, ...]:
    """Read Date, which is always in GMT."""
    match = _DATE.fullmatch(value)
    if match is None or _MONTHS.find(match[2]) % 3:
        note("date", f"Date is {excerpt(value)}, not like Sat, 13 Nov 2010 23:29:00 GMT.")
        return ()
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    month = _MONTHS.index(match[2]) // 3 + 1
    try:
        return (datetime(year, month, day, hour, minute, second, tzinfo=UTC),)
    except ValueError:
        note("date", f"There is no day or time {excerpt(value)}.")
        return ()
