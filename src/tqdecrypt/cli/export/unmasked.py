"""Finding the keys of media where messages are masked: they are looked at, and not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdecrypt.cli.run import Outcome, read_for

if TYPE_CHECKING:
    from tqdecrypt.cli.choice import Choice
    from tqdecrypt.cli.switches import Switches
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.stream import Stream
    from tqdecrypt.media.verdict import MediaVerdict

__all__ = ["FoundMedia", "find_media"]


class FoundMedia:
    """Calls with their media, and what belongs to none.

    :param wanted: which calls are kept.
    :ivar loose: packets of streams that no session description announces.
    """

    def __init__(self, wanted: Callable[[CallMedia], bool]) -> None:
        from tqdecrypt.media.collector import MediaCollector
        from tqdecrypt.media.keeping import KeptCalls

        self.calls = KeptCalls(wanted)
        self.collector = MediaCollector(self.calls.receive, self._loose)
        self.loose: Counter[MediaVerdict] = Counter()

    def _loose(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        self.loose[verdict] += stream.packets


def find_media(
    switches: Switches,
    choice: Choice,
    wanted: Callable[[CallMedia], bool],
    *,
    again: Outcome | None,
) -> tuple[FoundMedia, Outcome]:
    """Read captures for streams and for the keys of media, as they were sent.

    All calls take part: a stream of another one must not pass for one of those that are wanted.

    :param again: what came of reading them before.
    """
    from tqdecrypt.cli.collect import Nothing
    from tqdecrypt.cli.inputs import open_inputs
    from tqdecrypt.insight import Analysis

    found = FoundMedia(wanted)
    analysis = Analysis(media=found.collector, trunks=choice.trunks)
    inputs = open_inputs(switches) if again is None else again.inputs
    inputs.options.media = found.collector
    outcome = read_for(
        switches,
        Nothing(),
        analysis=analysis,
        inputs=inputs,
        again=again,
        masked=False,
    )
    inputs.options.media = None
    return found, outcome
