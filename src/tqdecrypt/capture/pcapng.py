"""pcapng files: sections of blocks (draft-ietf-opsawg-pcapng).

Each section has its own byte order and interfaces; each interface its own link type and clock.
Besides packets, names (Name Resolution Block) and session secrets (Decryption Secrets Block) are
kept; other blocks are counted and passed over.

Enhanced packets, which is nearly all there is, are only walked over; their fields are gathered at
once when anything else comes that they depend on, or at the end of the buffer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from struct import Struct

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import Interface
from tqdecrypt.capture.clock import Clock, clamped
from tqdecrypt.capture.facts import MAX_INTERFACES, MAX_NAME, CapturedSecrets, Facts
from tqdecrypt.capture.indexed import MAX_RECORD, Indexed
from tqdecrypt.capture.packet_drops import DROPPED_IN_FRONT, drops_in_options, joined_drops
from tqdecrypt.errors import Malformed

__all__ = ["SECTION_HEADER", "PcapngIndex"]

SECTION_HEADER = 0x0A0D0D0A
"""The same in both byte orders."""
_INTERFACE, _PACKET, _SIMPLE, _NAMES, _STATISTICS, _ENHANCED, _SECRETS = 1, 2, 3, 4, 5, 6, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_MAJOR_VERSION = 1
_SMALLEST_BLOCK, _SMALLEST_ENHANCED = 12, 32
_SMALLEST = {
    SECTION_HEADER: 28,
    _INTERFACE: 20,
    _PACKET: 32,
    _SIMPLE: 16,
    _STATISTICS: 24,
    _ENHANCED: _SMALLEST_ENHANCED,
    _SECRETS: 20,
}
"""Bytes of a block at least, by type."""
_END_OF_OPTIONS = 0
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14
_DROPPED = {5: "packets_dropped_by_interface", 7: "packets_dropped_by_kernel"}
"""Options of an Interface Statistics Block that tell of packets that were not captured, isb_ifdrop and
isb_osdrop, and the counters that they add to."""
_DROPS_UNKNOWN = 0xFFFF
_ADDRESS_SIZE = {1: 4, 2: 16}
"""Of the records of a Name Resolution Block, by type."""

_Columns = tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.uint16],
    npt.NDArray[np.int64] | None,
]
"""Time, offset, captured, length, interface, packets dropped in front."""
_Row = tuple[int, int, int, int, int, int]


class _Damage(Malformed):
    """A block contradicts the specification; ``offset`` is where it begins."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__("a block", what, position)
        self.what = what
        self.position = position


class PcapngIndex:
    """Finds the packets of one pcapng file."""

    def __init__(self, source: str, facts: Facts) -> None:
        self._source = source
        self._facts = facts
        facts.may_bring_secrets = True
        self._numbers: list[int] = []
        """Of the section's interfaces, among all interfaces."""
        self._clocks: list[Clock] = []
        """Of the section's interfaces."""
        self._snap_lengths: list[int] = []
        self._dropped: dict[tuple[int, int], int] = {}
        """What statistics said last, by the section's interface and option; as many as interfaces."""
        self._last_time = 0
        self._set_order("<")

    def _set_order(self, order: str) -> None:
        self._order = order
        self._two = Struct(order + "II").unpack_from
        self._four_bytes = np.dtype(order + "u4")

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a block."""
        found = _Found()
        damaged = ""
        try:
            position, wanted = self._walk(buffer, start, found)
            self._gather(buffer, found)
        except _Damage as damage:
            position, wanted, damaged = damage.position, _SMALLEST_BLOCK, damage.what
            try:
                self._gather(buffer, found)  # what stands in front of it
            except _Damage as earlier:
                position, damaged = earlier.position, earlier.what
        columns = found.columns()
        return Indexed(*columns[:5], position, wanted, damaged, columns[5])

    def _walk(self, buffer: bytes, position: int, found: _Found) -> tuple[int, int]:
        """Return where the first block begins that is not whole, and how much of it is wanted."""
        end = len(buffer)
        last = end - _SMALLEST_BLOCK
        two = self._two
        append = found.enhanced.append
        while position <= last:
            kind, length = two(buffer, position)
            if kind == _ENHANCED and length & 3 == 0 and _SMALLEST_ENHANCED <= length <= MAX_RECORD:
                following = position + length
                if following > end:
                    return position, length
                append(position)
                position = following
                continue
            if kind == SECTION_HEADER:
                self._gather(buffer, found)
                self._find_order(buffer, position)
                two = self._two
                kind, length = two(buffer, position)
            if length < _SMALLEST_BLOCK or length & 3 or length > MAX_RECORD:
                raise _Damage(f"a block of {length:,} bytes", position)
            if position + length > end:
                return position, length
            self._take(kind, buffer, position, length, found)
            position += length
        return position, _SMALLEST_BLOCK

    def _find_order(self, buffer: bytes, position: int) -> None:
        for order in "<>":
            if Struct(order + "I").unpack_from(buffer, position + 8)[0] == _BYTE_ORDER_MAGIC:
                self._set_order(order)
                return
        raise _Damage("a section header without its byte-order magic", position)

    def _gather(self, buffer: bytes, found: _Found) -> None:
        """Turn the enhanced packets that were walked over into columns."""
        if not found.enhanced:
            return
        blocks = np.array(found.enhanced, np.int64)
        found.enhanced.clear()
        # Overlapping items, one at each byte: picking those at the blocks gathers their fields.
        items = np.ndarray((len(buffer) - 27,), "V28", buffer, 0, (1,))
        fields = items[blocks].view(self._four_bytes).reshape(len(blocks), 7).astype(np.int64)
        total, interface, captured = fields[:, 1], fields[:, 2], fields[:, 5]
        words = np.ndarray((len(buffer) - 3,), "V4", buffer, 0, (1,))
        again = words[blocks + total - 4].view(self._four_bytes).astype(np.int64)
        room = total - captured
        good = (again == total) & (room >= _SMALLEST_ENHANCED) & (interface < len(self._numbers))
        sound = len(blocks) if good.all() else int(good.argmin())
        fields, section_interface = fields[:sound], interface[:sound]
        if sound:
            ticks = fields[:, 3].astype(np.uint64) << np.uint64(32) | fields[:, 4].astype(np.uint64)
            time, number = self._of_interfaces(ticks, section_interface)
            self._last_time = int(time[-1])
            dropped = None
            offset = blocks[:sound] + 28
            if room[:sound].max() >= _SMALLEST_ENHANCED + 4:  # more than padding: some have options
                behind = offset + (captured[:sound] + 3) // 4 * 4
                dropped = drops_in_options(buffer, self._order, behind, offset + total[:sound] - 32)
                if dropped is not None:
                    self._facts.counters[DROPPED_IN_FRONT] += int(dropped.sum())
            found.add_columns((time, offset, fields[:, 5], fields[:, 6], number, dropped))
        if sound < len(blocks):
            position = int(blocks[sound])
            if again[sound] != total[sound]:
                raise _Damage("a block whose two lengths differ", position)
            if captured[sound] > total[sound] - _SMALLEST_ENHANCED:
                raise _Damage(f"a packet of {captured[sound]:,} bytes in a smaller block", position)
            raise _Damage("a packet of an interface that is not described", position)

    def _of_interfaces(
        self, ticks: npt.NDArray[np.uint64], interface: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
        """Return times, and numbers among all interfaces.

        Only interfaces that have packets here are looked at: a section may describe thousands, each
        in front of its first packet.
        """
        counts = np.bincount(interface)
        used = counts.nonzero()[0]
        clocks = [self._clocks[i] for i in used.tolist()]
        numbers = np.zeros(len(counts), np.uint16)
        numbers[used] = [self._numbers[i] for i in used.tolist()]
        if len(set(clocks)) == 1:
            time, beyond = clocks[0].column(ticks)
        else:
            time = np.empty(len(ticks), np.int64)
            beyond = 0
            # One sort, not one search an interface: there may be as many of them as of packets.
            order = np.argsort(interface, kind="stable")
            stops = np.cumsum(counts[used])[:-1]
            for clock, rows in zip(clocks, np.split(order, stops), strict=True):
                time[rows], more = clock.column(ticks[rows])
                beyond += more
        self._count_clamped(beyond)
        return time, numbers[interface]

    def _count_clamped(self, number: int) -> None:
        if number:
            self._facts.counters["times_clamped"] += number

    def _take(self, kind: int, buffer: bytes, position: int, length: int, found: _Found) -> None:
        """Take a block that is not an enhanced packet."""
        start, end = position + 8, position + length - 4
        if Struct(self._order + "I").unpack_from(buffer, end)[0] != length:
            raise _Damage("a block whose two lengths differ", position)
        if length < _SMALLEST.get(kind, 0):
            raise _Damage(f"a block of type {kind} that is too short", position)
        try:
            if kind in (_SIMPLE, _PACKET):
                self._gather(buffer, found)
                take = self._simple if kind == _SIMPLE else self._obsolete
                found.add_row(take(buffer, start, end))
            elif kind in (_INTERFACE, SECTION_HEADER):
                self._gather(buffer, found)
                if kind == _INTERFACE:
                    self._take_interface(buffer, start, end)
                else:
                    self._begin_section(buffer, start)
            elif kind == _NAMES:
                self._take_names(buffer, start, end)
            elif kind == _STATISTICS:
                self._take_statistics(buffer, start, end)
            elif kind == _SECRETS:
                self._take_secrets(buffer, start, end)
            else:
                self._facts.counters["other_capture_blocks"] += 1
        except _Damage:
            raise
        except Malformed as problem:
            raise _Damage(str(problem), position) from None

    def _begin_section(self, buffer: bytes, start: int) -> None:
        major, minor = Struct(self._order + "4xHH8x").unpack_from(buffer, start)
        if major != _MAJOR_VERSION:
            raise Malformed("version 1 of the format", f"{major}.{minor}")
        self._numbers, self._clocks, self._snap_lengths = [], [], []
        self._dropped = {}

    def _simple(self, buffer: bytes, start: int, end: int) -> _Row:
        """Return the row of a Simple Packet Block.

        It belongs to the section's first interface, whose snap length cut it.  It has no time; that
        of the packet before it is the nearest truth.
        """
        (length,) = Struct(self._order + "I").unpack_from(buffer, start)
        if not self._numbers:
            raise Malformed("an interface in front of its packets")
        captured = min(length, self._snap_lengths[0] or length)
        if captured > end - start - 4:
            raise Malformed("a packet that fits in its block", captured)
        return self._last_time, start + 4, captured, length, self._numbers[0], 0

    def _obsolete(self, buffer: bytes, start: int, end: int) -> _Row:
        """Return the row of a Packet Block (appendix A)."""
        layout = Struct(self._order + "HHIIII")
        interface, drops, high, low, captured, length = layout.unpack_from(buffer, start)
        if interface >= len(self._numbers):
            raise Malformed("an interface in front of its packets")
        if captured > end - start - 20:
            raise Malformed("a packet that fits in its block", captured)
        exact = self._clocks[interface].nanoseconds(high << 32 | low)
        self._last_time = clamped(exact)
        self._count_clamped(exact != self._last_time)
        if drops == _DROPS_UNKNOWN:
            drops = 0
        elif drops:
            self._facts.counters[DROPPED_IN_FRONT] += drops
        number = self._numbers[interface]
        return self._last_time, start + 20, captured, length, number, drops

    def _take_interface(self, buffer: bytes, start: int, end: int) -> None:
        if len(self._numbers) >= MAX_INTERFACES:
            raise Malformed(f"at most {MAX_INTERFACES:,} interfaces in a section")
        link_type, snap_length = Struct(self._order + "H2xI").unpack_from(buffer, start)
        resolution, offset = 6, 0
        name = ""
        for code, value in self._options(buffer, start + 8, end):
            if code == _IF_NAME:
                name = value[:MAX_NAME].decode("utf-8", "backslashreplace")
            elif code == _IF_TSRESOL and value:
                resolution = value[0]
            elif code == _IF_TSOFFSET and len(value) == 8:
                (offset,) = Struct(self._order + "q").unpack(value)
        interface = Interface(link_type, snap_length, name, self._source)
        self._numbers.append(self._facts.interface_number(interface))
        self._clocks.append(Clock.with_resolution(resolution, offset))
        self._snap_lengths.append(snap_length)

    def _options(self, buffer: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield code and value of options, or of the records of a Name Resolution Block."""
        head = Struct(self._order + "HH").unpack_from
        while end - start >= 4:
            code, length = head(buffer, start)
            if code == _END_OF_OPTIONS or start + 4 + length > end:
                return
            yield code, buffer[start + 4 : start + 4 + length]
            start += 4 + (length + 3) // 4 * 4

    def _take_names(self, buffer: bytes, start: int, end: int) -> None:
        for code, value in self._options(buffer, start, end):
            size = _ADDRESS_SIZE.get(code)
            if size is None or len(value) < size:
                continue
            names = [name for name in value[size:].split(b"\0") if name]
            self._facts.add_names(str(ipaddress.ip_address(value[:size])), names)

    def _take_statistics(self, buffer: bytes, start: int, end: int) -> None:
        """Take what was dropped (Interface Statistics Block): totals since the capture began, so that of
        several only what is more than before counts.
        """
        (interface,) = Struct(self._order + "I").unpack_from(buffer, start)
        if interface >= len(self._numbers):
            raise Malformed("an interface in front of its statistics")
        for code, value in self._options(buffer, start + 12, end):
            name = _DROPPED.get(code)
            if name is None or len(value) != 8:
                continue
            (total,) = Struct(self._order + "Q").unpack(value)
            before = self._dropped.get((interface, code), 0)
            if total > before:
                self._facts.counters[name] += total - before
                self._dropped[interface, code] = total

    def _take_secrets(self, buffer: bytes, start: int, end: int) -> None:
        kind, length = self._two(buffer, start)
        data = buffer[start + 8 : min(start + 8 + length, end)]
        self._facts.add_secrets(CapturedSecrets(kind, data, self._source))


class _Found:
    """What the walk over one buffer has found."""

    def __init__(self) -> None:
        self.enhanced: list[int] = []
        """Where Enhanced Packet Blocks begin that are in no column so far.  They stand behind
        everything that is."""
        self._rows: list[_Row] = []
        """Behind the columns in ``_parts``."""
        self._parts: list[_Columns] = []

    def add_row(self, row: _Row) -> None:
        self._rows.append(row)

    def add_columns(self, columns: _Columns) -> None:
        self._settle()
        self._parts.append(columns)

    def columns(self) -> _Columns:
        """Return everything that was found, in order."""
        self._settle()
        if len(self._parts) == 1:
            return self._parts[0]
        if not self._parts:
            return _as_columns([])
        time, offset, captured, length, interface, dropped = zip(*self._parts, strict=True)
        return (
            np.concatenate(time),
            np.concatenate(offset),
            np.concatenate(captured),
            np.concatenate(length),
            np.concatenate(interface),
            joined_drops([(one, len(of)) for one, of in zip(dropped, time, strict=True)]),
        )

    def _settle(self) -> None:
        if self._rows:
            self._parts.append(_as_columns(self._rows))
            self._rows = []


def _as_columns(rows: list[_Row]) -> _Columns:
    table = np.array(rows, np.int64).reshape(len(rows), 6).T
    dropped = table[5] if table[5].any() else None
    return table[0], table[1], table[2], table[3], table[4].astype(np.uint16), dropped
