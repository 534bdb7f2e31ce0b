"""WAV: samples of 16 bits, the header first and right at once, so that a pipe can take it."""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO

__all__ = ["MOST_BYTES", "write_header"]

_HEADER = Struct("<4sI4s4sIHHIIHH4sI")
MOST_BYTES = (1 << 32) - 1 - _HEADER.size
"""Bytes of samples that the lengths in the header can tell."""
_PCM = 1


def write_header(file: BinaryIO, *, rate: int, channels: int, samples: int) -> None:
    """Write what comes before the samples.

    :param samples: of each channel.
    """
    width = 2 * channels
    size = samples * width
    file.write(
        _HEADER.pack(
            b"RIFF",
            _HEADER.size - 8 + size,
            b"WAVE",
            b"fmt ",
            16,
            _PCM,
            channels,
            rate,
            rate * width,
            width,
            16,
            b"data",
            size,
        )
    )
