"""Writing pcapng files: one section, little-endian, nanoseconds (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import BinaryIO

from tqdecrypt import __version__
from tqdecrypt.export.pcap_writer import LINKTYPE_RAW

__all__ = ["PcapngFile", "PcapngWriter"]

_SECTION, _INTERFACE, _ENHANCED, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_TLS_KEY_LOG = 0x544C534B
"""``TLSK``: the secrets are a TLS key log (section 4.7)."""
_END_OF_OPTIONS, _COMMENT = 0, 1
_SHB_USERAPPL = 4
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL = 2, 3, 9
_NANOSECONDS = b"\x09"
_MOST_OPTION = 0xFFFF
"""Bytes that the length of an option can say."""
_HEAD = Struct("<II")
_OPTION = Struct("<HH")
_PACKET = Struct("<IIIII")
_LATEST = (1 << 63) - 1
"""The last nanosecond that readers with signed numbers can say: in the year 2262."""


class PcapngFile:
    """Writes the blocks of one section.

    :param comment: what the file is, in a sentence.
    :ivar counters: ``times_clamped``, packets before 1970.
    """

    def __init__(self, stream: BinaryIO, comment: str = "") -> None:
        self._stream = stream
        self._interfaces = 0
        self.counters: Counter[str] = Counter()
        options = (
            (_COMMENT, comment.encode()),
            (_SHB_USERAPPL, f"tqdecrypt {__version__}".encode()),
        )
        section = Struct("<IHHq").pack(_BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(_SECTION, section + _options(*options))

    def secrets(self, key_log: bytes) -> None:
        """Write a Decryption Secrets Block; what it opens has to stand behind it."""
        self._block(_SECRETS, _HEAD.pack(_TLS_KEY_LOG, len(key_log)) + key_log)

    def interface(
        self, link_type: int, snap_length: int, name: str = "", description: str = ""
    ) -> int:
        """Describe an interface; return its number."""
        options = _options(
            (_IF_NAME, name.encode()),
            (_IF_DESCRIPTION, description.encode()),
            (_IF_TSRESOL, _NANOSECONDS),
        )
        self._block(_INTERFACE, Struct("<HHI").pack(link_type, 0, snap_length) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def packet(
        self, interface: int, time: int, data: bytes, length: int | None = None, comment: str = ""
    ) -> None:
        """Write one packet; *time* in nanoseconds since 1970, *length* on the wire if it was cut."""
        if not 0 <= time <= _LATEST:
            time = min(max(time, 0), _LATEST)
            self.counters["times_clamped"] += 1
        size = len(data)
        head = _PACKET.pack(
            interface, time >> 32, time & 0xFFFFFFFF, size, size if length is None else length
        )
        options = _options((_COMMENT, comment.encode())) if comment else b""
        self._block(_ENHANCED, b"".join((head, data, bytes(-size % 4), options)))

    def flush(self) -> None:
        """Hand over what was written."""
        self._stream.flush()

    def _block(self, kind: int, body: bytes) -> None:
        padding = -len(body) % 4
        length = len(body) + padding + 12
        end = length.to_bytes(4, "little")
        self._stream.write(b"".join((_HEAD.pack(kind, length), body, bytes(padding), end)))


class PcapngWriter:
    """Writes packets that were made, each with a comment: see :class:`PcapWriter`."""

    def __init__(self, stream: BinaryIO, comment: str = "", link_type: int = LINKTYPE_RAW) -> None:
        self._file = PcapngFile(stream, comment)
        self._interface = self._file.interface(link_type, 0, "", "made by tqdecrypt")

    @property
    def counters(self) -> Counter[str]:
        """See :class:`PcapngFile`."""
        return self._file.counters

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        """Write one packet."""
        self._file.packet(self._interface, time, data, None, comment)

    def flush(self) -> None:
        """Hand over what was written."""
        self._file.flush()


def _options(*options: tuple[int, bytes]) -> bytes:
    """Return options with their end; empty ones are left out."""
    parts = [
        _OPTION.pack(code, len(value)) + value + bytes(-len(value) % 4)
        for code, whole in options
        if (value := whole[:_MOST_OPTION])
    ]
    return b"".join([*parts, _OPTION.pack(_END_OF_OPTIONS, 0)]) if parts else b""
