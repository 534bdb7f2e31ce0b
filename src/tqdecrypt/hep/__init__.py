"""HEP, the Homer Encapsulation Protocol: copies of packets that somebody sends to a collector.

Version 3 (also EEP; specification revision 37 of 2025) is a header of six bytes and chunks; versions 1
and 2 are fixed headers that Kamailio, OpenSIPS and FreeSWITCH still can send.  Only bytes are known here.
"""

from tqdecrypt.hep.chunks import MAGIC, MOST_PACKET, Chunk, payload_name
from tqdecrypt.hep.decode import looks_like_hep, pull_packet, pull_time
from tqdecrypt.hep.encode import encode_chunk, encode_ends, encode_packet, encode_time, pack
from tqdecrypt.hep.packet import HepPacket
from tqdecrypt.hep.stream import HepStream

__all__ = [
    "MAGIC",
    "MOST_PACKET",
    "Chunk",
    "HepPacket",
    "HepStream",
    "encode_chunk",
    "encode_ends",
    "encode_packet",
    "encode_time",
    "looks_like_hep",
    "pack",
    "payload_name",
    "pull_packet",
    "pull_time",
]
