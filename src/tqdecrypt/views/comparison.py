"""What a proxy or an SBC changed: messages before and after it, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.sip import Message
from tqdecrypt.views import theme
from tqdecrypt.views.difference import Change, Difference, compare
from tqdecrypt.views.markup import Markup, element, joined, styled
from tqdecrypt.views.message import start_line
from tqdecrypt.views.pairs import pair_up, parents_of, sides_of
from tqdecrypt.views.words import clean, count, time_of_day

__all__ = ["Comparison", "comparisons"]

GAP = 2
LEAST_NAME = 16
MOST_NAME = 34
SIGNS = {"changed": "~", "added": "+", "removed": "-", "moved": "~"}
_STYLES: dict[str, str] = {
    "changed": theme.NOTICE,
    "added": theme.SUCCESS,
    "removed": theme.FAILURE,
    "moved": theme.NOTICE,
}


class Comparison:
    """Two messages side by side: what differs, and how much is the same.

    What every relay changes is dim; the rest is what somebody configured.
    """

    def __init__(self, before: Message, after: Message) -> None:
        self.difference = compare(before, after)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        difference = self.difference
        yield _title(difference)
        names = [_name(change) for change in difference.changes]
        width = min(max([LEAST_NAME, *map(len, names)]), MOST_NAME, options.max_width // 3)
        room = max((options.max_width - width - 2 - 2 * GAP) // 2, 8)
        blank = Text(" " * (width + 2))
        messages = (difference.before, difference.after)
        for one, other in ((_route(m, marks) for m in messages), map(_details, messages)):
            yield from _beside(console, blank, one, other, width + 2, room)
        for change, name in zip(difference.changes, names, strict=True):
            style = theme.DIM if change.usual else _STYLES[change.kind]
            sign = Text(f"{SIGNS[change.kind]} ", style).append(name, style)
            one, other = (
                Text(clean(words) or marks.dash, theme.DIM if change.usual or not words else "")
                for words in (change.before, change.after)
            )
            yield from _beside(console, sign, one, other, width + 2, room)
        yield Text(_remark(difference), theme.DIM)

    def html(self) -> Markup:
        """Return the comparison as a fragment of a page."""
        difference = self.difference
        marks = theme.UNICODE
        head = [
            element("th", "What", scope="col"),
            *(
                element(
                    "th",
                    styled(_route(message, marks)),
                    element("br"),
                    styled(_details(message)),
                    scope="col",
                )
                for message in (difference.before, difference.after)
            ),
        ]
        return element(
            "section",
            element("h3", styled(_title(difference))),
            element(
                "table",
                element("thead", element("tr", *head)),
                element("tbody", joined(map(_row, difference.changes))),
            ),
            element("p", _remark(difference), class_="dim"),
            class_="tq comparison",
        )


def comparisons(messages: Sequence[Message], method: str = "INVITE") -> list[Comparison]:
    """Return a comparison for each message of a method that was seen on two neighbouring hops.

    :param messages: of one Call-ID or of several, in frame order.
    """
    sides = sides_of(messages, method)
    pairs = []
    for side, parent in zip(sides, parents_of(sides), strict=True):
        if parent is not None:
            pairs += pair_up(sides[parent], side)
    pairs.sort(key=lambda pair: (pair.before.time, pair.before.frame))
    return [Comparison(pair.before, pair.after) for pair in pairs]


def _title(difference: Difference) -> Text:
    before, after = difference.before, difference.after
    passed = (after.time - before.time) / 1_000_000
    title = Text(clean(start_line(before)), theme.HEADING)
    return title.append(f"  passed on after {passed:.3f} ms", theme.DIM)


def _route(message: Message, marks: theme.Glyphs) -> Text:
    flow = message.flow
    return Text(f"{clean(flow.source)} {marks.to} {clean(flow.destination)}", theme.HEADING)


def _details(message: Message) -> Text:
    flow = message.flow
    session = "" if flow.session is None else f" {flow.session}"
    time = time_of_day(message.time, 6)
    return Text(f"{flow.transport}{session}, frame {message.frame}, {time}", theme.DIM)


def _name(change: Change) -> str:
    return clean(f"{change.where} {change.part}".rstrip())


def _remark(difference: Difference) -> str:
    usual = sum(change.usual for change in difference.changes)
    others = len(difference.changes) - usual
    same = count(difference.same, "part")
    return (
        f"{count(others, 'change')} that relaying does not explain, {usual} that it does; "
        f"{same} the same."
    )


def _beside(
    console: Console, name: Text, one: Text, other: Text, width: int, room: int
) -> Iterator[Text]:
    """Yield three cells beside one another, each in as many lines as it takes."""
    cells = [
        list(cell.wrap(console, size, overflow="fold")) or [Text()]
        for cell, size in ((name, width), (one, room), (other, room))
    ]
    for number in range(max(map(len, cells))):
        line = Text(no_wrap=True, overflow="crop")
        for cell, size in zip(cells, (width, room, room), strict=True):
            piece = cell[number] if number < len(cell) else Text()
            line.append_text(piece).append(" " * (size - piece.cell_len + GAP))
        line.rstrip()
        yield line


def _row(change: Change) -> Markup:
    tone = "dim" if change.usual else ""
    name = element("th", f"{SIGNS[change.kind]} {_name(change)}", scope="row", class_=tone)
    before, after = (
        element("td", element(tag, words) if words and tag else words or "–", class_=tone)
        for tag, words in (
            ("" if change.kind == "changed" else "del", change.before),
            ("" if change.kind == "changed" else "ins", change.after),
        )
    )
    return element("tr", name, before, after)
