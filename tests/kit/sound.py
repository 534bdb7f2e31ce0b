"""Tones, and RTP packets of what an encoder makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tqdecrypt.media.audio import RtpPayload
from tqdecrypt.media.audio.g711 import MU_LAW

__all__ = [
    "PACKET",
    "START",
    "key_tone",
    "likeness",
    "mu_law",
    "mu_law_octets",
    "packets",
    "silence",
    "tone",
]

START = 1_700_000_000_000_000_000
PACKET = 20_000_000
"""20 ms, ns."""

Samples = NDArray[np.int16]


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0, level: float = -9.0) -> Samples:
    """Return a sine of so many dBov (a full one has -3)."""
    peak = 32767 * 10 ** ((level + 3.01) / 20)
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(peak * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


def key_tone(
    row: float,
    column: float,
    seconds: float,
    *,
    rate: int = 8000,
    level: float = -12.0,
    twist: float = 0.0,
) -> Samples:
    """Return two sines, the lower one of so many dBov, the higher one louder by *twist* dB."""
    return tone(rate, seconds, row, level) + tone(rate, seconds, column, level + twist)


def silence(seconds: float, rate: int = 8000) -> Samples:
    """Return nothing."""
    return np.zeros(round(rate * seconds), np.int16)


def mu_law_octets(samples: NDArray[np.generic]) -> bytes:
    """Return samples as PCMU: for each the octet whose value is next."""
    order = np.argsort(MU_LAW, kind="stable")
    values = MU_LAW[order].astype(np.float64)
    middle = (values[1:] + values[:-1]) / 2
    return bytes(order[np.searchsorted(middle, samples)].astype(np.uint8))


def mu_law(samples: NDArray[np.generic]) -> Samples:
    """Return what PCMU makes of samples."""
    return MU_LAW[np.frombuffer(mu_law_octets(samples), np.uint8)]


def packets(
    payloads: Iterable[bytes],
    *,
    step: int = 160,
    payload_type: int = 0,
    start: int = START,
    ssrc: int = 0xDECAFBAD,
    sequence: int = 65_530,
    timestamp: int = (1 << 32) - 480,
    every: int = PACKET,
) -> Iterator[RtpPayload]:
    """Yield payloads as RTP; both counters begin anew soon."""
    for i, payload in enumerate(payloads):
        yield RtpPayload(
            start + i * every,
            ssrc,
            (sequence + i) % (1 << 16),
            (timestamp + i * step) % (1 << 32),
            payload_type,
            payload,
        )


def likeness(found: Samples, wanted: Samples, most_shift: int = 1200) -> float:
    """Return how alike two signals are at their best shift, from 0 to 1: a codec delays what it codes."""
    size = 1 << (len(found) + len(wanted)).bit_length()
    one = np.fft.rfft(found.astype(np.float64), size)
    other = np.fft.rfft(wanted.astype(np.float64), size)
    alike = np.fft.irfft(one * np.conj(other), size)
    shifts = np.concatenate((alike[:most_shift], alike[-most_shift:]))
    norm = np.linalg.norm(found.astype(np.float64)) * np.linalg.norm(wanted.astype(np.float64))
    return float(shifts.max() / norm) if norm else 0.0
