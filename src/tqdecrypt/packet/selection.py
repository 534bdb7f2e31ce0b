"""Which rows are wanted: by port, and by what they carry."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import Buffer
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.transport import ControlBits, TransportColumns, Wanted

__all__ = ["STATE_BITS", "Selection"]

STATE_BITS = int(ControlBits.SYN | ControlBits.FIN | ControlBits.RST)
"""A segment with one of these matters without payload, too."""

_FIRST_BYTES = {
    Wanted.SIGNALLING: b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    Wanted.DTLS: bytes(range(20, 64)),
    Wanted.MEDIA: bytes(range(128, 192)),
    Wanted.ALL_UDP: bytes(range(256)),
    Wanted.HEP: b"\x01\x02",
}


class Selection:
    """What a decoder was asked for, as tables.

    :ivar first_bytes: for each first byte of a UDP datagram, whether it is wanted.
    :ivar empty_udp: whether datagrams without captured payload are wanted.
    :ivar every_udp_port: whether datagrams are whatever their ports.
    :ivar signalling: whether TCP segments are that carry payload, SYN, FIN or RST.
    :ivar acknowledgments: whether other TCP segments are.
    :ivar ports: for each port, whether it is wanted; ``None`` when all are.
    """

    def __init__(self, wanted: Wanted, ports: frozenset[int]) -> None:
        self.first_bytes = np.zeros(256, np.bool_)
        for kind, values in _FIRST_BYTES.items():
            if wanted & kind:
                self.first_bytes[list(values)] = True
        self.empty_udp = bool(wanted & Wanted.ALL_UDP)
        self.every_udp_port = bool(wanted & Wanted.EVERY_PORT)
        self.signalling = bool(wanted & Wanted.SIGNALLING)
        self.acknowledgments = bool(wanted & Wanted.ACKNOWLEDGMENTS)
        self.ports: npt.NDArray[np.bool_] | None = None
        if ports:
            self.ports = np.zeros(1 << 16, np.bool_)
            self.ports[list(ports)] = True

    def of_datagrams(self, rows: TransportColumns, buffer: Buffer) -> npt.NDArray[np.int64]:
        """Return which of some datagrams are wanted, when all of them were decoded."""
        there = np.flatnonzero(rows.payload_length)
        first = np.zeros(len(rows), np.uint8)
        first[there] = np.frombuffer(buffer, np.uint8)[rows.payload_offset[there]]
        for row, payload in rows.detached.items():
            first[row] = payload[0] if payload else 0
        wanted = self.first_bytes[first]
        wanted &= rows.payload_length > 0
        if self.ports is not None:
            unnamed = (rows.source_port == 0) & (rows.destination_port == 0)
            wanted &= self.ports[rows.source_port] | self.ports[rows.destination_port] | unnamed
        return np.flatnonzero(wanted)

    def drops(self, row: Transport) -> Dropped | None:
        """Return why a row is not wanted; ``None`` when it is."""
        ports = self.ports
        # A row without ports is no packet of a network, but one of a file of HEP.
        named = row.source_port or row.destination_port
        if (
            ports is not None
            and named
            and not (self.every_udp_port and row.flags is None)
            and not (ports[row.source_port] or ports[row.destination_port])
        ):
            return Dropped.UNWANTED_PORTS
        if row.flags is None:
            first = row.first_byte
            wanted = self.empty_udp if first is None else self.first_bytes[first]
            return None if wanted else Dropped.UNWANTED_UDP
        if row.flags & STATE_BITS or row.payload_length + row.payload_missing:
            return None if self.signalling else Dropped.UNWANTED_TCP
        return None if self.acknowledgments else Dropped.PURE_ACKNOWLEDGMENT
