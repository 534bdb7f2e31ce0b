"""How long TLS handshakes took, by server: a table, and a picture of how the times are spread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.handshakes import HandshakeStatistics, HandshakeTable
from tqdecrypt.tls.timing import Phase
from tqdecrypt.views import svg, theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import clean, count

__all__ = ["HandshakesTable"]

MOST_ROWS = 100
MOST_DRAWN = 8
"""Servers in the picture: what fits beside the table."""
MILLISECOND = 1_000_000
AXIS = 560
BINS = 8
"""Of the picture, in each decade."""
HEIGHT = 30
"""Of the highest bar."""
ROW = HEIGHT + 16
LABELS = 26
"""Cells for the name of a server."""
LEAST, MOST = 10**4, 10**11
"""Ends that the axis never passes: 10 µs and 100 s, in nanoseconds."""

_PHASES = (
    (Phase.CONNECT, "TCP connect"),
    (Phase.SERVER_HELLO, "ServerHello"),
    (Phase.SERVER_FLIGHT, "Server flight"),
    (Phase.CLIENT_FLIGHT, "Client flight"),
    (Phase.SERVER_FINISHED, "Server Finished"),
    (Phase.TOTAL, "Total"),
)
_COLUMNS = (
    Column("Server", least=9, most=46, yields=1),
    Column("Full", right=True),
    Column("Resumed", right=True, least=0, yields=8),
    Column("Not whole", right=True, least=0, yields=7),
    *(
        Column(name, right=True, least=0, yields=0 if phase is Phase.TOTAL else 6)
        for phase, name in _PHASES
    ),
    Column("Longest", right=True, least=0, yields=2),
    Column("Resumed total", right=True, least=0, yields=9),
    Column("TCP again", right=True, least=0, yields=10),
)


class HandshakesTable:
    """A row a server, those with most handshakes first.  Empty without any handshake.

    Cells are milliseconds: the median and the 95th percentile.
    """

    def __init__(self, handshakes: HandshakeTable) -> None:
        self._total = handshakes.total
        servers = sorted(
            handshakes.servers.items(),
            key=lambda item: (-item[1].full - item[1].resumed, -item[1].incomplete, item[0]),
        )
        self._servers = servers[:MOST_ROWS]
        self._left = len(servers) - len(self._servers)

    def __bool__(self) -> bool:
        return bool(self._servers)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading()
        yield from draw(_COLUMNS, self._rows(), options.max_width)

    def html(self) -> Markup:
        """Return picture and table as a fragment of a page."""
        timed = [one for one in self._servers if one[1].delays[Phase.TOTAL].count]
        picture = spread(timed[:MOST_DRAWN], len(timed) - MOST_DRAWN) if timed else None
        return element(
            "section",
            element("figure", picture) if picture is not None else None,
            table(_COLUMNS, self._rows(), self._heading()),
            class_="tq handshakes",
        )

    def _heading(self) -> Text:
        heading = Text("TLS handshakes, by server", theme.HEADING)
        left = f"; {count(self._left, 'more server')} not listed" if self._left else ""
        return heading.append(f"  milliseconds: median / 95th percentile{left}", theme.DIM)

    def _rows(self) -> list[Row]:
        rows = [_row(server, found) for server, found in self._servers]
        return [*rows, _row("all", self._total)] if len(self._servers) > 1 or self._left else rows


def _row(server: str, found: HandshakeStatistics) -> Row:
    total = found.delays[Phase.TOTAL]
    cells = [
        server,
        f"{found.full:,}",
        _number(found.resumed),
        _number(found.incomplete),
        *(_delays(found.delays[phase]) for phase, _ in _PHASES),
        "" if total.maximum is None else _milliseconds(total.maximum),
        _delays(found.resumed_delays),
        _number(found.retransmissions),
    ]
    return Row([theme.said(cell) for cell in cells])


def _number(number: int) -> str:
    return f"{number:,}" if number else ""


def _delays(delays: Delays) -> str:
    half, most = delays.quantile(0.5), delays.quantile(0.95)
    if half is None or most is None:
        return ""
    return f"{_milliseconds(half)} / {_milliseconds(most)}"


def _milliseconds(delay: int) -> str:
    return f"{delay / MILLISECOND:,.{1 if delay < 100 * MILLISECOND else 0}f}"


def spread(servers: Sequence[tuple[str, HandshakeStatistics]], left: int) -> Markup:
    """Return a picture of how long full handshakes took: a histogram a server, one axis for all.

    :param servers: with at least one handshake each.
    :param left: how many servers are not drawn.
    """
    everything = Delays()
    for _, found in servers:
        everything.merge(found.delays[Phase.TOTAL])
    axis = _Axis(everything)
    labels = [svg.fitted(clean(server), LABELS) for server, _ in servers]
    start = (max(map(len, labels)) + 2) * svg.CELL
    content = []
    y = 10.0
    for label, (server, found) in zip(labels, servers, strict=True):
        content += list(_histogram(label, server, found.delays[Phase.TOTAL], axis, start, y))
        y += ROW
    content += list(_ticks(axis, start, y))
    more = f"; {count(left, 'more server')} not drawn" if left > 0 else ""
    words = f"full handshakes, from ClientHello to the last Finished; ┃ median{more}"
    content.append(svg.text(start, y + 34, words, "dim", small=True))
    lines = [
        f"{server}: {count(found.full, 'handshake')}, median "
        f"{_milliseconds(found.delays[Phase.TOTAL].quantile(0.5) or 0)} ms"
        for server, found in servers
    ]
    return svg.picture(
        start + AXIS + 60,
        y + 44,
        content,
        title="How long TLS handshakes took",
        description="; ".join(lines) + ".",
        own=False,
    )


class _Axis:
    """Time, drawn so that each factor of ten has the same width."""

    def __init__(self, delays: Delays) -> None:
        least = min(max(delays.minimum or LEAST, LEAST), MOST)
        most = min(max(delays.maximum or LEAST, LEAST), MOST)
        self.first = math.floor(math.log10(least))
        self.last = max(math.floor(math.log10(most)) + 1, self.first + 1)

    def place(self, delay: int) -> float:
        """Return where a delay stands, from 0 to 1."""
        exponent = math.log10(min(max(delay, LEAST), MOST))
        return min(max((exponent - self.first) / (self.last - self.first), 0), 1)

    @property
    def bins(self) -> int:
        """How many bars there may be."""
        return BINS * (self.last - self.first)


def _histogram(
    label: str, server: str, delays: Delays, axis: _Axis, start: float, y: float
) -> Iterator[Markup]:
    counts = [0] * axis.bins
    for delay, number in delays.histogram():
        counts[min(int(axis.place(delay) * axis.bins), axis.bins - 1)] += number
    bottom, width = y + HEIGHT, AXIS / axis.bins
    bars = [
        svg.bar(
            start + at * width + 0.5,
            bottom - HEIGHT * number / max(counts),
            width - 1,
            HEIGHT * number / max(counts),
        )
        for at, number in enumerate(counts)
        if number
    ]
    half = delays.quantile(0.5) or 0
    x = start + AXIS * axis.place(half)
    middle = svg.bar(x - 1, y - 4, 2, HEIGHT + 4)
    words = f"{server}: {count(delays.count, 'handshake')}, median {_milliseconds(half)} ms"
    yield svg.group([svg.text(0, bottom - 4, label), *bars], title=words, tone="uri")
    yield svg.group([middle], tone="strong")
    yield svg.line(start, bottom, start + AXIS, bottom, "line")


def _ticks(axis: _Axis, start: float, y: float) -> Iterator[Markup]:
    y -= ROW - HEIGHT
    steps = (1, 2, 5) if axis.last - axis.first <= 2 else (1,)
    for exponent in range(axis.first, axis.last + 1):
        for step in steps if exponent < axis.last else (1,):
            x = start + AXIS * axis.place(step * 10**exponent)
            yield svg.line(x, 6, x, y + 5, "line")
            words = _spelled(step, exponent)
            yield svg.text(x, y + 18, words, "dim", anchor="middle", small=True)


def _spelled(step: int, exponent: int) -> str:
    """Return *step* powers of ten nanoseconds as people say it."""
    unit, name = next(u for u in ((9, "s"), (6, "ms"), (3, "µs")) if exponent >= u[0])
    return f"{step * 10 ** (exponent - unit):,} {name}"
