"""Runs the rules over what the analysis hands over, and adds up what is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import traits_of
from tqdecrypt.insight.context import Context, Thresholds
from tqdecrypt.insight.finding import MOST_FRAMES, Finding
from tqdecrypt.insight.rules import LegRule, Rules, load_rules

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.tls import SessionReport

__all__ = ["Assessor"]

MOST_FINDINGS = 20_000
"""Different findings that are kept, about a kilobyte each; further ones are only counted."""
MOST_CALL_IDS = 1_000
"""Call-IDs that one finding names."""


class Assessor:
    """Collects findings; :meth:`finish` returns them, the most severe first.

    :param on_finding: told each finding as it is made, before the same ones are added up.
    """

    def __init__(
        self,
        on_finding: Callable[[Finding], None] = lambda finding: None,
        *,
        thresholds: Thresholds | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.rules = rules or load_rules()
        self.context = Context(thresholds)
        self._on_finding = on_finding
        self._by_traits: dict[int, list[LegRule]] = {}
        """Rules to ask of legs; there are as many entries as traits come together, 512 at most."""
        self._findings: dict[tuple[object, ...], Finding] = {}

    def leg(self, leg: Leg) -> list[Finding]:
        """Look at a leg; return what was found in it alone."""
        traits = traits_of(leg)
        rules = self._by_traits.get(traits)
        if rules is None:
            rules = self._by_traits[traits] = self.rules.for_traits(traits)
        return self._take(f for rule in rules for f in rule(leg, self.context)) if rules else []

    def call(self, call: JointCall) -> list[Finding]:
        """Look at a call over all its legs; return what only that shows."""
        if not self.rules.call:
            return []
        return self._take(f for rule in self.rules.call for f in rule(call, self.context))

    def session(self, report: SessionReport) -> list[Finding]:
        """Look at a TLS session that ended."""
        self.context.add_session(report)
        return self._take(f for rule in self.rules.session for f in rule(report, self.context))

    def registration(self, registration: Registration) -> list[Finding]:
        """Look at a registration."""
        context = self.context
        return self._take(f for r in self.rules.registration for f in r(registration, context))

    def ping(self, series: PingSeries) -> list[Finding]:
        """Look at a series of OPTIONS."""
        return self._take(f for rule in self.rules.ping for f in rule(series, self.context))

    def media(self, media: CallMedia) -> list[Finding]:
        """Look at the media of a call."""
        return self._take(f for rule in self.rules.media for f in rule(media, self.context))

    def finish(self) -> list[Finding]:
        """Everything was read: look at the whole; return all findings."""
        self._take(f for rule in self.rules.end for f in rule(self.context))
        return sorted(self._findings.values(), key=lambda f: (f.severity.rank, f.time, f.name))

    def _take(self, found: Iterable[Finding]) -> list[Finding]:
        taken = []
        for finding in found:
            taken.append(finding)
            self._on_finding(finding)
            identity = (finding.name, *finding.key) if finding.key else (finding.name, finding)
            known = self._findings.get(identity)
            if known is not None:
                self._findings[identity] = _added(known, finding)
            elif len(self._findings) < MOST_FINDINGS:
                self._findings[identity] = finding
            else:
                self.context.counters["findings_only_counted"] += 1
        return taken


def _added(known: Finding, other: Finding) -> Finding:
    """Return *known* with what *other*, the same again, adds to it."""
    call_ids = known.call_ids
    if len(call_ids) < MOST_CALL_IDS:
        call_ids = tuple(dict.fromkeys((*call_ids, *other.call_ids)))
    return replace(
        known,
        severity=min(known.severity, other.severity, key=lambda severity: severity.rank),
        time=min(known.time, other.time),
        frames=tuple(sorted({*known.frames, *other.frames}))[:MOST_FRAMES],
        call_ids=call_ids,
        sessions=tuple(dict.fromkeys((*known.sessions, *other.sessions)))[:MOST_FRAMES],
        count=known.count + other.count,
    )
