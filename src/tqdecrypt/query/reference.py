"""Writes the table of fields in ``docs/reference/filters.md`` from the catalogue.

``python -m tqdecrypt.query.reference`` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tqdecrypt.query.fields import CATALOGUE, Field, Kind, field_named

__all__ = ["field_table"]


def field_table() -> str:
    """Return the fields as Markdown, one table a kind."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for kind in Kind:
        yield f"### Fields of a {kind}"
        yield ""
        yield "| field | holds | operators | means |"
        yield "|---|---|---|---|"
        for field in CATALOGUE:
            if field.kind is kind:
                operators = " ".join(f"`{operator}`" for operator in field.type.operators)
                yield f"| `{_name(field)}` | {_holds(field)} | {operators} | {field.meaning} |"
        yield ""


def _name(field: Field) -> str:
    return field.name if field_named(field.name) is field else f"{field.kind}.{field.name}"


def _holds(field: Field) -> str:
    choices = field.type.choices
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    return f"{field.type.name}, such as `{field.type.example}`"


if __name__ == "__main__":
    sys.stdout.write(field_table())
