"""An audit from beginning to end: what it is fed, and everything that it finds.

A sink of the pipeline with an analysis beside it; a live source feeds the same two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tqdecrypt.insight.analysis import Analysis
from tqdecrypt.insight.audit.audit import Audit, Audited
from tqdecrypt.insight.audit.baseline import Change, changes
from tqdecrypt.insight.audit.document import audit_document
from tqdecrypt.insight.audit.reconnect import DarkConnections, Reconnect, plan
from tqdecrypt.insight.audit.uniformity import Difference, differences

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.finding import Finding
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["AuditResult", "Auditor"]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found."""

    audited: Audited
    differences: list[Difference]
    reconnects: list[Reconnect]
    findings: list[Finding]
    """About calls and TLS, the most severe first."""
    changes: list[Change]
    """Since the baseline; empty without one."""
    document: dict[str, Any]
    """Everything as one JSON object."""


class Auditor:
    """Takes what the pipeline yields.

    :ivar analysis: what has to be fed beside the sink.
    """

    def __init__(self, ring: KeyRing | None = None, trunks: Trunks | None = None) -> None:
        self._audit = Audit(ring, trunks)
        self._connections = DarkConnections()
        self.analysis = Analysis(
            on_leg=lambda leg, _: self._audit.leg(leg),
            on_dark_leg=self._dark_leg,
            on_registration=self._connections.registration,
            trunks=trunks,
        )

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; the analysis takes messages."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._audit.session(report)
        self._connections.session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; legs say more."""

    def finish(
        self, stamp: Callable[[int], str], baseline: dict[str, Any] | None = None
    ) -> AuditResult:
        """Everything was fed.

        :param stamp: how the document writes times in nanoseconds.
        :param baseline: an earlier document.
        """
        audited = self._audit.finish()
        if self._connections.beyond:
            audited.counters["dark_connections_beyond_the_audit"] = self._connections.beyond
        different = differences(audited)
        reconnects = plan(self._connections, audited)
        document = audit_document(audited, stamp, differences=different, reconnects=reconnects)
        changed = [] if baseline is None else changes(baseline, document)
        document["changes"] = [change.as_dict() for change in changed]
        return AuditResult(
            audited, different, reconnects, self.analysis.findings, changed, document
        )

    def _dark_leg(self, leg: DarkLeg) -> None:
        self._audit.dark_leg(leg)
        ended = any(message.label == "BYE" for message in leg.messages)
        self._connections.dark_call(leg.session, ended=ended)
