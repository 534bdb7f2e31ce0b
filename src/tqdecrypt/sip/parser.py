"""The full parse of one SIP message (RFC 3261 section 25), for who looks at it closely.

The index pass (:mod:`tqdecrypt.sip.index`) reads the seven fields that calls need, at two
microseconds a message.  This reads everything: :func:`parse_message` splits the message, and the
values of its fields are read when somebody asks for them.  Nothing but a missing start line refuses
a message; what is wrong with the rest stands in :attr:`ParsedMessage.problems`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar, overload

from tqdecrypt.errors import Malformed
from tqdecrypt.sip.body import Part, find_description, leaves, split_parts
from tqdecrypt.sip.checks import check_message
from tqdecrypt.sip.field_names import key_of, long_name
from tqdecrypt.sip.fields import READERS
from tqdecrypt.sip.grammar import find_body, is_start_line, text
from tqdecrypt.sip.index import content_length
from tqdecrypt.sip.lexical import Parameters
from tqdecrypt.sip.places import Address, Via
from tqdecrypt.sip.problems import Notes, Problem
from tqdecrypt.sip.sdp import SessionDescription
from tqdecrypt.sip.sdp_reader import parse_sdp
from tqdecrypt.sip.uri import Uri, parse_uri
from tqdecrypt.sip.values import (
    Credentials,
    CSeq,
    MediaType,
    Named,
    RAck,
    Replaces,
    RetryAfter,
    Seconds,
    SessionId,
    Warn,
)

__all__ = ["HeaderField", "ParsedMessage", "parse_message"]

_REQUEST_LINE = re.compile(
    r"([^ \t]+)[ \t]+([^ \t].*)[ \t]((?i:SIP)/\d+\.\d+)[ \t]*", re.ASCII | re.DOTALL
)
_STATUS_LINE = re.compile(
    r"((?i:SIP)/\d+\.\d+)[ \t]+(\d+)(?:[ \t]+(.*)|(.*))", re.ASCII | re.DOTALL
)
_STRIPPED = " \t\n\r\x0b\x0c"
"""What ``bytes.strip`` strips, and so what the index pass does."""


class HeaderField(NamedTuple):
    """One header field."""

    name: str
    """As it stands, without blanks."""
    key: str
    """In lower case and the long form: what names are compared by."""
    value: str
    """Unfolded, without blanks around it."""
    offset: int
    """Where its line begins in the message."""

    @property
    def long_name(self) -> str:
        """The name as the registry spells it: ``Call-ID`` for ``i``."""
        return long_name(self.key, self.name)


T = TypeVar("T")


class _All(Generic[T]):
    """Every value of a field, on all its lines."""

    def __init__(self, key: str) -> None:
        self.key = key

    @overload
    def __get__(self, message: None, owner: type) -> _All[T]: ...
    @overload
    def __get__(self, message: ParsedMessage, owner: type) -> tuple[T, ...]: ...
    def __get__(self, message: ParsedMessage | None, owner: type) -> _All[T] | tuple[T, ...]:
        return self if message is None else message.typed(self.key)


class _First(Generic[T]):
    """The first value of a field; ``None`` when there is none that can be read."""

    def __init__(self, key: str) -> None:
        self.key = key

    @overload
    def __get__(self, message: None, owner: type) -> _First[T]: ...
    @overload
    def __get__(self, message: ParsedMessage, owner: type) -> T | None: ...
    def __get__(self, message: ParsedMessage | None, owner: type) -> _First[T] | T | None:
        if message is None:
            return self
        values = message.typed(self.key)
        return values[0] if values else None


class ParsedMessage:
    """One request or response, taken apart.  Made by :func:`parse_message`; nothing changes it."""

    __slots__ = (
        "_cache",
        "_notes",
        "behind",
        "body",
        "body_start",
        "declared_length",
        "fields",
        "method",
        "raw",
        "reason",
        "request_uri",
        "start",
        "start_line",
        "status",
        "version",
    )

    raw: bytes
    """What was parsed."""
    start: int
    """Where the start line begins: behind line ends that keep a connection open."""
    start_line: str
    method: str | None
    """``None`` for a response."""
    request_uri: str | None
    """As it stands."""
    version: str
    """``SIP/2.0``."""
    status: int | None
    """Any number that stands there; ``None`` for a request."""
    reason: str | None
    """Reason phrase of a response; ``None`` for a request."""
    fields: tuple[HeaderField, ...]
    """The header fields in their order."""
    body_start: int
    """Where the body begins in :attr:`raw`; its end when the header has none."""
    body: bytes
    """As long as Content-Length says and as there is, or up to the end without Content-Length."""
    behind: int
    """Bytes behind the body: in a datagram they mean nothing (RFC 3261 section 18.3)."""
    declared_length: int | None
    """Content-Length; −1 when it is not a number; ``None`` without it."""

    vias = _All[Via]("via")
    """From the last hop down to the sender of the request."""
    from_ = _First[Address]("from")
    to = _First[Address]("to")
    contacts = _All[Address]("contact")
    routes = _All[Address]("route")
    record_routes = _All[Address]("record-route")
    paths = _All[Address]("path")
    service_routes = _All[Address]("service-route")
    refer_to = _First[Address]("refer-to")
    referred_by = _First[Address]("referred-by")
    reply_to = _First[Address]("reply-to")
    asserted_identities = _All[Address]("p-asserted-identity")
    preferred_identities = _All[Address]("p-preferred-identity")
    remote_party_ids = _All[Address]("remote-party-id")
    diversions = _All[Address]("diversion")
    history = _All[Address]("history-info")
    cseq = _First[CSeq]("cseq")
    max_forwards = _First[int]("max-forwards")
    expires = _First[Seconds]("expires")
    min_expires = _First[Seconds]("min-expires")
    session_expires = _First[Seconds]("session-expires")
    min_se = _First[Seconds]("min-se")
    rack = _First[RAck]("rack")
    rseq = _First[int]("rseq")
    reasons = _All[Named]("reason")
    replaces = _First[Replaces]("replaces")
    join = _First[Replaces]("join")
    session_id = _First[SessionId]("session-id")
    charging_vector = _First[Parameters]("p-charging-vector")
    authorizations = _All[Credentials]("authorization")
    challenges = _All[Credentials]("www-authenticate")
    proxy_authorizations = _All[Credentials]("proxy-authorization")
    proxy_challenges = _All[Credentials]("proxy-authenticate")
    require = _All[str]("require")
    proxy_require = _All[str]("proxy-require")
    supported = _All[str]("supported")
    unsupported = _All[str]("unsupported")
    allow = _All[str]("allow")
    allow_events = _All[str]("allow-events")
    event = _First[Named]("event")
    subscription_state = _First[Named]("subscription-state")
    content_type = _First[MediaType]("content-type")
    content_disposition = _First[Named]("content-disposition")
    warnings = _All[Warn]("warning")
    retry_after = _First[RetryAfter]("retry-after")
    date = _First[datetime]("date")

    def __init__(self) -> None:
        self._cache: dict[str, Any] = {}
        self._notes = Notes()

    def __repr__(self) -> str:
        return f"<{self.start_line[:60]!r}, {len(self.fields)} fields, {len(self.body)} bytes>"

    @property
    def call_id(self) -> str:
        """Empty when there is none."""
        return self.value("call-id") or ""

    @property
    def uri(self) -> Uri | None:
        """The Request-URI; ``None`` for a response."""
        if self.request_uri is None:
            return None
        return parse_uri(self.request_uri)

    def value(self, name: str) -> str | None:
        """Return the text of the first field *name*, in any form; ``None`` when there is none."""
        key = key_of(name)
        return next((_value(field) for field in self.fields if field.key == key), None)

    def values(self, name: str) -> list[str]:
        """Return the texts of all fields *name*, a line each."""
        key = key_of(name)
        return [_value(field) for field in self.fields if field.key == key]

    def typed(self, name: str) -> tuple[Any, ...]:
        """Return the values of all fields *name*, as the reader in
        :data:`~tqdecrypt.sip.fields.READERS` reads them; text when there is no reader.
        """
        key = key_of(name)
        found = self._cache.get(key)
        if found is None:
            notes = self._notes
            read = READERS.get(key)
            gathered: list[object] = []
            for field in self.fields:
                if field.key == key:
                    notes.offset = field.offset
                    value = _value(field)
                    gathered += (value,) if read is None else read(value, notes)
            found = self._cache[key] = tuple(gathered)
        values: tuple[Any, ...] = found
        return values

    @property
    def parts(self) -> tuple[Part, ...]:
        """The body's parts that have no parts themselves; nothing without a body."""
        return self._keep("*parts", self._split_body)

    @property
    def session_description(self) -> SessionDescription | None:
        """The session description in the body, in a multipart body the first one."""
        return self._keep("*sdp", self._read_description)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is not as the specifications want it, in the order of the lines."""
        return self._keep("*problems", self._find_problems)

    def _keep(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._cache:
            self._cache[key] = make()
        kept: T = self._cache[key]
        return kept

    def _split_body(self) -> tuple[Part, ...]:
        if not self.body:
            return ()
        kind = self.content_type
        whole = Part(kind, self.body, (), self.content_disposition)
        if kind is None or kind.kind != "multipart":
            return (whole,)
        self._notes.offset = self.body_start
        return tuple(leaves(split_parts(self.body, kind, self._notes))) or (whole,)

    def _read_description(self) -> SessionDescription | None:
        content = (
            find_description(self.body, self.value("content-type") or "") if self.body else None
        )
        return None if content is None else parse_sdp(content)

    def _find_problems(self) -> tuple[Problem, ...]:
        for key in {field.key for field in self.fields} & READERS.keys():
            self.typed(key)
        _ = self.parts
        check_message(self, self._notes)
        return tuple(sorted((*self._notes.all(), *self._description_problems()), key=_by_line))

    def _description_problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the session description, by the lines of the message."""
        description = self.session_description
        if description is not None:
            begin = self.raw.find(description.raw, self.body_start)
            for problem in description.problems:
                yield problem._replace(offset=begin + problem.offset)


def parse_message(raw: bytes) -> ParsedMessage:
    """Parse one message: start line to the end of the body, and maybe more behind it.

    :raises Malformed: when no start line stands there; nothing else refuses a message.
    """
    start = 0
    if raw[:1] in (b"\r", b"\n"):
        start = len(raw) - len(raw.lstrip(b"\r\n"))
    line_end = raw.find(b"\n", start)
    first = raw[start : line_end if line_end >= 0 else len(raw)]
    first = first.removesuffix(b"\r")
    if not is_start_line(first):
        raise Malformed("a request line or a status line", raw[start : start + 80], start)
    message = ParsedMessage()
    message.raw = raw
    message.start = start
    _read_start_line(message, text(first))
    body_start = find_body(raw, start)
    notes = message._notes
    if body_start < 0:
        notes.offset = len(raw)
        notes("header-cut", "The message ends before the empty line below its header.")
        body_start = len(raw)
    message.body_start = body_start
    message.fields = _split_header(raw, start, body_start, notes)
    _cut_body(message, notes)
    return message


def _read_start_line(message: ParsedMessage, line: str) -> None:
    message.start_line = line
    status = _STATUS_LINE.fullmatch(line)
    if status is not None:
        message.version = status[1].upper()
        digits = status[2][:100]  # int() of more would take its time, and means nothing
        message.status = int(digits)
        message.reason = (status[3] or status[4] or "").strip(_STRIPPED)
        message.method = message.request_uri = None
        return
    request = _REQUEST_LINE.fullmatch(line)
    uri = request[2].strip(_STRIPPED) if request else ""
    if request is None or not uri:
        raise Malformed("a request line", line[:80], message.start)
    message.method, message.request_uri = request[1], uri
    message.version = request[3].upper()
    message.status = message.reason = None


def _split_header(raw: bytes, start: int, body_start: int, notes: Notes) -> tuple[HeaderField, ...]:
    """Return the header fields, as :func:`~tqdecrypt.sip.grammar.pull_fields` splits them."""
    head = raw[start:body_start]
    first_end = head.find(b"\n")
    if first_end > 0 and head[first_end - 1] == 0x0D:
        lines = head.split(b"\r\n")
        ending = 2
    else:
        lines = head.split(b"\n")
        ending = 1
    fields: list[HeaderField] = []
    folds: list[bytes] = []
    foldable = False
    at = start
    for line in lines:
        begin, at = at, at + len(line) + ending
        if begin == start:
            continue
        if line[:1] in (b" ", b"\t"):
            if foldable:
                folds.append(line.strip())
            elif line.strip():
                notes.offset = begin
                notes("stray-line", "A line that continues nothing: it begins with a blank.")
            continue
        if folds:
            _unfold(fields, folds)
        name, colon, value = line.partition(b":")
        foldable = bool(colon)
        if colon:
            bare = text(name.rstrip(b" \t"))
            fields.append(HeaderField(bare, key_of(bare), text(value.strip()), begin))
        elif line.strip():
            notes.offset = begin
            notes("stray-line", f"{text(line[:60])!r} is no header field: it has no colon.")
    if folds:
        _unfold(fields, folds)
    return tuple(fields)


def _unfold(fields: list[HeaderField], folds: list[bytes]) -> None:
    """Put continuation lines behind the value of the last field (RFC 3261 section 7.3.1)."""
    last = fields[-1]
    value = " ".join(filter(None, [last.value, *map(text, folds)]))
    fields[-1] = last._replace(value=value)
    folds.clear()


def _cut_body(message: ParsedMessage, notes: Notes) -> None:
    raw, body_start = message.raw, message.body_start
    length = content_length(raw, message.start, body_start)
    message.declared_length = length
    present = len(raw) - body_start
    size = present
    if length is not None:
        notes.offset = next((f.offset for f in message.fields if f.key == "content-length"), 0)
        if length < 0:
            value = message.value("content-length")
            notes("content-length", f"Content-Length is {value!r}, not a number.")
        elif length > present:
            sentence = f"Content-Length is {length}, but only {present} bytes follow the header."
            notes("body-cut", sentence)
        else:
            size = length
    message.body = raw[body_start : body_start + size]
    message.behind = present - size


def _value(field: HeaderField) -> str:
    """Return the value up to a CR, which no value may hold; the index pass cuts there, too."""
    value = field.value
    return value.partition("\r")[0].strip(_STRIPPED) if "\r" in value else value


def _by_line(problem: Problem) -> int:
    return problem.offset
