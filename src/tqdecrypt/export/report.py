"""What a report is made of, collected while captures are read, each with a bound on its memory.

Ladders need the messages of calls of which it is known only at their end that they failed: files are read
once more for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdecrypt.calls import CallState
from tqdecrypt.insight.audit import Auditor
from tqdecrypt.insight.hosts import Hosts
from tqdecrypt.insight.indicators import IndicatorTable
from tqdecrypt.insight.outcomes import FailedCall, Outcomes
from tqdecrypt.views import Story, TimelineRows, dark_marks, session_marks
from tqdecrypt.views.calls import CallRows
from tqdecrypt.views.report import Ladders
from tqdecrypt.views.sessions import SessionRows

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["LadderMessages", "ReportRows"]

MOST_FAILED = 200
"""Failed calls that are listed."""
MOST_ARROWS = 40
"""Messages that are drawn of one call: what fits on a sheet of paper."""
MOST_DARK_LEGS = 1_000
"""Inferred legs that are remembered until it is known which calls are drawn."""
_FAILED = (CallState.FAILED, CallState.UNANSWERED)


class ReportRows:
    """Collects everything but the ladders; see :class:`~tqdecrypt.pipeline.Sink`.

    :param most_calls: rows of the table of calls.
    :param ring: to say which key given belongs to which server.
    :ivar auditor: wants the legs and bindings of the analysis, too.
    """

    def __init__(
        self, most_calls: int, trunks: Trunks | None = None, ring: KeyRing | None = None
    ) -> None:
        self.calls = CallRows(most_calls)
        self.failed = CallRows(MOST_FAILED)
        self.sessions = SessionRows()
        self.outcomes = Outcomes()
        self.auditor = Auditor(ring, trunks)
        self.hosts = Hosts()
        self.indicators = IndicatorTable(trunks)
        self.timeline = TimelineRows()
        self.dark_legs: list[DarkLeg] = []
        self._dark_legs_left = 0

    @property
    def counters(self) -> dict[str, int]:
        """What was beyond a bound."""
        return {
            **self.hosts.counters,
            "failed_calls_of_further_kinds": self.outcomes.ungrouped,
            "dark_legs_not_drawn": self._dark_legs_left,
        }

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.auditor.message(message)
        self.hosts.add_message(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.sessions.add(report)
        self.auditor.session(report)
        self.hosts.add_session(report)
        self.timeline.add_session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.calls.add(call)
        self.timeline.add_call(call)
        if call.state in _FAILED:
            self.failed.add(call)

    def joint_call(self, call: JointCall) -> None:
        """Take a call over all its legs."""
        self.outcomes.add(call)
        for rows in (self.calls, self.failed):
            rows.join(call)

    def dark_leg(self, leg: DarkLeg) -> None:
        """Take a leg that was inferred."""
        self.auditor.dark_leg(leg)
        for rows in (self.calls, self.failed):
            rows.add_dark_leg(leg)
        if len(self.dark_legs) < MOST_DARK_LEGS:
            self.dark_legs.append(leg)
        else:
            self._dark_legs_left += 1


class LadderMessages:
    """Keeps the first messages of the calls that are to be drawn; a sink for the second reading."""

    def __init__(self, calls: Sequence[FailedCall], dark_legs: Sequence[DarkLeg] = ()) -> None:
        self._failed = calls
        self._dark_legs = dark_legs
        self._places = {one: at for at, call in enumerate(calls) for one in call.call_ids}
        self._wanted_sessions = {number for call in calls for number in call.sessions}
        self._messages: list[list[Message]] = [[] for _ in calls]
        self._cut = [0] * len(calls)
        self._calls: dict[str, Call] = {}
        self._reports: dict[int, SessionReport] = {}

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        place = self._places.get(message.call_id)
        if place is None:
            return
        kept = self._messages[place]
        if len(kept) < MOST_ARROWS:
            kept.append(message)
        else:
            self._cut[place] += 1

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if report.session in self._wanted_sessions:
            self._reports[report.session] = report

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        known = self._calls.get(call.call_id)
        if call.call_id in self._places and (known is None or call.messages > known.messages):
            self._calls[call.call_id] = call

    def ladders(self) -> Ladders:
        """Return what is drawn."""
        ladders = Ladders()
        for failed, messages, cut in zip(self._failed, self._messages, self._cut, strict=True):
            if messages:
                ladders.stories.append((self._story(failed, messages), cut))
        return ladders

    def _story(self, failed: FailedCall, messages: list[Message]) -> Story:
        dark = [leg for leg in self._dark_legs if leg.call_id in failed.call_ids]
        return Story(
            messages,
            [self._calls[one] for one in failed.call_ids if one in self._calls],
            self._reports,
            session_marks(messages, self._reports) + dark_marks(dark),
            failed.joins,
            [f"dark leg of {leg.call_id}, {leg.sentence}" for leg in dark],
        )
