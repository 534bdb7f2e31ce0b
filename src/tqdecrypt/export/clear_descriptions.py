"""Session descriptions as they would have been for media in clear.

Whoever reads them beside clear RTP takes it for SRTP as long as they announce SRTP.  So the profile is
written as its counterpart without protection (RFC 3551, RFC 4585), and the attributes that speak of keys
get a name that nobody knows; their values stay, so that a person still sees what was offered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tqdecrypt.sip.body import find_description
from tqdecrypt.sip.headers import header

if TYPE_CHECKING:
    from tqdecrypt.sip import Message

__all__ = ["DESCRIPTION_CHANGED", "clear_description"]

DESCRIPTION_CHANGED = (
    "session description changed, as the media is written in clear: RTP/SAVP to RTP/AVP, a=crypto to "
    "a=x-crypto and their like"
)
"""What is said of a message with such a description."""

_PROFILE = re.compile(rb"^(m=[^\s]+ +[^\s]+ +)(?:UDP/TLS/)?RTP/SAVP(F?)(?=[ \r\n]|\Z)", re.M | re.I)
_KEYS = re.compile(rb"^a=(?=(?:crypto|fingerprint|setup|key-mgmt|zrtp-hash)[: \r\n])", re.M | re.I)
"""SDES (RFC 4568), DTLS-SRTP (RFC 5763), MIKEY (RFC 4567), ZRTP (RFC 6189)."""
_LENGTH = re.compile(rb"^((?:content-length|l)[ \t]*:[ \t]*)(\d+)(?=[ \t]*\r?$)", re.M | re.I)


def clear_description(message: Message) -> bytes:
    """Return the message with what its session description would say of media in clear.

    Content-Length follows where it was right.
    """
    raw, start = message.raw, message.body_start
    body = raw[start:]
    description = find_description(body, header(message, "Content-Type") or "")
    if not description:
        return raw
    changed = _KEYS.sub(b"a=x-", _PROFILE.sub(rb"\1RTP/AVP\2", description))
    if changed == description:
        return raw
    at = body.index(description)
    after = b"".join((body[:at], changed, body[at + len(description) :]))

    def length(match: re.Match[bytes]) -> bytes:
        right = int(match[2]) == len(body)
        return match[1] + (b"%d" % len(after) if right else match[2])

    return _LENGTH.sub(length, raw[:start]) + after
