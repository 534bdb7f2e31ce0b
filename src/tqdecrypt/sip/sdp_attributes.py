"""Attributes of session descriptions that have a syntax of their own.

Keys (RFC 4568), fingerprints (RFC 8122), ICE candidates (RFC 8839), codecs (RFC 8866 section 6.6).
Each ``read_`` function takes the text behind ``a=name:``.  What cannot be read is noted, and ``None``.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from tqdecrypt.sip.lexical import excerpt, maybe_number
from tqdecrypt.sip.problems import Note, Notes, ignore

__all__ = [
    "DIRECTIONS",
    "STATIC_TYPES",
    "Attribute",
    "Candidate",
    "Codec",
    "Crypto",
    "CryptoKey",
    "Fingerprint",
    "Rtcp",
    "check_attributes",
    "codec_of",
    "milliseconds",
    "read_candidate",
    "read_crypto",
    "read_fingerprint",
    "read_rtcp",
]

DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
"""Where media flows (RFC 8866 section 6.7)."""

_SECRET = {"crypto": " inline:", "ice-pwd": "", "key-mgmt": " "}
"""Attributes with a secret in them → behind what it stands."""

KEY_LENGTHS = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "F8_128_HMAC_SHA1_80": 30,
    "AES_192_CM_HMAC_SHA1_80": 38,
    "AES_192_CM_HMAC_SHA1_32": 38,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
    "SEED_CTR_128_HMAC_SHA1_80": 30,
    "SEED_128_CCM_80": 28,
    "SEED_128_GCM_96": 28,
}
"""Suite → bytes of master key and salt together (RFC 4568 section 6.2, RFC 5669, RFC 6188, RFC 7714)."""

STATIC_TYPES = {
    "0": "PCMU/8000",
    "3": "GSM/8000",
    "4": "G723/8000",
    "5": "DVI4/8000",
    "6": "DVI4/16000",
    "7": "LPC/8000",
    "8": "PCMA/8000",
    "9": "G722/8000",
    "10": "L16/44100/2",
    "11": "L16/44100",
    "12": "QCELP/8000",
    "13": "CN/8000",
    "14": "MPA/90000",
    "15": "G728/8000",
    "16": "DVI4/11025",
    "17": "DVI4/22050",
    "18": "G729/8000",
    "25": "CelB/90000",
    "26": "JPEG/90000",
    "28": "nv/90000",
    "31": "H261/90000",
    "32": "MPV/90000",
    "33": "MP2T/90000",
    "34": "H263/90000",
}
"""Payload types that need no rtpmap (RFC 3551 section 6)."""

_CRYPTO = re.compile(r"(\d{1,9})[ \t]+([!-~]+)[ \t]+([!-~]+)(?:[ \t]+(.*))?", re.DOTALL)
_LIFETIME = re.compile(r"(2\^)?(\d{1,19})")
_MKI = re.compile(r"(\d{1,38}):(\d{1,3})")
_CODEC = re.compile(r"([^/]+)/(\d{1,9})(?:/(\d{1,4}))?")
_HEX = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*")


class Attribute(NamedTuple):
    """One attribute line."""

    name: str
    value: str | None
    """``None`` without a colon."""
    offset: int
    """Where its line begins in the description."""

    def __repr__(self) -> str:
        shown = self.value
        behind = _SECRET.get(self.name)
        if shown is not None and behind is not None:
            shown = shown.partition(behind)[0] + behind + "…" if behind else "…"
        return f"Attribute(name={self.name!r}, value={shown!r}, offset={self.offset})"


class Codec(NamedTuple):
    """What a format of a media description is."""

    format: str
    """The payload type, or whatever stands in the list of formats."""
    encoding: str
    """``opus/48000/2``; the format itself when nothing says what it is."""
    name: str
    """``opus``."""
    clock_rate: int | None
    """In hertz."""
    channels: int
    parameters: str
    """Of the format (fmtp); empty when there are none."""


class Rtcp(NamedTuple):
    """Where RTCP goes (RFC 3605)."""

    port: int
    address: str
    """Empty: where RTP goes."""


class Fingerprint(NamedTuple):
    """The hash of a certificate for DTLS (RFC 8122)."""

    hash_function: str
    """``sha-256``, in lower case."""
    digest: bytes


class Candidate(NamedTuple):
    """Where ICE may send to (RFC 8839 section 5.1)."""

    foundation: str
    component: int
    """1 is RTP, 2 is RTCP."""
    transport: str
    """``UDP``, ``TCP``, in capitals."""
    priority: int
    address: str
    """An IP address or a name."""
    port: int
    kind: str
    """``host``, ``srflx``, ``prflx``, ``relay``."""
    related_address: str
    """Base of a reflexive or relayed candidate; empty when none is told."""
    related_port: int | None
    extensions: tuple[tuple[str, str], ...]


class CryptoKey(NamedTuple):
    """One key of a crypto attribute."""

    material: bytes | None
    """Master key and salt; ``None`` when they cannot be read.  Never shown."""
    lifetime: int | None
    """Most packets under this key."""
    mki: int | None
    """Master key identifier."""
    mki_length: int
    """Bytes of the identifier in each packet; 0 without one."""

    def __repr__(self) -> str:
        length = "unreadable" if self.material is None else f"{len(self.material)} bytes"
        return f"<key, {length}, lifetime {self.lifetime}, mki {self.mki}:{self.mki_length}>"


@dataclass(frozen=True, slots=True)
class Crypto:
    """Keys for SRTP (RFC 4568 section 4)."""

    tag: int
    """Says which offered attribute an answer takes."""
    suite: str
    keys: tuple[CryptoKey, ...]
    session_parameters: tuple[str, ...] = ()
    """``KDR=1``, ``UNENCRYPTED_SRTCP`` …"""
    known: bool = field(default=True)
    """Whether the suite is a registered one."""


def read_crypto(value: str, note: Note = ignore) -> Crypto | None:
    """Read ``1 AES_CM_128_HMAC_SHA1_80 inline:…``."""
    match = _CRYPTO.fullmatch(value.strip())
    if match is None:
        note("sdp-crypto", "A crypto attribute has no tag, suite and key.")
        return None
    suite = match[2].upper()
    length = KEY_LENGTHS.get(suite)
    if length is None:
        note("sdp-crypto", f"{excerpt(match[2])} is no registered crypto suite.")
    keys = tuple(_read_key(part, suite, length, note) for part in match[3].split(";") if part)
    return Crypto(int(match[1]), suite, keys, tuple((match[4] or "").split()), length is not None)


def _read_key(text: str, suite: str, length: int | None, note: Note) -> CryptoKey:
    method, colon, rest = text.partition(":")
    if method.lower() != "inline" or not colon:
        note("sdp-crypto", "A key of a crypto attribute does not begin with inline: and a value.")
        return CryptoKey(None, None, None, 0)
    encoded, *extras = rest.split("|")
    material: bytes | None
    try:
        # Padding is often left out, though it must not be.
        bare = encoded.rstrip("=")
        material = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        material = None
        note("sdp-crypto", "The key of a crypto attribute is no base64.")
    if material is not None and length is not None and len(material) != length:
        sentence = f"Key and salt of {suite} have {len(material)} bytes; they must have {length}."
        note("sdp-crypto", sentence)
    lifetime = mki = None
    mki_length = 0
    for extra in extras:
        if (found := _MKI.fullmatch(extra)) is not None:
            mki, mki_length = int(found[1]), int(found[2])
        elif (found := _LIFETIME.fullmatch(extra)) is not None and not (
            found[1] and int(found[2]) > 64
        ):
            lifetime = 2 ** int(found[2]) if found[1] else int(found[2])
        else:
            note("sdp-crypto", "Behind the key stands neither a lifetime nor a key identifier.")
    return CryptoKey(material, lifetime, mki, mki_length)


def read_fingerprint(value: str, note: Note = ignore) -> Fingerprint | None:
    """Read ``sha-256 4A:AD:…``."""
    function, _, digest = value.strip().partition(" ")
    digest = digest.strip()
    if not _HEX.fullmatch(digest):
        note("sdp-attribute", f"{excerpt(value)} is no fingerprint: pairs of digits and colons.")
        return None
    return Fingerprint(function.lower(), bytes.fromhex(digest.replace(":", "")))


def read_rtcp(value: str, note: Note = ignore) -> Rtcp | None:
    """Read ``53020 IN IP4 126.16.64.4``."""
    words = value.split()
    port = maybe_number(words[0] if words else "", 0xFFFF)
    if port is None:
        note("sdp-attribute", f"{excerpt(value)} is no port for RTCP.")
        return None
    return Rtcp(port, words[3] if len(words) > 3 else "")


def read_candidate(value: str, note: Note = ignore) -> Candidate | None:
    """Read ``1 1 UDP 2130706431 192.0.2.1 8998 typ host``."""
    words = value.split()
    if len(words) < 8 or words[6] != "typ":
        note("sdp-candidate", f"{excerpt(value)} is no ICE candidate.")
        return None
    component, priority = maybe_number(words[1], 256), maybe_number(words[3], 2**32 - 1)
    port = maybe_number(words[5], 0xFFFF)
    if component is None or priority is None or port is None:
        note("sdp-candidate", f"A number of the ICE candidate {excerpt(value)} is none.")
        return None
    pairs = list(zip(words[8::2], words[9::2], strict=False))
    extensions = dict(pairs)
    return Candidate(
        words[0],
        component,
        words[2].upper(),
        priority,
        words[4],
        port,
        words[7],
        extensions.get("raddr", ""),
        maybe_number(extensions.get("rport", ""), 0xFFFF),
        tuple(pair for pair in pairs if pair[0] not in ("raddr", "rport")),
    )


def codec_of(number: str, encoding: str | None, parameters: str, note: Note = ignore) -> Codec:
    """Return the codec of format *number*.

    :param encoding: what rtpmap or the static types say: ``opus/48000/2``.
    """
    if encoding is None:
        return Codec(number, number, number, None, 1, parameters)
    match = _CODEC.fullmatch(encoding)
    if match is None:
        note("sdp-attribute", f"The rtpmap {excerpt(encoding)} is no name/rate.")
        return Codec(number, encoding, encoding.partition("/")[0], None, 1, parameters)
    return Codec(number, encoding, match[1], int(match[2]), int(match[3] or 1), parameters)


def check_attributes(attributes: tuple[Attribute, ...], notes: Notes) -> None:
    """Note what is wrong with attributes that have a syntax of their own."""
    direction = ""
    for name, value, offset in attributes:
        notes.offset = offset
        content = value or ""
        if name == "crypto":
            read_crypto(content, notes)
        elif name == "candidate":
            read_candidate(content, notes)
        elif name == "fingerprint":
            read_fingerprint(content, notes)
        elif name == "rtcp":
            read_rtcp(content, notes)
        elif name in ("ptime", "maxptime"):
            if milliseconds(content) is None:
                notes("sdp-attribute", f"{name} is {excerpt(content)}, not a number.")
        elif name in DIRECTIONS:
            if direction not in ("", name):
                notes("sdp-attribute", f"Two directions stand there: {direction} and {name}.")
            direction = name
        elif not name:
            notes("sdp-attribute", "An attribute has no name.")


def milliseconds(value: str | None) -> float | None:
    """Return the time that ptime or maxptime gives; ``None`` when it is none."""
    if value is None or len(value) > 20:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 < number < 1e6 else None
