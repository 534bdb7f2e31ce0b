"""A report for a ticket: everything about a capture on one page, for people who were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.insight import Finding
from tqdecrypt.insight.hosts import Hosts
from tqdecrypt.insight.outcomes import Outcome, Outcomes
from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import opening
from tqdecrypt.views.audit_pages import decryptability, handshakes, reconnects, servers, uniformity
from tqdecrypt.views.audit_table import percent
from tqdecrypt.views.calls import CallRows, CallsTable
from tqdecrypt.views.captured import CaptureFile, captured
from tqdecrypt.views.course import Course
from tqdecrypt.views.course_drawing import CourseChart
from tqdecrypt.views.drawing import CallLadder
from tqdecrypt.views.findings import FindingsList
from tqdecrypt.views.glossary import glossary, terms_in
from tqdecrypt.views.hosts import HostsTable
from tqdecrypt.views.indicators import IndicatorsTable
from tqdecrypt.views.ladder import Story
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.page import page
from tqdecrypt.views.sessions import Causes, SessionRows, SessionsTable
from tqdecrypt.views.summary import SummaryLines, size
from tqdecrypt.views.timeline import Timeline
from tqdecrypt.views.timeline_drawing import TimelineChart
from tqdecrypt.views.words import clean, count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import AuditResult
    from tqdecrypt.insight.indicators import IndicatorTable
    from tqdecrypt.pipeline import Summary

__all__ = ["Ladders", "Report", "report_page"]

MOST_FINDINGS = 60
"""Findings that are written out; a page of them is read, ten pages are not."""
MOST_PAIRS = 25
"""Of server and peer, and of source and destination; the darkest, and the busiest."""


@dataclass(slots=True)
class Ladders:
    """The failed calls that are drawn."""

    stories: list[tuple[Story, int]] = field(default_factory=list)
    """Each with the number of its messages that are not drawn."""
    left_out: str = ""
    """Why there are none although calls failed; empty otherwise."""


@dataclass(slots=True)
class Report:
    """Everything that stands in a report."""

    title: str
    note: str
    """What somebody says about it; lines stay lines."""
    made: int | None
    """When, nanoseconds since 1970-01-01 UTC."""
    version: str
    given: Sequence[str]
    """Keys and secrets, one text each, without any secret."""
    chosen: Sequence[str]
    """What the report is limited to, in words; empty: everything."""
    captures: Sequence[CaptureFile]
    summary: Summary
    outcomes: Outcomes
    calls: CallRows
    failed: CallRows
    """Those that failed or were declined; some of them may be in no row of the others."""
    sessions: SessionRows
    audit: AuditResult
    hosts: Hosts
    findings: Sequence[Finding]
    """The most severe first."""
    indicators: IndicatorTable
    timeline: Timeline | None
    ladders: Ladders
    courses: Sequence[tuple[str, Course]] = ()
    """Call-IDs and media of the calls that fared worst."""
    interrupted: bool = False
    """Whether reading was ended early."""
    name_of: Callable[[str], str | None] = lambda host: None
    """Returns the trunk of an address, if it has one."""


def report_page(report: Report) -> Markup:
    """Return the whole page."""
    sections = [(name, title, made) for name, title, made in _sections(report) if made is not None]
    main = joined(
        element("section", element("h2", title), made, id=name) for name, title, made in sections
    )
    opening_part = _opening(report)
    terms = terms_in(f"{opening_part}{main}")
    links = [(name, title) for name, title, _ in sections] + [("terms", "Terms")]
    contents = element(
        "nav",
        element(
            "ol", *(element("li", element("a", title, href=f"#{name}")) for name, title in links)
        ),
        aria_label="Contents",
    )
    body = element(
        "div",
        _head(report),
        element("main", opening_part, contents, main, _terms(glossary(terms))),
        _foot(report),
        class_="report tq",
    )
    return page(report.title, [body])


def _head(report: Report) -> Markup:
    made = ""
    if report.made is not None:
        made = f"Made on {date_of(report.made)} at {time_of_day(report.made, 0)} UTC with "
    names = ", ".join(capture.name for capture in report.captures[:3])
    more = len(report.captures) - 3
    names += f" and {more:,} more" if more > 0 else ""
    return element(
        "header",
        element("p", "SIP and TLS troubleshooting report", class_="kind dim"),
        element("h1", report.title),
        element(
            "p", f"{made}tqdecrypt {report.version} from {names}. All times are UTC.", class_="dim"
        ),
        # Line by line: clean() would show a line end as an escape.
        element("div", *_lines(report.note), class_="note") if report.note else None,
    )


def _lines(text: str) -> Iterator[Markup]:
    for line in text.splitlines():
        yield element("p", line.expandtabs(4)) if line.strip() else element("br")


def _opening(report: Report) -> Markup:
    sentences = [
        opening.about_capture(report.summary, len(report.captures)),
        opening.about_calls(report.outcomes),
        *opening.about_sessions(report.audit.audited),
        opening.about_findings(report.findings),
    ]
    if report.chosen:
        sentences.append(f"It is limited to: {'; '.join(report.chosen)}.")
    if report.interrupted:
        sentences.append("Reading was ended early: what came later is missing.")
    causes = sorted(report.sessions.causes.values(), key=lambda group: -group.total)
    steps = opening.first_steps(report.findings, causes)
    items = [
        element(
            "li",
            element("span", step.advice, class_="strong"),
            " ",
            element("span", step.why, class_="dim"),
        )
        for step in steps
    ]
    panel = element("div", element("h3", "What to do first"), element("ol", *items), class_="panel")
    return element(
        "section",
        element("h2", "In short"),
        _tiles(report),
        *(element("p", sentence) for sentence in sentences),
        panel if items else None,
        id="short",
    )


def _tiles(report: Report) -> Markup:
    total, counts = report.audit.audited.total, report.outcomes.counts
    failed, answered = counts[Outcome.FAILED], counts[Outcome.ANSWERED]
    read = total.clear_sessions + total.dark_sessions
    share = percent(total.byte_share)
    severe = sum(finding.severity.rank < 2 for finding in report.findings)
    tiles = (
        (
            f"{answered:,} of {report.outcomes.total:,}",
            "calls answered",
            f"{failed:,} failed" if failed else "none failed",
            "bad" if failed else "good",
        ),
        (
            f"{total.clear_sessions:,} of {read:,}",
            "TLS sessions decrypted",
            f"{total.dark_sessions:,} dark" if total.dark_sessions else "none dark",
            "bad" if total.dark_sessions else "good",
        ),
        (
            share or "none",
            "of the encrypted bytes read" if share else "encrypted bytes",
            f"{size(total.dark_bytes)} dark" if total.dark_bytes else "nothing dark",
            "bad" if total.dark_bytes else "good",
        ),
        (
            f"{len(report.findings):,}",
            "finding" if len(report.findings) == 1 else "findings",
            f"{severe:,} severe" if severe else "none severe",
            "bad" if severe else "good",
        ),
    )
    return element(
        "ul",
        *(
            element(
                "li",
                element("span", figure, class_="figure"),
                element("span", label, class_="label"),
                element("span", more, class_=f"more {tone}"),
            )
            for figure, label, more, tone in tiles
        ),
        class_="tiles",
    )


def _courses(courses: Sequence[tuple[str, Course]]) -> Markup:
    return joined(
        element("article", element("h3", clean(call_id)), CourseChart(course).html())
        for call_id, course in courses
    )


def _sections(report: Report) -> Iterator[tuple[str, str, Markup | None]]:
    """Yield name, title and content of each section; without content it is left out."""
    findings = FindingsList(report.findings, MOST_FINDINGS)
    yield "findings", "Findings, the most severe first", findings.html() if findings else None
    yield "failed", "Calls that failed or were declined", _failed(report)
    audit = report.audit
    yield "decryptability", "What could be decrypted, and why not the rest", _decryptability(report)
    yield "reconnects", "Connections to open again", reconnects(audit)
    yield "uniformity", "What was agreed on, and who differs", uniformity(audit)
    yield "servers", "TLS servers and certificates", servers(audit)
    hosts = HostsTable(report.hosts, report.name_of)
    yield (
        "capture",
        "What was captured",
        captured(report.summary, report.captures, report.given, hosts),
    )
    timeline = report.timeline
    yield "time", "Over time", None if timeline is None else TimelineChart(timeline).html()
    yield "media", "Media over time", _courses(report.courses) if report.courses else None
    yield "calls", "All calls", CallsTable(report.calls).html() if report.calls.total else None
    rows = report.sessions
    yield "sessions", "All TLS sessions", SessionsTable(rows).html() if rows.total else None
    yield "handshakes", "How long TLS handshakes took", handshakes(audit)
    yield "indicators", "Indicators", _indicators(report)
    yield "counters", "What was read, and what was left out", _counters(report)


def _failed(report: Report) -> Markup | None:
    if not report.failed.total:
        return None
    ladders = report.ladders
    drawn = [
        joined(
            [
                CallLadder(story).html(),
                element(
                    "p", f"and {count(cut, 'more message')} that are not drawn.", class_="notice"
                )
                if cut
                else None,
            ]
        )
        for story, cut in ladders.stories
    ]
    intro = (
        f"{count(len(drawn), 'is', 'are')} drawn below: one of each way to fail, then another of each. "
        "Dashed lines are no messages."
        if drawn
        else ladders.left_out
    )
    return joined([CallsTable(report.failed).html(), element("p", intro), *drawn])


def _decryptability(report: Report) -> Markup | None:
    dark = any(verdict is not Verdict.DECRYPTED for verdict in report.sessions.verdicts)
    return decryptability(report.audit, Causes(report.sessions).html() if dark else None)


def _indicators(report: Report) -> Markup | None:
    if not report.indicators.rows:
        return None
    return IndicatorsTable(report.indicators, MOST_PAIRS).html()


def _counters(report: Report) -> Markup:
    return SummaryLines(report.summary).html()


def _terms(made: Markup) -> Markup:
    return element("section", element("h2", "Terms"), made, id="terms")


def _foot(report: Report) -> Markup:
    return element(
        "footer",
        element(
            "p",
            f"Made by tqdecrypt {report.version} from packets alone, without touching the network. Nothing "
            "here stands as clear text whose MAC or tag did not verify, and nothing was dropped without "
            "being counted. This file holds no script and loads nothing. It does hold names and numbers "
            "of calls, unless they were masked.",
            class_="dim",
        ),
    )
