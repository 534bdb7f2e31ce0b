"""A time line as a picture (SVG) and as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from tqdecrypt.views import svg, theme
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.timeline import CallBar, Crowd, SessionBar, Timeline, at_once, ticks
from tqdecrypt.views.words import clean, count, date_of, duration, time_of_day

__all__ = ["timeline_picture", "timeline_section"]

MARGIN = 12
AXIS = 640
"""Width of the axis."""
LABELS = 30
"""Cells for the name of a bar."""
REMARKS = 26
ROW = 20
BAR = 10
CROWD = 60
"""Height of the picture of a crowd."""
SLICES = 160
LEAST = 2
"""No bar is narrower, or nobody would see it."""
MOST_TICKS = 6


def timeline_picture(timeline: Timeline, *, own: bool = True) -> Markup:
    """Return a time line as a picture.

    :param own: whether it stands alone, and not inside a page.
    """
    chart = _Chart(timeline)
    content = list(chart.content())
    return svg.picture(
        chart.width,
        chart.height,
        [*chart.guides(), *content],
        title=_title(timeline),
        description=_description(timeline),
        own=own,
    )


def timeline_section(timeline: Timeline) -> Markup:
    """Return picture and table as a fragment of a page."""
    rows = [*map(_call_row, timeline.calls), *map(_session_row, timeline.sessions)]
    names = ("What", "Began (UTC)", "Answered", "Until", "Took", "Outcome")
    table = element(
        "table",
        element("caption", _title(timeline)),
        element("thead", element("tr", *(element("th", name, scope="col") for name in names))),
        element("tbody", joined(rows)),
    )
    details = element("details", element("summary", "The same as a table"), table)
    return element(
        "section",
        element("h2", _title(timeline)),
        element("figure", timeline_picture(timeline, own=False)),
        details if rows else None,
        class_="tq timeline",
    )


def _title(timeline: Timeline) -> str:
    calls = count(timeline.total_calls, "call")
    return f"{calls} and {count(timeline.total_sessions, 'TLS session')} over time"


def _description(timeline: Timeline) -> str:
    start, end = time_of_day(timeline.start), time_of_day(timeline.end)
    bad_calls, dark = sum(timeline.call_crowd.bad), sum(timeline.session_crowd.bad)
    return (
        f"{date_of(timeline.start)} from {start} to {end} UTC. "
        f"{count(bad_calls, 'call')} failed; {count(dark, 'TLS session')} stayed dark."
    )


class _Chart:
    """Where things stand."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        bars: list[CallBar | SessionBar] = [*timeline.calls, *timeline.sessions]
        labels = [_label(bar) for bar in bars]
        widest = max([len("sessions at once"), *map(cell_len, labels)])
        self._left = MARGIN + (min(widest, LABELS) + 1.5) * svg.CELL
        remarks = [_remark(bar) for bar in bars]
        widest = max([len("most 1,000"), *map(cell_len, remarks)])
        self._right = self._left + AXIS + 10
        self.width = self._right + min(widest, REMARKS) * svg.CELL + MARGIN
        self._top = MARGIN + 3 * ROW
        self._bottom = float(self._top)
        self.height = 0.0

    def content(self) -> Iterator[Markup]:
        """Yield everything but the axis."""
        timeline = self._timeline
        y = float(self._top)
        yield svg.text(MARGIN, MARGIN + 12, _title(timeline), "strong")
        words = f"{date_of(timeline.start)}, UTC"
        yield svg.text(self._right - 10, MARGIN + 12, words, "dim", anchor="end")
        for bars, crowd, noun, bad in (
            (timeline.calls, timeline.call_crowd, "calls", "failed"),
            (timeline.sessions, timeline.session_crowd, "sessions", "dark"),
        ):
            for bar in bars:
                yield self._bar(bar, y)
                y += ROW
            if crowd.bad and not bars:
                yield from self._crowd(crowd, noun, bad, y)
                y += CROWD + 8
            y += 6
        self._bottom = y
        yield from self._legend(y + 12)
        self.height = y + 24 + MARGIN

    def guides(self) -> Iterator[Markup]:
        """Yield the axis; :meth:`content` says how far down it goes."""
        timeline = self._timeline
        found = ticks(timeline.start, timeline.end, MOST_TICKS)
        digits = 3 if len(found) > 1 and found[1] - found[0] < 1_000_000_000 else 0
        y = self._top - 12
        for tick in found:
            x = self._x(tick)
            yield svg.line(x, y, x, self._bottom, "line")
            yield svg.text(x, y - 4, time_of_day(tick, digits), "dim", anchor="middle", small=True)
        yield svg.line(self._left, y, self._left + AXIS, y, "line")

    def _x(self, time: int) -> float:
        timeline = self._timeline
        share = (time - timeline.start) / (timeline.end - timeline.start)
        return self._left + AXIS * min(max(share, 0), 1)

    def _bar(self, bar: CallBar | SessionBar, y: float) -> Markup:
        begin, end = self._x(bar.started), self._x(bar.until)
        words = [
            svg.text(MARGIN, y + BAR, svg.fitted(_label(bar), LABELS)),
            svg.text(self._right, y + BAR, svg.fitted(_remark(bar), REMARKS), _tone(bar)),
        ]
        shapes = (
            self._call(bar, begin, end, y)
            if isinstance(bar, CallBar)
            else self._session(bar, begin, end, y)
        )
        return svg.group([*words, svg.group(shapes, tone=_tone(bar))], title=_sentence(bar))

    def _call(self, bar: CallBar, begin: float, end: float, y: float) -> Iterator[Markup]:
        rung = end if bar.answered is None else min(self._x(bar.answered), end)
        yield svg.bar(begin, y + 0.5, max(rung - begin, LEAST), BAR - 1, outlined=True)
        if bar.answered is not None:
            yield svg.bar(rung, y, max(end - rung, LEAST), BAR)
        elif bar.over:
            yield svg.text(end + 3, y + BAR, "✗", halo=True)
        if not bar.over:
            yield svg.head(end + svg.HEAD + 2, y + BAR / 2, to_right=True)

    def _session(self, bar: SessionBar, begin: float, end: float, y: float) -> Iterator[Markup]:
        middle = y + BAR / 2
        if bar.tone == "good":
            yield svg.bar(begin, middle - 2, max(end - begin, LEAST), 4)
        else:
            yield svg.line(begin, middle, max(end, begin + LEAST), middle, dashed=True)
        if bar.handshake:
            yield svg.line(begin, y, begin, y + BAR)

    def _crowd(self, crowd: Crowd, noun: str, bad: str, y: float) -> Iterator[Markup]:
        timeline = self._timeline
        every, some = at_once(crowd, timeline.start, timeline.end, SLICES)
        most, width, bottom = max(every), AXIS / SLICES, y + CROWD
        for counts, tone in ((every, "dim"), (some, "bad")):
            corners = [(self._left, bottom)]
            for at, n in enumerate(counts):
                top = bottom - CROWD * n / most
                corners += [(self._left + at * width, top), (self._left + (at + 1) * width, top)]
            corners.append((self._left + AXIS, bottom))
            title = f"at most {max(counts):,} at once"
            yield svg.group([svg.area(corners)], tone=tone, title=title)
        yield svg.text(MARGIN, y + 14, f"{noun} at once")
        yield svg.text(self._right, y + 14, f"most {most:,}", "dim")
        yield svg.text(MARGIN, y + 30, f"of these {bad}", "bad")
        yield svg.text(self._right, y + 30, f"most {max(some):,}", "bad")

    def _legend(self, y: float) -> Iterator[Markup]:
        words = []
        if self._timeline.calls:
            words.append("outlined: rings; filled: talks; ✗: not answered")
        if self._timeline.sessions:
            words.append("thick: decrypted; dashed: dark, or nothing to decrypt")
        yield svg.text(self._left, y, "; ".join(words), "dim", small=True)


def _tone(bar: CallBar | SessionBar) -> str:
    return "" if bar.tone == "plain" else bar.tone


def _label(bar: CallBar | SessionBar) -> str:
    if isinstance(bar, CallBar):
        return clean(f"{bar.caller} → {bar.callee}")
    return clean(f"TLS {bar.session} {bar.client}")


def _remark(bar: CallBar | SessionBar) -> str:
    if isinstance(bar, CallBar):
        return clean(bar.outcome)
    return f"{theme.sign(bar.verdict, theme.UNICODE)} {bar.verdict.value}"


def _sentence(bar: CallBar | SessionBar) -> str:
    began, until = time_of_day(bar.started), time_of_day(bar.until)
    if isinstance(bar, CallBar):
        answered = "" if bar.answered is None else f", answered {time_of_day(bar.answered)}"
        return f"{_label(bar)}: {began}{answered}, until {until}, {bar.outcome}"
    return f"TLS session {bar.session}, {bar.client} to {bar.server}: {began} to {until}, {bar.verdict.value}"


def _call_row(bar: CallBar) -> Markup:
    answered = "" if bar.answered is None else time_of_day(bar.answered)
    return _table_row(bar, answered)


def _session_row(bar: SessionBar) -> Markup:
    return _table_row(bar, "")


def _table_row(bar: CallBar | SessionBar, answered: str) -> Markup:
    return element(
        "tr",
        element("th", _label(bar), scope="row"),
        element("td", time_of_day(bar.started)),
        element("td", answered),
        element("td", time_of_day(bar.until)),
        element("td", duration(bar.until - bar.started), class_="number"),
        element("td", _remark(bar), class_=_tone(bar)),
    )
