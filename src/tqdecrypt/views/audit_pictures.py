"""The pictures of an audit: shares, how long handshakes took, and how many there were over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.tls.timing import Phase
from tqdecrypt.views import svg
from tqdecrypt.views.summary import size
from tqdecrypt.views.words import clean, count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import Audited, Server
    from tqdecrypt.insight.audit.shares import Decryptability
    from tqdecrypt.insight.audit.slices import Slice
    from tqdecrypt.views.markup import Markup

__all__ = ["load_picture", "share_picture", "spread_picture"]

MOST_DRAWN = 8
"""Servers in a picture: what fits beside the table."""
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
WIDTH = 640
BAR = 18
SHARE_LABELS = 15 * svg.CELL
AXIS = 560
BINS = 8
"""Of the histogram, in each decade."""
HEIGHT = 30
"""Of the highest bar."""
ROW = HEIGHT + 16
LABELS = 26
"""Cells for the name of a server."""
LEAST, MOST = 10**4, 10**11
"""Ends that the axis of delays never passes: 10 µs and 100 s, in nanoseconds."""
LEAST_SLICES = 3
"""With fewer there is no course of time to be seen."""
MOST_STORMS = 4
"""Storms of one server that are written out; all are marked."""
_KINDS = (("full", "uri"), ("resumed", "good"), ("failed", "bad"))
"""From the bottom of each bar."""


def share_picture(total: Decryptability) -> Markup:
    """Return bars: how many sessions, and how many bytes, were read, stayed dark, had nothing to read."""
    nothing = total.empty_sessions + total.failed_sessions
    bars = (
        (
            "TLS sessions",
            (
                (
                    total.clear_sessions,
                    "good",
                    f"{count(total.clear_sessions, 'session')} decrypted",
                ),
                (total.dark_sessions, "bad", f"{count(total.dark_sessions, 'session')} dark"),
                (nothing, "dim", f"{count(nothing, 'session')} with nothing to decrypt"),
            ),
        ),
        (
            "their bytes",
            (
                (total.clear_bytes, "good", f"{size(total.clear_bytes)} decrypted"),
                (total.dark_bytes, "bad", f"{size(total.dark_bytes)} dark"),
                (total.missing_bytes, "dim", f"{size(total.missing_bytes)} missing in the capture"),
            ),
        ),
    )
    content: list[Markup] = []
    y = 8.0
    for label, parts in bars:
        content.append(svg.text(0, y + BAR - 5, label))
        x = SHARE_LABELS
        whole = sum(amount for amount, _, _ in parts)
        for amount, tone, words in parts:
            if not amount:
                continue
            width = max(WIDTH * amount / whole, 1)
            shape = svg.bar(x, y, width, BAR, outlined=tone == "dim")
            content.append(svg.group([shape], title=words, tone=tone))
            x += width
        if not whole:
            content.append(svg.text(x, y + BAR - 5, "none", "dim"))
        said = "; ".join(words for amount, _, words in parts if amount)
        content.append(svg.text(SHARE_LABELS, y + BAR + 14, said, "dim", small=True))
        y += 2 * BAR + 14
    described = "; ".join(words for _, parts in bars for amount, _, words in parts if amount)
    return svg.picture(
        SHARE_LABELS + WIDTH + 4,
        y,
        content,
        title="What could be read",
        description=described or "no TLS session",
        own=False,
    )


# How long.


def spread_picture(audited: Audited) -> Markup | None:
    """Return how long full handshakes took: a histogram a server, one axis for all; ``None`` without any."""
    timed = [
        (server.endpoint, server.timing.full_phases[Phase.TOTAL])
        for server in audited.servers
        if Phase.TOTAL in server.timing.full_phases
    ]
    if not timed:
        return None
    servers, left = timed[:MOST_DRAWN], len(timed) - MOST_DRAWN
    everything = Delays()
    for _, delays in servers:
        everything.merge(delays)
    axis = _Axis(everything)
    start = _start([server for server, _ in servers])
    content = []
    y = 10.0
    for server, delays in servers:
        content += list(_histogram(server, delays, axis, start, y))
        y += ROW
    content += list(_ticks(axis, start, y))
    words = f"full handshakes, from ClientHello to the last Finished; ┃ median{_not_drawn(left)}"
    content.append(svg.text(start, y + 34, words, "dim", small=True))
    lines = [
        f"{server}: {count(delays.count, 'handshake')}, median "
        f"{_milliseconds(delays.quantile(0.5) or 0)} ms"
        for server, delays in servers
    ]
    return svg.picture(
        start + AXIS + 60,
        y + 44,
        content,
        title="How long TLS handshakes took",
        description="; ".join(lines) + ".",
        own=False,
    )


def _start(servers: Sequence[str]) -> float:
    """Return where the axis begins: right of the names."""
    return (max(len(_label(server)) for server in servers) + 2) * svg.CELL


def _label(server: str) -> str:
    return svg.fitted(clean(server), LABELS)


def _not_drawn(left: int) -> str:
    return f"; {count(left, 'more server')} not drawn" if left > 0 else ""


class _Axis:
    """Delays, drawn so that each factor of ten has the same width."""

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
    server: str, delays: Delays, axis: _Axis, start: float, y: float
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
    yield svg.group([svg.text(0, bottom - 4, _label(server)), *bars], title=words, tone="uri")
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


def _milliseconds(delay: int) -> str:
    return f"{delay / MILLISECOND:,.{1 if delay < 100 * MILLISECOND else 0}f}"


# How many, over time.


def load_picture(audited: Audited) -> Markup | None:
    """Return how many handshakes each server had in each slice of time, with its storms marked.

    ``None`` when the capture is too short for a course of time.
    """
    length = audited.timing.slices.length
    series = audited.timing.slices.series()
    if len(series) < LEAST_SLICES:
        return None
    begin, end = series[0][0], series[-1][0] + length
    busy = [one for one in audited.servers if one.timing.handshakes + one.timing.failed]
    servers, left = busy[:MOST_DRAWN], len(busy) - MOST_DRAWN
    if not servers:
        return None
    start = _start([server.endpoint for server in servers])
    content: list[Markup] = []
    y = 12.0
    for server in servers:
        content += list(_course(server, begin, end, start, y))
        y += ROW
    content += list(_clock(begin, end, start, y))
    words = f"handshakes, from the bottom: full, resumed, failed; ▼ storm{_not_drawn(left)}"
    content.append(svg.text(start, y + 34, words, "dim", small=True))
    storms = [
        f"{server.endpoint} at {time_of_day(moment, 0)}: {count(one.handshakes, 'handshake')}"
        for server in servers
        for moment, one in server.timing.slices.storms()
    ]
    y += 34
    for line in storms[:MOST_STORMS]:
        y += 17
        content.append(svg.text(start, y, f"storm on {clean(line)}", "bad", small=True))
    return svg.picture(
        start + AXIS + 12 * svg.CELL,
        y + 10,
        content,
        title="TLS handshakes over time",
        description="; ".join(_described(server) for server in servers) + ".",
        own=False,
    )


def _described(server: Server) -> str:
    timing = server.timing
    storms = len(timing.slices.storms())
    words = f"{server.endpoint}: {timing.full:,} full, {timing.resumed:,} resumed, {timing.failed:,} failed"
    return f"{words}, {count(storms, 'storm')}" if storms else words


def _course(server: Server, begin: int, end: int, start: float, y: float) -> Iterator[Markup]:
    """Yield the bars of one server."""
    slices = server.timing.slices
    series = [(moment, one) for moment, one in slices.series() if one.handshakes]
    most = max(one.handshakes for _, one in series)
    bottom, scale = y + HEIGHT, AXIS / (end - begin)
    width = max(slices.length * scale - (1 if slices.length * scale > 3 else 0), 0.8)
    storms = {moment for moment, _ in slices.storms()}
    yield svg.text(0, bottom - 4, _label(server.endpoint), "uri")
    for moment, one in series:
        x = start + max(moment - begin, 0) * scale
        yield svg.group(
            _stack(one, x, bottom, min(width, start + AXIS - x), HEIGHT / most),
            title=f"{server.endpoint}, {time_of_day(moment, 0)}: {one.full:,} full, "
            f"{one.resumed:,} resumed, {one.failed:,} failed",
        )
        if moment in storms:
            point = x + width / 2
            top = bottom - HEIGHT * one.handshakes / most
            corners = ((point - 5, top - 9), (point + 5, top - 9), (point, top - 1))
            yield svg.group([svg.area(corners)], title="a storm", tone="bad")
    yield svg.line(start, bottom, start + AXIS, bottom, "line")
    seconds = slices.length // SECOND
    yield svg.text(start + AXIS + 6, bottom - 4, f"≤ {most:,} in {seconds} s", "dim", small=True)


def _stack(one: Slice, x: float, bottom: float, width: float, unit: float) -> Iterator[Markup]:
    for name, tone in _KINDS:
        height = getattr(one, name) * unit
        if height:
            bottom -= height
            yield svg.bar(x, bottom, width, height, tone)


def _clock(begin: int, end: int, start: float, y: float) -> Iterator[Markup]:
    y -= ROW - HEIGHT
    for part in range(5):
        moment = begin + (end - begin) * part // 4
        x = start + AXIS * part / 4
        yield svg.line(x, y, x, y + 5, "line")
        words = time_of_day(moment, 0)
        if not part and date_of(begin) != date_of(end):
            words = f"{date_of(begin)} {words}"
        yield svg.text(x, y + 18, words, "dim", anchor="middle" if part else "start", small=True)
