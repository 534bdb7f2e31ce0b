"""Colours: few, and never the only way to tell something."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views.words import clean

if TYPE_CHECKING:
    from rich.console import ConsoleOptions

__all__ = [
    "ASCII",
    "DIM",
    "FAILURE",
    "HEADING",
    "NOTICE",
    "SUCCESS",
    "UNICODE",
    "Glyphs",
    "glyphs",
    "said",
    "verdict",
]

HEADING = "bold"
DIM = "dim"  # not bright black, which some colour schemes paint like the background
SUCCESS = "green"
FAILURE = "red"
NOTICE = "yellow"


class Glyphs(NamedTuple):
    """The characters that pictures are drawn with: all one cell wide."""

    bar: str
    dash: str
    right: str
    left: str
    tick: str
    cross: str
    more: str
    to: str
    separator: str


UNICODE = Glyphs("│", "─", "▶", "◀", "✓", "✗", "…", "→", "·")
ASCII = Glyphs("|", "-", ">", "<", "+", "x", "~", ">", "-")


def glyphs(options: ConsoleOptions) -> Glyphs:
    """Return what the terminal can show."""
    return ASCII if options.ascii_only else UNICODE


def said(text: str, style: str = "") -> Text:
    """Return text from anywhere, safe to show."""
    return Text(clean(text), style)


def verdict(code: Verdict, marks: Glyphs) -> Text:
    """Return ``✓ decrypted``, green, or ``✗ TLS 1.3, needs session secrets``, red."""
    meaning = MEANINGS[code]
    if code is Verdict.DECRYPTED:
        return Text(f"{marks.tick} {meaning.title}", SUCCESS)
    if meaning.clear:
        return Text(f"{marks.separator} {meaning.title}", NOTICE)
    return Text(f"{marks.cross} {meaning.title}", FAILURE)
