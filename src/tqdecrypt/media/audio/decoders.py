"""Payloads of one format to samples: G.711 and L16 by tables of our own, the rest by FFmpeg (PyAV).

PyAV comes with ``tqdecrypt[audio]`` and is imported when a stream needs it.  A decoder keeps the state of
its stream; each SSRC gets one of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tqdecrypt.errors import Malformed, UsageError
from tqdecrypt.media.audio.amr import NARROW, WIDE, Modes, layout_of, pull_frames
from tqdecrypt.media.audio.g711 import A_LAW, MU_LAW
from tqdecrypt.sip.sdp_attributes import Codec

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

__all__ = ["DECODABLE", "Decoder", "Samples", "decoder_for", "load_av", "sample_rate_of"]

Samples = NDArray[np.int16]

_NOTHING: Samples = np.zeros(0, np.int16)

_RATES = {
    "PCMU": 8_000,
    "PCMA": 8_000,
    "G722": 16_000,  # its RTP clock says 8000 (RFC 3551 section 4.5.2)
    "G723": 8_000,
    "G729": 8_000,
    "GSM": 8_000,
    "ILBC": 8_000,
    "AMR": 8_000,
    "AMR-WB": 16_000,
    "OPUS": 48_000,
}
"""Encoding name → samples a second that come out."""

DECODABLE = (*_RATES, "L16")
"""What can be decoded, by encoding name."""


class Decoder(Protocol):
    """Makes samples of the payloads of one stream."""

    rate: int
    """Samples a second."""

    def decode(self, payload: bytes) -> Samples:
        """Return the samples of a payload, one channel.

        :raises Malformed: when it is none of this format.
        """


def sample_rate_of(codec: Codec) -> int | None:
    """Return the samples a second that a format has when it is decoded; ``None`` when it cannot be."""
    name = codec.name.upper()
    if name == "L16":
        return codec.clock_rate
    return _RATES.get(name)


def decoder_for(codec: Codec) -> Decoder | None:
    """Return a new decoder; ``None`` when there is none for this format.

    :raises UsageError: when it takes PyAV, which is not installed.
    :raises Malformed: when the format's parameters ask for what cannot be decoded.
    """
    name = codec.name.upper()
    if name in ("PCMU", "PCMA"):
        return _Table(MU_LAW if name == "PCMU" else A_LAW)
    if name == "L16" and codec.clock_rate:
        return _Linear(codec.clock_rate, max(codec.channels, 1))
    if name not in _RATES:
        return None
    av = load_av()
    match name:
        case "G722":
            return _Framed(av, "g722", _RATES[name], 0)
        case "GSM":
            return _Framed(av, "gsm", _RATES[name], 33)
        case "G729":
            # A frame of 2 octets is comfort noise, which closes the payload (RFC 3551 section 4.5.6).
            return _Framed(av, "g729", _RATES[name], 10, noise=2)
        case "G723":
            return _G723(av)
        case "ILBC":
            return _Ilbc(av)
        case "AMR":
            return _Amr(av, "libopencore_amrnb", "amrnb", _RATES[name], NARROW, codec.parameters)
        case "AMR-WB":
            return _Amr(av, "libopencore_amrwb", "amrwb", _RATES[name], WIDE, codec.parameters)
        case _:
            return _Framed(av, "libopus", _RATES[name], 0)


def load_av() -> ModuleType:
    """Return PyAV.

    :raises UsageError: when it is not installed.
    """
    try:
        import av
    except ImportError:
        raise UsageError(
            "this call's audio needs PyAV, which is not installed: pip install 'tqdecrypt[audio]'"
        ) from None
    av.logging.set_level(av.logging.PANIC)
    module: ModuleType = av
    return module


class _Table:
    """G.711."""

    rate = 8_000

    def __init__(self, table: Samples) -> None:
        self._table = table

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        samples: Samples = self._table[np.frombuffer(payload, np.uint8)]
        return samples


class _Linear:
    """L16: samples as they are, in network order (RFC 3551 section 4.5.11)."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate = rate
        self._channels = channels

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        if len(payload) % (2 * self._channels):
            raise Malformed("whole samples of L16", f"{len(payload)} octets")
        samples = np.frombuffer(payload, ">i2").reshape(-1, self._channels)
        mixed: Samples = samples.mean(axis=1).astype(np.int16)
        return mixed


class _Av:
    """A decoder of FFmpeg."""

    def __init__(self, av: ModuleType, name: str, rate: int) -> None:
        self._av = av
        self.rate = rate
        context: AudioCodecContext = av.CodecContext.create(name, "r")
        context.sample_rate = rate
        context.layout = "mono"
        self._context = context

    def _decoded(self, frames: Iterable[bytes]) -> Samples:
        found: list[Samples] = []
        for frame in frames:
            try:
                made = self._context.decode(self._av.Packet(frame))
                found.extend(_whole(one.to_ndarray()[0]) for one in made)
            except self._av.FFmpegError as error:
                raise Malformed(f"a frame of {self._context.name}", str(error)) from error
        return np.concatenate(found) if found else _NOTHING


class _Framed(_Av):
    """Frames of one length behind another, or the whole payload in one."""

    def __init__(self, av: ModuleType, name: str, rate: int, length: int, noise: int = 0) -> None:
        super().__init__(av, name, rate)
        self._length = length
        self._noise = noise

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        length = self._length
        if not length:
            return self._decoded([payload] if payload else [])
        rest = len(payload) % length
        if rest not in (0, self._noise):
            raise Malformed(f"frames of {length} octets", f"{len(payload)} octets")
        ends = range(length, len(payload) + 1, length)
        return self._decoded(payload[end - length : end] for end in ends)


class _G723(_Av):
    """G.723.1, whose frames say their lengths in their lowest two bits (RFC 3551 section 4.5.3)."""

    def __init__(self, av: ModuleType) -> None:
        super().__init__(av, "g723_1", 8_000)

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        frames = []
        at = 0
        while at < len(payload):
            length = (24, 20, 4, 1)[payload[at] & 3]
            if at + length > len(payload):
                raise Malformed("a whole G.723.1 frame", f"{len(payload) - at} octets", at)
            frames.append(payload[at : at + length])
            at += length
        return self._decoded(frames)


class _Ilbc(_Av):
    """iLBC: frames of 38 octets are 20 ms, of 50 octets 30 ms (RFC 3952).

    The parameters may say which; the payloads say it more surely.
    """

    def __init__(self, av: ModuleType) -> None:
        self._av = av
        self.rate = 8_000
        self._length = 0

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        if not payload:
            return _NOTHING
        length = self._length
        if not length or len(payload) % length:
            length = next((one for one in (38, 50) if len(payload) % one == 0), 0)
            if not length:
                raise Malformed("iLBC frames of 38 or 50 octets", f"{len(payload)} octets")
            self._begin(length)
        return self._decoded(payload[at : at + length] for at in range(0, len(payload), length))

    def _begin(self, length: int) -> None:
        # FFmpeg takes the length from the file's header only: so it reads one of a single frame.
        magic = b"#!iLBC20\n" if length == 38 else b"#!iLBC30\n"
        file = self._av.open(io.BytesIO(magic + bytes(length)), format="ilbc")
        self._file = file  # the context lives as long as its file
        self._context = file.streams.audio[0].codec_context
        self._length = length


class _Amr(_Av):
    """AMR and AMR-WB."""

    def __init__(
        self, av: ModuleType, name: str, other: str, rate: int, modes: Modes, parameters: str
    ) -> None:
        self._modes = modes
        self._layout = layout_of(parameters)
        # FFmpeg's own decoders know no comfort noise; they serve where it was built without the library.
        known = av.codecs_available
        super().__init__(av, name if name in known else other, rate)

    def decode(self, payload: bytes) -> Samples:
        """See :class:`Decoder`."""
        return self._decoded(pull_frames(payload, self._modes, self._layout))


def _whole(samples: NDArray[np.generic]) -> Samples:
    """Return samples of 16 bits."""
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    scaled = np.rint(samples.astype(np.float64) * 32768)
    return np.clip(scaled, -32768, 32767).astype(np.int16)
