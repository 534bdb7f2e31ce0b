"""One line of a terminal that can be written over."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

__all__ = ["Canvas"]


class Canvas:
    """Cells from left to right."""

    def __init__(self, width: int) -> None:
        self._cells: list[tuple[str, str]] = [(" ", "")] * width

    def write(self, at: int, text: str, style: str) -> None:
        """Write from cell *at* on; what does not fit is cut."""
        cells = self._cells
        for character in text:
            size = cell_len(character)
            if size == 0:  # a combining mark belongs to the character before it
                if 0 < at <= len(cells):
                    cells[at - 1] = (cells[at - 1][0] + character, style)
                continue
            if at + size > len(cells):
                return
            cells[at] = (character, style)
            for covered in range(at + 1, at + size):
                cells[covered] = ("", style)
            at += size

    def text(self) -> Text:
        """Return what stands there."""
        text = Text()
        for character, style in self._cells:
            text.append(character, style)
        return text
