"""The list of findings: what is wrong, how often, what proves it, what to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.pages import FindingPage, finding_page
from tqdecrypt.views import theme
from tqdecrypt.views.markup import Markup, coded, element, joined, styled
from tqdecrypt.views.words import count, listed

__all__ = ["FindingsList"]

MOST_SHOWN = 20
"""Findings that are written out unless more are asked for: a screen or two."""
MOST_NAMED_FRAMES = 6
MOST_NAMED_CALLS = 3

_STYLES = {
    Severity.CRITICAL: f"bold {theme.FAILURE}",
    Severity.ERROR: theme.FAILURE,
    Severity.WARNING: theme.NOTICE,
    Severity.NOTICE: theme.DIM,
}


class FindingsList:
    """Findings in the order given, each with its evidence and advice; empty without any.

    :param most: how many are written out; the rest is counted.
    """

    def __init__(self, findings: Sequence[Finding], most: int = MOST_SHOWN) -> None:
        self._findings = findings
        self._most = most

    def __bool__(self) -> bool:
        return bool(self._findings)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._findings:
            return
        marks = theme.glyphs(options)
        yield self._heading()
        for finding in self._findings[: self._most]:
            yield _title(finding)
            yield Padding(theme.said(finding.sentence), (0, 0, 0, 2))
            for advice in finding.advice:
                yield Padding(theme.said(f"{marks.to} {advice}"), (0, 0, 0, 2))
            page = finding_page(finding.name)
            if page is not None and page.source:
                source = f"source: {page.source.rstrip('.')}"
                yield Padding(theme.said(source, theme.DIM), (0, 0, 0, 2))
            proof = _proof(finding, marks)
            if proof:
                yield Padding(theme.said(proof, theme.DIM), (0, 0, 0, 2))
        left = len(self._findings) - self._most
        if left > 0:
            yield Text(f"and {count(left, 'more finding')}; --json --findings has all.", theme.DIM)

    def html(self, page_of: Callable[[str], FindingPage | None] = finding_page) -> Markup:
        """Return the findings as a fragment of a page, each name with what its page says, once.

        :param page_of: returns the page of a finding.
        """
        explained: set[str] = set()
        parts = []
        for finding in self._findings[: self._most]:
            page = None if finding.name in explained else page_of(finding.name)
            explained.add(finding.name)
            parts.append(_article(finding, page))
        left = len(self._findings) - self._most
        more = element("p", f"and {count(left, 'more finding')}.", class_="notice")
        return element(
            "section",
            joined(parts),
            more if left > 0 else None,
            class_="tq findings",
        )

    def _heading(self) -> Text:
        heading = Text(count(len(self._findings), "finding"), theme.HEADING)
        severities = Counter(finding.severity for finding in self._findings)
        parts = [f"{severities[one]:,} {one}" for one in Severity if severities[one]]
        heading.append(f"  {', '.join(parts)}", theme.DIM)
        return heading


def _article(finding: Finding, page: FindingPage | None) -> Markup:
    proof = _proof(finding, theme.UNICODE)
    advice = [element("li", sentence) for sentence in finding.advice]
    background = None
    if page is not None:
        background = joined(
            element("p", element("span", f"{word} ", class_="strong"), coded(words), class_="page")
            for word, words in (
                ("What it means.", page.means),
                ("What to try.", page.to_try),
                ("Source.", page.source),
            )
            if words
        )
    return element(
        "article",
        element("h3", styled(_title(finding))),
        element("p", finding.sentence),
        element("ul", *advice) if advice else None,
        background,
        element("p", f"Evidence: {proof}.", class_="dim") if proof else None,
    )


def _title(finding: Finding) -> Text:
    style = _STYLES[finding.severity]
    title = Text(f"{finding.severity}: {finding.name}", style)
    if finding.count > 1:
        title.append(f"  {finding.count:,} times", theme.DIM)
    return title


def _proof(finding: Finding, marks: theme.Glyphs) -> str:
    parts = []
    frames = finding.frames
    if frames:
        more = f" {marks.more}" if len(frames) > MOST_NAMED_FRAMES else ""
        numbers = ", ".join(f"{frame}" for frame in frames[:MOST_NAMED_FRAMES])
        parts.append(f"{'frame' if len(frames) == 1 else 'frames'} {numbers}{more}")
    if finding.sessions:
        name = "session" if len(finding.sessions) == 1 else "sessions"
        parts.append(f"TLS {name} {listed(sorted(finding.sessions))}")
    if finding.call_ids:
        names = ", ".join(finding.call_ids[:MOST_NAMED_CALLS])
        left = len(finding.call_ids) - MOST_NAMED_CALLS
        parts.append(f"call {names}" + (f" and {left:,} more" if left > 0 else ""))
    return "; ".join(parts)
