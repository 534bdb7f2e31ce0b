"""What a message's session description says, in a few words for a ladder (RFC 8866, RFC 3264)."""

from __future__ import annotations

from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.headers import header
from tqdecrypt.sip.message import Message

__all__ = ["sdp_marks"]

_STATIC_TYPES = {
    "0": "PCMU/8000",
    "3": "GSM/8000",
    "4": "G723/8000",
    "8": "PCMA/8000",
    "9": "G722/8000",
    "13": "CN/8000",
    "15": "G728/8000",
    "18": "G729/8000",
    "26": "JPEG/90000",
    "31": "H261/90000",
    "34": "H263/90000",
}
"""Payload types that need no rtpmap (RFC 3551 section 6)."""

_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


def sdp_marks(message: Message) -> str:
    """Return for example ``SDP RTP/SAVP audio 192.0.2.1:4000 PCMA/8000, crypto, sendrecv``.

    Media descriptions are separated by ``; ``.  Empty when the message has no session description.
    In a multipart body the first one counts.  ``crypto`` is a key in SDP (RFC 4568),
    ``fingerprint`` one for DTLS-SRTP (RFC 8122); a port of 0 reads ``refused``.
    """
    lines = _session_description(message)
    address = direction = ""
    marks: list[str] = []
    media: list[_Media] = []
    for line in lines:
        kind, _, value = line.partition("=")
        if kind == "m":
            media.append(_Media(value, address, direction, marks))
        elif kind == "c":
            connection = value.split()[-1].partition("/")[0] if value.split() else ""
            if media:
                media[-1].address = connection
            else:
                address = connection
        elif kind == "a":
            name, _, content = value.strip().partition(":")
            if name in _DIRECTIONS and not media:
                direction = name
            elif name in ("crypto", "fingerprint") and not media:
                marks.append(name)
            elif media:
                media[-1].attribute(name, content)
    if not media:
        return "SDP" if lines else ""
    return "SDP " + "; ".join(str(one) for one in media)


class _Media:
    """One media description."""

    def __init__(self, value: str, address: str, direction: str, marks: list[str]) -> None:
        words = [*value.split(), "", "", ""]
        self.kind, self.port, self.protocol = words[:3]
        self.formats = [word for word in words[3:] if word]
        self.address = address
        self.direction = direction or "sendrecv"  # RFC 8866 section 6.7
        self.marks = list(marks)
        self.names = dict(_STATIC_TYPES) if "RTP/" in self.protocol else {}

    def attribute(self, name: str, content: str) -> None:
        """Take an attribute of this description."""
        if name in _DIRECTIONS:
            self.direction = name
        elif name in ("crypto", "fingerprint") and name not in self.marks:
            self.marks.append(name)
        elif name == "rtpmap":
            number, _, encoding = content.partition(" ")
            self.names[number] = encoding.strip().removesuffix("/1")

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        port = self.port.partition("/")[0]
        if port == "0":
            return f"{self.protocol} {self.kind} refused".strip()
        codecs = [self.names.get(number, number) for number in self.formats]
        words = [self.protocol, self.kind, f"{where}:{port}", " ".join(codecs)]
        return ", ".join([" ".join(filter(None, words)), *self.marks, self.direction])


def _session_description(message: Message) -> list[str]:
    """Return the lines of the first session description in the body."""
    body = message.raw[message.body_start :]
    if not body:
        return []
    kind = (header(message, "Content-Type") or "").partition(";")[0].strip().lower()
    if kind == "application/sdp" or (not kind and body.startswith(b"v=0")):
        return text(body).splitlines()
    if not kind.startswith("multipart/"):
        return []
    lines = text(body).splitlines()
    if "v=0" not in lines:
        return []
    lines = lines[lines.index("v=0") :]
    end = next((at for at, line in enumerate(lines) if line.startswith("--")), len(lines))
    return lines[:end]
