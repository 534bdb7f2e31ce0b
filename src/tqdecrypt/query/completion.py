"""What may stand next in an expression: for shells, and for the input line of a page."""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.query.errors import QueryError
from tqdecrypt.query.fields import CATALOGUE, Kind, field_named
from tqdecrypt.query.parser import KEYWORDS, Token, tokens_of

__all__ = ["Completion", "complete"]


class Completion(NamedTuple):
    """One way to go on."""

    text: str
    """The whole expression with it."""
    word: str
    """What was added or completed."""
    meaning: str


def complete(text: str) -> list[Completion]:
    """Return how an expression may go on at its end; nothing where it is wrong before."""
    try:
        tokens = tokens_of(text)
    except QueryError:
        return []
    partial = ""
    if tokens and tokens[-1].kind == "word" and not text[-1:].isspace():
        partial = tokens.pop().text
    before = text[: len(text) - len(partial)]
    return [
        Completion(before + word, word, meaning)
        for word, meaning in _next(tokens)
        if word.lower().startswith(partial.lower())
    ]


def _next(tokens: list[Token]) -> list[tuple[str, str]]:
    if not tokens or tokens[-1].text in ("and", "or", "not", "("):
        return _fields()
    last = tokens[-1]
    before = tokens[-2] if len(tokens) > 1 else None
    after_operator = last.kind == "operator" or (last.kind == "word" and last.text == "in")
    if after_operator:
        field = field_named(before.text) if before is not None else None
        if field is None:
            return []
        return [(_quoted(choice), "") for choice in field.type.choices or (field.type.example,)]
    is_value = before is not None and (before.kind == "operator" or before.text == "in")
    joins = [("and", "both"), ("or", "either")]
    field = field_named(last.text) if last.kind == "word" and not is_value else None
    if field is None:
        return joins
    return [(operator, field.type.name) for operator in field.type.operators] + joins


def _fields() -> list[tuple[str, str]]:
    """Names without prefix first; with it where another kind has the same."""
    found = {}
    for kind in Kind:
        for field in CATALOGUE:
            if field.kind is kind:
                name = field.name if field.name not in found else f"{kind}.{field.name}"
                found[name] = f"{field.meaning} ({kind})"
    return [*found.items(), ("not", "the opposite")]


def _quoted(choice: str) -> str:
    return f'"{choice}"' if " " in choice or choice in KEYWORDS else choice
