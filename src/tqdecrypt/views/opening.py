"""What a report begins with: plain sentences for a person who was not there, and what to do first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.outcomes import Outcome, Outcomes
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views.audit_table import percent
from tqdecrypt.views.sessions import Group
from tqdecrypt.views.summary import size
from tqdecrypt.views.words import count, date_of, plural, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import Audited
    from tqdecrypt.insight.audit.shares import Decryptability
    from tqdecrypt.pipeline import Summary

__all__ = [
    "Step",
    "about_calls",
    "about_capture",
    "about_findings",
    "about_sessions",
    "first_steps",
]

SECOND = 1_000_000_000
MOST_STEPS = 4
MOST_NAMED = 4
"""Ways to fail, causes of darkness and hosts that a sentence names."""
_SIDES = {
    "server": "the TLS server's settings",
    "client": "the TLS client's settings",
    "observer": "how it is captured, or which keys are given",
}


class Step(NamedTuple):
    """Something to do, and why."""

    why: str
    advice: str


def about_capture(summary: Summary, captures: int) -> str:
    """Return what was recorded, and when."""
    files = count(captures, "capture")
    packets = count(summary.packets, "packet")
    if summary.started is None or summary.ended is None:
        return f"This report is about {files} without any packet."
    begin, end = summary.started, summary.ended
    until = time_of_day(end, 0)
    if date_of(begin) != date_of(end):
        until = f"{date_of(end)} {until}"
    return (
        f"This report is about {files} with {packets} ({size(summary.bytes)}), recorded on "
        f"{date_of(begin)} from {time_of_day(begin, 0)} to {until} UTC ({spell_time(end - begin)})."
    )


def spell_time(nanoseconds: int) -> str:
    """Return ``16 seconds``, ``2 minutes 5 seconds``, ``3 hours 10 minutes``, ``2 days 4 hours``."""
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    left = max(nanoseconds, 0) // SECOND
    if not left:
        return "less than a second"
    words = []
    for seconds, name in units:
        number, left = divmod(left, seconds)
        if number:
            words.append(count(number, name))
        if words and len(words) == 2:
            break
    return " ".join(words)


def about_calls(outcomes: Outcomes) -> str:
    """Return how the calls came out."""
    if not outcomes.total:
        return "No call could be read in it."
    parts = []
    for outcome in Outcome:
        number = outcomes.counts[outcome]
        if number:
            parts.append(f"{number:,} {_came_out(outcome, number)}")
    sentence = f"Of {count(outcomes.total, 'call')} {_listed(parts)}."
    if len(parts) == 1 and outcomes.total > 1:
        sentence = f"All {parts[0].replace(' ', ' calls ', 1)}."
    said = [f"{words} ({number:,})" for words, number in outcomes.failures.most_common(MOST_NAMED)]
    if said:
        left = len(outcomes.failures) - MOST_NAMED
        more = f" and {count(left, 'other answer')}" if left > 0 else ""
        sentence += f" What those who failed or were declined were told: {', '.join(said)}{more}."
    return sentence


def _came_out(outcome: Outcome, number: int) -> str:
    were = "was" if number == 1 else "were"
    return {
        Outcome.ANSWERED: f"{were} answered",
        Outcome.FAILED: "failed",
        Outcome.DECLINED: f"{were} busy or declined",
        Outcome.CANCELLED: f"{were} given up by the caller",
        Outcome.REDIRECTED: f"{were} sent elsewhere",
        Outcome.OPEN: f"{plural(number, 'has', 'have')} no end in the capture",
    }[outcome]


def about_sessions(audited: Audited) -> Iterator[str]:
    """Yield how much of the encrypted traffic could be read, and why the rest could not."""
    total = audited.total
    if not total.sessions:
        yield "There was no encrypted connection (TLS) in it."
        return
    read = total.clear_sessions + total.dark_sessions
    if not read:
        yield (
            f"There {plural(total.sessions, 'was', 'were')} {count(total.sessions, 'TLS session')}, "
            "none of which had anything to decrypt."
        )
        return
    sentence = (
        f"Of {count(read, 'TLS session')} that carried something {total.clear_sessions:,} could be "
        f"decrypted ({percent(total.session_share)}), with {percent(total.byte_share) or '0%'} of the "
        "encrypted bytes"
    )
    nothing = total.failed_sessions + total.empty_sessions
    yield sentence + (f"; {_further(total)}." if nothing else ".")
    if not total.dark_sessions:
        return
    yield _about_darkness(audited)
    words = plural(total.dark_sessions, "session that stayed dark", "sessions that stayed dark")
    inferred = "."
    if total.dark_calls:
        inferred = (
            f"; {count(total.dark_calls, 'further leg')} of calls that could be read went there, by the "
            "times of the records."
        )
    yield f"Calls in the {words} cannot be counted and are in no figure here{inferred}"


def _further(total: Decryptability) -> str:
    failed = total.failed_sessions
    words = f"{failed + total.empty_sessions:,} more had nothing to decrypt"
    return words + (f" ({failed:,} because the handshake failed)" if failed else "")


def _about_darkness(audited: Audited) -> str:
    total = audited.total
    causes = [
        MEANINGS[Verdict(cause)].title
        + (f" ({total.causes[cause]:,})" if total.dark_sessions > 1 else "")
        for cause in total.causes
    ]
    left = len(causes) - MOST_NAMED
    more = f" and {count(left, 'other cause')}" if left > 0 else ""
    sides = [_SIDES[side] for side in audited.properties.sides if side in _SIDES]
    change = f" What has to change: {_listed(sides)}." if sides else ""
    stayed = (
        f"{count(total.dark_sessions, 'session')} stayed dark: "
        f"{', '.join(causes[:MOST_NAMED])}{more}."
    )
    return stayed + change


def about_findings(findings: Sequence[Finding]) -> str:
    """Return how many findings of which severity there are."""
    if not findings:
        return "Nothing was found to be wrong with what could be read."
    by_severity = [
        f"{number:,} {severity}" if severity is Severity.CRITICAL else count(number, severity)
        for severity in Severity
        if (number := sum(finding.severity is severity for finding in findings))
    ]
    return f"{count(len(findings), 'finding')}: {', '.join(by_severity)}."


def first_steps(findings: Sequence[Finding], causes: Sequence[Group]) -> list[Step]:
    """Return what to do first: about what is severe, then about what is dark, then about the rest.

    :param findings: the most severe first.
    :param causes: of darkness, those of most sessions first.
    """
    steps: list[Step] = []
    severe = [f for f in findings if f.severity in (Severity.CRITICAL, Severity.ERROR)]
    others = [f for f in findings if f.severity is Severity.WARNING]
    dark = [group for group in causes if not MEANINGS[group.first.verdict].clear]
    for finding in severe[:2]:
        steps += [Step(finding.sentence, advice) for advice in finding.advice[:1]]
    for group in dark[:1]:
        number = "" if group.total == 1 else f" ({count(group.total, 'session')})"
        steps += [Step(f"{group.first.why}{number}", advice) for advice in group.first.advice[:1]]
    for finding in (*severe[2:], *others):
        steps += [Step(finding.sentence, advice) for advice in finding.advice[:1]]
    fresh: dict[str, Step] = {}
    for step in steps:
        fresh.setdefault(step.advice, step)
    return list(fresh.values())[:MOST_STEPS]


def _listed(parts: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
