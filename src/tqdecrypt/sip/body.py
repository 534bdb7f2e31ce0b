"""Bodies of several parts (RFC 2046 section 5.1, RFC 5621)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.lexical import excerpt
from tqdecrypt.sip.problems import Note, ignore
from tqdecrypt.sip.values import MediaType, Named, read_media_type, read_named

__all__ = ["MOST_DEPTH", "MOST_PARTS", "Part", "find_description", "leaves", "split_parts"]

MOST_PARTS = 64
"""Parts of one body that are taken apart; what comes behind is left in the last one."""
MOST_DEPTH = 4
"""How deep multipart bodies are taken apart; real ones have two levels."""

_DESCRIPTION = re.compile(rb"(?:\A|[\r\n])(v=0)(?=[\r\n]|\Z)")
_BOUNDARY_LINE = re.compile(rb"[\r\n]--")
_FOLD = re.compile(rb"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body; a body without parts is one part."""

    media_type: MediaType | None
    """``None`` when nothing says what it is; in a part of a multipart body that means text/plain."""
    content: bytes = field(repr=False)
    """The part as it stands, without its own header."""
    fields: tuple[tuple[str, str], ...] = ()
    """The part's own header fields: name as it stands, value."""
    disposition: Named | None = None
    """What the part is for (RFC 3261 section 20.11): ``session``, ``render``, ``early-session`` …"""
    parts: tuple[Part, ...] = ()
    """Of a multipart part."""


def split_parts(
    body: bytes, media_type: MediaType, note: Note = ignore, depth: int = 1
) -> tuple[Part, ...]:
    """Return the parts of a multipart body; nothing when it cannot be taken apart."""
    boundary = media_type.parameters.get("boundary")
    if not boundary:
        note("boundary", f"{media_type} has no boundary parameter: its parts cannot be told.")
        return ()
    mark = b"--" + boundary.encode("utf-8", "backslashreplace")
    starts: list[tuple[int, int]] = []  # where a boundary line begins and ends
    closed = False
    at = 0
    while len(starts) <= MOST_PARTS and (at := body.find(mark, at)) >= 0:
        if at and body[at - 1] != 0x0A:
            at += len(mark)
            continue
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end + 1
        rest = body[at + len(mark) : line_end].strip()
        if rest in (b"", b"--"):
            starts.append((at, line_end))
            closed = rest == b"--"
            if closed:
                break
        at = line_end
    if not starts:
        note("multipart", f"The boundary {excerpt(boundary)} does not stand in the body.")
        return ()
    if not closed:
        note("multipart", f"The body ends without the closing boundary {excerpt(boundary)}.")
        starts.append((len(body), len(body)))
    return tuple(
        _part(_without_line_end(body[begin:end]), note, depth)
        for (_, begin), (end, _) in pairwise(starts)
    )


def find_description(body: bytes, content_type: str) -> bytes | None:
    """Return the session description in a body, in a multipart body the first one.

    A body that begins like one needs no Content-Type; in a multipart body that cannot be taken
    apart, the first lines that look like one count.
    """
    kind = next(iter(read_media_type(content_type)), None) if content_type else None
    if kind is None:
        return body if body.startswith(b"v=0") and not content_type else None
    if kind.kind != "multipart":
        return body if str(kind) == "application/sdp" else None
    for part in leaves(split_parts(body, kind)):
        if str(part.media_type) == "application/sdp":
            return part.content
    found = _DESCRIPTION.search(body)
    if found is None:
        return None
    end = _BOUNDARY_LINE.search(body, found.start(1))
    return body[found.start(1) : end.start() if end else len(body)]


def leaves(parts: tuple[Part, ...]) -> list[Part]:
    """Return the parts that have no parts themselves, in their order."""
    found = []
    for part in parts:
        found += leaves(part.parts) if part.parts else [part]
    return found


def _without_line_end(data: bytes) -> bytes:
    """The line end before a boundary belongs to the boundary."""
    return data.removesuffix(b"\n").removesuffix(b"\r")


def _part(data: bytes, note: Note, depth: int) -> Part:
    head, content = _split_head(data)
    fields = []
    kind: MediaType | None = None
    disposition: Named | None = None
    for line in _FOLD.sub(b" ", head).splitlines():
        name, colon, value = line.partition(b":")
        if not colon:
            note("multipart", f"{excerpt(text(line))} in the header of a part is no header field.")
            continue
        name_text, value_text = text(name.strip()), text(value.strip())
        fields.append((name_text, value_text))
        key = name_text.lower()
        if key == "content-type" and kind is None:
            kind = next(iter(read_media_type(value_text, note)), None)
        elif key == "content-disposition" and disposition is None:
            disposition = next(iter(read_named(value_text, note)), None)
    parts: tuple[Part, ...] = ()
    if kind is not None and kind.kind == "multipart" and depth < MOST_DEPTH:
        parts = split_parts(content, kind, note, depth + 1)
    return Part(kind, content, tuple(fields), disposition, parts)


def _split_head(data: bytes) -> tuple[bytes, bytes]:
    """Return the header of a part, which may be empty, and what follows its empty line."""
    for line_end in (b"\r\n", b"\n"):
        if data.startswith(line_end):
            return b"", data[len(line_end) :]
    ends = [(at, len(gap)) for gap in (b"\r\n\r\n", b"\n\n") if (at := data.find(gap)) >= 0]
    if not ends:
        return data, b""
    at, size = min(ends)
    return data[:at], data[at + size :]
