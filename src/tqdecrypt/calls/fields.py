"""Header fields of messages that the analysis looks at, found in a hurry.

:func:`fields_of` reads the whole header once, at a third of the cost of
:func:`~tqdecrypt.sip.headers`; :func:`maybe_field` looks for one field and mostly learns that it is
not there.  What both find is what :func:`~tqdecrypt.sip.grammar.pull_fields` finds; a property test
holds them equal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from tqdecrypt.sip.address import tag_of
from tqdecrypt.sip.grammar import COMPACT_FORMS, pull_fields
from tqdecrypt.sip.message import Flow, Message

__all__ = [
    "FieldNames",
    "fields_of",
    "host_of",
    "maybe_field",
    "same_ends",
    "same_hosts",
    "session_description",
    "split_values",
    "tag_in",
    "uri_host",
]

MOST_NAMES = 4096
"""Spellings of names remembered in each table; a full one is emptied and fills anew."""

MOST_REMEMBERED = 256
"""Bytes of what is remembered: longer names and values are read anew each time."""

MOST_LAYOUTS = 1024
"""Orders of header fields remembered of each table of names, likewise."""
OFTEN = 16
"""How often an order of header fields must be met before it is worth a pattern of its own."""
LONGEST_LAYOUT = 1024
"""Bytes of all names of a header that is remembered so."""

MOST_HOSTS = 1 << 14
"""Endpoints whose host is remembered, likewise."""
_hosts: dict[str, str] = {}

_BLANKS = (b" ", b"\t")
_MARKS = re.compile(rb'[,"<]')
_HOST = re.compile(r"^[a-zA-Z]+:(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]*)")
_CLOSING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
"""A quoted string behind its first quotation mark."""

MOST_TAGS = 1 << 14
"""From and To values whose tag is remembered, likewise: all messages of a call repeat the same, and
so they share it."""
_tags: dict[bytes, str] = {}

_COMPACT = {key: b"\n" + short for short, key in COMPACT_FORMS.items()}


class Layout:
    """Which lines of a header have the fields that are wanted, by the names of all lines."""

    __slots__ = ("keys", "lines", "pattern", "seen")

    def __init__(self, keys: tuple[bytes, ...], lines: tuple[int, ...]) -> None:
        self.keys = keys
        """Of the fields that are wanted and there."""
        self.lines = lines
        """Which line has each of them, from 0; empty when one of them is there twice."""
        self.seen = 0
        """How often it was met."""
        self.pattern: re.Pattern[bytes] | None = None
        """Matches a header from the end of its start line on, for one that is met often."""

    def compile(self, names: tuple[bytes, ...]) -> None:
        """Make the pattern; *names* are those of all lines, and of the two that are empty."""
        lines = [
            rb"\r\n%s:%s" % (re.escape(name), rb"([^\r]*)" if at in self.lines else rb"[^\r]*")
            for at, name in enumerate(names[:-2])
        ]
        self.pattern = re.compile(b"".join(lines) + rb"\r\n\r\n")


class FieldNames(dict[bytes, bytes | None]):
    """Spellings of names → the key of a wanted field, or ``None``; fills itself.

    An element writes the same fields in the same order, call after call.  What the order says is
    remembered, and that of the last message of the same kind on the same flow is tried first.

    :param wanted: keys (lower case, long form) of the fields that are wanted; ``None``: all.
    """

    __slots__ = ("_layouts", "_wanted", "usual")

    def __init__(self, wanted: frozenset[bytes] | None = None) -> None:
        super().__init__()
        self._wanted = wanted
        self._layouts: dict[tuple[bytes, ...], Layout] = {}
        self.usual: dict[tuple[Flow, int | None, str], Layout] = {}
        """By flow, status and method of CSeq; only layouts that have a pattern."""

    def layout(self, names: tuple[bytes, ...], message: Message) -> Layout:
        """Return the layout of a header with lines of these names, which is that of *message*."""
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._learn(names)
        layout.seen += 1
        if layout.seen == OFTEN and layout.lines and names[-2:] == (b"", b""):
            layout.compile(names)
        if layout.pattern is not None:
            if len(self.usual) >= MOST_LAYOUTS:
                self.usual.clear()
            self.usual[message.flow, message.status, message.cseq_method] = layout
        return layout

    def _learn(self, names: tuple[bytes, ...]) -> Layout:
        found = [
            (key, at) for at, key in enumerate(map(self.__getitem__, names)) if key is not None
        ]
        keys, lines = tuple([key for key, _ in found]), tuple([at for _, at in found])
        layout = Layout(keys, lines if len(set(keys)) == len(keys) else ())
        if len(self._layouts) >= MOST_LAYOUTS:
            self._layouts.clear()
        if sum(map(len, names)) <= LONGEST_LAYOUT:
            self._layouts[names] = layout
        return layout

    def __missing__(self, name: bytes) -> bytes | None:
        bare = name.rstrip(b" \t").lower()
        key: bytes | None = COMPACT_FORMS.get(bare, bare)
        if self._wanted is not None and key not in self._wanted:
            key = None
        if len(self) >= MOST_NAMES:
            self.clear()
        if len(name) <= MOST_REMEMBERED:
            self[name] = key
        return key


_every_name = FieldNames()


def fields_of(message: Message, names: FieldNames = _every_name) -> dict[bytes, bytes]:
    """Return the header fields: name in lower case and the long form → value.

    Values of a field that stands there several times are joined by ``, `` in their order, which
    means the same (RFC 3261 section 7.3.1).

    :param names: which fields are wanted; what else comes along may be ignored.
    """
    raw = message.raw
    usual = names.usual.get((message.flow, message.status, message.cseq_method))
    if usual is not None and usual.pattern is not None:
        match = usual.pattern.match(raw, raw.find(b"\n") - 1)
        if match is not None and match.end() == message.body_start:
            values = map(bytes.strip, match.groups())
            return dict(zip(usual.keys, values, strict=True))
    head = raw[: message.body_start]
    if b"\r\n " in head or b"\r\n\t" in head or head[head.find(b"\n") - 1 :][:1] != b"\r":
        return _completely(message)
    lines = [line.partition(b":") for line in head.split(b"\r\n")]
    del lines[0]
    layout = names.layout(tuple([name for name, _, _ in lines]), message)
    if not layout.lines:
        return _with_several(lines, names) if layout.keys else {}
    found: dict[bytes, bytes] = {}
    for key, at in zip(layout.keys, layout.lines, strict=True):
        _, colon, value = lines[at]
        if colon:
            found[key] = value.strip()
    return found


def maybe_field(message: Message, key: bytes) -> bytes | None:
    """Return the value of field *key* (lower case, long form); ``None`` when there is none.

    Several values are joined as by :func:`fields_of`.
    """
    raw = message.raw
    head = raw[: message.body_start].lower()
    line = b"\n" + key
    at = head.find(line)
    compact = _COMPACT.get(key)
    if at < 0:
        return fields_of(message).get(key) if compact and compact in head else None
    start = at + len(line)
    end = raw.find(b"\r\n", start)
    if (
        head[start : start + 1] != b":"
        or head.find(line, start) >= 0
        or raw[end + 2 : end + 3] in _BLANKS
        or raw.find(b"\n", start, end) >= 0
        or (compact and compact in head)
        or head[at - 1 : at] != b"\r"
        or raw[raw.find(b"\n") - 1 : raw.find(b"\n")] != b"\r"
    ):
        return fields_of(message).get(key)
    return raw[start + 1 : end].strip()


def contact_of(message: Message) -> bytes | None:
    """Return the value of Contact, of several lines the first one; ``None`` when there is none."""
    raw = message.raw
    at = raw.find(b"\r\nContact: ", 0, message.body_start) + 11
    if at < 11:
        return maybe_field(message, b"contact")
    end = raw.find(b"\r", at)
    if raw[end + 2 : end + 3] in _BLANKS:
        return maybe_field(message, b"contact")
    return raw[at:end].strip()


def session_description(message: Message) -> bytes:
    """Return the session description in the body, in a multipart body the first; or nothing."""
    raw = message.raw
    start = message.body_start
    if start >= len(raw):
        return b""
    body = raw[start:]
    if body[:3] == b"v=0":
        return body
    at = body.find(b"\nv=0")
    if at < 0:
        return b""
    kind = maybe_field(message, b"content-type") or b""
    if not kind.lower().startswith(b"multipart/"):
        return b""
    end = body.find(b"\n--", at)  # no line of a session description begins so
    return body[at + 1 : end + 1 if end >= 0 else len(body)]


def split_values(value: bytes) -> list[bytes]:
    """Return the values that commas separate; commas in quoted strings and in ``<>`` do not."""
    if b"," not in value:
        return [value] if value else []
    parts = []
    start = at = 0
    quotes = brackets = True  # whether one that opens may still find its partner
    while (mark := _MARKS.search(value, at)) is not None:
        at = mark.end()
        if mark[0] == b",":
            parts.append(value[start : at - 1].strip())
            start = at
        elif mark[0] == b"<" and brackets:
            end = value.find(b">", at)
            brackets = end >= 0
            at = max(at, end + 1)
        elif mark[0] == b'"' and quotes:
            closing = _CLOSING.match(value, at)
            quotes = closing is not None
            at = closing.end() if closing else at
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def host_of(endpoint: str) -> str:
    """Return the host of ``ip:port``."""
    host = _hosts.get(endpoint)
    if host is None:
        if len(_hosts) >= MOST_HOSTS:
            _hosts.clear()
        host = _hosts[endpoint] = sys.intern(endpoint.rpartition(":")[0] or endpoint)
    return host


def uri_host(uri: str) -> str:
    """Return the host of a SIP URI in lower case, IPv6 without brackets; empty for ``tel:``."""
    match = _HOST.match(uri)
    if match is None or uri[:4].lower() == "tel:":
        return ""
    return match[1].strip("[]").lower()


def tag_in(value: bytes) -> str:
    """Return the tag of a From or To value; empty when there is none."""
    tag = _tags.get(value)
    if tag is None:
        if b"tag" not in value.lower():
            return ""
        tag = tag_of(value)
        if len(_tags) >= MOST_TAGS:
            _tags.clear()
        if len(value) <= MOST_REMEMBERED:
            _tags[value] = tag
    return tag


def same_hosts(one: Flow, other: Flow) -> bool:
    """Return whether both lead from the same host to the same: a connection may have been renewed."""
    return one is other or (
        host_of(one.source) == host_of(other.source)
        and host_of(one.destination) == host_of(other.destination)
    )


def same_ends(one: Flow, other: Flow) -> bool:
    """Return whether both lead from the same address and port to the same."""
    return one is other or (one.source == other.source and one.destination == other.destination)


def _with_several(
    lines: Iterable[tuple[bytes, bytes, bytes]], names: FieldNames
) -> dict[bytes, bytes]:
    """Return the fields of a header in which a wanted one is there more than once."""
    found: dict[bytes, list[bytes]] = {}
    for name, colon, value in lines:
        key = names[name]
        if key is not None and colon:
            found.setdefault(key, []).append(value.strip())
    return {key: b", ".join(values) for key, values in found.items()}


def _completely(message: Message) -> dict[bytes, bytes]:
    found: dict[bytes, list[bytes]] = {}
    for field in pull_fields(message.raw, message.body_start)[1]:
        found.setdefault(field.key, []).append(field.value)
    return {key: b", ".join(values) for key, values in found.items()}
