"""Addresses and parameters in header values (RFC 3261 sections 20 and 25.1)."""

from __future__ import annotations

from collections.abc import Iterator

from tqdecrypt.sip.grammar import text

__all__ = ["parameter", "tag_of", "uri_of"]

_QUOTE = 0x22


def uri_of(value: bytes) -> str:
    """Return the addr-spec of a name-addr or addr-spec: ``sip:a@b`` of ``"A" <sip:a@b>;tag=1``.

    Without angle brackets, parameters belong to the header (RFC 3261 section 20.10), so that the
    URI ends at the first semicolon.
    """
    opening = _find_unquoted(value, b"<")
    if opening < 0:
        return text(value.partition(b";")[0].strip())
    closing = value.find(b">", opening)
    return text(value[opening + 1 : closing if closing >= 0 else len(value)].strip())


def tag_of(value: bytes) -> str:
    """Return the tag of a From or To value; empty when there is none."""
    opening = _find_unquoted(value, b"<")
    if opening >= 0:
        value = value[value.find(b">", opening) + 1 :]
    if _QUOTE not in value:  # nearly always
        _, found, rest = value.partition(b";tag=")
        if found:
            return rest.partition(b";")[0].strip().decode("utf-8", "backslashreplace")
    return text(parameter(value, b"tag"))


def parameter(value: bytes, name: bytes, *, first_only: bool = False) -> bytes:
    """Return the value of parameter *name* (lower case) behind a semicolon; empty when missing.

    :param first_only: look into the first of several comma-separated values only, as in Via.
    """
    if first_only:
        value = next(_split_unquoted(value, b","))
    parts = _split_unquoted(value, b";")
    next(parts)
    for part in parts:
        key, _, content = part.partition(b"=")
        if key.strip().lower() == name:
            return content.strip()
    return b""


def _split_unquoted(value: bytes, separator: bytes) -> Iterator[bytes]:
    """Split at each *separator* that stands outside quoted strings."""
    while (at := _find_unquoted(value, separator)) >= 0:
        yield value[:at]
        value = value[at + 1 :]
    yield value


def _find_unquoted(value: bytes, wanted: bytes) -> int:
    """Return the first *wanted* outside quoted strings; −1 when there is none.

    A quotation mark without its partner quotes nothing.
    """
    at = value.find(wanted)
    if _QUOTE not in value:
        return at
    position = 0
    while at >= 0:
        quote = value.find(b'"', position, at)
        closing = _closing_quote(value, quote + 1) if quote >= 0 else -1
        if closing < 0:
            break
        position = closing + 1
        at = value.find(wanted, position)
    return at


def _closing_quote(value: bytes, position: int) -> int:
    """Return the quotation mark that is not escaped by a backslash; −1 when there is none."""
    while True:
        quote = value.find(b'"', position)
        if quote < 0:
            return -1
        backslashes = quote - len(value[position:quote].rstrip(b"\\")) - position
        if backslashes % 2 == 0:
            return quote
        position = quote + 1
