"""Which modes of AMR and AMR-WB a stream has (RFC 4867), by the frame type of each packet's first frame.

It stands in the first two bytes of a payload in clear.  A packet counts only when it is as long as frames of
that type make it: so one does not whose layout is another than the one that was announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.amr import NARROW, WIDE, Layout, Modes, layout_of
from tqdecrypt.media.audio.packets import pull_payload
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["AmrModes", "amr_formats"]

_MODES = {"AMR": NARROW, "AMR-WB": WIDE}
_NO_TYPE = 16
"""Behind all frame types."""
_Integers = npt.NDArray[np.int64]


def amr_formats(formats: Mapping[int, Codec]) -> dict[int, tuple[Modes, Layout]]:
    """Return payload type → modes and layout, of those formats that are AMR."""
    found = {}
    for number, codec in formats.items():
        modes = _MODES.get(codec.name.upper())
        if modes is not None:
            try:
                found[number] = modes, layout_of(codec.parameters)
            except Malformed:  # interleaved: the first frame says little of the others
                continue
    return found


class AmrModes:
    """Counts modes.

    :param formats: payload type → modes and layout (:func:`amr_formats`).
    """

    __slots__ = ("_counts", "_formats")

    def __init__(self, formats: Mapping[int, tuple[Modes, Layout]]) -> None:
        self._formats = formats
        self._counts = {number: np.zeros(_NO_TYPE, np.int64) for number in formats}

    def receive(
        self,
        types: npt.NDArray[np.uint8],
        lead: npt.NDArray[np.uint16],
        length: _Integers,
    ) -> None:
        """Take a stream's packets: payload types, the first two bytes of payload, and its length."""
        for number, (modes, layout) in self._formats.items():
            which = types == number
            if which.any():
                frame_types = _frame_types(lead[which], length[which], modes, layout)
                counts = np.bincount(frame_types, minlength=_NO_TYPE + 1)
                self._counts[number] += counts[:_NO_TYPE]

    def receive_packets(self, packets: Iterable[bytes]) -> None:
        """Take RTP packets of a stream, in clear."""
        rows = []
        for packet in packets:
            try:
                payload = pull_payload(packet, 0)
            except Malformed:
                continue
            lead = int.from_bytes(payload.payload[:2].ljust(2, b"\0"))
            rows.append((payload.payload_type, lead, len(payload.payload)))
        if rows:
            types, leads, lengths = zip(*rows, strict=True)
            self.receive(
                np.array(types, np.uint8), np.array(leads, np.uint16), np.array(lengths, np.int64)
            )

    @property
    def packets(self) -> dict[int, int]:
        """Bit rate of the mode → packets; comfort noise and frames without data left out."""
        found: dict[int, int] = {}
        for number, (modes, _) in self._formats.items():
            for rate, count in zip(modes.bit_rates, self._counts[number].tolist(), strict=False):
                if count:
                    found[rate] = found.get(rate, 0) + count
        return found


def _frame_types(
    lead: npt.NDArray[np.uint16], length: _Integers, modes: Modes, layout: Layout
) -> _Integers:
    """Return the type of each first frame; :data:`_NO_TYPE` where the length does not fit.

    An entry of the table of contents has F, four bits of type, and Q (section 4.3.2).  Octet-aligned it is
    the second byte (section 4.4.2), else it stands behind four bits of CMR.
    """
    table = _sizes(modes, layout)
    frame_type = (lead >> (3 if layout.octet_aligned else 7) & 15).astype(np.int64)
    more = (lead >> (7 if layout.octet_aligned else 11) & 1).astype(np.bool_)
    size = table[frame_type]
    # In bits where frames stand bit behind bit, in bytes where they begin at a byte.
    left = length - 1 if layout.octet_aligned else 8 * length - 4
    number = left // np.maximum(size, 1)
    rest = left - number * size
    fits = (size > 0) & (number > 0) & (rest < (1 if layout.octet_aligned else 8))
    fits &= more == (number > 1)
    return np.where(fits, frame_type, _NO_TYPE)


def _sizes(modes: Modes, layout: Layout) -> _Integers:
    """Return what a frame of each type takes with its entry of the table of contents; 0: there is none."""
    sizes = np.zeros(_NO_TYPE, np.int64)
    for frame_type, bits in modes.bits.items():
        if layout.octet_aligned:
            sizes[frame_type] = 1 + (bits + 7) // 8 + (layout.checksums and bits > 0)
        else:
            sizes[frame_type] = 6 + bits
    return sizes
