"""SIP messages: out of streams and datagrams, and what stands in them."""

from tqdecrypt.sip.address import tag_of, uri_of
from tqdecrypt.sip.datagram import parse_datagram
from tqdecrypt.sip.framer import StreamFramer
from tqdecrypt.sip.headers import header, headers
from tqdecrypt.sip.index import index_message
from tqdecrypt.sip.marks import sdp_marks
from tqdecrypt.sip.message import LARGEST_STATUS, Flow, Integrity, Message, Transport
from tqdecrypt.sip.parser import HeaderField, ParsedMessage, parse_message
from tqdecrypt.sip.problems import Problem
from tqdecrypt.sip.sdp import SessionDescription
from tqdecrypt.sip.sdp_reader import parse_sdp
from tqdecrypt.sip.sniff import looks_like_sip
from tqdecrypt.sip.websocket import Framer, WebSocketFramer, looks_like_websocket, make_framers

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
