"""What tests ask of every picture and every page."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"br", "col"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b]0;owned\x07",
    "evil\u202egnp.exe\u200b",
    "]]>--><!--&amp;&#x3c;",
    "[bold]x[/bold]",
    "\ud800\ufffe\x00",
)
"""What peers put into names to reach a terminal or a browser."""
TAGS = {
    "svg", "title", "desc", "style", "g", "line", "rect", "text", "polygon",
    "section", "h2", "h3", "p", "figure", "figcaption", "details", "summary", "table", "caption",
    "thead", "tbody", "tr", "th", "td", "span", "br", "pre", "code", "ol", "ul", "li", "mark", "ins", "del",
}  # fmt: skip
"""All elements that our pages have."""


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("style", "href", "src")
            assert (value or "").isprintable()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert data.replace("\n", "").isprintable()
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def words_of(page: str) -> str:
    """The text of a fragment, which has only known elements, all closed, and nothing that runs."""
    checker = _Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    return "".join(checker.words)


def picture(svg: str) -> ElementTree.Element:
    """A picture that stands alone, as XML."""
    words_of(svg)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("}svg")
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names[:2] == ["title", "desc"]
    assert root[0].text
    assert root[1].text
    return root


def inside(root: ElementTree.Element) -> bool:
    """Whether all shapes and the beginnings of all texts stand inside the picture."""
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for one in root.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("y", height)):
            if name in one.attrib and not -0.1 <= float(one.attrib[name]) <= most + 0.1:
                return False
    return True
