"""A ladder as a picture (SVG) and as a part of a page: heading, picture, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len

from tqdecrypt.views import svg, theme
from tqdecrypt.views.heading import heading
from tqdecrypt.views.hops import Caption, captions, wording
from tqdecrypt.views.ladder import Arrow, Event, Hop, Ladder, Row, Story, waits
from tqdecrypt.views.markup import Markup, element, joined, styled
from tqdecrypt.views.words import clean, count, delta, ports_of, time_of_day

__all__ = ["ladder_picture", "ladder_section"]

MARGIN = 12
ROW = 32
"""From one row to the next."""
MARKS = 15
"""What a line with a session description takes on top."""
WAIT = 8
"""Height of an empty row: time that passes."""
LINE = 16
LEAST_GAP = 150
MOST_LABEL = 34
"""Cells of a message's label that columns make room for; longer ones are cut, and whole in the title."""
MOST_EVENT = 22
"""Likewise, of what is no message."""
SMALL_CELL = 0.6 * (svg.SIZE - 2)
TIME = 12 * svg.CELL
DELTA = 10 * svg.CELL
_GLYPHS = theme.UNICODE


class _Place(NamedTuple):
    """Where things stand."""

    lanes: tuple[float, ...]
    left: float
    """Right end of times and deltas."""
    frame: float
    """Right end of frame numbers."""
    leg: float
    """Right end of the numbers of legs."""
    proof: float
    """Left end of what carried and proved it."""
    width: float


def ladder_picture(ladder: Ladder, *, to_scale: bool = False, own: bool = True) -> Markup:
    """Return a ladder as a picture.

    :param own: whether it stands alone, and not inside a page.
    """
    place = _place(ladder)
    levels = _levels(captions(ladder.hops, _GLYPHS))
    top = MARGIN + 2 * LINE + 8
    first = top + 10 + LINE * len(levels)
    rows: list[Markup] = []
    y = float(first)
    for row, empty in zip(ladder.rows, waits(ladder), strict=True):
        y += ROW + (WAIT * empty if to_scale else 0)
        rows.append(_row(ladder, row, place, y))
        if isinstance(row, Arrow) and row.marks:
            y += MARKS
    bottom = y + 14
    lanes = [svg.line(x, top, x, bottom, "line") for x in place.lanes]
    heads = [_head(ladder, number, x) for number, x in enumerate(place.lanes)]
    hops = [
        _caption(caption, place, top + 14 + LINE * level)
        for level, row_of in enumerate(levels)
        for caption in row_of
    ]
    return svg.picture(
        place.width,
        bottom + MARGIN,
        [*lanes, *heads, *hops, *_names(ladder, place, top), *rows],
        title=_title(ladder),
        description=_description(ladder),
        own=own,
    )


def ladder_section(story: Story, ladder: Ladder, *, to_scale: bool = False) -> Markup:
    """Return a ladder as a fragment of a page; colours come with ``palette.style_sheet``."""
    first, *others = [styled(line) for line in heading(story, ladder, _GLYPHS)]
    return element(
        "section",
        element("h2", first),
        *(element("p", line) for line in others),
        element("figure", ladder_picture(ladder, to_scale=to_scale, own=False)),
        element("details", element("summary", "The same as a table"), _table(ladder)),
        class_="tq ladder",
    )


def _title(ladder: Ladder) -> str:
    first = ladder.arrows[0].message if ladder.arrows else None
    what = "Ladder" if first is None else f"Ladder of {first.cseq_method or 'messages'}"
    return f"{what} {', '.join(ladder.legs[:3])}".rstrip()


def _description(ladder: Ladder) -> str:
    hosts = " to ".join(column.host for column in ladder.columns)
    hops = [
        f"{ladder.columns[hop.left].host} and {ladder.columns[hop.right].host}: {_worded(hop)}"
        for hop in ladder.hops
    ]
    shown = f"{count(len(ladder.arrows), 'message')} from {hosts}"
    return "; ".join([shown, *hops[:12]]) + "."


def _worded(hop: Hop) -> str:
    return wording(hop, _GLYPHS)


# The picture.


def _place(ladder: Ladder) -> _Place:
    names = [
        max(cell_len(clean(column.host)), len(ports_of(column.ports))) for column in ladder.columns
    ]
    needed = float(LEAST_GAP)
    for a, b in pairwise(names):
        needed = max(needed, (a + b) / 2 * svg.CELL + 24)
    for row in ladder.rows:
        lanes = max(abs(row.source - row.destination), 1)
        most = MOST_LABEL if isinstance(row, Arrow) else MOST_EVENT
        needed = max(needed, (min(cell_len(clean(row.text)), most) * svg.CELL + 36) / lanes)
    for caption in captions(ladder.hops, _GLYPHS):
        lanes = max(caption.right - caption.left, 1)
        needed = max(
            needed, (cell_len(caption.wordings[1 % len(caption.wordings)]) + 2) * SMALL_CELL / lanes
        )
    left = MARGIN + TIME + DELTA
    first = left + 12 + max(names[0] * svg.CELL / 2, 12) if names else left
    lanes_at = tuple(first + number * needed for number in range(len(names)))
    last = lanes_at[-1] if lanes_at else first
    right = last + max(names[-1] * svg.CELL / 2 if names else 0, 10) + 8
    digits = max((len(_frame(row)) for row in ladder.rows), default=0)
    frame = right + max(digits, len("frame")) * svg.CELL
    leg = frame + (5 * svg.CELL if len(ladder.legs) > 1 else 0)
    proof = leg + 2 * svg.CELL
    cells = max((cell_len(_proof(row)) for row in ladder.rows), default=0)
    return _Place(lanes_at, left, frame, leg, proof, proof + cells * svg.CELL + MARGIN)


def _levels(found: Sequence[Caption]) -> list[list[Caption]]:
    """Return captions in as many lines as keeps them apart."""
    levels: list[list[Caption]] = []
    for caption in found:
        for level in levels:
            if all(c.right <= caption.left or c.left >= caption.right for c in level):
                level.append(caption)
                break
        else:
            levels.append([caption])
    return levels


def _head(ladder: Ladder, number: int, x: float) -> Markup:
    column = ladder.columns[number]
    return svg.group(
        [
            svg.text(x, MARGIN + 12, column.host, "strong", anchor="middle"),
            svg.text(x, MARGIN + 12 + LINE, ports_of(column.ports), "dim", anchor="middle"),
        ],
        title=column.name,
    )


def _names(ladder: Ladder, place: _Place, top: float) -> Iterator[Markup]:
    y = top - 12
    yield svg.text(MARGIN, y, "time (UTC)", "dim")
    yield svg.text(place.left, y, "delta", "dim", anchor="end")
    yield svg.text(place.frame, y, "frame", "dim", anchor="end")
    if len(ladder.legs) > 1:
        yield svg.text(place.leg, y, "leg", "dim", anchor="end")


def _caption(caption: Caption, place: _Place, y: float) -> Markup:
    left, right = place.lanes[caption.left], place.lanes[caption.right]
    cells = int((right - left - 12) / SMALL_CELL)
    words = next((w for w in caption.wordings if cell_len(w) <= cells), caption.wordings[-1])
    return svg.group(
        [svg.text((left + right) / 2, y, words, anchor="middle", small=True, halo=True)],
        title=caption.wordings[0],
        tone=caption.tone,
    )


def _row(ladder: Ladder, row: Row, place: _Place, y: float) -> Markup:
    parts = [svg.text(MARGIN, y + 4, time_of_day(row.time), "dim")]
    if isinstance(row, Arrow) and row.delta is not None:
        parts.append(svg.text(place.left, y + 4, delta(row.delta, 3), "dim", anchor="end"))
    parts.append(svg.group(_shaft(row, place, y), tone=_tone(row)))
    parts.append(svg.text(place.frame, y + 4, _frame(row), "dim", anchor="end"))
    if isinstance(row, Arrow) and len(ladder.legs) > 1:
        parts.append(svg.text(place.leg, y + 4, str(row.leg + 1), "strong", anchor="end"))
    parts.append(svg.text(place.proof, y + 4, _proof(row), _proof_tone(row)))
    if isinstance(row, Arrow) and row.marks:
        end = place.frame - 6 * svg.CELL
        words = svg.fitted(clean(row.marks), int((end - place.lanes[0] - 10) / SMALL_CELL))
        start = place.lanes[min(row.source, row.destination)] + 10
        start = min(start, end - cell_len(words) * SMALL_CELL)
        parts.append(svg.text(start, y + MARKS + 1, words, "dim", halo=True, small=True))
    return svg.group(parts, title=_sentence(ladder, row))


def _shaft(row: Row, place: _Place, y: float) -> Iterator[Markup]:
    start, end = place.lanes[row.source], place.lanes[row.destination]
    dashed = isinstance(row, Event)
    headed = isinstance(row, Arrow) or row.mark.directed
    if row.source == row.destination:
        yield svg.line(start, y, start + 26, y, dashed=dashed)
        if headed:
            yield svg.head(start, y, to_right=False)
        yield svg.text(start + 32, y + 4, clean(row.text), halo=True)
        return
    to_right = end > start
    tip = svg.HEAD if headed else 0
    yield svg.line(start, y, end - tip if to_right else end + tip, y, dashed=dashed)
    if headed:
        yield svg.head(end, y, to_right=to_right)
    cells = int((abs(end - start) - 28) / svg.CELL)
    words = svg.fitted(clean(row.text), cells)
    yield svg.text((start + end) / 2, y - 5, words, anchor="middle", halo=True)


def _tone(row: Row) -> str:
    tone = row.tone if isinstance(row, Arrow) else row.mark.tone
    return "" if tone == "plain" else tone


def _frame(row: Row) -> str:
    frame = row.message.frame if isinstance(row, Arrow) else row.mark.frame
    return "" if frame is None else str(frame)


def _proof(row: Row) -> str:
    if isinstance(row, Event):
        return "" if row.mark.session is None else f"TLS {row.mark.session}"
    flow = row.message.flow
    if flow.mirrored_by is not None:
        return f"{flow.transport} mirrored"
    if flow.session is None:
        return flow.transport
    return f"{flow.transport} {flow.session} {'✓' if flow.integrity == 'verified' else '?'}"


def _proof_tone(row: Row) -> str:
    if isinstance(row, Arrow) and row.message.flow.session is not None:
        return "good" if row.message.flow.integrity == "verified" else "dim"
    return "dim"


# In words.


def _sentence(ladder: Ladder, row: Row) -> str:
    source, destination = ladder.columns[row.source], ladder.columns[row.destination]
    where = f"{source.host} to {destination.host}"
    if isinstance(row, Event):
        return f"{time_of_day(row.time, 6)} {row.text}, {where}"
    flow = row.message.flow
    session = "" if flow.session is None else f" session {flow.session}"
    return (
        f"{time_of_day(row.time, 6)} {row.text}, {flow.source} to {flow.destination}, "
        f"{flow.transport}{session}, frame {row.message.frame}"
    )


def _table(ladder: Ladder) -> Markup:
    names = ["Time (UTC)", "Delta", "From", "To", "Message", "Leg", "Frame", "Transport"]
    head = element("tr", *(element("th", name, scope="col") for name in names))
    return element(
        "table",
        element("caption", _title(ladder)),
        element("thead", head),
        element("tbody", joined(_cells(ladder, row) for row in ladder.rows)),
    )


def _cells(ladder: Ladder, row: Row) -> Markup:
    if isinstance(row, Arrow):
        flow = row.message.flow
        ends = [flow.source, flow.destination]
        passed = "" if row.delta is None else delta(row.delta, 6)
        leg = str(row.leg + 1)
    else:
        ends = [row.mark.source, row.mark.destination]
        passed = leg = ""
    words: list[Markup | str] = [element("span", row.text, class_=_tone(row))]
    if isinstance(row, Arrow) and row.marks:
        words += [element("br"), element("span", row.marks, class_="dim")]
    return element(
        "tr",
        element("td", time_of_day(row.time, 6)),
        element("td", passed, class_="number"),
        *(element("td", end) for end in ends),
        element("td", *words),
        element("td", leg, class_="number"),
        element("td", _frame(row), class_="number"),
        element("td", _proof(row)),
    )
