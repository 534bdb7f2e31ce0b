"""How loud streams were, second by second, without keeping a sound of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from tqdecrypt.media.association import Assigned, CallMedia, LegMedia
from tqdecrypt.media.audio.hearing import hearing_of
from tqdecrypt.media.audio.listening import Listener, listen
from tqdecrypt.media.audio.track import RtpPayload, Track
from tqdecrypt.media.picking import StreamKey, key_of

if TYPE_CHECKING:
    from tqdecrypt.media.srtp import DtlsTable

__all__ = ["Levels", "levels_of"]

RATE = 8_000
"""Samples a second; loudness needs no more."""
SECOND = 1_000_000_000


class Levels(NamedTuple):
    """The loudness of one stream."""

    started: int
    """ns."""
    seconds: Sequence[int]
    """dBov of each second."""

    def between(self, begin: int, end: int) -> int | None:
        """Return the loudest second of a time, ns; ``None`` when there is none in it."""
        first = max((begin - self.started) // SECOND, 0)
        last = -(-(end - self.started) // SECOND)
        return max(self.seconds[first : max(last, 0)], default=None)


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        """Forget it."""
        return len(data)


def levels_of(
    captures: Sequence[str],
    legs: Sequence[LegMedia],
    dtls: DtlsTable,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Mapping[StreamKey, Levels]:
    """Read *captures* once more, decode the audio of *legs*, and return how loud each stream was.

    Streams that cannot be opened or decoded have no level.

    :raises UsageError: when it takes a package that is not installed.
    """
    tracks: dict[StreamKey, Track] = {}
    streams: list[Assigned] = []
    for leg in legs:
        hearing = hearing_of(leg)
        for key, (one, channel) in hearing.streams.items():
            tracks[key] = Track(hearing.codecs[channel], RATE, cast("BinaryIO", _Nowhere()))
            streams.append(one)
    order = list(tracks.values())
    channels = {key: number for number, key in enumerate(tracks)}

    def hear(channel: int, payload: RtpPayload) -> None:
        order[channel].receive(payload)

    protected = [key_of(one) for one in streams if one.verdict.value != "clear"]
    listener = Listener(channels, hear, protected)
    listen(captures, listener, [CallMedia(list(legs))], dtls, on_progress=on_progress)
    for track in order:
        track.finish()
    return {
        key: Levels(track.start, track.level.seconds)
        for key, track in tracks.items()
        if track.start is not None and track.counters["decoded"]
    }
