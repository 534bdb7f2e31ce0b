"""Everything that the analyser makes of some messages, in a form that can be compared."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from tqdecrypt.calls import Analyser, JointCall, Leg, Transaction
from tqdecrypt.sip import Flow, Message

__all__ = ["differences", "followed"]

NOT_COMPARED = {"course", "context", "ends_queued", "_due", "_hashes", "_next", "_next_accepted"}
"""How it came about, and what is gone when all is over."""


def described(thing: object, seen: dict[int, int]) -> object:
    """Everything that hangs on something, so that it can be compared; what is met again is numbered."""
    if isinstance(thing, Flow):
        return thing.source, thing.destination, thing.transport, thing.session
    if thing is None or isinstance(thing, (enum.Enum, int, str, bytes)):
        return thing
    if isinstance(thing, (tuple, list)):
        return [type(thing).__name__, *(described(one, seen) for one in thing)]
    if isinstance(thing, dict):
        return {key: described(value, seen) for key, value in thing.items()}
    if id(thing) in seen:
        return f"number {seen[id(thing)]}"
    seen[id(thing)] = len(seen)
    names = [name for name in type(thing).__slots__ if name not in NOT_COMPARED]  # type: ignore[attr-defined]
    return {name: described(getattr(thing, name), seen) for name in sorted(names)}


def followed(
    messages: Iterable[Message],
    end: int | None = None,
    *,
    in_a_hurry: bool,
    most_legs: int = 1000,
    with_transactions: bool = True,
) -> object:
    """Everything that comes out of the analyser."""
    legs: list[Leg] = []
    joint: list[JointCall] = []
    transactions: list[Transaction] = []
    take: Callable[[Transaction], None] | None = transactions.append if with_transactions else None
    analyser = Analyser(
        legs.append,
        on_call=joint.append,
        on_transaction=take,
        most_legs=most_legs,
        follows_courses=in_a_hurry,
    )
    for message in messages:
        analyser.receive(message)
    analyser.finish(end)
    transactions.sort(key=lambda one: (one.call_id, one.started, one.method, one.branch, one.frame))
    return (
        [described(leg, {}) for leg in legs],
        [(call.call_ids, call.joins) for call in joint],
        [described(one, {}) for one in transactions],
        analyser.counters,
        {key: described(row, {}) for key, row in analyser.statistics.rows.items()},
    )


def differences(one: object, other: object, where: str = "") -> list[str]:
    """Where two descriptions differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [at for key in one for at in differences(one[key], other[key], f"{where}.{key}")]
    if (
        isinstance(one, (list, tuple))
        and isinstance(other, (list, tuple))
        and len(one) == len(other)
    ):
        pairs = enumerate(zip(one, other, strict=True))
        return [at for n, pair in pairs for at in differences(*pair, f"{where}[{n}]")]
    return [] if one == other else [f"{where}: {one!r} and {other!r}"]
