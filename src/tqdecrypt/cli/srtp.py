"""Reading captures once more for a command: to open SRTP, and to listen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.cli.inputs import has_pipe
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.srtp import TrialBudget

__all__ = ["WaitingCalls", "hear_calls"]

MOST_STREAMS = 8_000
"""Streams of calls that wait for the second reading, some fourteen kilobytes each.  When there are so many,
the part of the captures where they are is read once more; what is in front is only walked over."""
_OPENING = "SRTP is opened in a second reading, which a pipe does not allow: give a file."
_HEARING = "sound is decoded in a second reading, which a pipe does not allow: give a file."

Placed = tuple[int, "CallMedia"]
"""A call, and its place among all calls."""


class WaitingCalls:
    """Keeps calls of which a second reading may say more until there are many or everything was read.

    Those are the ones whose streams may be opened, and with *sound* all.  Says on standard error why nothing
    is opened or heard, where that is so; the verdicts then stay what the signalling says.

    :param sound: whether to note how loud streams were.
    :ivar counters: ``media_streams_not_opened``: of calls for which there was no key while there was room.
    """

    def __init__(self, switches: Switches, *, sound: bool = False) -> None:
        self.counters: Counter[str] = Counter()
        self._switches = switches
        self._sound = sound
        self._twice = not _comes_once(switches)
        self._said: set[str] = set()
        self._budget: TrialBudget | None = None
        self._calls: list[Placed] = []
        self._streams = 0

    def receive(self, call: CallMedia, place: int, collector: MediaCollector) -> list[Placed]:
        """Take a call; return those that can be shown, it or others before it."""
        from tqdecrypt.media.srtp.decryption import may_be_opened

        streams = sum(1 for _ in call.streams)
        heard = self._sound and streams > 0
        if not heard and not may_be_opened(call, collector.dtls, later=self._twice):
            return [(place, call)]
        if not self._twice:
            self._say(_HEARING if heard else _OPENING)
            return [(place, call)]
        self._calls.append((place, call))
        self._streams += streams
        return self.open(collector) if self._streams >= MOST_STREAMS else []

    def open(self, collector: MediaCollector, *, last: bool = False) -> list[Placed]:
        """Open the calls that wait with the keys that were found, and set their verdicts; return them.

        :param last: whether everything was read, and no key is still to come.
        """
        from tqdecrypt.media.srtp import TrialBudget
        from tqdecrypt.media.srtp.decryption import TRIALS, may_be_opened
        from tqdecrypt.media.verdict import MediaVerdict

        ready, self._calls, self._streams = self._calls, [], 0
        if not last:
            self.counters["media_streams_not_opened"] += sum(
                one.verdict is MediaVerdict.DTLS_DARK
                for _, call in ready
                if not may_be_opened(call, collector.dtls, later=False)
                for _, one in call.streams
            )
        if self._budget is None:
            self._budget = TrialBudget(TRIALS)
        calls = [call for _, call in ready]
        if self._sound:
            _hear(self._switches, collector, calls, self._budget, self._say)
        else:
            self._open(collector, calls, self._budget)
        for call in calls:
            for _, one in call.streams:
                collector.rtcp.forget(one.stream.ssrc, one.stream.destination)
        return ready

    def _open(
        self, collector: MediaCollector, calls: Sequence[CallMedia], budget: TrialBudget
    ) -> None:
        from tqdecrypt.errors import UsageError
        from tqdecrypt.media.srtp.decryption import SrtpDecryption, decrypt, span_of

        try:
            decryption = SrtpDecryption(
                calls, collector.dtls, reports=collector.rtcp, budget=budget
            )
        except UsageError as error:
            self._say(str(error))
            return
        if decryption:
            decrypt(self._switches.captures, decryption, span=span_of(calls))

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            complain(sentence)


def hear_calls(switches: Switches, collector: MediaCollector, calls: Sequence[CallMedia]) -> None:
    """Note how loud the streams of *calls* were; what of them is protected is opened.

    Says on standard error what cannot be heard for want of a package, or because it comes from a pipe.
    """
    if not any(leg.streams for call in calls for leg in call.legs):
        return
    if _comes_once(switches):
        complain(_HEARING)
        return
    _hear(switches, collector, calls, None, complain)


def _hear(
    switches: Switches,
    collector: MediaCollector,
    calls: Sequence[CallMedia],
    budget: TrialBudget | None,
    say: Callable[[str], None],
) -> None:
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.audio.levels import hear

    if not calls:
        return
    with ProgressBar() as bar:
        hear(
            switches.captures,
            calls,
            collector.dtls,
            reports=collector.rtcp,
            budget=budget,
            on_progress=bar,
            on_trouble=say,
        )


def _comes_once(switches: Switches) -> bool:
    return "-" in switches.captures or has_pipe(switches)
