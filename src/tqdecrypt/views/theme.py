"""Colours: few, and never the only way to tell something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

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
    "STYLES",
    "SUCCESS",
    "UNICODE",
    "Glyphs",
    "Tone",
    "glyphs",
    "said",
    "sign",
    "tone_of",
    "verdict",
]

HEADING = "bold"
DIM = "dim"  # not bright black, which some colour schemes paint like the background
SUCCESS = "green"
FAILURE = "red"
NOTICE = "yellow"
NAME = "cyan"
"""Names of header fields, kinds of lines of a session description."""
URI = "blue"
PARAMETER = "magenta"
MARKED = "reverse"

Tone = Literal["plain", "strong", "dim", "good", "notice", "bad"]
"""What something says by its looks, whatever draws it: a class of the style sheet."""
STYLES: dict[Tone, str] = {
    "plain": "",
    "strong": HEADING,
    "dim": DIM,
    "good": SUCCESS,
    "notice": NOTICE,
    "bad": FAILURE,
}


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
    dots: str
    """A line for what is no message, or only inferred."""
    wait: str
    """A bar beside which time passes."""
    branch: str
    """In front of what belongs to the row above."""


UNICODE = Glyphs("│", "─", "▶", "◀", "✓", "✗", "…", "→", "·", "╌", "┊", "└")
ASCII = Glyphs("|", "-", ">", "<", "+", "x", "~", ">", "-", ".", ":", "`")


def glyphs(options: ConsoleOptions) -> Glyphs:
    """Return what the terminal can show."""
    return ASCII if options.ascii_only else UNICODE


def said(text: str, style: str = "") -> Text:
    """Return text from anywhere, safe to show."""
    return Text(clean(text), style)


def verdict(code: Verdict, marks: Glyphs) -> Text:
    """Return ``✓ decrypted``, green, or ``✗ TLS 1.3, needs session secrets``, red."""
    return Text(f"{sign(code, marks)} {MEANINGS[code].title}", STYLES[tone_of(code)])


def tone_of(code: Verdict) -> Tone:
    """Return how a verdict looks."""
    if code is Verdict.DECRYPTED:
        return "good"
    return "notice" if MEANINGS[code].clear else "bad"


def sign(code: Verdict, marks: Glyphs) -> str:
    """Return the one character for a verdict: decrypted, dark, or nothing to decrypt."""
    if code is Verdict.DECRYPTED:
        return marks.tick
    return marks.separator if MEANINGS[code].clear else marks.cross
