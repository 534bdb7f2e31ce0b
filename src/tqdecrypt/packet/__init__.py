"""From packets to transport columns: link layers, tags, tunnels, IP and its fragments, TCP and UDP.

:class:`PacketDecoder` decodes blocks; :func:`decode_packet` is its specification, one packet at a
time.
"""

from tqdecrypt.packet.address import Endpoint, endpoint_text, parse_endpoint
from tqdecrypt.packet.decoder import Decoded, PacketDecoder
from tqdecrypt.packet.fragments import FragmentTable
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.scalar import decode_packet
from tqdecrypt.packet.transport import ControlBits, TransportColumns, Wanted

__all__ = [
    "ControlBits",
    "Decoded",
    "Dropped",
    "Endpoint",
    "FragmentTable",
    "PacketDecoder",
    "Transport",
    "TransportColumns",
    "Wanted",
    "decode_packet",
    "endpoint_text",
    "parse_endpoint",
]
