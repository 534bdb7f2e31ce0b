"""What of a capture is in, by what the user asked for (:class:`~tqdecrypt.cli.wanted.Wanted`).

All of them have to be met.  What a call or a session is like is known when it is over, and which legs
belong together at the very end: so files are read twice, and the first pass decides
(:mod:`tqdecrypt.cli.choosing`).  A pipe comes but once: then each message is decided on by itself, as it
comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.cli.run import Outcome, read_for
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall, Leg
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.cli.choosing import FirstPass
    from tqdecrypt.cli.inputs import Inputs
    from tqdecrypt.cli.wanted import Wanted
    from tqdecrypt.insight import Analysis, Finding
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.indicators import IndicatorTable
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.masking import Masker
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.observing import Observer
    from tqdecrypt.pipeline import Mask, Sink
    from tqdecrypt.query import Selection
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["Choice"]

MOST_CALL_IDS = 1_000_000
"""Call-IDs of which is remembered which sessions carried them, some 250 bytes each; further ones are out."""


class Choice:
    """Decides what is in, and keeps the rest away from a sink and an analysis.

    :ivar first: what came of the first pass, if there was one.
    :ivar call_ids: Call-IDs of messages that are in; complete after a first pass.
    :ivar sessions: TLS sessions that are in, likewise.
    :ivar beside: how many Call-IDs that are not in the sessions that are carried besides.
    """

    def __init__(self, wanted: Wanted, trunks: Trunks | None, selection: Selection | None) -> None:
        self.wanted = wanted
        self.trunks = trunks
        self.selection = selection
        self.first: Outcome | None = None
        self.decided = False
        self.call_ids: set[str] = set()
        self.sessions: set[int] = set()
        self.beside = 0
        self.counters: Counter[str] = Counter()
        self._decisions: dict[int, bool] = {}
        self._masked_names: set[str] = set()

    # What is in.

    def has_message(self, message: Message) -> bool:
        """Return whether a message is in."""
        known = self._decisions.get(id(message))
        return self._decide_on(message) if known is None else known

    def _decide_on(self, message: Message) -> bool:
        """The same for a message as it was captured."""
        wanted = self.wanted
        if wanted.since is not None and message.time < wanted.since:
            return False
        if wanted.until is not None and message.time >= wanted.until:
            return False
        if wanted.sessions and message.flow.session not in wanted.sessions:
            return False
        if wanted.calls and not self._named(message.call_id):
            return False
        selection = self.selection
        if selection is None:
            return True
        return selection.has_message(message) if self.decided else selection.message(message)

    def has_session(self, report: SessionReport) -> bool:
        """Return whether a TLS session is in."""
        if not self.decided:
            # From a pipe its messages may be still to come; only what is named can be told.
            return not self.wanted.sessions or report.session in self.wanted.sessions
        return report.session in self.sessions

    def has_call(self, call: Call) -> bool:
        """Return whether a call is in."""
        wanted = self.wanted
        if wanted.calls and not self._named(call.call_id):
            return False
        if wanted.sessions and wanted.sessions.isdisjoint(call.sessions):
            return False
        if not self._overlaps(call.started, call.last_time):
            return False
        return self.selection is None or self.selection.has_call(call)

    def has_finding(self, finding: Finding) -> bool:
        """Return whether a finding is in: about a call or a session that is, or selected by itself."""
        wanted = self.wanted
        if wanted.everything:
            return True
        alone = wanted.calls or wanted.sessions or wanted.since is not None or wanted.until
        if self.selection is not None and not alone:
            return self.selection.has_finding(finding)
        return not self.call_ids.isdisjoint(finding.call_ids) or not self.sessions.isdisjoint(
            finding.sessions
        )

    def findings(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return those that are in."""
        return [finding for finding in findings if self.has_finding(finding)]

    # What goes through.

    def sink(self, sink: Sink) -> Sink:
        """Return what gives *sink* what is in."""
        return sink if self.wanted.everything else _Through(self, sink)

    def analysis(
        self,
        on_call: Callable[[JointCall], None] = lambda call: None,
        on_dark_leg: Callable[[DarkLeg], None] = lambda leg: None,
        indicators: IndicatorTable | None = None,
        on_leg: Callable[[Leg], None] = lambda leg: None,
        on_registration: Callable[[Registration], None] = lambda registration: None,
        media: MediaCollector | None = None,
    ) -> Analysis:
        """Return an analysis of everything that tells of what is in.

        :param media: gets all calls: a stream of another one must not pass for one of those that are in.
        """
        from tqdecrypt.insight import Analysis

        everything = self.wanted.everything
        call_ids = self.call_ids

        def leg_over(leg: Leg, _: list[Finding]) -> None:
            if everything or leg.call_id in call_ids:
                on_leg(leg)

        def call_over(call: JointCall) -> None:
            if everything or not call_ids.isdisjoint(call.call_ids):
                on_call(call)

        def dark_leg(leg: DarkLeg) -> None:
            if everything or leg.call_id in call_ids:
                on_dark_leg(leg)

        return Analysis(
            on_leg=leg_over,
            on_call=call_over,
            on_dark_leg=dark_leg,
            on_registration=on_registration,
            trunks=self.trunks,
            indicators=indicators,
            media=media,
        )

    def has_media(self, media: CallMedia) -> bool:
        """Return whether media is that of a call that is in."""
        return self.wanted.everything or not self.call_ids.isdisjoint(media.call_ids)

    def read(
        self,
        switches: Switches,
        sink: Sink,
        *,
        analysis: Analysis | None = None,
        observers: Sequence[Observer] = (),
        again: Outcome | None = None,
        inputs: Inputs | None = None,
        on_idle: Callable[[], None] | None = None,
        progress: bool = True,
        without_captures: bool = False,
    ) -> Outcome:
        """Read the captures, a second time if it was done before, and give *sink* what is in.

        :param again: what came of reading them before; that of the first pass, unless given.
        :param inputs: what the switches opened, when somebody had to look at it before.
        """
        outcome = read_for(
            switches,
            self.sink(sink),
            analysis=analysis,
            observers=observers,
            again=self.first if again is None else again,
            inputs=inputs,
            on_idle=on_idle,
            progress=progress,
            without_captures=without_captures,
            deciding=self._in_front_of,
        )
        self._add_counters(outcome)
        return outcome

    def _add_counters(self, outcome: Outcome) -> None:
        """Add what could not be decided on to the counters of the outcome."""
        if outcome.summary is not None:
            outcome.summary.counters.update(self.counters)
            if self.selection is not None:
                outcome.summary.counters.update(self.selection.counters)

    def _in_front_of(self, masker: Masker) -> Mask:
        """Return what decides on messages before they are masked: what the user names is not."""
        if self.wanted.everything:
            return masker
        from tqdecrypt.masking import Witnessed

        return Witnessed(masker, self.decided_before)

    def decided_before(self, message: Message, masked: Message) -> None:
        """Decide on *message*, of which *masked* is to be seen."""
        self._decisions[id(masked)] = self._decide_on(message)
        name = masked.call_id
        if name == message.call_id:
            return
        if message.call_id in self.call_ids:
            self.call_ids.add(name)
        elif not self.decided and self._named(message.call_id):
            if len(self._masked_names) >= MOST_CALL_IDS:
                self.counters["call_ids_beyond_the_choice"] += 1
            else:
                self._masked_names.add(name)
        if self.selection is not None:
            self.selection.also(message.call_id, name)

    def forget(self, message: Message) -> None:
        """A message went through: nobody asks for it again."""
        self._decisions.pop(id(message), None)

    def _named(self, call_id: str) -> bool:
        if self.decided:
            return call_id in self.call_ids
        if call_id in self._masked_names:
            return True
        return any(one in call_id for one in self.wanted.calls)

    def _overlaps(self, begin: int, end: int) -> bool:
        since, until = self.wanted.since, self.wanted.until
        return (since is None or end >= since) and (until is None or begin < until)

    def decide(self, first: FirstPass, outcome: Outcome, call_ids: Collection[str] | None) -> None:
        """Everything was read once.

        :param call_ids: all legs of the calls that are named; ``None`` when none are.
        """
        self.first = outcome
        wanted, selection = self.wanted, self.selection
        if selection is None:
            self.call_ids = set(first.carried if call_ids is None else call_ids)
        else:
            self.call_ids = set(selection.call_ids)
            if call_ids is not None:
                self.call_ids.intersection_update(call_ids)
        carried = {number for one in self.call_ids for number in first.carried.get(one, ())}
        self.sessions = {
            span.session
            for span in first.spans
            if (not wanted.calls or span.session in carried)
            and (not wanted.sessions or span.session in wanted.sessions)
            and (selection is None or span.session in selection.session_numbers)
            and self._overlaps(span.started, span.ended)
        }
        if wanted.sessions:
            self.call_ids = {
                one
                for one in self.call_ids
                if not wanted.sessions.isdisjoint(first.carried.get(one, ()))
            }
        self.beside = sum(
            call_id not in self.call_ids and not self.sessions.isdisjoint(sessions)
            for call_id, sessions in first.carried.items()
        )
        self.counters.update(first.counters)
        self.decided = True


class _Through:
    """Gives a sink what is in."""

    def __init__(self, choice: Choice, sink: Sink) -> None:
        self._choice = choice
        self._sink = sink

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._choice.has_message(message):
            self._sink.message(message)
        self._choice.forget(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._choice.has_session(report):
            self._sink.session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._choice.has_call(call):
            self._sink.call(call)
