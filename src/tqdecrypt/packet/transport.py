"""What the packet decoder hands on: transport segments and datagrams as columns."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

__all__ = ["ControlBits", "TransportColumns", "Wanted"]


class ControlBits(enum.IntFlag):
    """Control bits of a TCP segment (RFC 9293 section 3.1) that change a connection's state."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10


class Wanted(enum.IntFlag):
    """Which packets become rows; what nobody asked for is counted and dropped as columns."""

    SIGNALLING = 1
    """TCP segments that carry payload or one of SYN, FIN, RST, and UDP datagrams whose first byte
    may begin a SIP message (a letter or digit)."""
    ACKNOWLEDGMENTS = 2
    """TCP segments without payload, too."""
    DTLS = 4
    """UDP datagrams whose first byte is 20 … 63 (RFC 7983)."""
    MEDIA = 8
    """UDP datagrams whose first byte is 128 … 191 (RFC 7983: RTP and RTCP)."""
    ALL_UDP = 16
    """Every UDP datagram."""
    EVERY_PORT = 64
    """UDP datagrams of every port, whatever ports were asked for: media takes any."""
    HEP = 32
    """UDP datagrams whose first byte is 1 or 2: HEP of these versions (HEP3 begins with a letter)."""


@dataclass(slots=True)
class TransportColumns:
    """TCP segments or UDP datagrams of one block, in packet order; one entry a row.

    ``payload_offset`` points into the block's buffer, but for the rows in ``detached`` (payload
    that was put together from IP fragments and stands nowhere in the buffer).
    """

    packet: npt.NDArray[np.int64]
    """Index of the packet in its block; for reassembled datagrams that of the last fragment."""
    version: npt.NDArray[np.uint8]
    """IP version, 4 or 6."""
    source: npt.NDArray[np.uint64]
    """Shape (n, 2): high and low half of the address as numbers; IPv4: 0 and the address."""
    destination: npt.NDArray[np.uint64]
    """Shape (n, 2), likewise."""
    source_port: npt.NDArray[np.uint16]
    destination_port: npt.NDArray[np.uint16]
    payload_offset: npt.NDArray[np.int64]
    payload_length: npt.NDArray[np.int64]
    """Bytes of payload that were captured."""
    payload_missing: npt.NDArray[np.int64]
    """Bytes of payload that were on the wire behind those, but cut off by the snap length."""
    sequence: npt.NDArray[np.uint32]
    """TCP sequence number; 0 for UDP."""
    acknowledgment: npt.NDArray[np.uint32]
    """TCP acknowledgment number; 0 for UDP."""
    flags: npt.NDArray[np.uint8]
    """TCP control bits, :class:`ControlBits`; 0 for UDP."""
    traffic_class: npt.NDArray[np.uint8]
    """The byte with DSCP and ECN (RFC 2474, RFC 3168) of the innermost IP header."""
    detached: Mapping[int, bytes]
    """Row → payload."""

    def __len__(self) -> int:
        return len(self.packet)

    def pick(self, which: npt.NDArray[np.int64]) -> TransportColumns:
        """Return the rows *which*, which are in order."""
        detached = {}
        if self.detached:
            places = {row: place for place, row in enumerate(which.tolist())}
            detached = {places[row]: data for row, data in self.detached.items() if row in places}
        columns = {one.name: getattr(self, one.name)[which] for one in fields(self)[:-1]}
        return TransportColumns(**columns, detached=detached)
