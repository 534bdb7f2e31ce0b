"""The analysis of one run: what the stages yield goes in, legs and findings come out.

It is fed the same messages as the call list, in the same order, and every session report; see
``docs/adr/0006``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.calls.analyser import Analyser
from tqdecrypt.insight.assessor import Assessor
from tqdecrypt.insight.dark_legs import infer_dark_legs
from tqdecrypt.insight.dark_records import DarkRecords
from tqdecrypt.insight.trunks import Trunks

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Thresholds
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.finding import Finding
    from tqdecrypt.insight.indicators import IndicatorTable
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import DarkData, SessionReport

__all__ = ["Analysis"]

MOST_CALLS_HELD = 4_000
"""Calls that are over and wait until it is known which records stay dark: some twenty megabytes."""


class Analysis:
    """Runs the analysis beside the call list.

    :param on_leg: told each leg when it is over, with what was found in it alone.
    :param on_call: told each call, of one leg or several, when all of its legs are over.
    :param on_dark_leg: told each leg that is inferred from records that stayed dark.
    :param on_registration: told each binding when it is over, or was there at the end.
    :param on_finding: told each finding as it is made; :attr:`findings` has them added up.
    :param media: takes each call, when somebody looks at media; :meth:`call_media` has the rules look at what
        comes of it.
    :param trunks: by what legs of one call are joined, and which addresses are one box.
    :param indicators: takes legs and registrations, when somebody wants them.
    :param follows_courses: as for :class:`~tqdecrypt.calls.analyser.Analyser`.
    :ivar findings: after :meth:`finish`, the most severe first.
    """

    def __init__(
        self,
        *,
        on_leg: Callable[[Leg, list[Finding]], None] = lambda leg, found: None,
        on_call: Callable[[JointCall], None] = lambda call: None,
        on_dark_leg: Callable[[DarkLeg], None] = lambda leg: None,
        on_finding: Callable[[Finding], None] = lambda finding: None,
        on_registration: Callable[[Registration], None] = lambda registration: None,
        media: MediaCollector | None = None,
        trunks: Trunks | None = None,
        indicators: IndicatorTable | None = None,
        thresholds: Thresholds | None = None,
        follows_courses: bool = True,
    ) -> None:
        trunks = trunks or Trunks()
        self.findings: list[Finding] = []
        self._on_leg = on_leg
        self._media = media
        self._indicators = indicators
        self._on_call = on_call
        self._on_dark_leg = on_dark_leg
        self._on_registration = on_registration
        self._dark_records = DarkRecords()
        self._held: deque[JointCall] = deque()
        self._assessor = Assessor(on_finding, thresholds=thresholds)
        self._analyser = Analyser(
            self._leg_over,
            on_call=self._call_over,
            on_registration=self._registration_over,
            on_ping=self._ping_over,
            correlation_headers=trunks.header_fields,
            boxes=trunks.boxes,
            follows_courses=follows_courses,
        )
        if media is not None:
            media.follow(self._analyser.leg, self._analyser.pass_time)
        self.message: Callable[[Message], None] = self._analyser.receive
        """Takes the next message."""

    @property
    def counters(self) -> Counter[str]:
        """What was evicted or could not be placed, by name."""
        counters = self._analyser.counters + self._assessor.context.counters
        if self._indicators is not None:
            counters += self._indicators.counters
        return counters + self._dark_records.counters

    def session(self, report: SessionReport) -> None:
        """Take the report of a TLS session that ended."""
        self._assessor.session(report)
        if self._media is not None:
            self._media.session(report)

    def dark_data(
        self,
        session: int,
        client: str,
        server: str,
        from_client: bool,
        records: Sequence[DarkData],
    ) -> None:
        """Take what is known of records that stay dark; see :class:`~tqdecrypt.dispatch.Dispatcher`."""
        self._dark_records.take(session, client, server, from_client, records)
        if self._media is not None:
            self._media.dark_so_far(session, client, server)

    def call_media(self, media: CallMedia) -> None:
        """Have the rules look at the media of a call."""
        self._assessor.media(media)

    def finish(self) -> None:
        """Everything was read."""
        self._analyser.finish()
        while self._held:
            self._look_for_dark_legs(self._held.popleft())
        if self._media is not None:
            self._media.conclude()
        self.findings = self._assessor.finish()

    def _registration_over(self, registration: Registration) -> None:
        if self._indicators is not None:
            self._indicators.add_registration(registration)
        self._assessor.registration(registration)
        self._on_registration(registration)

    def _ping_over(self, series: PingSeries) -> None:
        self._assessor.ping(series)

    def _call_over(self, call: JointCall) -> None:
        self._assessor.call(call)
        self._on_call(call)
        if self._media is not None:
            self._media.call(call)
        self._held.append(call)
        if len(self._held) > MOST_CALLS_HELD:
            self._look_for_dark_legs(self._held.popleft())

    def _look_for_dark_legs(self, call: JointCall) -> None:
        for leg in infer_dark_legs(call, self._dark_records, self._analyser.boxes):
            self._on_dark_leg(leg)

    def _leg_over(self, leg: Leg) -> None:
        if self._indicators is not None:
            self._indicators.add_leg(leg)
        self._on_leg(leg, self._assessor.leg(leg))
