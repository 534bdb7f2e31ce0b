"""Bodies of messages without people in them, each kind by its own rules."""

from __future__ import annotations

import re
from collections.abc import Callable

from tqdecrypt.masking.addresses import mask_addresses
from tqdecrypt.masking.pseudonyms import HEXADECIMAL
from tqdecrypt.masking.words import Words

__all__ = ["Bodies"]

_A = re.ASCII
_LINE = re.compile(r"[^\r\n]+")
_CLEAR_SDP = re.compile(
    r"v=\d{1,3}|t=\d{1,20} \d{1,20}|[rz]=[\d dhms\-]+|b=[\w\-]{1,12}:\d{1,20}|c=IN IP[46] [\d.:A-Fa-f/]+"
    r"|m=[A-Za-z]+ \d{1,5}(?:/\d{1,5})? [\w/\-]+(?: [\w.*+\-]{1,20})*",
    _A,
)
_ORIGIN = re.compile(r"(o=)(\S+)( \d{1,20} \d{1,20} IN IP[46] )(\S+)[ \t]*", _A)
_CONNECTION = re.compile(r"(c=IN IP[46] )(\S+)[ \t]*", _A)
_ATTRIBUTE = re.compile(r"a=([\w\-]+)(:|[ \t]*$)(.*)", _A)
_CNAME = re.compile(r"(cname:)(\S+)", _A)
_CLEAR_ATTRIBUTES_NAMES = """
3ge2ae accept-types accept-wrapped-types alt avf bundle-only cat charset conf content crypto csup curr
des direction end-of-candidates extmap extmap-allow-mixed fingerprint fmtp framerate framesize group
ice-lite ice-mismatch ice-options ice-pacing ice-pwd imageattr inactive key-mgmt lang max-message-size
maxptime mid msid-semantic orient pcfg acfg tcap acap creq ptime quality rcap recvonly remote-candidates
resources rid rtcp rtcp-fb rtcp-mux rtcp-mux-only rtcp-rsize rtcp-xr rtpmap sctp-port sctpmap sendonly
sendrecv setup silencesupp simulcast sprop-parameter-sets sqn ssrc-group tls-id ufrag udpecm
candidate connection zrtp-hash
"""
_CLEAR_ATTRIBUTES = frozenset(_CLEAR_ATTRIBUTES_NAMES.split())
"""Attributes of a session description in which nobody is named (IANA registry), and T.38's."""

_XML_PIECE = re.compile(r"<!--[^<]*?-->|<!\[CDATA\[[^<]*?\]\]>|<[^<>]*>|[^<]+|<")
_XML_ATTRIBUTE = re.compile(r"(\s)([\w:.\-]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')", _A)
_XML_NAME = re.compile(r"</?[A-Za-z_][\w:.\-]*", _A)
_CLEAR_XML = re.compile(
    r"\s*(?:-?\d{1,4}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+\-]\d\d:\d\d)?|0\.\d{1,3}|1\.0)?\s*", _A
)
_CLEAR_XML_WORDS_NAMES = """
active away busy cancelled closed completed confirmed connected deactivated dialing dialog-info early
error expired false full giveup held id init initiator local local-bye noresource on-hold on-the-phone
open partial pending present proceeding probation recipient recvonly refresh registered rejected
remote remote-bye replaced sendonly sendrecv inactive created shortened terminated timeout true trying
unknown unregistered utf-8 waiting yes no idle standard audio video text
"""
_CLEAR_XML_WORDS = frozenset(_CLEAR_XML_WORDS_NAMES.split())
_CLEAR_SCHEMES = (
    "urn:ietf:",
    "urn:oma:",
    "urn:3gpp:",
    "http://www.w3.org/",
    "http://schemas.xmlsoap.org/",
)

_JSON_PIECE = re.compile(r'("(?:[^"\\]|\\.)*")(?=[ \t\r\n]*:)|"(?:[^"\\]|\\.)*"?|[^"]+', re.DOTALL)
_JSON_NUMBER = re.compile(r"\d{5,}", _A)
_PRINTABLE = re.compile(r"[\t\r\n\x20-\x7e\x80-\xff]*")


class Bodies:
    """The rules for bodies of one part.  Every result is as long as what was given."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def mask(self, text: str, media_type: str) -> str:
        """Mask a body of *media_type* (lower case, without parameters; empty when nothing says it)."""
        kind, _, subtype = media_type.partition("/")
        if subtype == "sdp" or (not media_type and text.startswith("v=0")):
            return self._by_line(text, self._description)
        if subtype == "xml" or subtype.endswith("+xml"):
            return self._xml(text)
        if subtype == "json" or subtype.endswith("+json"):
            return _JSON_PIECE.sub(self._json, text)
        if subtype in ("simple-message-summary", "vq-rtcpxr"):
            return self._by_line(text, self._summary)
        if "dtmf" in subtype or "telephone-event" in subtype or subtype.endswith(".digits"):
            return text  # digits are hidden with the keys; nothing else is in it
        if (kind in ("text", "message", "") or "json" in subtype) and _PRINTABLE.fullmatch(text):
            return self._words.text(text)
        return self.filled(text)

    def filled(self, text: str) -> str:
        """Return letters in place of what cannot be looked into: images, ISUP, what is compressed."""
        return self._words.pseudonyms.secret(text, HEXADECIMAL)

    def _by_line(self, text: str, mask: Callable[[str], str]) -> str:
        return _LINE.sub(lambda match: mask(match[0]), text)

    def _description(self, line: str) -> str:
        words = self._words
        if _CLEAR_SDP.fullmatch(line.rstrip()):
            return line
        if line[:2] == "a=":
            return self._attribute(line)
        if line[:2] == "k=":
            return line  # hidden with the keys
        origin = _ORIGIN.fullmatch(line)
        if origin is not None:
            masked = origin[1] + words.user(origin[2]) + origin[3] + words.host(origin[4])
            return masked + line[len(masked) :]
        connection = _CONNECTION.fullmatch(line)
        if connection is not None:
            masked = connection[1] + words.host(connection[2])
            return masked + line[len(masked) :]
        if line[1:2] == "=" and line[:1] in "siuepoc":
            return line[:2] + words.text(line[2:])
        return words.text(line)

    def _attribute(self, line: str) -> str:
        words = self._words
        match = _ATTRIBUTE.fullmatch(line)
        if match is None:
            return line[:2] + words.text(line[2:])
        name, colon, value = match.groups()
        key = name.lower()
        if key in _CLEAR_ATTRIBUTES or key.startswith(("t38", "ice-")):
            return line
        if key == "ssrc":
            return f"a={name}{colon}" + _CNAME.sub(
                lambda found: found[1] + words.call_id(found[2]), value
            )
        if key in ("msid", "label", "source-streamid", "appversion"):
            return f"a={name}{colon}{words.identifier(value)}"
        return f"a={words.identifier(name)}{colon}{words.text(value)}"

    def _summary(self, line: str) -> str:
        name, colon, value = line.partition(":")
        if name.strip().lower() in ("callid", "call-id"):
            return name + colon + self._words.call_id(value)
        if "<" in value or "@" in value:
            return name + colon + mask_addresses(value, self._words)
        return self._words.free(line)

    def _xml(self, text: str) -> str:
        return _XML_PIECE.sub(self._xml_piece, text)

    def _xml_piece(self, match: re.Match[str]) -> str:
        piece = match[0]
        if piece.startswith("<!"):
            begin = piece[:9] if piece.startswith("<![CDATA[") else piece[:4]
            return begin + self._words.text(piece[len(begin) :])
        if piece[0] == "<" and len(piece) > 1:
            return self._tag(piece)
        if _CLEAR_XML.fullmatch(piece) or piece.strip().lower() in _CLEAR_XML_WORDS:
            return piece
        return self._value(piece)

    def _tag(self, piece: str) -> str:
        if piece.startswith("<?"):
            return piece if len(piece) < 80 else self._words.free(piece)
        name = _XML_NAME.match(piece)
        if name is None:
            return self._words.text(piece)
        parts = [self._words.identifier(name[0])]
        at = name.end()
        for attribute in _XML_ATTRIBUTE.finditer(piece, at):
            parts.append(self._words.text(piece[at : attribute.start()]))
            parts.append(self._xml_attribute(attribute))
            at = attribute.end()
        return "".join(parts) + self._words.text(piece[at:])

    def _xml_attribute(self, match: re.Match[str]) -> str:
        blank, name, equals, quoted = match.groups()
        value = quoted[1:-1]
        key = name.lower()
        front = blank + self._words.identifier(name) + equals + quoted[0]
        clear = _CLEAR_XML.fullmatch(value) or value.strip().lower() in _CLEAR_XML_WORDS
        if clear or (key.startswith(("xmlns", "xsi:", "xml:")) and "@" not in value):
            masked = value
        elif value.startswith(_CLEAR_SCHEMES) or key.endswith("tag"):
            masked = self._words.identifier(value)
        elif key == "call-id":
            masked = self._words.call_id(value)
        elif key == "expires" and value.isascii() and value.isdigit():
            masked = value
        else:
            masked = self._value(value)
        return front + masked + quoted[-1]

    def _value(self, text: str) -> str:
        """Mask the text of an element or attribute: a URI, or what somebody wrote."""
        bare = text.strip()
        if ":" in bare and not re.search(r"\s", bare, _A):
            begin = text.index(bare)
            return text[:begin] + self._words.uri(bare) + text[begin + len(bare) :]
        return self._words.text(text)

    def _json(self, match: re.Match[str]) -> str:
        piece = match[0]
        if piece[0] != '"':
            return _JSON_NUMBER.sub(lambda digits: "9" * len(digits[0]), piece)
        if match[1] and not _JSON_NUMBER.search(piece):
            return piece
        return '"' + self._words.text(piece[1:]) if "\\" not in piece else self._escaped(piece)

    def _escaped(self, piece: str) -> str:
        r"""Mask a string with escapes: ``\n`` and ``\u00e4`` stay what they are in form."""
        parts = re.split(r"(\\(?:u[0-9A-Fa-f]{4}|.))", piece, flags=re.DOTALL)
        return "".join(
            part if place % 2 else self._words.text(part) for place, part in enumerate(parts)
        )
