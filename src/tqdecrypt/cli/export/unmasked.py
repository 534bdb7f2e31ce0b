"""Finding the keys of media where messages are masked: they are looked at, and not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.cli.media import DarkHosts
from tqdecrypt.cli.run import Outcome, read_for

if TYPE_CHECKING:
    from tqdecrypt.cli.choice import Choice
    from tqdecrypt.cli.switches import Switches
    from tqdecrypt.media.collector import MediaCollector

__all__ = ["find_media"]


def find_media(
    switches: Switches, choice: Choice, *, again: Outcome | None
) -> tuple[MediaCollector, Outcome]:
    """Read captures for streams and for the keys of media, as they were sent.

    All calls take part: a stream of another one must not pass for one of those that are chosen.

    :param again: what came of reading them before.
    """
    from tqdecrypt.cli.inputs import open_inputs
    from tqdecrypt.insight import Analysis
    from tqdecrypt.media.collector import MediaCollector

    collector = MediaCollector()
    analysis = Analysis(on_call=collector.call, trunks=choice.trunks)
    inputs = open_inputs(switches) if again is None else again.inputs
    inputs.options.media = collector
    outcome = read_for(
        switches,
        DarkHosts(collector),
        analysis=analysis,
        inputs=inputs,
        again=again,
        masked=False,
    )
    inputs.options.media = None
    return collector, outcome
