"""What an expression selects of a capture.

A **call** (or whatever else has a Call-ID) is selected when what is known of it meets the expression: the
call itself, its messages, the TLS sessions that carried it, and the findings about it, each condition by
any one of them.  A **session** is selected when it meets the expression by itself, or carried a selected
call; a **finding** when it meets it by itself, or is about a selected call or session; a **message** with
its call, or, when the expression asks nothing but messages, by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tqdecrypt.query.compiler import Query
from tqdecrypt.query.fields import Kind

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight import Finding
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["Selection"]

MOST_CALL_IDS = 1_000_000
"""Call-IDs of which is remembered what they meet, some 250 bytes each; further ones are not selected."""
MOST_SESSIONS = 1_000_000
"""Sessions of which is remembered what they meet, some 100 bytes each; likewise."""


class Selection:
    """Takes everything that is read, and says at the end what is selected.

    :ivar counters: ``call_ids_beyond_the_filter`` and ``sessions_beyond_the_filter``: too many for it to
        remember.
    """

    def __init__(self, query: Query) -> None:
        self.query = query
        self.counters: Counter[str] = Counter()
        kinds = query.kinds
        self._asks_messages = Kind.MESSAGE in kinds
        self.messages_alone = kinds == {Kind.MESSAGE}
        """Whether the expression asks nothing but messages, so that each is decided at once."""
        self._bits: dict[str, int] = {}
        self._calls: set[str] = set()
        self._carried: dict[str, tuple[int, ...]] = {}
        self._sessions: dict[int, int] = {}
        self._call_ids: set[str] = set()
        self._session_numbers: set[int] = set()

    def message(self, message: Message) -> bool:
        """Take a message; return whether it meets an expression that asks nothing but messages."""
        met = self.query.bits(Kind.MESSAGE, message) if self._asks_messages else 0
        call_id = message.call_id
        known = self._bits.get(call_id)
        if known is None:
            if len(self._bits) >= MOST_CALL_IDS:
                self.counters["call_ids_beyond_the_filter"] += 1
                return self.messages_alone and self.query.decide(met)
            known = 0
        self._bits[call_id] = known | met
        session = message.flow.session
        if session is not None:
            carried = self._carried.get(call_id, ())
            if session not in carried:
                self._carried[call_id] = (*carried[-63:], session)
        if not self.messages_alone or not self.query.decide(met):
            return False
        self._call_ids.add(call_id)
        if session is not None:
            self._session_numbers.add(session)
        return True

    def call(self, call: Call) -> None:
        """Take a call that is over; its messages came before."""
        met = self.query.bits(Kind.CALL, call)
        if call.call_id in self._bits:
            self._bits[call.call_id] |= met
            self._calls.add(call.call_id)

    def session(self, report: SessionReport) -> None:
        """Take a session that ended."""
        if len(self._sessions) >= MOST_SESSIONS:
            self.counters["sessions_beyond_the_filter"] += 1
            return
        self._sessions[report.session] = self.query.bits(Kind.SESSION, report)

    def finish(self, findings: Iterable[Finding]) -> None:
        """Everything was read: decide."""
        decide = self.query.decide
        if self.messages_alone:
            return
        if Kind.FINDING in self.query.kinds:
            for finding in findings:
                met = self.query.bits(Kind.FINDING, finding)
                for call_id in finding.call_ids if met else ():
                    if call_id in self._bits:
                        self._bits[call_id] |= met
                for number in finding.sessions if met else ():
                    self._sessions[number] = self._sessions.get(number, 0) | met
        calls_only = Kind.CALL in self.query.kinds
        for call_id, met in self._bits.items():
            if calls_only and call_id not in self._calls:
                continue  # what is no call has not failed to be answered
            carried = self._carried.get(call_id, ())
            # One session after the other: two sessions do not make one that meets both conditions.
            if any(decide(met | self._sessions.get(number, 0)) for number in carried or (-1,)):
                self._call_ids.add(call_id)
        asked = Kind.SESSION in self.query.kinds
        self._session_numbers = {
            number for number, met in self._sessions.items() if (asked or met) and decide(met)
        }
        if self.query.kinds == {Kind.SESSION}:
            return
        for call_id in self._call_ids:
            self._session_numbers.update(self._carried.get(call_id, ()))

    @property
    def call_ids(self) -> set[str]:
        """Call-IDs that are selected, calls or not; complete after :meth:`finish`."""
        return self._call_ids

    @property
    def ordered_call_ids(self) -> list[str]:
        """The same in the order in which they were seen first."""
        return [call_id for call_id in self._bits if call_id in self._call_ids]

    @property
    def session_numbers(self) -> set[int]:
        """Numbers of the sessions that are selected; complete after :meth:`finish`."""
        return self._session_numbers

    def also(self, call_id: str, name: str) -> None:
        """Select *name*, too, when *call_id* is: what it is called when it is masked."""
        if call_id in self._call_ids:
            self._call_ids.add(name)

    def has_call(self, call: Call) -> bool:
        """Return whether a call is selected."""
        return call.call_id in self.call_ids

    def has_session(self, report: SessionReport) -> bool:
        """Return whether a session is selected."""
        return report.session in self._session_numbers

    def has_finding(self, finding: Finding) -> bool:
        """Return whether a finding is selected."""
        if self.query.kinds == {Kind.FINDING}:
            return self.query.decide(self.query.bits(Kind.FINDING, finding))
        return not self.call_ids.isdisjoint(
            finding.call_ids
        ) or not self._session_numbers.isdisjoint(finding.sessions)

    def has_message(self, message: Message) -> bool:
        """Return whether a message is selected, once everything was read."""
        if self.messages_alone:
            return self.query.decide(self.query.bits(Kind.MESSAGE, message))
        return message.call_id in self.call_ids
