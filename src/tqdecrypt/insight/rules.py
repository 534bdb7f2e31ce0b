"""How a rule is written and found: one module a finding, functions marked by what they look at.

A module in :mod:`tqdecrypt.insight.findings` has ``MEANING`` and one or more functions that yield
findings.  A decorator says what a function is given::

    MEANING = Meaning("no-ack", Severity.ERROR, "A 2xx to INVITE that nobody acknowledged.")

    @on_leg_with(Trait.UNUSUAL)
    def no_ack(leg: Leg, context: Context) -> Iterator[Finding]:
        ...

:func:`load_rules` imports every module of that package.  A rule never raises because of what a peer
sent, looks at bounded data only, and costs microseconds where nothing is wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.finding import Finding, Meaning

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.tls import SessionReport

__all__ = [
    "LegRule",
    "Rules",
    "load_rules",
    "on_call",
    "on_end",
    "on_leg",
    "on_leg_with",
    "on_media",
    "on_ping",
    "on_registration",
    "on_session",
]

_Rule = TypeVar("_Rule", bound=Callable[..., Iterator[Finding]])
LegRule = Callable[["Leg", "Context"], Iterator[Finding]]


def _marker(kind: str) -> Callable[[_Rule], _Rule]:
    def mark(rule: _Rule) -> _Rule:
        rule.looks_at = kind  # type: ignore[attr-defined]
        return rule

    return mark


on_leg = _marker("leg")
"""``(Leg, Context)``: when a leg is handed over, any one."""


def on_leg_with(traits: int) -> Callable[[_Rule], _Rule]:
    """``(Leg, Context)``: when a leg is handed over that has one of *traits*, or that is unusual.

    See :class:`~tqdecrypt.calls.traits.Trait`.  Most rules have nothing
    to say of a call that took its ordinary course, and cost nothing there.
    """

    def mark(rule: _Rule) -> _Rule:
        rule.looks_at, rule.traits = "leg", traits | Trait.UNUSUAL  # type: ignore[attr-defined]
        return rule

    return mark


on_call = _marker("call")
"""``(JointCall, Context)``: when all legs of a call were handed over; for what several legs show."""
on_session = _marker("session")
"""``(SessionReport, Context)``: when a TLS session ended."""
on_registration = _marker("registration")
"""``(Registration, Context)``."""
on_ping = _marker("ping")
"""``(PingSeries, Context)``."""
on_media = _marker("media")
"""``(CallMedia, Context)``: the media of a call, when it has settled, in a run that looks at media."""
on_end = _marker("end")
"""``(Context)``: once, when everything was read; for what only the whole shows."""


@dataclass(slots=True)
class Rules:
    """All rules, by what they look at."""

    meanings: dict[str, Meaning] = field(default_factory=dict)
    leg: list[LegRule] = field(default_factory=list)
    call: list[Callable[[JointCall, Context], Iterator[Finding]]] = field(default_factory=list)
    session: list[Callable[[SessionReport, Context], Iterator[Finding]]] = field(
        default_factory=list
    )
    registration: list[Callable[[Registration, Context], Iterator[Finding]]] = field(
        default_factory=list
    )
    ping: list[Callable[[PingSeries, Context], Iterator[Finding]]] = field(default_factory=list)
    media: list[Callable[[CallMedia, Context], Iterator[Finding]]] = field(default_factory=list)
    end: list[Callable[[Context], Iterator[Finding]]] = field(default_factory=list)

    def add(self, module: Any) -> None:
        """Take the rules of one module."""
        meaning: Meaning = module.MEANING
        self.meanings[meaning.name] = meaning
        for value in vars(module).values():
            kind = getattr(value, "looks_at", None)
            if kind is not None and getattr(value, "__module__", "") == module.__name__:
                getattr(self, kind).append(value)

    def for_traits(self, traits: int) -> list[LegRule]:
        """Return the rules that look at legs with these traits."""
        return [rule for rule in self.leg if getattr(rule, "traits", ~0) & (traits | Trait.ANY)]


def load_rules() -> Rules:
    """Return the rules of every module in :mod:`tqdecrypt.insight.findings`, by name."""
    from tqdecrypt.insight import findings

    rules = Rules()
    for info in sorted(pkgutil.iter_modules(findings.__path__), key=lambda info: info.name):
        rules.add(importlib.import_module(f"{findings.__name__}.{info.name}"))
    return rules
