"""An audit from beginning to end: what it is fed, and everything that it finds.

A sink of the pipeline with an analysis beside it; a live source feeds the same two, and so does whoever
has an analysis of their own, such as the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tqdecrypt.insight.analysis import Analysis
from tqdecrypt.insight.audit.advice import Advice, advise
from tqdecrypt.insight.audit.audit import Audit, Audited
from tqdecrypt.insight.audit.baseline import Change, changes
from tqdecrypt.insight.audit.document import audit_document
from tqdecrypt.insight.audit.reconnect import DarkConnections, Reconnect, plan
from tqdecrypt.insight.audit.uniformity import Difference, differences
from tqdecrypt.insight.what_if import OfferSink

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, Leg
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.finding import Finding
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["AuditResult", "Auditor"]


@dataclass(slots=True)
class AuditResult:
    """What an audit found."""

    audited: Audited
    differences: list[Difference]
    reconnects: list[Reconnect]
    advice: list[Advice]
    """What would make dark peers readable."""
    findings: list[Finding]
    """About calls and TLS, the most severe first."""
    changes: list[Change] = field(default_factory=list)
    """Since the baseline; empty without one."""
    document: dict[str, Any] = field(default_factory=dict)
    """Everything as one JSON object."""


class Auditor:
    """Takes what the pipeline yields: it is a sink, with an analysis beside it.

    :ivar offers: what clients offered, for "what if".
    """

    def __init__(self, ring: KeyRing | None = None, trunks: Trunks | None = None) -> None:
        self._audit = Audit(ring, trunks)
        self._connections = DarkConnections()
        self._trunks = trunks
        self.offers = OfferSink()

    @cached_property
    def analysis(self) -> Analysis:
        """What has to be fed beside the sink, unless another analysis hands on legs and bindings."""
        return Analysis(
            on_leg=lambda leg, _: self.leg(leg),
            on_dark_leg=self.dark_leg,
            on_registration=self.registration,
            trunks=self._trunks,
        )

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.offers.message(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._audit.session(report)
        self._connections.session(report)
        self.offers.session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; legs say more."""

    def leg(self, leg: Leg) -> None:
        """Take a leg that is over."""
        self._audit.leg(leg)

    def dark_leg(self, leg: DarkLeg) -> None:
        """Take a leg that is inferred."""
        self._audit.dark_leg(leg)
        self._connections.dark_call(leg.session, ended=_has_ended(leg))

    def registration(self, registration: Registration) -> None:
        """Take a binding that is over, or that was there when the capture ended."""
        self._connections.registration(registration)

    def finish(
        self,
        stamp: Callable[[int], str],
        baseline: dict[str, Any] | None = None,
        findings: Sequence[Finding] | None = None,
    ) -> AuditResult:
        """Say what was fed so far comes to; more may come.

        :param stamp: how the document writes times in nanoseconds.
        :param baseline: an earlier document.
        :param findings: of the analysis that was fed; those of :attr:`analysis` when not given.
        """
        audited = self._audit.finish()
        if self._connections.beyond:
            audited.counters["dark_connections_beyond_the_audit"] = self._connections.beyond
        audited.counters.update(self.offers.offers.counters)
        audited.counters.update(self.offers.products.counters)
        result = AuditResult(
            audited,
            differences(audited),
            plan(self._connections, audited),
            advise(audited, self.offers),
            list(self.analysis.findings if findings is None else findings),
        )
        result.document = audit_document(
            audited,
            stamp,
            differences=result.differences,
            reconnects=result.reconnects,
            advice=result.advice,
        )
        if baseline is not None:
            result.changes = changes(baseline, result.document)
            result.document["changes"] = [change.as_dict() for change in result.changes]
        return result


def _has_ended(leg: DarkLeg) -> bool:
    """Return whether there was a BYE, or an INVITE was refused (RFC 3261 section 13.2.2)."""
    labels = (message.label for message in leg.messages)
    return any(
        label == "BYE" or (label[0] in "3456" and label.endswith(" INVITE")) for label in labels
    )
