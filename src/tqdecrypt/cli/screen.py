"""Standard output and standard error, as far as commands write to them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Screen", "complain"]

WIDTH_OF_PIPES = 120
"""Columns when the output is no terminal and ``COLUMNS`` says nothing."""

_ASCII = str.maketrans(
    {
        "…": "~", "→": ">", "–": "-", "—": "-", "−": "-", "·": "-", "×": "x", "µ": "u",
        "’": "'", "‘": "'", "“": '"', "”": '"', "≥": ">", "≤": "<", "✓": "+", "✗": "x",
    }
)  # fmt: skip
"""One character for one, so that columns stay where they are."""


def complain(sentence: str) -> None:
    """Say on standard error what is wrong."""
    from tqdecrypt.views.words import clean

    text = f"tqdecrypt: {clean(sentence)}"
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    print(_encodable(text, encoding), file=sys.stderr, flush=True)


class Screen:
    """Standard output for text.

    :param no_color: whether the user wants no colours.
    :param ascii_only: whether the user wants no Unicode; else the encoding of the output decides.
    """

    def __init__(self, *, no_color: bool = False, ascii_only: bool = False) -> None:
        self._stream = sys.stdout
        self._encoding = getattr(self._stream, "encoding", None) or "utf-8"
        if ascii_only:
            self._encoding = "ascii"
        self._colors = self._stream.isatty() and not no_color and not os.environ.get("NO_COLOR")
        self._console: Console | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person is looking."""
        return self._stream.isatty()

    @property
    def ascii_only(self) -> bool:
        """Whether it shows no Unicode."""
        return not self._encoding.lower().startswith("utf")

    def print(self, *renderables: RenderableType) -> None:
        """Print renderables, each from the beginning of a line."""
        console = self._open()
        with console.capture() as captured:
            for renderable in renderables:
                console.print(renderable)
        # Tables fill their rows with blanks up to the right margin.
        self.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    def write(self, text: str) -> None:
        """Write text that was made safe, as it is."""
        self._stream.write(_encodable(text, self._encoding))

    def flush(self) -> None:
        """Hand over what was written."""
        self._stream.flush()

    def _open(self) -> Console:
        if self._console is None:
            from rich.console import Console

            ascii_only = self.ascii_only

            class _Console(Console):
                @property
                def encoding(self) -> str:
                    return "ascii" if ascii_only else "utf-8"

            colors = self._colors
            self._console = _Console(
                file=self._stream,
                color_system="auto" if colors else None,
                force_terminal=None if colors else False,
                markup=False,
                emoji=False,
                highlight=False,
                legacy_windows=False,
            )
            if not self._stream.isatty() and not os.environ.get("COLUMNS"):
                self._console.width = _terminal_width()
        return self._console


def _terminal_width() -> int:
    """Return the width of the terminal behind a pager, if there is one."""
    try:
        return os.get_terminal_size(2).columns or WIDTH_OF_PIPES
    except OSError:
        return WIDTH_OF_PIPES


def _encodable(text: str, encoding: str) -> str:
    """Return *text* with what *encoding* cannot say replaced: by look-alikes, else by escapes."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        replaced = text.translate(_ASCII)
        return replaced.encode(encoding, "backslashreplace").decode(encoding)
    return text
