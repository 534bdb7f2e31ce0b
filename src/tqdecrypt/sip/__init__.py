"""SIP messages: out of streams and datagrams, and what stands in them."""

from tqdecrypt.sip.address import tag_of, uri_of
from tqdecrypt.sip.datagram import parse_datagram
from tqdecrypt.sip.framer import StreamFramer
from tqdecrypt.sip.headers import header, headers
from tqdecrypt.sip.index import index_message
from tqdecrypt.sip.message import Flow, Integrity, Message, Transport
from tqdecrypt.sip.sdp import sdp_marks
from tqdecrypt.sip.sniff import looks_like_sip

__all__ = [
    "Flow",
    "Integrity",
    "Message",
    "StreamFramer",
    "Transport",
    "header",
    "headers",
    "index_message",
    "looks_like_sip",
    "parse_datagram",
    "sdp_marks",
    "tag_of",
    "uri_of",
]
