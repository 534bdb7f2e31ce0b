"""Keys of media, passwords, credentials, dialled digits: what the profile ``keys`` hides.

Each is replaced by a pseudonym of its own alphabet and length, so that a key of a session description is
still one that can be read, and the same key on two hops is the same afterwards.
"""

from __future__ import annotations

import re

from tqdecrypt.masking.pseudonyms import BASE64, HEXADECIMAL, Pseudonyms

__all__ = ["Hidden", "maybe_secret"]

_A = re.ASCII
_ALPHANUMERIC = BASE64[:62]
"""What needs no escape in a URI."""
_URI_PASSWORD_BYTES = re.compile(rb"sips?:[^:@\s<>\"]{0,1024}:[^@\s<>\"]{0,1024}@")
_URI_PASSWORD = re.compile(
    r"(\bsips?:[^:@\s<>\"]{0,1024}:)([^@\s<>\"]{1,1024})(?=@)", _A | re.IGNORECASE
)
_NAMED = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|cookie|authori[sz]ation|api-?key", re.IGNORECASE
)
_NAMED_PARAMETER = re.compile(
    r"((?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|(?:proxy-)?authorization)=)"
    r"([^;&>\s\",]+)",
    _A | re.IGNORECASE,
)
_KEPT_CREDENTIALS_NAMES = """
algorithm charset domain integrity-protected nc nonce opaque qop realm stale targetname uri userhash
username version
"""
_KEPT_CREDENTIALS = frozenset(_KEPT_CREDENTIALS_NAMES.split())
"""Parameters of credentials and challenges that help nobody to a password or key."""
_CREDENTIAL = re.compile(
    r'([A-Za-z][A-Za-z0-9\-]*)([ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"?|[^\s,"]+)', _A
)
_SCHEME = re.compile(r"[ \t]*[A-Za-z][A-Za-z0-9\-]*[ \t]+", _A)
_TOKEN68 = re.compile(r"[^\s,]+", _A)
_HEX = re.compile(r"[0-9a-fA-F]+")
_SDES = re.compile(r"(inline:)([^\s|;]+)", _A | re.IGNORECASE)
_SDP_SECRET = re.compile(
    r"(^a=(?:ice-pwd|key-mgmt|3ge2ae)[ \t]*:[ \t]*(?:mikey[ \t]+)?|^k=(?:base64|clear|uri)?:?)([^\r\n]+)",
    _A | re.IGNORECASE | re.MULTILINE,
)
_SAID = re.compile(
    r"(\b(?:pass(?:word|wd|phrase|code)?|pwd|pin|secret|token|api[-_]?key)\b[\"']?\s*[:=]\s*[\"']?)"
    r"([^\s\"'<>&,;]+)",
    _A | re.IGNORECASE,
)
_ELEMENT = re.compile(
    r"(<(?:[\w\-]+:)?(?:passw(?:or)?d|passphrase|secret|pin|token|credential)\b[^<>]*>)([^<]+)",
    _A | re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(?=-----END|\Z)", _A | re.DOTALL
)
_SIGNAL = re.compile(
    r"((?:^|\s)(?:signal|digits?|d)[ \t]*=[ \t]*\"?)([0-9A-D*#]+)", _A | re.IGNORECASE
)
_DIALLED = re.compile(r"[0-9A-D*#]", _A | re.IGNORECASE)
_DIALLED_TYPES = ("dtmf", "telephone-event", "digits", "kpml-response")
"""In media types of INFO and NOTIFY bodies that report keys pressed: PINs and card numbers are dialled."""


def maybe_secret(raw: bytes, body_start: int) -> bool:
    """Return whether there may be a secret in a message: what says no has none.

    Most have none, and this is all that they cost.
    """
    head = raw[:body_start].lower()
    return (
        b"authori" in head
        or b"authent" in head
        or b"passw" in head
        or b"passphrase" in head
        or b"pwd" in head
        or b"secret" in head
        or b"token" in head
        or b"credential" in head
        or b"cookie" in head
        or b"api" in head
        or b"media-auth" in head
        or _URI_PASSWORD_BYTES.search(head) is not None
        or (body_start < len(raw) and _maybe_in_body(head, raw[body_start:].lower()))
    )


def _maybe_in_body(head: bytes, body: bytes) -> bool:
    """Return whether a body may have a secret: a session description does if it has one of four lines."""
    if b"inline:" in body or b"ice-pwd" in body or b"key-mgmt" in body or b"\nk=" in body:
        return True
    return b"application/sdp" not in head or b"-encoding" in head or b"3ge2ae" in body


class Hidden:
    """Hides secrets, under the key of a run.  Every result is as long as what was given."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def start_line(self, text: str) -> str:
        """Hide secrets in the URI of a request line."""
        return self._in_uris(text)

    def field(self, key: str, value: str) -> str:
        """Hide secrets in the value of a header field; *key* is its name in lower case, the long form."""
        if key in ("authorization", "proxy-authorization"):
            return self._credentials(value)
        if key in ("www-authenticate", "proxy-authenticate"):
            return self._credentials(value)
        if key in ("authentication-info", "proxy-authentication-info"):
            return _CREDENTIAL.sub(self._credential, value)
        if key == "p-media-authorization" or _NAMED.search(key):
            return _TOKEN68.sub(self._filled, value)
        return self._in_uris(value)

    def body(self, text: str, media_type: str) -> str:
        """Hide secrets in a body, or a part of one."""
        text = _SDES.sub(self._inline, text)
        text = _SDP_SECRET.sub(self._behind, text)
        if any(kind in media_type for kind in _DIALLED_TYPES):
            if "relay" in media_type or "=" in text:
                text = _SIGNAL.sub(lambda match: match[1] + "x" * len(match[2]), text)
            else:
                text = _DIALLED.sub("x", text)
        if media_type == "application/sdp":
            return text
        text = _PRIVATE_KEY.sub(self._behind, text)
        text = _ELEMENT.sub(self._behind, text)
        return self._in_uris(_SAID.sub(self._behind, text))

    def _in_uris(self, text: str) -> str:
        text = _URI_PASSWORD.sub(self._password, text)
        return _NAMED_PARAMETER.sub(self._behind, text)

    def _credentials(self, value: str) -> str:
        """Hide what a scheme proves a password with; realm, nonce and user stay (RFC 7616 section 3.4)."""
        scheme = _SCHEME.match(value)
        begin = scheme.end() if scheme else 0
        pieces = [value[:begin]]
        at = begin
        for match in _CREDENTIAL.finditer(value, begin):
            if not match[3].strip("="):
                continue  # the end of a token68
            pieces += (
                _TOKEN68.sub(self._filled, value[at : match.start()]),
                self._credential(match),
            )
            at = match.end()
        return "".join(pieces) + _TOKEN68.sub(self._filled, value[at:])

    def _credential(self, match: re.Match[str]) -> str:
        name, equals, value = match.groups()
        if name.lower() in _KEPT_CREDENTIALS:
            return match[0]
        marks = '"' if value[:1] == '"' else ""
        inner = value.strip('"') if marks else value
        return name + equals + value.replace(inner, self._secret(inner)) if inner else match[0]

    def _filled(self, match: re.Match[str]) -> str:
        return self._secret(match[0])

    def _behind(self, match: re.Match[str]) -> str:
        return match[1] + "".join(
            one if one.isspace() else self._secret(one) for one in re.split(r"(\s+)", match[2])
        )

    def _password(self, match: re.Match[str]) -> str:
        return match[1] + self._pseudonyms.secret(match[2], _ALPHANUMERIC)

    def _inline(self, match: re.Match[str]) -> str:
        return match[1] + self._secret(match[2])

    def _secret(self, text: str) -> str:
        """Return a pseudonym; the end of Base64 is left, and digits of hexadecimal remain such."""
        bare = text.rstrip("=")
        alphabet = HEXADECIMAL if _HEX.fullmatch(bare) else BASE64
        return self._pseudonyms.secret(bare, alphabet) + text[len(bare) :]
