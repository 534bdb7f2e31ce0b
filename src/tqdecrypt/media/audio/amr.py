"""RFC 4867: speech frames of AMR and AMR-WB out of RTP payloads.

A payload has a request for the other side's mode (CMR), a table of contents, and the frames: bit behind bit
(bandwidth-efficient), or each at an octet of its own (octet-aligned).  What comes out is the storage format
(section 5.3): an octet with the frame's type and quality, then its bits, filled up to whole octets.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = ["NARROW", "NO_DATA", "WIDE", "Layout", "Modes", "layout_of", "pull_frames"]

NO_DATA = 15
"""Frame type: nothing was sent for this frame."""
SPEECH_LOST = 14
"""Frame type of AMR-WB: the frame was lost before it became RTP."""
MOST_FRAMES = 100
"""Two seconds; more is no payload of speech."""


class Modes(NamedTuple):
    """The codec's frame types."""

    bits: dict[int, int]
    """Frame type → bits of speech or of comfort noise (3GPP TS 26.101, TS 26.201)."""
    bit_rates: tuple[int, ...]
    """Of the speech modes, bit/s."""


NARROW = Modes(
    {0: 95, 1: 103, 2: 118, 3: 134, 4: 148, 5: 159, 6: 204, 7: 244, 8: 39, NO_DATA: 0},
    (4_750, 5_150, 5_900, 6_700, 7_400, 7_950, 10_200, 12_200),
)
WIDE = Modes(
    {
        0: 132,
        1: 177,
        2: 253,
        3: 285,
        4: 317,
        5: 365,
        6: 397,
        7: 461,
        8: 477,
        9: 40,
        SPEECH_LOST: 0,
        NO_DATA: 0,
    },
    (6_600, 8_850, 12_650, 14_250, 15_850, 18_250, 19_850, 23_050, 23_850),
)


class Layout(NamedTuple):
    """How a payload is laid out, as the parameters of the format say (section 8)."""

    octet_aligned: bool = False
    checksums: bool = False
    """An octet of CRC a frame behind the table of contents (``crc=1``)."""


def layout_of(parameters: str) -> Layout:
    """Return the layout that a fmtp line asks for.

    :raises Malformed: when frames are interleaved or sorted for robustness: nobody is known to send that.
    """
    values = {}
    for part in parameters.replace(" ", "").lower().split(";"):
        name, _, value = part.partition("=")
        values[name] = value
    if "interleaving" in values or values.get("robust-sorting") == "1":
        raise Malformed("AMR frames in their order", "interleaved or sorted ones")
    checksums = values.get("crc") == "1"
    # Each of these options means octet-aligned, too (section 8.1).
    return Layout(values.get("octet-align") == "1" or checksums, checksums)


def pull_frames(payload: bytes, modes: Modes, layout: Layout) -> list[bytes]:
    """Return the frames of a payload in the storage format, in their order.

    :raises Malformed: when it is too short, or a frame is of a type that there is not.
    """
    if layout.octet_aligned:
        return _pull_aligned(payload, modes, layout)
    return _pull_efficient(payload, modes)


def _pull_aligned(payload: bytes, modes: Modes, layout: Layout) -> list[bytes]:
    """Section 4.4."""
    contents = []
    at = 1
    while True:
        if at >= len(payload):
            raise Malformed("the end of AMR's table of contents", offset=at)
        entry = payload[at]
        at += 1
        contents.append(entry)
        if not entry & 0x80:
            break
        if len(contents) >= MOST_FRAMES:
            raise Malformed("less than two seconds of AMR", offset=at)
    lengths = [_bits(entry >> 3 & 15, modes) for entry in contents]
    if layout.checksums:
        at += sum(1 for bits in lengths if bits)
    frames = []
    for entry, bits in zip(contents, lengths, strict=True):
        end = at + (bits + 7) // 8
        if end > len(payload):
            raise Malformed("a whole AMR frame", f"{len(payload) - at} octets", at)
        frames.append(_stored(entry >> 3 & 15, bool(entry & 4), payload[at:end]))
        at = end
    return frames


def _pull_efficient(payload: bytes, modes: Modes) -> list[bytes]:
    """Section 4.3."""
    whole = int.from_bytes(payload)
    left = 8 * len(payload) - 4
    contents = []
    while True:
        left -= 6
        if left < 0:
            raise Malformed("the end of AMR's table of contents", offset=len(payload))
        entry = whole >> left & 0x3F
        contents.append(entry)
        if not entry & 0x20:
            break
        if len(contents) >= MOST_FRAMES:
            raise Malformed("less than two seconds of AMR")
    frames = []
    for entry in contents:
        frame_type = entry >> 1 & 15
        bits = _bits(frame_type, modes)
        left -= bits
        if left < 0:
            raise Malformed("a whole AMR frame", f"{-left} bits less", len(payload))
        octets = (bits + 7) // 8
        speech = (whole >> left & ((1 << bits) - 1)) << (8 * octets - bits)
        frames.append(_stored(frame_type, bool(entry & 1), speech.to_bytes(octets)))
    return frames


def _bits(frame_type: int, modes: Modes) -> int:
    try:
        return modes.bits[frame_type]
    except KeyError:
        raise Malformed("a frame type of AMR", frame_type) from None


def _stored(frame_type: int, good: bool, speech: bytes) -> bytes:
    # Decoders know "no data" for all that was not sent or got lost.
    if frame_type == SPEECH_LOST:
        frame_type = NO_DATA
    return bytes([frame_type << 3 | good << 2]) + speech
