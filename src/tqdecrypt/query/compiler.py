"""Makes of an expression what can be asked of records.

A part of an expression that is about one kind of record only is one *condition*: it is asked of each
record of that kind whole, so that ``method = INVITE and source = 192.0.2.1`` wants both of the same message.
Conditions of different kinds meet in a call: ``dark and status >= 500`` wants a call with that status, and
a dark session that carried it.  ``not`` denies that there is any such record.
:mod:`~tqdecrypt.query.selection` brings them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tqdecrypt.query.errors import QueryError
from tqdecrypt.query.fields import Field, Kind, field_named, names
from tqdecrypt.query.parser import parse
from tqdecrypt.query.syntax import And, Comparison, Node, Not, Or
from tqdecrypt.query.types import Fault, nearest

__all__ = ["Condition", "Query", "compile_query"]

Predicate = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked of each record of one kind."""

    kind: Kind
    test: Predicate


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled expression."""

    text: str
    node: Node
    conditions: tuple[Condition, ...]
    decide: Callable[[int], bool]
    """Whether what meets the conditions of these bits is wanted; bit *i* is condition *i*."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Kinds of records that it asks."""
        return frozenset(condition.kind for condition in self.conditions)

    def bits(self, kind: Kind, record: object) -> int:
        """Return which conditions of a kind a record meets."""
        met = 0
        for place, condition in enumerate(self.conditions):
            if condition.kind is kind and condition.test(record):
                met |= 1 << place
        return met


def compile_query(text: str) -> Query:
    """Return the query of an expression.  Raises :class:`QueryError`."""
    node = parse(text)
    compiler = _Compiler(text)
    decide = compiler.decision(node)
    return Query(text, node, tuple(compiler.conditions), decide)


class _Compiler:
    def __init__(self, text: str) -> None:
        self._text = text
        self.conditions: list[Condition] = []

    def decision(self, node: Node) -> Callable[[int], bool]:
        kind = self._only_kind(node)
        if kind is not None:
            return self._condition(kind, [node], And)
        match node:
            case Not(operand):
                inner = self.decision(operand)
                return lambda bits: not inner(bits)
            case And(operands) | Or(operands):
                return self._joined(operands, type(node))
        raise AssertionError(node)  # a comparison is of one kind

    def _joined(
        self, operands: tuple[Node, ...], how: type[And] | type[Or]
    ) -> Callable[[int], bool]:
        """Put operands about one kind together; what mixes kinds, or denies, stands for itself."""
        together: dict[Kind, list[Node]] = {}
        decisions = []
        for operand in operands:
            kind = self._only_kind(operand)
            if kind is not None:
                together.setdefault(kind, []).append(operand)
            else:
                decisions.append(self.decision(operand))
        decisions += [self._condition(kind, nodes, how) for kind, nodes in together.items()]
        if how is And:
            return lambda bits: all(decide(bits) for decide in decisions)
        return lambda bits: any(decide(bits) for decide in decisions)

    def _condition(
        self, kind: Kind, nodes: list[Node], how: type[And] | type[Or]
    ) -> Callable[[int], bool]:
        node = nodes[0] if len(nodes) == 1 else how(tuple(nodes))
        mask = 1 << len(self.conditions)
        self.conditions.append(Condition(kind, self._predicate(node)))
        return lambda bits: bool(bits & mask)

    def _only_kind(self, node: Node) -> Kind | None:
        """Return the one kind of record that a node is about, if it denies nothing."""
        match node:
            case Comparison():
                return self._field(node).kind
            case Not():
                return None
            case And(operands) | Or(operands):
                kinds = {self._only_kind(operand) for operand in operands}
                return kinds.pop() if len(kinds) == 1 else None

    def _predicate(self, node: Node) -> Predicate:
        match node:
            case Comparison():
                return self._comparison(node)
            case And(operands):
                every = [self._predicate(operand) for operand in operands]
                return lambda record: all(test(record) for test in every)
            case Or(operands):
                some = [self._predicate(operand) for operand in operands]
                return lambda record: any(test(record) for test in some)
        raise AssertionError(node)  # what denies is no condition

    def _comparison(self, node: Comparison) -> Predicate:
        field = self._field(node)
        of = field.of
        if not node.operator:
            return lambda record: bool(of(record))
        try:
            test = field.type.test(node.operator, node.values)
        except Fault as fault:
            at, length = node.position, len(node.name)
            if fault.value is not None:
                at, length = fault.value.position, len(fault.value.text)
            sentence = str(fault)
            if not sentence.endswith("?"):
                sentence += "."
            raise QueryError(f"{node.name}: {sentence}", self._text, at, length) from None
        negative = node.operator in ("!=", "!~")

        def ask(record: object) -> bool:
            content = of(record)
            if content is None:
                return False
            if isinstance(content, tuple):
                known = [one for one in content if one is not None]
                return all(map(test, known)) if negative else any(map(test, known))
            return test(content)

        return ask

    def _field(self, node: Comparison) -> Field:
        field = field_named(node.name)
        if field is None:
            near = nearest(node.name, names())
            hint = f"did you mean {near}?" if near else "docs/reference/filters.md lists them."
            raise QueryError(
                f"There is no field {node.name!r}; {hint}",
                self._text,
                node.position,
                len(node.name),
            )
        return field
