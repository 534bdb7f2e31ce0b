"""What is wrong with a message as a whole: its start line, its lines, which fields it has.

**Senders of before RFC 3261.**  Whoever puts no magic cookie into the branch of Via follows RFC 2543,
where tags, Max-Forwards and Contact could be left out (RFC 4475 section 3.4.1): their absence is a
problem only of messages whose topmost Via has the cookie, or that have no Via.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tqdecrypt.sip.fields import STANDS_ONCE
from tqdecrypt.sip.lexical import excerpt, is_token
from tqdecrypt.sip.message import LARGEST_STATUS
from tqdecrypt.sip.places import MAGIC_COOKIE
from tqdecrypt.sip.problems import Notes
from tqdecrypt.sip.uri import SipUri, parse_uri

if TYPE_CHECKING:
    from tqdecrypt.sip.parser import ParsedMessage

__all__ = ["check_message"]

_MANDATORY = {
    "via": "Via",
    "from": "From",
    "to": "To",
    "call-id": "Call-ID",
    "cseq": "CSeq",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_QUOTED_PAIR = re.compile(r"\\.", re.DOTALL)
_STREAMS = frozenset({"TCP", "TLS", "SCTP", "TLS-SCTP"})
"""Transports on which only Content-Length says where a message ends.  A WebSocket has its own frames."""


def check_message(message: ParsedMessage, notes: Notes) -> None:
    """Note what is wrong; the values of single fields are checked by their readers."""
    notes.offset = message.start
    if message.method is None:
        _check_status_line(message, notes)
    else:
        _check_request_line(message, notes)
    _check_lines(message, notes)
    _check_once(message, notes)
    _check_presence(message, notes)
    _check_cseq(message, notes)
    _check_body(message, notes)


def _check_status_line(message: ParsedMessage, notes: Notes) -> None:
    status = message.status or 0
    if not 100 <= status <= LARGEST_STATUS:
        notes("status-code", f"The status code is {status}; it must be from 100 to 699.")
    if message.version != "SIP/2.0":
        notes("version", f"The version is {message.version}, not SIP/2.0.")


def _check_request_line(message: ParsedMessage, notes: Notes) -> None:
    uri = message.request_uri or ""
    if message.version != "SIP/2.0":
        notes("version", f"The version is {message.version}, not SIP/2.0.")
    if not is_token(message.method or ""):
        notes("value", f"{excerpt(message.method or '')} cannot be a method.")
    usual = f"{message.method} {uri} "
    line = message.start_line
    if not (line.startswith(usual) and line[len(usual) :].upper() == message.version):
        notes("start-line-blanks", "The request line has blanks besides the two single spaces.")
    if uri.startswith("<"):
        notes("request-uri", "The Request-URI stands in angle brackets.")
        return
    parsed = parse_uri(uri, notes)
    if isinstance(parsed, SipUri) and parsed.headers:
        notes("request-uri-headers", "The Request-URI has header fields behind a question mark.")


def _check_lines(message: ParsedMessage, notes: Notes) -> None:
    head = message.raw[message.start : message.body_start]
    lines = head.count(b"\n")
    if lines != head.count(b"\r\n"):
        notes("line-ends", "Lines end with a bare line feed instead of CR LF.")
    elif head.count(b"\r") != lines:
        notes("control-character", "A carriage return stands inside a line.")
    try:
        head.decode()
    except UnicodeDecodeError as error:
        sentence = f"The header is not UTF-8: byte 0x{head[error.start]:02x} stands there."
        notes.offset = message.start + error.start
        notes("encoding", sentence)
    for field in message.fields:
        notes.offset = field.offset
        if not is_token(field.name):
            notes("field-name", f"{excerpt(field.name)} cannot be the name of a header field.")
        if _CONTROL.search(field.value) and _CONTROL.search(_QUOTED_PAIR.sub("", field.value)):
            name = excerpt(field.long_name)
            notes("control-character", f"The field {name} has a control character in it.")


def _check_once(message: ParsedMessage, notes: Notes) -> None:
    seen: set[str] = set()
    for field in message.fields:
        if field.key in STANDS_ONCE and field.key in seen:
            notes.offset = field.offset
            notes("field-repeated", f"{field.long_name} stands there more than once.")
        seen.add(field.key)


def _check_presence(message: ParsedMessage, notes: Notes) -> None:
    notes.offset = message.start
    present = {field.key for field in message.fields}
    for key, name in _MANDATORY.items():
        if key not in present or (key == "call-id" and not message.call_id):
            notes("field-missing", f"{name} is missing.")
    vias = message.vias
    if vias and not vias[0].branch.startswith(MAGIC_COOKIE):
        return
    if message.method is not None and "max-forwards" not in present:
        notes("field-missing", "Max-Forwards is missing.")
    _check_tag(message, "from", notes)
    if (message.status or 0) > 100:
        _check_tag(message, "to", notes)
    cseq = message.cseq
    of_invite = cseq is not None and cseq.method == "INVITE"
    if message.method == "INVITE" or (of_invite and 200 <= (message.status or 0) < 300):
        notes.offset = message.start
        if "contact" not in present:
            notes("contact-missing", "Contact is missing: nobody can send a request in the dialog.")
        elif len(message.contacts) > 1:
            notes("contact-count", "Several Contacts stand there; a dialog has one on each side.")


def _check_tag(message: ParsedMessage, key: str, notes: Notes) -> None:
    addresses = message.typed(key)
    if addresses and not addresses[0].tag:
        notes.offset = next(field.offset for field in message.fields if field.key == key)
        notes("tag-missing", f"{_MANDATORY[key]} has no tag.")


def _check_cseq(message: ParsedMessage, notes: Notes) -> None:
    cseq = message.cseq
    if cseq is not None and message.method is not None and cseq.method != message.method:
        notes.offset = next(field.offset for field in message.fields if field.key == "cseq")
        sentence = f"CSeq has the method {excerpt(cseq.method)}, the request line another."
        notes("method-mismatch", sentence)


def _check_body(message: ParsedMessage, notes: Notes) -> None:
    notes.offset = message.start
    vias = message.vias
    if message.declared_length is None and vias and vias[0].transport.upper() in _STREAMS:
        transport = vias[0].transport.upper()
        notes("content-length-missing", f"Content-Length is missing, on a stream ({transport}).")
    if message.body and not message.typed("content-type") and not message.values("content-type"):
        notes("content-type-missing", "There is a body, but no Content-Type says what it is.")
