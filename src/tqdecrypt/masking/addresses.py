"""Display names and URIs in values that hold addresses: ``"Name" <URI>;parameters, …``."""

from __future__ import annotations

import re

from tqdecrypt.masking.words import Words

__all__ = ["LIST_ENTRY", "mask_addresses"]

LIST_ENTRY = re.compile(r'(?:"[^"\\]*(?:\\.[^"\\]*)*"|<[^<>]*>|[^,"<])+|[,"<]', re.DOTALL)
"""A value between commas, or what stands there without its partner."""
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def mask_addresses(value: str, words: Words) -> str:
    """Mask a list of addresses; the result is as long as *value*."""
    return "".join(_address(match[0], words) for match in LIST_ENTRY.finditer(value))


def _address(text: str, words: Words) -> str:
    at = len(text) - len(text.lstrip())
    quoted = _QUOTED.match(text, at)
    at = quoted.end() if quoted else 0
    opening = text.find("<", at)
    if opening < 0:
        name = words.name(text[:at]) if quoted else ""
        uri, semicolon, tail = text[at:].partition(";")
        return name + _uri(uri, words) + words.parameters(semicolon + tail)
    closing = text.find(">", opening)
    closing = len(text) if closing < 0 else closing
    front = words.name(text[:at]) + words.name(text[at:opening])
    uri, tail = text[opening + 1 : closing], text[closing:]
    return front + "<" + _uri(uri, words) + tail[:1] + words.parameters(tail[1:])


def _uri(text: str, words: Words) -> str:
    """Mask a URI with blanks around it."""
    bare = text.strip()
    if not bare:
        return text
    begin = text.index(bare)
    return text[:begin] + words.uri(bare) + text[begin + len(bare) :]
