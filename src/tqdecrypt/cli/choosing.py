"""Reads captures once to learn what is in; see :mod:`tqdecrypt.cli.choice`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.cli.choice import MOST_CALL_IDS, Choice
from tqdecrypt.cli.inputs import is_live, open_trunks
from tqdecrypt.cli.named import named_calls
from tqdecrypt.cli.run import read_for
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.cli.switches import Switches
    from tqdecrypt.cli.wanted import Wanted
    from tqdecrypt.query import Selection
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["FirstPass", "choose", "readable_twice"]

MOST_SESSIONS = 1_000_000
"""Sessions of which is remembered when they were, some 150 bytes each; further ones are out."""


class Span(NamedTuple):
    """When a TLS session was."""

    session: int
    started: int
    ended: int


class FirstPass:
    """Remembers what decides: which sessions carried which Call-ID, and what is known of each."""

    def __init__(self, selection: Selection | None) -> None:
        self._selection = selection
        self.carried: dict[str, tuple[int, ...]] = {}
        self.spans: list[Span] = []
        self.counters: Counter[str] = Counter()

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._selection is not None:
            self._selection.message(message)
        call_id, session = message.call_id, message.flow.session
        known = self.carried.get(call_id)
        if known is None:
            if len(self.carried) >= MOST_CALL_IDS:
                self.counters["call_ids_beyond_the_choice"] += 1
                return
            known = self.carried[call_id] = ()
        if session is not None and session not in known:
            self.carried[call_id] = (*known[-63:], session)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._selection is not None:
            self._selection.session(report)
        if len(self.spans) >= MOST_SESSIONS:
            self.counters["sessions_beyond_the_choice"] += 1
            return
        self.spans.append(Span(report.session, report.started, report.ended))

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._selection is not None:
            self._selection.call(call)


def choose(switches: Switches, wanted: Wanted) -> Choice:
    """Return what decides; read files once for it, if that takes it.

    :raises UsageError: for an expression that means nothing, one that a pipe cannot answer, or names
        that fit no call or several.
    """
    choice = Choice(wanted, open_trunks(switches), _selection(switches, wanted))
    if wanted.everything or not readable_twice(switches):
        return choice
    from tqdecrypt.query import Kind

    selection = choice.selection
    joined = None
    if wanted.calls and not wanted.only:
        from tqdecrypt.cli.collect import JoinedCalls

        joined = JoinedCalls(wanted.calls)
    analysis = None
    if joined is not None or (selection is not None and Kind.FINDING in selection.query.kinds):
        from tqdecrypt.insight import Analysis

        on_call = joined.take if joined is not None else _forget
        analysis = Analysis(on_call=on_call, trunks=choice.trunks)
    first = FirstPass(selection)
    outcome = read_for(switches, first, analysis=analysis, masked=False)
    if selection is not None:
        selection.finish(analysis.findings if analysis is not None else ())
    call_ids = None
    if wanted.calls:
        call_ids = named_calls(wanted.calls, first.carried.keys(), outcome.summary)
        if joined is not None:
            call_ids = joined.with_legs(call_ids)
    choice.decide(first, outcome, call_ids)
    return choice


def readable_twice(switches: Switches) -> bool:
    """Return whether all captures are files: a pipe is read but once."""
    return "-" not in switches.captures and not is_live(switches)


def _selection(switches: Switches, wanted: Wanted) -> Selection | None:
    if wanted.where is None:
        return None
    from tqdecrypt.query import Selection, compile_query

    selection = Selection(compile_query(wanted.where))
    if not readable_twice(switches) and not selection.messages_alone:
        raise UsageError(
            "--where reads the captures twice when it asks more than messages, and a pipe comes but "
            "once: save it to a file first, or ask fields of messages only, such as message.from."
        )
    return selection


def _forget(_: JointCall) -> None:
    pass
