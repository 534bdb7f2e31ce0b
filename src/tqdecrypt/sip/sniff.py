"""Telling SIP from the first bytes of a stream or datagram."""

from __future__ import annotations

import re

__all__ = ["looks_like_sip"]

MOST_METHOD = 32
"""Longest method that is taken for one; the longest registered has nine letters."""

_REQUEST = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]{1,32}[ \t]+(?i:sips?|tel):")
_RESPONSE = re.compile(rb"(?i:SIP)/2\.0[ \t]+\d{3,10}(?!\d)")
_METHOD_PART = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]{1,32}(?P<rest>[ \t]+(?P<scheme>[A-Za-z]*))?\Z")
_RESPONSE_PART = re.compile(rb"(?i:SIP)/2\.0[ \t]*\d{0,10}\Z")
_SCHEMES = (b"sip:", b"sips:", b"tel:")
_VERSION = b"SIP/2.0"


def looks_like_sip(data: bytes) -> bool | None:
    """Return whether a stream or datagram that begins with *data* is SIP.

    Line ends in front are keep-alives (RFC 5626 section 3.5.1).  ``None``: it may be, but it takes
    more bytes to tell.
    """
    start = data[:512].lstrip(b"\r\n")
    if not start:
        return None
    if _REQUEST.match(start):
        line, found, _ = start.partition(b"\n")
        if not found:
            return True
        return line.rstrip().upper().endswith(_VERSION)
    if _RESPONSE.match(start):
        return True
    upper = start.upper()
    if _VERSION.startswith(upper) or _RESPONSE_PART.match(start):
        return None
    part = _METHOD_PART.match(start)
    if part is None:
        return False
    scheme = (part["scheme"] or b"").lower()
    return None if any(known.startswith(scheme) for known in _SCHEMES) else False
