"""HEP3 on a stream: each packet says how long it is, and nothing stands between two."""

from __future__ import annotations

from collections import Counter

from tqdecrypt.hep.chunks import MAGIC

__all__ = ["HepStream"]

_HEADER = len(MAGIC) + 2


class HepStream:
    """Cuts a stream into packets, and finds the next one behind a gap or rubbish.

    However the stream is cut into pieces, the same packets come out.  Never more than one packet is
    held: 65,535 bytes.

    :ivar counters: ``hep_garbage_bytes`` between packets, or of one that a gap or the end cut;
        ``hep_resynchronisations`` how often the next packet had to be sought.
    """

    __slots__ = ("_held", "_seeking", "counters")

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._held = b""
        self._seeking = False

    @property
    def idle(self) -> bool:
        """Whether it stands between two packets."""
        return not self._held

    def receive(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the packets that they complete."""
        data = self._held + data
        packets = []
        position = 0
        while len(data) - position >= _HEADER:
            size = int.from_bytes(data[position + 4 : position + 6], "big")
            if data[position : position + 4] != MAGIC or size < _HEADER:
                position = self._seek(data, position)
                continue
            if len(data) - position < size:
                break
            self._seeking = False
            packets.append(data[position : position + size])
            position += size
        self._held = data[position:]
        return packets

    def gap(self) -> None:
        """Bytes are missing behind what was received."""
        self.end()
        self._lose_step()

    def end(self) -> None:
        """Nothing more comes."""
        self.counters["hep_garbage_bytes"] += len(self._held)
        self._held = b""

    def _seek(self, data: bytes, position: int) -> int:
        """Return where the next packet may begin."""
        self._lose_step()
        found = data.find(MAGIC, position + 1)
        if found < 0:
            found = len(data) - 3
            while found < len(data) and not MAGIC.startswith(data[found:]):
                found += 1
        self.counters["hep_garbage_bytes"] += found - position
        return found

    def _lose_step(self) -> None:
        if not self._seeking:
            self._seeking = True
            self.counters["hep_resynchronisations"] += 1
