"""The table of indicators (RFC 6076): one row a pair of peers, and all together at the end."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.indicators import Indicators, IndicatorTable
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import count, time_of_day

__all__ = ["IndicatorsTable"]

MOST_ROWS = 200
MILLISECOND = 1_000_000

_COLUMNS = (
    Column("Source", least=9, most=40, yields=2),
    Column("Destination", least=9, most=40, yields=3),
    Column("From", least=0, yields=10),
    Column("INVITEs", right=True),
    Column("SER %", right=True),
    Column("SEER %", right=True, least=0, yields=4),
    Column("ISA %", right=True, least=0, yields=5),
    Column("SCR %", right=True, least=0, yields=6),
    Column("SRD ms 50/95", right=True, least=0, yields=7),
    Column("SDD ms 50/95", right=True, least=0, yields=8),
    Column("SDT s", right=True, least=0, yields=9),
    Column("RRD ms 50/95", right=True, least=0, yields=11),
    Column("IRA %", right=True, least=0, yields=12),
)


class IndicatorsTable:
    """Busiest pairs first; ``docs/reference/indicators.md`` says what the columns are.

    :param most: rows.
    """

    def __init__(self, indicators: IndicatorTable, most: int = MOST_ROWS) -> None:
        self._indicators = indicators
        busiest = sorted(
            indicators.rows.items(),
            key=lambda item: (-item[1].requests - item[1].registrations, item[0]),
        )
        self._rows = busiest[:most]
        if any(key[2] for key, _ in self._rows):
            self._rows.sort(key=lambda item: (item[0][2], item[0]))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading()
        yield from draw(_COLUMNS, self._drawn(), options.max_width)

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        whole = table(_COLUMNS, self._drawn(), self._heading())
        return element("section", whole, class_="tq indicators")

    def _heading(self) -> Text:
        number = len(self._indicators.rows)
        heading = Text("Indicators (RFC 6076)", theme.HEADING)
        left = number - len(self._rows)
        more = f"; {left:,} more rows with --json" if left else ""
        return heading.append(f"  {count(number, 'row')}{more}", theme.DIM)

    def _drawn(self) -> list[Row]:
        rows = [_row(key[0], key[1], key[2], row) for key, row in self._rows]
        return [*rows, _row("all", "", 0, self._indicators.total)]


def _row(source: str, destination: str, begin: int, row: Indicators) -> Row:
    cells = [
        source,
        destination,
        time_of_day(begin, 0) if begin else "",
        f"{row.requests:,}",
        _percent(row.session_establishment_ratio),
        _percent(row.session_establishment_effectiveness_ratio),
        _percent(row.ineffective_session_attempts),
        _percent(row.session_completion_ratio),
        _delays(row.request_delay),
        _delays(row.disconnect_delay),
        "" if row.duration.mean is None else f"{row.duration.mean / 1e9:,.0f}",
        _delays(row.registration_delay),
        _percent(row.ineffective_registration_attempts),
    ]
    return Row([theme.said(cell) for cell in cells])


def _percent(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def _delays(delays: Delays) -> str:
    half, most = delays.quantile(0.5), delays.quantile(0.95)
    if half is None or most is None:
        return ""
    return f"{_milliseconds(half)}/{_milliseconds(most)}"


def _milliseconds(delay: int) -> str:
    return f"{delay / MILLISECOND:,.{1 if delay < 10 * MILLISECOND else 0}f}"
