"""What a message's session description says, in a few words for a ladder (RFC 8866, RFC 3264)."""

from __future__ import annotations

from tqdecrypt.sip.body import find_description
from tqdecrypt.sip.headers import header
from tqdecrypt.sip.message import Message
from tqdecrypt.sip.sdp import Media
from tqdecrypt.sip.sdp_reader import parse_sdp

__all__ = ["sdp_marks"]


def sdp_marks(message: Message) -> str:
    """Return for example ``SDP RTP/SAVP audio 192.0.2.1:4000 PCMA/8000, crypto, sendrecv``.

    Media descriptions are separated by ``; ``.  Empty when the message has no session description.
    In a multipart body the first one counts.  ``crypto`` is a key in SDP (RFC 4568),
    ``fingerprint`` one for DTLS-SRTP (RFC 8122); a port of 0 reads ``refused``.
    """
    body = message.raw[message.body_start :]
    if not body:
        return ""
    description = find_description(body, header(message, "Content-Type") or "")
    if description is None:
        return ""
    media = parse_sdp(description).media
    return "SDP " + "; ".join(map(_words, media)) if media else "SDP"


def _words(media: Media) -> str:
    if media.port == 0:
        return f"{media.protocol} {media.kind} refused".strip()
    where = f"[{media.address}]" if ":" in media.address else media.address
    port = "" if media.port is None else media.port
    codecs = " ".join(codec.encoding for codec in media.codecs)
    attributes = (*media.session_attributes, *media.attributes)
    secured = [a.name for a in attributes if a.name in ("crypto", "fingerprint")]
    words = [media.protocol, media.kind, f"{where}:{port}", codecs]
    return ", ".join([" ".join(filter(None, words)), *dict.fromkeys(secured), media.direction])
