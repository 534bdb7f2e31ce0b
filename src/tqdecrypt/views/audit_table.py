"""The table that every part of the audit is shown in, and the cells that several of them have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import count

if TYPE_CHECKING:
    from tqdecrypt.insight.audit.shares import Decryptability
    from tqdecrypt.insight.audit.tally import Tally
    from tqdecrypt.keys import CertificateFacts

__all__ = [
    "MOST_ROWS",
    "SHARES",
    "AuditTable",
    "certificate_name",
    "expiry",
    "percent",
    "share_cells",
    "short_suite",
    "span",
    "yes_share",
]

MOST_ROWS = 200
"""Rows of a table; --json has all."""
SECOND = 1_000_000_000

SHARES = (
    Column("Sessions", right=True),
    Column("Clear", right=True),
    Column("Bytes", right=True, least=0, yields=7),
)
"""Of :func:`share_cells`."""


class AuditTable:
    """A table of the audit: a heading, and a row a thing.

    :param name: of the section in a page.
    :param heading: the line above.
    :param most: rows that are shown.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        heading: Text,
        rows: Iterable[Row],
        most: int = MOST_ROWS,
    ) -> None:
        self._name = name
        self._columns = columns
        self._heading = heading
        every = list(rows)
        self._rows = every[:most]
        self._left = len(every) - len(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading
        if self._rows:
            yield from draw(self._columns, self._rows, options.max_width)
        if self._left:
            yield Text(f"and {count(self._left, 'more row')}; --json has all.", theme.NOTICE)

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        more = None
        if self._left:
            words = f"and {count(self._left, 'more row')}; audit --json has all."
            more = element("p", words, class_="notice")
        whole = table(self._columns, self._rows, self._heading)
        return element("section", whole, more, class_=f"tq audit {self._name}")


def share_cells(shares: Decryptability) -> tuple[Text, Text, Text]:
    """Return how many sessions there are, and which share of them and of their bytes is clear."""
    return (
        Text(f"{shares.sessions:,}"),
        Text(percent(shares.session_share), _tone(shares.session_share)),
        Text(percent(shares.byte_share), _tone(shares.byte_share)),
    )


def percent(share: float | None) -> str:
    """Return a share in whole per cent; neither none nor all unless it is.  Empty when there is none."""
    if share is None:
        return ""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def _tone(share: float | None) -> str:
    if share is None:
        return ""
    return theme.SUCCESS if share == 1 else theme.NOTICE if share >= 0.5 else theme.FAILURE


def yes_share(tally: Tally) -> str:
    """Return ``yes``, ``no``, ``2 of 3`` or ``not known``; empty when nothing was counted."""
    if not tally:
        return ""
    yes, no = tally["yes"], tally["no"]
    if not yes and not no:
        return "not known"
    if not no:
        return "yes"
    return "no" if not yes else f"{yes:,} of {yes + no:,}"


def short_suite(suite: str) -> str:
    """Return the name of a suite without what all of them have."""
    return suite.removeprefix("TLS_").replace("_WITH_", " ")


def certificate_name(facts: CertificateFacts | None) -> str:
    """Return what a certificate is for."""
    if facts is None:
        return "not seen"
    return ", ".join(facts.names[:2]) or facts.subject or facts.fingerprint_sha256[:16]


def expiry(facts: CertificateFacts | None, now: int) -> Text:
    """Return when a certificate ends, and how far that is from *now*, ns."""
    if facts is None or facts.not_after is None:
        return Text("")
    left = int(facts.not_after.timestamp()) - now // SECOND
    text = f"{facts.not_after:%Y-%m-%d}"
    if left < 0:
        return Text(f"{text} expired", theme.FAILURE)
    days = left // 86_400
    return Text(f"{text} in {days:,} d", theme.NOTICE if days < 30 else "")


def span(nanoseconds: int) -> str:
    """Return how long something took or lasts, in the unit that fits."""
    seconds = nanoseconds // SECOND
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} d"
