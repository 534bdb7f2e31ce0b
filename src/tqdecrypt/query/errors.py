"""What is wrong with an expression, and where."""

from __future__ import annotations

from tqdecrypt.errors import UsageError

__all__ = ["QueryError"]


class QueryError(UsageError):
    """An expression that means nothing; :attr:`picture` has a caret under the fault."""

    def __init__(self, sentence: str, text: str, position: int, length: int = 1) -> None:
        self.text = text
        self.position = position
        """Characters in front of the fault."""
        self.length = max(length, 1)
        self.picture = self._picture()
        super().__init__(sentence)

    def _picture(self) -> str:
        """Return the expression on one line, and the caret on the next."""
        line = "".join(char if char.isprintable() else " " for char in self.text)
        start = max(0, self.position - 60)
        shown = line[start : start + 100]
        carets = min(self.length, max(1, len(shown) - (self.position - start)))
        return f"  {shown}\n  {' ' * (self.position - start)}{'^' * carets}"
