"""Header fields without people in them: which rule masks the value of which field."""

from __future__ import annotations

import re
from collections.abc import Callable

from tqdecrypt.masking.addresses import LIST_ENTRY, mask_addresses
from tqdecrypt.masking.pseudonyms import BASE64_URL, HEXADECIMAL
from tqdecrypt.masking.words import LONGEST_READ, Words

__all__ = ["FREE_TEXT", "Fields"]

FREE_TEXT = frozenset({"reason", "retry-after", "server", "user-agent", "warning"})
"""Fields whose text is about devices and causes, but may name whoever the message is about."""

_A = re.ASCII
_TOKENS = re.compile(r"[^\d@]*(?:\d{1,4}(?![\d])[^\d@]*)*", _A)
"""Text in which no number is that could be somebody's, nor an address."""
_NUMBER = (
    r"(?:\d{1,10}|\d{16,})"  # what is between may be a telephone number: ITU-T E.164 has 15 digits
)
_METHOD = r"[A-Za-z0-9\-.!%*_+`'~]+"
_REFRESHER = r"(?:[ \t]*;[ \t]*refresher[ \t]*=[ \t]*ua[cs])?"
_UUID = r"[0-9a-fA-F]{32}"
_SHAPES = {
    "content-length": _NUMBER,
    "content-transfer-encoding": r"[A-Za-z0-9\-]{1,20}",
    "cseq": rf"{_NUMBER}[ \t]+{_METHOD}",
    "date": r"[A-Za-z]{3}, \d\d [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d [A-Z]{3}",
    "expires": _NUMBER,
    "flow-timer": _NUMBER,
    "max-breadth": _NUMBER,
    "max-forwards": _NUMBER,
    "min-expires": _NUMBER,
    "min-se": _NUMBER + _REFRESHER,
    "rack": rf"{_NUMBER}[ \t]+{_NUMBER}[ \t]+{_METHOD}",
    "rseq": _NUMBER,
    "session-expires": _NUMBER + _REFRESHER,
    "session-id": rf"{_UUID}(?:[ \t]*;[ \t]*remote[ \t]*=[ \t]*{_UUID})?(?:[ \t]*;[ \t]*logme)?",
    "timestamp": r"\d{1,20}(?:\.\d{0,20})?(?:[ \t]+\d{1,20}(?:\.\d{0,20})?)?",
}
"""Fields of numbers and identifiers of the protocol, and what has to stand there for them to stay."""
_LEADING_NUMBER = re.compile(rf"[ \t]*{_NUMBER}(?!\d)", _A)
_CLEAR = {key: re.compile(rf"[ \t]*{shape}[ \t]*", _A) for key, shape in _SHAPES.items()}

_ADDRESSES_NAMES = """
additional-identity contact diversion from history-info p-asserted-identity p-associated-uri
p-called-party-id p-charge-info p-dcs-redirect p-dcs-trace-party-id p-preferred-identity p-profile-key
p-refused-uri-list p-served-user path permission-missing record-route refer-to referred-by
remote-party-id reply-to route service-route to trigger-consent
alert-info call-info error-info geolocation geolocation-error identity-info p-user-database
policy-contact refer-events-at
"""
_ADDRESSES = frozenset(_ADDRESSES_NAMES.split())
_PROTOCOL_NAMES = """
accept accept-contact accept-encoding accept-language accept-resource-priority allow allow-events
answer-mode attestation-info content-disposition content-encoding content-language content-type event
feature-caps geolocation-routing info-package join-mode mime-version origination-id p-access-network-type
p-answer-state p-asserted-service p-charging-function-addresses p-early-media p-preferred-service
p-private-network-indication p-visited-network-id policy-id priority priority-share priority-verstat
priv-answer-mode privacy proxy-require recv-info refer-sub reject-contact relayed-charge
request-disposition require resource-priority resource-share response-source restoration-info
security-client security-server security-verify service-interact-info sip-etag sip-if-match
subscription-state supported suppress-if-match unsupported
"""
_PROTOCOL = frozenset(_PROTOCOL_NAMES.split())
_DIALOGS = frozenset({"content-id", "in-reply-to", "join", "replaces", "target-dialog"})
_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"}
)
_NAMED_VALUE = re.compile(r'([A-Za-z][A-Za-z0-9\-]*[ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"?|[^,]*)', _A)
_VIA = re.compile(r"([ \t]*[^\s/]+[ \t]*/[ \t]*[^\s/]+[ \t]*/[ \t]*[A-Za-z\-]+[ \t]+)([^;,]*)", _A)
_HOST = re.compile(r"(\[[^\]]*\]|[^\s:]*)([ \t]*:[ \t]*\d{1,5})?([ \t]*)", _A)
_PASSPORT = re.compile(r"[A-Za-z0-9_\-]{2,}", _A)


class Fields:
    """The rules for header fields.  Every result is as long as what was given."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def mask(self, key: str, value: str) -> str:
        """Mask the value of the field *key* (lower case, the long form)."""
        if len(value) > LONGEST_READ:
            return self._words.text(value)
        clear = _CLEAR.get(key)
        if clear is not None:
            return value if clear.fullmatch(value) else self._words.text(value)
        if key in _ADDRESSES:
            return mask_addresses(value, self._words)
        if key == "via":
            return self._vias(value)
        if key == "call-id":
            return self._words.call_id(value)
        if key in _DIALOGS:
            call_id, semicolon, tail = value.partition(";")
            return self._words.call_id(call_id) + self._words.parameters(semicolon + tail)
        if key in _PROTOCOL:
            return value if _TOKENS.fullmatch(value) else self._words.free(value)
        if key in _CREDENTIALS:
            return self._credentials(value)
        if key in ("authentication-info", "proxy-authentication-info", "p-media-authorization"):
            return value  # what is secret in it was hidden with the keys
        if key == "p-charging-vector":
            return self._words.identifier(value)
        return self._other(key, value)

    def _other(self, key: str, value: str) -> str:
        words = self._words
        if key == "user-to-user":
            data, semicolon, tail = value.partition(";")
            hidden = re.sub(
                r"\w+", lambda match: words.pseudonyms.secret(match[0], HEXADECIMAL), data
            )
            return hidden + semicolon + words.identifier(tail)
        if key == "identity":
            return self._identity(value)
        if key in ("subject", "organization", "p-access-network-info", "cellular-network-info"):
            return words.text(value)
        if key in FREE_TEXT:
            number = _LEADING_NUMBER.match(value) if key == "retry-after" else None
            begin = number.end() if number else 0
            return value[:begin] + words.free(value[begin:])
        if "@" in value or ":" in value or '"' in value or "<" in value:
            return mask_addresses(value, self._words)
        if " " in value.strip() or "\t" in value.strip():
            return words.text(value)
        return words.call_id(value)

    def _vias(self, value: str) -> str:
        return "".join(self._via(match[0]) for match in LIST_ENTRY.finditer(value))

    def _via(self, text: str) -> str:
        words = self._words
        match = _VIA.match(text)
        if match is None:
            return words.text(text) if text.strip(" \t,") else text
        place = _HOST.fullmatch(match[2])
        if place is None:
            sent_by = words.text(match[2])
        else:
            sent_by = words.host(place[1]) + (place[2] or "") + place[3]
        return match[1] + sent_by + words.parameters(text[match.end() :])

    def _credentials(self, value: str) -> str:
        """Mask who it is, and what was asked for; the rest was hidden with the keys or names nobody."""
        return _NAMED_VALUE.sub(self._credential, value)

    def _credential(self, match: re.Match[str]) -> str:
        name = match[1].partition("=")[0].strip().lower()
        value = match[2]
        masks: dict[str, Callable[[str], str]] = {
            "username": self._words.user,
            "uri": self._uri_in_marks,
            "realm": self._words.host,
            "domain": self._words.free,
            "targetname": self._words.free,
        }
        mask = masks.get(name)
        if mask is None:
            return match[0]
        if name == "username":
            user, at, host = value.partition("@")
            return match[1] + self._words.user(user) + at + self._words.host(host)
        return match[1] + mask(value)

    def _uri_in_marks(self, value: str) -> str:
        marks = value[:1] == '"'
        inner = value[1:] if marks else value
        return ('"' if marks else "") + self._words.uri(inner)

    def _identity(self, value: str) -> str:
        """Mask a PASSporT, which holds both numbers in Base64, and its signature (RFC 8224 section 4)."""
        token, semicolon, tail = value.partition(";")
        hidden = _PASSPORT.sub(
            lambda match: self._words.pseudonyms.secret(match[0], BASE64_URL), token
        )
        return hidden + self._words.parameters(semicolon + tail)
