"""FFmpeg's filters as a second opinion on how loud and how silent samples are."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["levels_by_ffmpeg", "silences_by_ffmpeg"]

Samples = NDArray[np.int16]


def silences_by_ffmpeg(samples: Samples, rate: int, seconds: float) -> list[tuple[float, float]]:
    """Return begin and length in seconds of what ``silencedetect`` finds below -60 dB for so long."""
    told = _measured(samples, rate, [("silencedetect", f"n=-60dB:d={seconds}")])
    begins = [float(value) for name, value in told if name == "lavfi.silence_start"]
    ends = [float(value) for name, value in told if name == "lavfi.silence_end"]
    ends += [len(samples) / rate] * (len(begins) - len(ends))  # one that lasts to the end
    return [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]


def levels_by_ffmpeg(samples: Samples, rate: int, frame: int) -> list[float]:
    """Return the level of each *frame* samples over that of a square wave, as ``astats`` has it."""
    filters = [("asetnsamples", f"n={frame}:p=0"), ("astats", "metadata=1:reset=1")]
    told = _measured(samples, rate, filters)
    return [float(value) for name, value in told if name == "lavfi.astats.Overall.RMS_level"]


def _measured(samples: Samples, rate: int, filters: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what filters note about samples, as names and values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes"
        graph = av.filter.Graph()
        source = graph.add_abuffer(
            format="s16", sample_rate=rate, layout="mono", time_base=Fraction(1, rate)
        )
        nodes = [graph.add(*one) for one in (*filters, ("ametadata", f"print:file={path}"))]
        sink = graph.add("abuffersink")
        graph.link_nodes(source, *nodes, sink).configure()
        for at in range(0, len(samples), 800):
            part = np.ascontiguousarray(samples[np.newaxis, at : at + 800])
            frame = av.AudioFrame.from_ndarray(part, "s16", "mono")
            frame.sample_rate = rate
            frame.pts = at
            source.push(frame)
        source.push(None)
        try:
            while True:
                sink.pull()
        except av.error.EOFError:
            pass
        del graph  # writes the file
        lines = path.read_text().splitlines()
    return [
        (name, value) for name, found, value in (line.partition("=") for line in lines) if found
    ]
