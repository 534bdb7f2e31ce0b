"""Every octet of both laws, against FFmpeg's decoders and the recommendation's corner values."""

from __future__ import annotations

import av
import numpy as np
import pytest

from tqdecrypt.media.audio.g711 import A_LAW, MU_LAW


@pytest.mark.parametrize(("table", "decoder"), [(A_LAW, "pcm_alaw"), (MU_LAW, "pcm_mulaw")])
def test_every_octet_is_what_ffmpeg_says(table: np.ndarray, decoder: str) -> None:
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate = 8000
    context.layout = "mono"
    frames = context.decode(av.Packet(bytes(range(256))))
    theirs = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert table.tolist() == theirs.tolist()


def test_the_ends_of_the_scales() -> None:
    assert MU_LAW[0x80] == 8031 * 4
    assert MU_LAW[0x00] == -8031 * 4
    assert MU_LAW[0xFF] == MU_LAW[0x7F] == 0
    assert A_LAW[0x80 ^ 0x55 ^ 0x7F] == 4032 * 8
    assert A_LAW[0xD5] == 8
    assert A_LAW[0x55] == -8
