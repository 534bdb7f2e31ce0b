from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Span, Text

from tqdecrypt.views.markup import Markup, element, joined, number, stretches, styled
from tqdecrypt.views.palette import INK, LINE, MARKED, PAPER, SHADES, Shade, style_sheet

ANYTHING = st.text(st.characters(codec=None), max_size=60)


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "a<b>&\"'", element("b", "x")) == (
        "<p>a&lt;b&gt;&amp;&quot;&#39;<b>x</b></p>"
    )
    assert element("a", "x", href='"><script>', class_="", title=None) == (
        '<a href="&quot;&gt;&lt;script&gt;">x</a>'
    )
    assert element("col", class_="a") == '<col class="a">'
    assert joined(["<", Markup("<br>")], ", ") == "&lt;, <br>"


def test_a_name_of_an_element_is_never_data() -> None:
    with pytest.raises(ValueError, match="no name of an element"):
        element("p onclick=x")


@given(ANYTHING, ANYTHING)
def test_whatever_is_said_stays_one_element_with_its_text(content: str, attribute: str) -> None:
    text = element("t", content, title=attribute)
    parsed = ElementTree.fromstring(text)
    assert (parsed.tag, len(parsed)) == ("t", 0)
    assert (parsed.text or "").isprintable()
    found: list[tuple[str, object]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append((tag, attrs))

    Parser().feed(text)
    assert [tag for tag, _ in found] == ["t"]


def test_coordinates_are_the_same_everywhere() -> None:
    assert [number(n) for n in (1, 1.25, 0.04, -2.5, 7.8 * 3, -0.01)] == [
        "1", "1.2", "0", "-2.5", "23.4", "0",
    ]  # fmt: skip


def test_styles_of_the_terminal_become_classes() -> None:
    text = Text("a", "dim").append("b<", "bold green").append("c")
    assert styled(text) == (
        '<span class="dim">a</span><span class="strong dim good">b&lt;</span><span class="dim">c</span>'
    )
    assert styled(Text("plain")) == "plain"
    assert styled(Text()) == ""


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("shade", [INK, *SHADES.values()])
@pytest.mark.parametrize("behind", [PAPER, MARKED])
def test_every_colour_can_be_read_in_light_and_dark(shade: Shade, behind: Shade) -> None:
    assert contrast(shade.light, behind.light) >= 4.5
    assert contrast(shade.dark, behind.dark) >= 4.5


def test_the_style_sheet_knows_light_dark_and_paper() -> None:
    sheet = style_sheet()
    assert sheet.count("{") == sheet.count("}")
    dark = sheet[sheet.index("prefers-color-scheme:dark") : sheet.index("@media print")]
    assert SHADES["bad"].dark in dark
    assert LINE.light in sheet[sheet.index("@media print") :]
    assert "<" not in sheet
    assert "&" not in sheet


@given(
    st.text("ab<", max_size=12),
    st.lists(
        st.tuples(
            st.integers(0, 14), st.integers(0, 14), st.sampled_from(["bold", "green", "dim", ""])
        ),
        max_size=5,
    ),
)
def test_styles_that_overlap_lose_no_character(
    plain: str, spans: list[tuple[int, int, str]]
) -> None:
    text = Text(plain)
    for start, end, style in spans:
        text.spans.append(Span(start, end, style))
    assert "".join(piece for piece, _ in stretches(text)) == plain
    at = 0
    for piece, names in stretches(text):
        wanted = {
            {"bold": "strong", "green": "good"}.get(style, style)
            for start, end, style in spans
            if start <= at < end and style
        }
        assert set(names.split()) == wanted
        at += len(piece)
