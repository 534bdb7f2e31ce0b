"""pcapng files: sections of blocks (draft-ietf-opsawg-pcapng).

Each section has its own byte order and interfaces; each interface its own link type, resolution and
offset of time.  Besides packets, names (Name Resolution Block) and session secrets (Decryption
Secrets Block) are kept; other blocks are counted and passed over.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from struct import Struct
from struct import error as struct_error

import numpy as np

from tqdecrypt.capture.block import Interface
from tqdecrypt.capture.pcap import MAX_PACKET, Indexed

__all__ = ["SECTION_HEADER", "CapturedSecrets", "PcapngIndex"]

SECTION_HEADER = 0x0A0D0D0A
_INTERFACE, _PACKET, _SIMPLE, _NAMES, _ENHANCED, _SECRETS = 1, 2, 3, 4, 6, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_END_OF_OPTIONS = 0
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14
_IPV4_RECORD, _IPV6_RECORD = 1, 2
MAX_INTERFACES = 65_535
"""As many as the column of interface numbers can name."""
MAX_SECRETS = 1 << 26
"""Bytes of secrets kept of one file."""


@dataclass(frozen=True, slots=True)
class CapturedSecrets:
    """The content of a Decryption Secrets Block."""

    kind: int
    """0x544C534B: a TLS key log."""
    data: bytes = field(repr=False)
    source: str
    """File that held it."""


@dataclass(slots=True)
class _Clock:
    """How an interface counts time: units a second, and what is added, in seconds."""

    units: int = 1_000_000
    offset: int = 0

    def nanoseconds(self, ticks: int) -> int:
        return ticks * 1_000_000_000 // self.units + self.offset * 1_000_000_000


class PcapngIndex:
    """Finds the packets in a buffer that holds blocks of one pcapng file."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.interfaces: list[Interface] = []
        """Of all sections so far."""
        self.names: dict[str, set[str]] = {}
        self.secrets: list[CapturedSecrets] = []
        self.counters: Counter[str] = Counter()
        self._clocks: list[_Clock] = []
        self._first = 0
        """Index of the section's first interface."""
        self._last_time = 0
        self._order = "<"
        self._prepare()

    def _prepare(self) -> None:
        self._two = Struct(self._order + "II").unpack_from
        self._enhanced = Struct(self._order + "IIIII").unpack_from
        self._uint32 = Struct(self._order + "I").unpack_from

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a block."""
        end = len(buffer)
        rows: list[tuple[int, int, int, int, int]] = []
        position = start
        damaged = ""
        while end - position >= 12:
            kind, length = self._two(buffer, position)
            if kind == SECTION_HEADER:
                if not self._begin_section(buffer, position):
                    damaged = "a section header without its byte-order magic"
                    break
                kind, length = self._two(buffer, position)
            if length < 12 or length % 4 or length > MAX_PACKET:
                damaged = f"a block of {length:,} bytes"
                break
            if position + length > end:
                break
            if self._uint32(buffer, position + length - 4)[0] != length:
                damaged = "a block whose two lengths differ"
                break
            try:
                row = self._take(kind, buffer, position + 8, position + length - 4)
            except (struct_error, ValueError, IndexError):
                damaged = f"a block of type {kind} that is not whole"
                break
            if row is not None:
                rows.append(row)
            position += length
        columns = np.array(rows, np.int64).reshape(len(rows), 5)
        return Indexed(
            columns[:, 0].copy(),
            columns[:, 1].copy(),
            columns[:, 2].copy(),
            columns[:, 3].copy(),
            position,
            damaged,
            columns[:, 4].astype(np.uint16),
        )

    def _begin_section(self, buffer: bytes, position: int) -> bool:
        for order in "<>":
            if Struct(order + "I").unpack_from(buffer, position + 8)[0] == _BYTE_ORDER_MAGIC:
                self._order = order
                self._prepare()
                return True
        return False

    def _take(
        self, kind: int, buffer: bytes, start: int, end: int
    ) -> tuple[int, int, int, int, int] | None:
        """Take the block whose body is ``buffer[start:end]``; return a packet's row."""
        if kind == _ENHANCED:
            interface, high, low, captured, length = self._enhanced(buffer, start)
            return self._row(interface, high << 32 | low, start + 20, captured, length, end)
        if kind == _SIMPLE:
            (length,) = self._uint32(buffer, start)
            snap = self.interfaces[self._first].snap_length if self._has(0) else 0
            captured = min(length, end - start - 4, snap or length)
            return self._row(0, None, start + 4, captured, length, end)
        if kind == _PACKET:
            interface, _ = Struct(self._order + "HH").unpack_from(buffer, start)
            _, high, low, captured, length = self._enhanced(buffer, start)
            return self._row(interface, high << 32 | low, start + 20, captured, length, end)
        if kind == _INTERFACE:
            self._take_interface(buffer, start, end)
        elif kind == SECTION_HEADER:
            self._first = len(self.interfaces)
        elif kind == _NAMES:
            self._take_names(buffer, start, end)
        elif kind == _SECRETS:
            self._take_secrets(buffer, start, end)
        else:
            self.counters["other_blocks"] += 1
        return None

    def _has(self, interface: int) -> bool:
        return self._first + interface < len(self.interfaces)

    def _row(
        self, interface: int, ticks: int | None, offset: int, captured: int, length: int, end: int
    ) -> tuple[int, int, int, int, int]:
        if offset + captured > end or not self._has(interface):
            raise ValueError
        number = self._first + interface
        # A simple packet has no time: that of the packet before it is the nearest truth.
        time = self._last_time if ticks is None else self._clocks[number].nanoseconds(ticks)
        self._last_time = time = min(time, (1 << 63) - 1)
        return time, offset, captured, length, number

    def _take_interface(self, buffer: bytes, start: int, end: int) -> None:
        link_type, _, snap_length = Struct(self._order + "HHI").unpack_from(buffer, start)
        clock = _Clock()
        name = ""
        for code, value in self._options(buffer, start + 8, end):
            if code == _IF_NAME:
                name = value.decode("utf-8", "backslashreplace")
            elif code == _IF_TSRESOL and value:
                exponent = value[0] & 0x7F
                clock.units = 2**exponent if value[0] & 0x80 else 10 ** min(exponent, 30)
            elif code == _IF_TSOFFSET and len(value) == 8:
                clock.offset = Struct(self._order + "q").unpack(value)[0]
        if len(self.interfaces) >= MAX_INTERFACES:
            raise ValueError
        self.interfaces.append(Interface(link_type, snap_length, name, self.source))
        self._clocks.append(clock)

    def _options(self, buffer: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
        options = []
        head = Struct(self._order + "HH").unpack_from
        while end - start >= 4:
            code, length = head(buffer, start)
            if code == _END_OF_OPTIONS or start + 4 + length > end:
                break
            options.append((code, bytes(buffer[start + 4 : start + 4 + length])))
            start += 4 + (length + 3) // 4 * 4
        return options

    def _take_names(self, buffer: bytes, start: int, end: int) -> None:
        for code, value in self._options(buffer, start, end):
            size = {_IPV4_RECORD: 4, _IPV6_RECORD: 16}.get(code)
            if size is None or len(value) < size:
                continue
            address = str(ipaddress.ip_address(value[:size]))
            names = [n.decode("utf-8", "backslashreplace") for n in value[size:].split(b"\0") if n]
            self.names.setdefault(address, set()).update(names)

    def _take_secrets(self, buffer: bytes, start: int, end: int) -> None:
        kind, length = self._two(buffer, start)
        data = bytes(buffer[start + 8 : min(start + 8 + length, end)])
        if sum(len(secrets.data) for secrets in self.secrets) + len(data) > MAX_SECRETS:
            self.counters["secrets_blocks_dropped"] += 1
            return
        self.secrets.append(CapturedSecrets(kind, data, self.source))
