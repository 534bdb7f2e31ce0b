"""An explained session as a picture (SVG) and as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from tqdecrypt.explain import Fact
from tqdecrypt.tls.verdict import MEANINGS
from tqdecrypt.views import svg, theme
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
from tqdecrypt.views.explanation_lines import ArrowLine, Line, Piece, lines_of
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.words import clean, delta

__all__ = ["explanation_picture", "explanation_section"]

MARGIN = 14
LINE = 18
COLUMNS = 120
"""Cells of a picture's lines."""
_GLYPHS = theme.UNICODE


def explanation_picture(page: Page, *, full: bool = False, own: bool = True) -> Markup:
    """Return the page as a picture.

    :param full: whether long lists of what was offered are written out.
    :param own: whether it stands alone, and not inside a page.
    """
    lines = list(lines_of(page, COLUMNS, _GLYPHS, full=full))
    rows = [_row(line, MARGIN + number * LINE + 13.0) for number, line in enumerate(lines)]
    return svg.picture(
        2 * MARGIN + COLUMNS * svg.CELL,
        2 * MARGIN + len(lines) * LINE,
        rows,
        title=f"{page.title}: how it was set up",
        description=f"The steps of the handshake between {page.client} and {page.server}, the keys "
        "that follow from it, and what opens the session.",
        own=own,
    )


def _x(cell: float) -> float:
    return MARGIN + cell * svg.CELL


def _row(line: Line, y: float) -> Markup:
    parts = [_words(piece, y) for piece in line.pieces if piece.words.strip()]
    if isinstance(line, ArrowLine):
        parts += _arrow(line, y)
    return element("g", *parts)


def _words(piece: Piece, y: float) -> Markup:
    """Return words in their cells; blanks in front count, which SVG would drop."""
    words = piece.words.lstrip(" ")
    blanks = len(piece.words) - len(words)
    return svg.text(_x(piece.at + blanks), y, words, _class(piece.tone))


def _arrow(line: ArrowLine, y: float) -> Iterator[Markup]:
    left, right, middle = _x(line.left + 0.5), _x(line.right + 0.5), y - 4
    for lane in (left, right):
        yield svg.line(lane, y - 13, lane, y + 5, "line")
    tip = 0 if line.to_right is None else svg.HEAD
    dashed = line.dashed or line.to_right is None
    begin, end = (left, right - tip) if line.to_right else (left + tip, right)
    parts = [svg.line(begin, middle, end, middle, dashed=dashed)]
    if line.to_right is not None:
        parts.append(svg.head(right if line.to_right else left, middle, to_right=line.to_right))
    words = svg.fitted(line.label, line.right - line.left - 5)
    cells = cell_len(words) + 2
    centre = (left + right) / 2
    parts.append(svg.bar(centre - cells * svg.CELL / 2, y - 13, cells * svg.CELL, LINE, "paper"))
    parts.append(svg.text(centre, y, words, "strong", anchor="middle"))
    yield svg.group(parts, tone=_class(line.tone))


def _class(tone: str) -> str:
    return "" if tone == "plain" else tone


# In a page.


def explanation_section(page: Page) -> Markup:
    """Return the page as a fragment; colours come with ``palette.style_sheet``."""
    verdict = f"{theme.sign(page.verdict, _GLYPHS)} {MEANINGS[page.verdict].title}"
    return element(
        "section",
        element("h2", page.title),
        element("p", f"{page.client} → {page.server}; {page.subtitle}"),
        element(
            "p",
            element("span", verdict, class_=_class(theme.tone_of(page.verdict))),
            f". {page.why}",
        ),
        *(_section(section) for section in page.sections),
        class_="tq explanation",
    )


def _section(section: Section) -> Markup:
    steps = [block for block in section.blocks if isinstance(block, Arrow)]
    body = _steps(section.blocks) if steps else joined(_block(block) for block in section.blocks)
    return element("section", element("h3", section.title), body)


def _steps(blocks: Sequence[Block]) -> Markup:
    """Return the ladder as a table, a row a step."""
    rows: list[Markup] = []
    intro: list[Markup] = []
    step: Arrow | None = None
    told: list[Block] = []
    for block in (*blocks, None):
        if block is None or isinstance(block, Arrow):
            if step is not None:
                rows.append(_step(step, told))
            else:
                intro += [_block(one) for one in told]
            step, told = block, []
        else:
            told.append(block)
    names = ["Since start (s)", "Step (s)", "Side", "Frame", "Message"]
    head = element("tr", *(element("th", name, scope="col") for name in names))
    table = element("table", element("thead", head), element("tbody", joined(rows)))
    return joined([*intro, table])


def _step(arrow: Arrow, told: Sequence[Block]) -> Markup:
    step = arrow.step
    arrows = {True: "client → server", False: "client ← server", None: ""}[arrow.to_right]
    words = element(
        "p",
        element("span", arrow.label, class_=f"strong {_class(arrow.tone)}".strip()),
        f" {arrows}",
    )
    passed = "" if step.since_before is None else delta(step.since_before, 6)
    return element(
        "tr",
        element("td", f"{step.since_start / 1e9:.6f}", class_="number"),
        element("td", passed, class_="number"),
        element("td", "" if step.sender == "nobody" else step.sender),
        element("td", str(step.frame), class_="number"),
        element("td", words, *(_block(block) for block in told)),
    )


def _block(block: Block) -> Markup:
    if isinstance(block, Paragraph):
        return element("p", block.text, class_=_class(block.tone))
    if isinstance(block, Facts):
        return _facts(block.facts)
    if isinstance(block, Suites):
        return _suites(block)
    if isinstance(block, Phases):
        return _phases(block)
    if isinstance(block, Secret):
        return _secret(block)
    if isinstance(block, Bullet):
        return _bullet(block)
    raise TypeError(f"a step stands in the table, not here: {block.label}")


def _facts(facts: Sequence[Fact]) -> Markup:
    rows = [
        element(
            "tr",
            element("th", fact.name.strip(), scope="row", class_="dim"),
            element("td", ", ".join(fact.values), class_=_class(fact.look)),
        )
        for fact in facts
    ]
    return element("table", joined(rows))


def _suites(block: Suites) -> Markup:
    items = []
    for suite in block.suites:
        tone = "strong" if suite.chosen else _class(SUITE_TONES.get(suite.kind, "plain"))
        chosen = " (chosen)" if suite.chosen else ""
        letter = SUITE_LETTERS[suite.kind].strip()
        kind = f" ({suite.kind})" if letter else ""
        items.append(element("li", element("span", suite.name, class_=tone), f"{kind}{chosen}"))
    return joined([element("ol", *items), element("p", block.legend, class_="dim")])


def _phases(block: Phases) -> Markup:
    rows = [
        element(
            "tr",
            element("th", phase.name, scope="row"),
            element("td", f"{phase.nanoseconds / 1e6:,.3f} ms", class_="number"),
            element("td", phase.side),
            element("td", phase.note, class_="dim"),
        )
        for phase in block.phases
    ]
    return element("table", joined(rows))


def _secret(block: Secret) -> Markup:
    derived = block.derived
    sign = "" if derived.public else "✓ " if derived.known else "✗ "
    title = element(
        "p",
        element("span", sign, class_=_class(block.tone)),
        element("span", derived.name, class_="strong"),
        f" {length_of(derived)} ",
        element("span", derived.shown, class_=_class(block.tone)),
        element("br"),
        element("span", f"= {derived.how}", class_="dim"),
        *([element("br"), derived.note] if derived.note else []),
    )
    parts = [
        element(
            "tr",
            element("th", part.name, scope="row"),
            element("td", f"{part.length} bytes", class_="number"),
            element("td", part.shown, class_="good"),
        )
        for part in derived.parts
    ]
    return joined([title, element("table", joined(parts)) if parts else None])


def _bullet(block: Bullet) -> Markup:
    sign = getattr(_GLYPHS, block.sign)
    literal = element("pre", clean(block.literally)) if block.literally else None
    return joined([element("p", f"{sign} {block.text}", class_=_class(block.tone)), literal])
