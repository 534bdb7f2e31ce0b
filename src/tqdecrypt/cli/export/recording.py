"""A part of a call on its way into a WAV file, and what is said of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.export.audio import Audio, rate_of
from tqdecrypt.media.verdict import MEANINGS, MediaVerdict
from tqdecrypt.views.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tqdecrypt.export.audio import Written
    from tqdecrypt.media.audio.hearing import Hearing
    from tqdecrypt.media.audio.track import Track
    from tqdecrypt.media.picking import StreamKey

__all__ = ["Recording"]

_SPEAKERS = ("caller", "callee")
_MOST_LISTED = 8
"""Digits of a speaker in the closing line."""


class Recording:
    """A part of a call.  A context manager: samples wait in temporary files.

    :ivar audio: what takes its packets.
    :ivar dark: why packets were left out.
    """

    def __init__(self, hearing: Hearing) -> None:
        self.hearing = hearing
        self.audio = Audio(hearing.codecs, rate_of(hearing.formats, hearing.seen))
        self.dark: Counter[str] = Counter()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.audio.close()

    @property
    def protected(self) -> list[StreamKey]:
        """The streams that are not in clear."""
        streams = self.hearing.streams
        return [key for key, (one, _) in streams.items() if one.verdict is not MediaVerdict.CLEAR]

    def count_dark(self, protected: Iterable[StreamKey], cut: int, malformed: int) -> None:
        """Note why packets of its streams were not heard."""
        for key in protected:
            one, _ = self.hearing.streams[key]
            meaning = MEANINGS[one.verdict]
            if not meaning.clear:
                self.dark[meaning.title] += one.stream.packets
            elif one.srtp is not None:
                left = sum(source.dark for source in one.srtp.sources if not source.rtcp)
                self.dark.update({"that no key opens": left} if left else {})
        self.dark.update(
            {
                words: number
                for words, number in (("cut by the snap length", cut), ("malformed", malformed))
                if number
            }
        )

    def reasons(self) -> str:
        """Say what could not be heard, and why."""
        why = self.dark.copy()
        for track in self.audio.tracks:
            why.update({f"in {name}": number for name, number in track.undecodable.items()})
            if track.counters["malformed"]:
                why["malformed"] += track.counters["malformed"]
        parts = [f"{count(number, 'packet')} {words}" for words, number in why.most_common()]
        return "; ".join(parts) or "there is no RTP of it in the captures"

    def sentence(self, output: str, written: Written) -> str:
        """Say what was written."""
        tracks = self.audio.tracks
        heard = ", ".join(
            f"{speaker} {_loudness(track, wait / self.audio.rate)}"
            for speaker, track, wait in zip(_SPEAKERS, tracks, self.audio.waits, strict=True)
        )
        said = f"{output}: {written.seconds:.1f} s at {written.rate:,} Hz; {heard}"
        lost = self.audio.counters["lost"]
        if lost:
            said += f"; {count(lost, 'packet')} lost, silence instead"
        digits = sum(len(track.events) for track in tracks)
        if digits:
            said += f"; {count(digits, 'telephone event')} left out"
        said += "".join(_pressed(self.audio))
        if self.dark or any(track.undecodable or track.counters["malformed"] for track in tracks):
            said += f"; left out: {self.reasons()}"
        if written.cut or self.audio.counters["beyond_the_longest"]:
            said += "; what is longer than a WAV file can be was cut off"
        return said


def _pressed(recording: Audio) -> Iterator[str]:
    """Say when keys were pressed in the sound itself, and how long; never which."""
    for speaker, track, wait in zip(_SPEAKERS, recording.tracks, recording.waits, strict=True):
        if not track.tones:
            continue
        listed = ", ".join(
            f"* at {(wait + tone.position) / recording.rate:.1f} s for {tone.duration:.0f} ms"
            for tone in track.tones.tones[:_MOST_LISTED]
        )
        more = len(track.tones) - _MOST_LISTED
        yield (
            f"; {speaker} pressed {count(len(track.tones), 'digit')} in the sound (not RFC 4733): "
            f"{listed}{f' and {more:,} more' if more > 0 else ''}"
        )


def _loudness(track: Track, wait: float) -> str:
    """Say how loud a direction was, and how silent; *wait* is when it begins, in seconds."""
    if not track.counters["decoded"]:
        return "not heard"
    silence = track.silence
    words = f"{silence.level} dBov"
    if not silence.silent or silence.longest is None:
        return words
    begin, length = (part / track.rate for part in silence.longest)
    share = silence.silent / silence.decoded
    return f"{words}, {share:.0%} silent, longest {length:.1f} s at {wait + begin:.1f} s"
