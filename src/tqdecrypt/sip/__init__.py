"""SIP messages: out of streams and datagrams, and what stands in them.

Who only reads calls needs no full parser: it is loaded when somebody asks for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tqdecrypt.sip.address import tag_of, uri_of
from tqdecrypt.sip.datagram import parse_datagram
from tqdecrypt.sip.framer import StreamFramer
from tqdecrypt.sip.headers import header, headers
from tqdecrypt.sip.index import index_message
from tqdecrypt.sip.message import LARGEST_STATUS, Flow, Integrity, Message, Transport
from tqdecrypt.sip.sniff import looks_like_sip
from tqdecrypt.sip.websocket import Framer, WebSocketFramer, looks_like_websocket, make_framers

if TYPE_CHECKING:
    from tqdecrypt.sip.marks import sdp_marks
    from tqdecrypt.sip.parser import HeaderField, ParsedMessage, parse_message
    from tqdecrypt.sip.problems import Problem
    from tqdecrypt.sip.sdp import SessionDescription
    from tqdecrypt.sip.sdp_reader import parse_sdp

__all__ = [
    "LARGEST_STATUS",
    "Flow",
    "Framer",
    "HeaderField",
    "Integrity",
    "Message",
    "ParsedMessage",
    "Problem",
    "SessionDescription",
    "StreamFramer",
    "Transport",
    "WebSocketFramer",
    "header",
    "headers",
    "index_message",
    "looks_like_sip",
    "looks_like_websocket",
    "make_framers",
    "parse_datagram",
    "parse_message",
    "parse_sdp",
    "sdp_marks",
    "tag_of",
    "uri_of",
]

_LATER = {
    "HeaderField": "parser",
    "ParsedMessage": "parser",
    "Problem": "problems",
    "SessionDescription": "sdp",
    "parse_message": "parser",
    "parse_sdp": "sdp_reader",
    "sdp_marks": "marks",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
