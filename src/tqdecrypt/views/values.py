"""Values of header fields taken apart far enough to compare them: name, URI, parameters.

Not a parser of any one field: whatever a peer sends comes apart somehow, and what cannot be told
apart stays in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tqdecrypt.sip.grammar import text

__all__ = ["Value", "pull_digest", "pull_value"]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_SEMICOLON = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^";])+', re.DOTALL)
_COMMA = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^",])+', re.DOTALL)


class Value(NamedTuple):
    """One value of a header field."""

    main: str
    """The URI without its parameters; without brackets what stands before the first parameter."""
    display: str = ""
    """Display name, without quotation marks."""
    bracketed: bool = False
    """Whether the URI stands in angle brackets."""
    uri_parameters: Mapping[str, str] = MappingProxyType({})
    """Name in lower case -> value; empty for a parameter without one."""
    parameters: Mapping[str, str] = MappingProxyType({})


def pull_value(value: bytes) -> Value:
    """Take ``"Name" <sip:a@b;lr>;tag=1``, or ``SIP/2.0/TLS a;branch=2``, apart."""
    whole = text(value)
    opening = _bracket(whole)
    if opening < 0:
        pieces = _SEMICOLON.findall(whole)
        main = pieces[0].strip() if pieces and whole[:1] != ";" else ""
        return Value(main, parameters=_parameters(pieces[1:] if main else pieces))
    closing = whole.find(">", opening)
    inner = whole[opening + 1 : closing if closing >= 0 else len(whole)]
    rest = whole[closing + 1 :] if closing >= 0 else ""
    uri, *uri_parameters = inner.split(";")
    return Value(
        uri.strip(),
        _unquoted(whole[:opening].strip()),
        True,
        _parameters(uri_parameters),
        _parameters(_SEMICOLON.findall(rest)),
    )


def pull_digest(value: bytes) -> Value:
    """Take ``Digest realm="a", nonce="b"`` apart (RFC 3261 section 25.1, ``digest-cln``)."""
    scheme, _, rest = text(value).strip().partition(" ")
    return Value(scheme, parameters=_parameters(_COMMA.findall(rest)))


def _bracket(whole: str) -> int:
    """Return where the URI begins: the first ``<`` that stands in no string; −1 without any."""
    if '"' not in whole:
        return whole.find("<")
    return _STRING.sub(lambda string: "_" * len(string[0]), whole).find("<")


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def _parameters(pieces: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, content = piece.partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), content.strip())
    return found
