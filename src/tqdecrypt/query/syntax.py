"""The tree of an expression, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["And", "Comparison", "Node", "Not", "Or", "Value", "written"]


@dataclass(frozen=True, slots=True)
class Value:
    """A literal as it was written; what it means is the field's business."""

    text: str
    """Without quotes or slashes."""
    form: str = "word"
    """``word``, ``string`` or ``regex``."""
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value``; a field alone asks whether there is something in it."""

    name: str
    operator: str = ""
    """``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``~``, ``!~``, ``in``; empty for a field alone."""
    values: tuple[Value, ...] = ()
    """One; several with ``in``."""
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    operands: tuple[Node, ...]


Node = Comparison | Not | And | Or


def written(node: Node) -> str:
    """Return the expression of a tree; parsed again it gives the same tree."""
    match node:
        case Comparison(name, "", _):
            return name
        case Comparison(name, "in", values):
            return f"{name} in ({', '.join(map(_value, values))})"
        case Comparison(name, operator, values):
            return f"{name} {operator} {_value(values[0])}"
        case Not(operand):
            inner = written(operand)
            return f"not {inner}" if isinstance(operand, Comparison | Not) else f"not ({inner})"
        case And(operands):
            return " and ".join(_inner(operand, And | Or) for operand in operands)
        case Or(operands):
            return " or ".join(_inner(operand, Or) for operand in operands)


def _inner(node: Node, kinds: object) -> str:
    text = written(node)
    return f"({text})" if isinstance(node, kinds) else text  # type: ignore[arg-type]


def _value(value: Value) -> str:
    if value.form == "regex":
        return "/" + value.text.replace("/", "\\/") + "/"
    if value.form == "string":
        return '"' + value.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value.text
