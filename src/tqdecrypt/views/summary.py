"""The end of every answer: what was read, what was lost on the way, what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, table
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.words import count

if TYPE_CHECKING:
    from tqdecrypt.pipeline import Summary

__all__ = ["SummaryLines", "size"]

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size(number: int) -> str:
    """Return a number of bytes with three digits that count: ``173 MB``, ``1.73 GB``."""
    value, unit = float(number), 0
    while value >= 999.5 and unit + 1 < len(_UNITS):
        value /= 1000
        unit += 1
    if not unit:
        return count(number, "byte")
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


_OTHERS = {"options": "OPTIONS", "messages": "MESSAGE", "other": "other methods"}
_EXPECTED = frozenset({"connections", "pure_acknowledgments"})
"""Counters of what belongs to every capture: nothing was lost with them."""


_COLUMNS = (Column("Counter"), Column("Number", right=True))


class SummaryLines:
    """What a :class:`~tqdecrypt.pipeline.Summary` says, for a person.

    :param problems: one sentence each; ``None`` takes those of the summary.
    """

    def __init__(self, summary: Summary, problems: Iterable[str] | None = None) -> None:
        self._summary = summary
        self._problems = list(summary.problems if problems is None else problems)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for sentence in self._sentences():
            yield Text(sentence, theme.DIM)
        counters = self._counters()
        if counters:
            text = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in counters)
            yield Padding(theme.said(f"Counted: {text}.", theme.DIM), 0)
        for problem in self._problems:
            yield theme.said(problem, theme.FAILURE)

    def html(self) -> Markup:
        """Return the same as a fragment of a page: sentences, a table of counters, problems."""
        counters = self._counters()
        rows = [
            Row([theme.said(name.replace("_", " ")), Text(f"{number:,}")])
            for name, number in counters
        ]
        caption = Text("Counted", theme.HEADING).append(
            "  what was dropped, cut, given up or out of the ordinary; what is not here is zero",
            theme.DIM,
        )
        return element(
            "section",
            *(element("p", sentence) for sentence in self._sentences()),
            joined(element("p", problem, class_="bad") for problem in self._problems),
            table(_COLUMNS, rows, caption) if rows else element("p", "Nothing was left out."),
            class_="tq summary",
        )

    def _sentences(self) -> Iterable[str]:
        summary = self._summary
        yield (
            f"Read {count(summary.packets, 'packet')} ({size(summary.bytes)}): "
            f"{count(summary.messages, 'SIP message')}, {count(summary.calls, 'call')}, "
            f"{count(summary.sessions, 'TLS session')} "
            f"({summary.decrypted_sessions:,} decrypted)."
        )
        others = [(name, number) for name, number in sorted(summary.others.items()) if number]
        if others:
            text = ", ".join(f"{_OTHERS.get(name, name)} {number:,}" for name, number in others)
            yield f"Call-IDs beside the calls: {text}."

    def _counters(self) -> list[tuple[str, int]]:
        """Return what was counted, and does not belong to every capture."""
        return sorted((n, c) for n, c in self._summary.counters.items() if c and n not in _EXPECTED)
