"""What a TCP connection speaks is told from its bytes, not from its port.

A connection starts with a :class:`Sniffer`.  Once a few bytes of either side say TLS, SIP or HEP, it
is replaced by a :class:`TlsConnection` or a :class:`FramedConnection`, and everything that was received
so far is handed on.  What is neither is let go, and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.dispatch.framed_connection import hep_connection, sip_connection
from tqdecrypt.hep import MAGIC as HEP
from tqdecrypt.sip import looks_like_sip, looks_like_websocket
from tqdecrypt.tcp import Connection, End, Gap, StreamHandler
from tqdecrypt.tls import SessionReport, Verdict
from tqdecrypt.tls.record import HEADER, plausible_header

if TYPE_CHECKING:
    from tqdecrypt.dispatch.dispatcher import Dispatcher

__all__ = ["Sniffer"]

MOST_LOOKED_AT = 8192
"""Bytes at the beginning of a side that tell the protocol; an HTTP request may have cookies."""
MOST_SNIFFED = 1 << 15
"""Bytes of one connection that are looked at before it is let go: two records at the longest."""
MOST_GAPS = 64
"""Gaps in front of the first bytes that tell the protocol; captures of headers only have more."""


class _Received(NamedTuple):
    side: int
    data: bytes
    ends: list[int]
    frames: list[int]
    times: list[int]


class Sniffer:
    """Looks at the first bytes of a connection."""

    __slots__ = ("_connection", "_dispatcher", "_gaps", "_received", "_size")

    def __init__(self, dispatcher: Dispatcher, connection: Connection) -> None:
        self._dispatcher = dispatcher
        self._connection = connection
        self._received: list[_Received | Gap] = []
        self._gaps: list[tuple[int, int]] = []
        self._size = 0

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if not self._received and _begins_tls(data):  # the rule
            handler = self._connection.handler = self._dispatcher.tls_connection(self._connection)
            handler.receive(side, data, ends, frames, times)
            return
        self._received.append(_Received(side, data, ends, frames, times))
        self._size += len(data)
        beginning = self._beginning(side)
        if _begins_tls(beginning):
            self._replace(self._dispatcher.tls_connection(self._connection))
            return
        if _hep_at_packet_start(beginning, data, ends):
            self._replace(hep_connection(self._dispatcher, self._connection))
            return
        if looks_like_sip(beginning):
            self._replace(sip_connection(self._dispatcher, self._connection))
            return
        if looks_like_websocket(beginning) or _frame_at_packet_start(data, ends):
            self._replace(sip_connection(self._dispatcher, self._connection, websocket=True))
            return
        cut = _record_at_packet_start(data, ends)
        if cut is not None:
            self._drop_before(side, cut)
            self._replace(self._dispatcher.tls_connection(self._connection))
        elif self._size > MOST_SNIFFED:
            self._let_go()

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if len(self._gaps) >= MOST_GAPS:
            self._let_go()
            return
        self._received.append(gap)
        self._gaps.append((len(self._received) - 1, side))

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if self._size:
            self._let_go()

    def _beginning(self, side: int) -> bytes:
        """Return the first bytes of one side, up to a gap."""
        found = b""
        for item in self._received:
            if isinstance(item, _Received):
                found += item.data if item.side == side else b""
        return found[:MOST_LOOKED_AT]

    def _replace(self, handler: StreamHandler) -> None:
        self._connection.handler = handler
        sides = dict(self._gaps)
        for index, item in enumerate(self._received):
            if isinstance(item, _Received):
                handler.receive(*item)
            else:
                handler.gap(sides[index], item)

    def _drop_before(self, side: int, cut: int) -> None:
        """Forget the bytes in front of the first record of *side*'s last chunk."""
        kept: list[_Received | Gap] = []
        gaps = dict(self._gaps)
        for index, item in enumerate(self._received):
            if side != (item.side if isinstance(item, _Received) else gaps[index]):
                kept.append(item)
        last = self._received[-1]
        assert isinstance(last, _Received)
        self._gaps = [(i, 1 - side) for i, item in enumerate(kept) if isinstance(item, Gap)]
        first = next(i for i, end in enumerate(last.ends) if end > cut)
        kept.append(
            _Received(
                side,
                last.data[cut:],
                [end - cut for end in last.ends[first:]],
                last.frames[first:],
                last.times[first:],
            )
        )
        self._received = kept
        self._dispatcher.counters["bytes_before_first_record"] += cut

    def _let_go(self) -> None:
        connection = self._connection
        connection.handler = None
        dispatcher = self._dispatcher
        dispatcher.counters["other_tcp_connections"] += 1
        ports = {int(end.rpartition(":")[2]) for end in connection.ends}
        if not ports & dispatcher.ports:
            return
        client = connection.initiator or 0
        first = next((item for item in self._received if isinstance(item, _Received)), None)
        if first is None:
            return
        dispatcher.session_ended(
            SessionReport(
                session=dispatcher.next_session(),
                client=connection.ends[client],
                server=connection.ends[1 - client],
                started=connection.started,
                ended=connection.last_time,
                first_frame=connection.first_frame,
                last_frame=connection.last_frame,
                roles_known=False,
                verdict=Verdict.NOT_TLS,
                why=f"Neither TLS nor SIP: frame {first.frames[0]} begins with the bytes "
                f"{first.data[:8].hex(' ')}.",
                advice=["Check what runs on this port."],
            )
        )


def _begins_tls(data: bytes) -> bool:
    """Return whether a stream that begins with *data* is TLS (or an SSL 2.0 ClientHello)."""
    if len(data) < HEADER:
        return False
    if plausible_header(data, 0):
        return True
    return data[0] & 0x80 != 0 and data[2] == 1 and data[3] == 3 and data[4] <= 3


def _record_at_packet_start(data: bytes, ends: list[int]) -> int | None:
    """Return where a packet begins with a record whose successor is plausible, too.

    A capture that starts in mid-connection may start in mid-record; senders begin most records with
    a segment.
    """
    for start in (0, *ends[:-1]):
        position = start
        records = 0
        while len(data) - position >= HEADER and plausible_header(data, position):
            records += 1
            position += HEADER + (data[position + 3] << 8 | data[position + 4])
        if records and (position >= len(data) or records > 1):
            return start
    return None


def _frame_at_packet_start(data: bytes, ends: list[int]) -> bool:
    """Return whether a packet begins with a WebSocket's frame that has a SIP message in it."""
    return any(data[end] & 0x7E < 4 and looks_like_websocket(data[end:]) for end in ends[:-1])


def _hep_at_packet_start(beginning: bytes, data: bytes, ends: list[int]) -> bool:
    """Return whether a stream begins with HEP3, or a packet does: agents keep connections for days."""
    return beginning[:4] == HEP or (
        HEP in data and any(data[start : start + 4] == HEP for start in (0, *ends[:-1]))
    )
