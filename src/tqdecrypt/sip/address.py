"""Addresses and parameters in header values (RFC 3261 sections 20 and 25.1)."""

from __future__ import annotations

from tqdecrypt.sip.grammar import text

__all__ = ["parameter", "tag_of", "uri_of"]

_QUOTE = 0x22
_SEMICOLON = 0x3B


MOST_URIS = 1 << 14
"""URIs remembered, some 200 bytes each: the messages of a call repeat the same two."""
LONGEST_REMEMBERED = 512
"""Longest value that is remembered, bytes, so that the table stays below 32 MB whatever peers send."""
_uris: dict[bytes, str] = {}


def uri_of(value: bytes) -> str:
    """Return the addr-spec of a name-addr or addr-spec: ``sip:a@b`` of ``"A" <sip:a@b>;tag=1``.

    Without angle brackets, parameters belong to the header (RFC 3261 section 20.10), so that the
    URI ends at the first semicolon.
    """
    # What follows the bracket (a tag, mostly) changes nothing, unless a quoted name holds brackets.
    end = value.find(b">")
    key = value if end < 0 or _QUOTE in value else value[: end + 1]
    uri = _uris.get(key)
    if uri is None:
        uri = _find_uri(key)
        if len(key) <= LONGEST_REMEMBERED:
            if len(_uris) >= MOST_URIS:
                _uris.clear()
            _uris[key] = uri
    return uri


def _find_uri(value: bytes) -> str:
    opening = _without_strings(value).find(b"<")
    if opening < 0:
        return text(value.partition(b";")[0].strip())
    closing = value.find(b">", opening)
    return text(value[opening + 1 : closing if closing >= 0 else len(value)].strip())


def tag_of(value: bytes) -> str:
    """Return the tag of a From or To value; empty when there is none."""
    head, found, tag = value.rpartition(b">;tag=")
    if found and _QUOTE not in tag and _SEMICOLON not in tag and head.find(b";tag=") < 0:
        return tag.strip().decode("utf-8", "backslashreplace")  # nearly always
    opening = _without_strings(value).find(b"<")
    if opening >= 0:
        value = value[value.find(b">", opening) + 1 :]
    if _QUOTE not in value:
        _, found, rest = value.partition(b";tag=")
        if found:
            return rest.partition(b";")[0].strip().decode("utf-8", "backslashreplace")
    return text(parameter(value, b"tag"))


def parameter(value: bytes, name: bytes, *, first_only: bool = False) -> bytes:
    """Return the value of parameter *name* (lower case) behind a semicolon; empty when missing.

    :param first_only: look into the first of several comma-separated values only, as in Via.
    """
    visible = _without_strings(value)
    end = visible.find(b",") if first_only else -1
    if end >= 0:
        visible = visible[:end]
    start = visible.find(b";") + 1
    while start:
        end = visible.find(b";", start)
        part = value[start : end if end >= 0 else len(visible)]
        key, _, content = part.partition(b"=")
        if key.strip().lower() == name:
            return content.strip()
        start = end + 1
    return b""


def _without_strings(value: bytes) -> bytes:
    """Return *value*, at the same length, with its quoted strings blanked out.

    A quotation mark without its partner quotes nothing.
    """
    if _QUOTE not in value:
        return value
    parts = []
    position = 0
    while (opening := value.find(b'"', position)) >= 0:
        closing = _closing_quote(value, opening + 1)
        if closing < 0:
            break
        parts += [value[position:opening], b"_" * (closing + 1 - opening)]
        position = closing + 1
    return b"".join([*parts, value[position:]])


def _closing_quote(value: bytes, position: int) -> int:
    """Return the quotation mark that is not escaped by a backslash; −1 when there is none."""
    while (quote := value.find(b'"', position)) >= 0:
        backslashes = quote - position - len(value[position:quote].rstrip(b"\\"))
        if backslashes % 2 == 0:
            return quote
        position = quote + 1
    return -1
