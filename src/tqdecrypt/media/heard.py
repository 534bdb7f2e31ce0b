"""How loud one stream was, for those who did not listen themselves: figures, and nothing of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["SILENT", "Heard"]

SECOND = 1_000_000_000
SILENT = -60
"""dBov; what is below it is silence: quieter than the background of a quiet room on a telephone, and the
same that FFmpeg's ``silencedetect`` takes unless told otherwise."""


class Heard(NamedTuple):
    """What came of decoding a stream.

    Levels are in dBov, as RFC 6464 and RFC 6465 have them: from -127 to 0, a full sine is at -3.  Silence is
    sound below :data:`SILENT` for 200 ms and longer; a shorter pause belongs to the speech around it, as
    it does for ITU-T P.56.
    """

    started: int
    """When the first packet came, nanoseconds since 1970-01-01 UTC."""
    seconds: Sequence[int]
    """Level of each second from then on."""
    level: int
    """Level of what is no silence, over its own time; of all, when all is silence."""
    decoded: float
    """Seconds of sound."""
    silent: float
    """Seconds of it that are silence.  What the sender suppressed, so that there was nothing to decode, is
    not in it: that is :attr:`~tqdecrypt.media.stream.Stream.suppressed`."""
    missing: float
    """Seconds that nothing is known of: lost, damaged, in a format that nothing decodes, telephone events."""
    longest: float
    """Seconds of the longest stretch in which nothing but silence came, sent or suppressed."""
    longest_at: int | None
    """When that stretch began, ns; ``None`` without any."""
    silent_since: int | None
    """When the stretch began that went on to the last packet, ns; ``None`` when sound came last."""

    @property
    def share(self) -> float:
        """Part of the sound that is silence, from 0 to 1."""
        return self.silent / self.decoded if self.decoded else 0.0

    def between(self, begin: int, end: int) -> int | None:
        """Return the level of the loudest second of a time, ns; ``None`` when there is none in it."""
        first = max((begin - self.started) // SECOND, 0)
        last = -(-(end - self.started) // SECOND)
        return max(self.seconds[first : max(last, 0)], default=None)
