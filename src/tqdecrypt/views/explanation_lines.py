"""The page of an explained session at one width: lines of words in their cells, and arrows.

Text and picture are both drawn from these lines, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from tqdecrypt.explain import Derived, Fact, OfferedSuite
from tqdecrypt.tls.verdict import MEANINGS
from tqdecrypt.views import theme
from tqdecrypt.views.explanation import (
    SUITE_LETTERS,
    SUITE_TONES,
    Arrow,
    Block,
    Bullet,
    Facts,
    Page,
    Paragraph,
    Phases,
    Secret,
    Section,
    Suites,
    length_of,
)
from tqdecrypt.views.theme import Glyphs, Tone
from tqdecrypt.views.words import clean, delta, duration

__all__ = ["ArrowLine", "Line", "Piece", "TextLine", "lines_of", "wrapped"]

GUTTER = 37
"""Cells in front of the left lane: times, side and frame."""
NARROW = 100
"""Columns below which what is told of a step stands under the times, too."""
MOST_LANE = 62
"""Cells between the lanes, at most: the eye has to follow."""
LEAST_LANE = 24
INDENT = 4
MOST_ALIKE = 6
"""Suites of one kind in a row that are listed; OpenSSL offers sixty that differ in nothing here."""
MOST_VALUES = 6
"""Values of a list of names that are listed where they decide nothing."""


class Piece(NamedTuple):
    """Words at a place of a line."""

    at: int
    """Cell, from 0."""
    words: str
    tone: Tone = "plain"


class TextLine(NamedTuple):
    """A line of words."""

    pieces: tuple[Piece, ...] = ()


class ArrowLine(NamedTuple):
    """A step between the lanes."""

    pieces: tuple[Piece, ...]
    """What stands in front."""
    left: int
    """Cell of the client's lane."""
    right: int
    label: str
    to_right: bool | None
    dashed: bool
    tone: Tone


Line = TextLine | ArrowLine


def lines_of(page: Page, width: int, marks: Glyphs, *, full: bool = False) -> Iterator[Line]:
    """Yield the lines of a page, none wider than *width* unless that is absurd.

    :param full: whether lists are written out, however long.
    """
    yield from _Setting(max(width, 40), marks, full=full).page(page)


def _since(nanoseconds: int) -> str:
    """Return seconds, of what is more than a thousand of them hours and minutes."""
    if abs(nanoseconds) < 1_000_000_000_000:
        return f"{nanoseconds / 1e9:.6f}"
    return duration(nanoseconds)


def _places(suites: Sequence[OfferedSuite]) -> list[int | None]:
    """Return which choice each is; values that are no suites are none."""
    places: list[int | None] = []
    last = 0
    for suite in suites:
        last += suite.kind != "signal"
        places.append(None if suite.kind == "signal" else last)
    return places


def _runs(suites: Sequence[OfferedSuite]) -> Iterator[tuple[int, int, str]]:
    """Yield where suites of one kind begin and end, and the kind."""
    begin = 0
    for place in range(1, len(suites) + 1):
        if place == len(suites) or suites[place].kind != suites[begin].kind:
            yield begin, place, suites[begin].kind
            begin = place


def wrapped(text: str, cells: int) -> list[str]:
    """Return *text*, made safe to show, in lines of at most so many cells."""
    lines: list[str] = []
    line = ""
    for word in clean(text).split():
        for piece in chop_cells(word, cells) if cell_len(word) > cells else [word]:
            if line and cell_len(line) + 1 + cell_len(piece) > cells:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    return [*lines, line] if line else lines


class _Setting:
    """Sets a page at one width."""

    def __init__(self, width: int, marks: Glyphs, *, full: bool) -> None:
        self._full = full
        self._width = width
        self._marks = marks
        self._gutter = GUTTER if width >= GUTTER + LEAST_LANE + 2 else 12
        self._right = self._gutter + min(max(width - self._gutter - 1, 8), MOST_LANE)
        self._told = self._gutter + 2 if width >= NARROW else INDENT

    def page(self, page: Page) -> Iterator[Line]:
        """Yield everything."""
        marks = self._marks
        yield TextLine((Piece(0, page.title, "strong"),))
        yield from self._wrapped(f"{page.client} {marks.to} {page.server}", 0, "plain")
        yield from self._wrapped(page.subtitle, 0, "dim")
        title = f"{theme.sign(page.verdict, marks)} {MEANINGS[page.verdict].title}"
        yield TextLine((Piece(0, title, theme.tone_of(page.verdict)),))
        yield from self._wrapped(page.why, 2, "plain")
        for section in page.sections:
            yield TextLine()
            yield TextLine((Piece(0, section.title, "strong"),))
            yield from self._section(page, section)

    def _section(self, page: Page, section: Section) -> Iterator[Line]:
        headed = False
        told = 2
        for block in section.blocks:
            if isinstance(block, Arrow):
                if headed:
                    yield self._beside(TextLine())
                else:
                    yield from self._heads(page)
                headed, told = True, self._told
                yield self._arrow(block)
            elif headed:
                for line in self._block(block, told):
                    yield self._beside(line)
            else:
                yield from self._block(block, told)

    def _beside(self, line: TextLine) -> TextLine:
        """Return a line of text with the client's lane in front, where it does not stand in the way."""
        if self._told < self._gutter:
            return line
        return TextLine((*line.pieces, Piece(self._gutter, self._marks.bar, "dim")))

    def _block(self, block: Block, at: int) -> Iterator[TextLine]:
        if isinstance(block, Paragraph):
            yield from self._wrapped(block.text, at, block.tone)
        elif isinstance(block, Facts):
            yield from self._facts(block.facts, at)
        elif isinstance(block, Suites):
            yield from self._suites(block, at)
        elif isinstance(block, Phases):
            yield from self._phases(block)
        elif isinstance(block, Secret):
            yield from self._secret(block)
        elif isinstance(block, Bullet):
            yield from self._bullet(block)

    def _wrapped(self, text: str, at: int, tone: Tone) -> Iterator[TextLine]:
        for line in wrapped(text, self._width - at):
            yield TextLine((Piece(at, line, tone),))

    # The ladder.

    def _heads(self, page: Page) -> Iterator[TextLine]:
        left, right = self._gutter, self._right
        yield TextLine()
        yield TextLine(self._between("client", "server", left, right))
        client, server = clean(page.client), clean(page.server)
        fits = cell_len(client) + cell_len(server) + 2 <= right - left + 1
        names = self._between(client, server, left, right) if fits else ()
        pieces = [Piece(0, f"{'start':>10}", "dim")]
        if self._gutter == GUTTER:
            pieces += [Piece(11, f"{'step':>10}", "dim"), Piece(22, "side", "dim")]
            pieces.append(Piece(29, f"{'frame':>7}", "dim"))
        yield TextLine((*pieces, *names))

    def _between(self, client: str, server: str, left: int, right: int) -> tuple[Piece, ...]:
        return (
            Piece(left, client, "strong"),
            Piece(right - cell_len(server) + 1, server, "strong"),
        )

    def _arrow(self, arrow: Arrow) -> ArrowLine:
        step = arrow.step
        pieces = [Piece(0, f"{_since(step.since_start):>10}", "dim")]
        if self._gutter == GUTTER:
            if step.since_before is not None:
                pieces.append(Piece(11, f"{delta(step.since_before, 6):>10}", "plain"))
                if step.sender != "nobody":
                    pieces.append(Piece(22, step.sender, "plain"))
            pieces.append(Piece(29, f"{step.frame:>7}", "dim"))
        return ArrowLine(
            tuple(pieces),
            self._gutter,
            self._right,
            clean(arrow.label),
            arrow.to_right,
            arrow.dashed,
            arrow.tone,
        )

    def _facts(self, facts: Sequence[Fact], at: int) -> Iterator[TextLine]:
        name_width = min(max(cell_len(clean(fact.name)) for fact in facts), 28)
        for fact in facts:
            values = fact.values if fact.apart else (", ".join(self._listed(fact)),)
            name = clean(fact.name)
            beside = at + name_width + 2
            if self._width - beside < 16 or cell_len(name) > name_width:  # no two columns
                yield TextLine((Piece(at, name, "dim"),))
                beside, name = at + 2, ""
            for value in values:
                for line in wrapped(value, self._width - beside):
                    lead = (Piece(at, name, "dim"),) if name else ()
                    yield TextLine((*lead, Piece(beside, line, fact.look)))
                    name = ""

    def _listed(self, fact: Fact) -> Sequence[str]:
        """Return the values of a fact; of a long list that says little its beginning."""
        values = fact.values
        if self._full or fact.look != "dim" or len(values) <= MOST_VALUES:
            return values
        return [*values[: MOST_VALUES - 2], f"and {len(values) - MOST_VALUES + 2} more"]

    def _suites(self, block: Suites, at: int) -> Iterator[TextLine]:
        places = _places(block.suites)
        for begin, end, kind in _runs(block.suites):
            shown = end if self._full or end - begin <= MOST_ALIKE else begin + MOST_ALIKE - 2
            hidden = 0
            for place in range(begin, end):
                suite = block.suites[place]
                if place < shown or suite.chosen:
                    yield TextLine(tuple(self._suite(places[place], suite, at)))
                else:
                    hidden += 1
            if hidden:
                words = (
                    f"{self._marks.more} and {hidden} more up to choice {places[end - 1]}, {kind}"
                )
                yield TextLine((Piece(at + 5, words, "dim"),))
        if block.legend:
            yield from self._wrapped(block.legend, at, "dim")

    def _suite(self, place: int | None, suite: OfferedSuite, at: int) -> Iterator[Piece]:
        if suite.chosen:
            yield Piece(at, self._marks.right, "strong")
        yield Piece(at + 1, "" if place is None else f"{place:>3}", "dim")
        tone = SUITE_TONES.get(suite.kind, "plain")
        yield Piece(at + 5, SUITE_LETTERS[suite.kind], tone)
        yield Piece(at + 7, clean(suite.name), "strong" if suite.chosen else tone)

    # The other sections.

    def _phases(self, block: Phases) -> Iterator[TextLine]:
        name_width = max(len(phase.name) for phase in block.phases)
        for phase in block.phases:
            at = 2 + name_width + 2
            pieces = (
                Piece(2, phase.name),
                Piece(at, f"{phase.nanoseconds / 1e6:>12,.3f} ms", "strong"),
                Piece(at + 17, phase.side),
            )
            note = at + 26
            lines = wrapped(phase.note, self._width - note) if self._width - note >= 24 else []
            yield TextLine((*pieces, *(Piece(note, line, "dim") for line in lines[:1])))
            for line in lines[1:]:
                yield TextLine((Piece(note, line, "dim"),))

    def _secret(self, block: Secret) -> Iterator[TextLine]:
        derived = block.derived
        at = 2 + 4 * derived.depth
        sign = "" if derived.public else self._marks.tick if derived.known else self._marks.cross
        names = at + 2
        pieces = [Piece(at, sign, block.tone), Piece(names, derived.name, "strong")]
        length = length_of(derived)
        length_at = max(names + cell_len(derived.name) + 2, 36)
        pieces.append(Piece(length_at, f"{length:>9}"))
        shown = max(length_at + 11, 47)
        lines = wrapped(derived.shown, max(self._width - shown, 16))
        yield TextLine((*pieces, *(Piece(shown, line, block.tone) for line in lines[:1])))
        for line in lines[1:]:
            yield TextLine((Piece(shown, line, block.tone),))
        equals = "" if derived.public and derived.shown else "= "
        yield from self._wrapped(f"{equals}{derived.how}", names + 2, "dim")
        if derived.note:
            yield from self._wrapped(derived.note, names + 2, "plain")
        yield from self._parts(derived, names + 2)

    def _parts(self, derived: Derived, at: int) -> Iterator[TextLine]:
        for part in derived.parts:
            tone: Tone = "plain" if part.length else "dim"
            beside = at + 34
            size = f"{part.length:>4} {'byte' if part.length == 1 else 'bytes'}"
            pieces = [Piece(at, part.name, tone), Piece(at + 18, size, tone)]
            if part.offset is not None and part.length:
                last = part.offset + part.length - 1
                pieces.append(Piece(at + 30, f"{part.offset}-{last}", "dim"))
                beside = at + 40
            lines = wrapped(part.shown, max(self._width - beside, 16))
            yield TextLine((*pieces, *(Piece(beside, line, "good") for line in lines[:1])))
            for line in lines[1:]:
                yield TextLine((Piece(beside, line, "good"),))

    def _bullet(self, block: Bullet) -> Iterator[TextLine]:
        sign = getattr(self._marks, block.sign)
        lead: tuple[Piece, ...] = (Piece(2, sign, block.tone),)
        for line in wrapped(block.text, self._width - 4):
            yield TextLine((*lead, Piece(4, line, block.tone)))
            lead = ()
        for line in chop_cells(clean(block.literally), self._width - 4):
            yield TextLine((Piece(4, line, "strong"),))
