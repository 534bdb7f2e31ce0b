"""How transactions of each method went between two hosts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.calls.fields import host_of
from tqdecrypt.calls.transaction import Transaction
from tqdecrypt.sip.message import Flow

if TYPE_CHECKING:
    from tqdecrypt.calls.course import Course

__all__ = ["MethodStatistics", "TransactionStatistics"]

MOST_ROWS = 20_000
"""Rows of method, source and destination, some two kilobytes each; what comes above that number
is counted together under empty hosts."""


class MethodStatistics:
    """Transactions of one method from one host to another that are over."""

    __slots__ = (
        "delays",
        "first_delays",
        "request_retransmissions",
        "response_retransmissions",
        "statuses",
        "timed_out",
        "transactions",
        "without_request",
    )

    def __init__(self) -> None:
        self.transactions = 0
        self.statuses: Counter[int] = Counter()
        """Final responses by status."""
        self.timed_out = 0
        self.without_request = 0
        """Transactions of which only responses were captured."""
        self.request_retransmissions = 0
        self.response_retransmissions = 0
        self.delays = Delays()
        """From request to final response."""
        self.first_delays = Delays()
        """From request to the first response of any kind."""


class TransactionStatistics:
    """Adds up what is over.

    :ivar rows: by method, source host and destination host.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self.rows: dict[tuple[str, str, str], MethodStatistics] = {}
        self._most = most_rows
        self._by_flow: dict[tuple[str, Flow], MethodStatistics] = {}
        """The same rows, where they were found last time; a full table is emptied."""

    def add(self, transaction: Transaction) -> None:
        """Count a transaction that is over."""
        row = self._row(transaction.method, transaction.flow)
        row.transactions += 1
        row.request_retransmissions += transaction.request_retransmissions
        row.response_retransmissions += transaction.response_retransmissions
        row.timed_out += transaction.state.timed_out
        final = transaction.final
        if final is not None:
            row.statuses[final.status] += 1
        if not transaction.frame:
            row.without_request += 1
        elif final is not None:
            row.delays.add(final.time - transaction.started)
            first = transaction.provisionals[0] if transaction.provisionals else final
            row.first_delays.add(first.time - transaction.started)

    def add_course(self, course: Course) -> None:
        """Count the transactions of a leg that was on its ordinary course when it was handed over."""
        final = course.final
        started = course.invite.time
        row = self._row("INVITE", course.there)
        row.transactions += 1
        row.statuses[final.status] += 1
        row.delays.add(final.time - started)
        first = course.provisionals[0] if course.provisionals else final
        row.first_delays.add(first.time - started)
        if course.ended is None:
            return
        bye = course.bye
        row = self._row("BYE", course.there if bye.by_caller else course.back)
        row.transactions += 1
        row.statuses[bye.final.status] += 1
        delay = bye.final.time - bye.time
        row.delays.add(delay)
        row.first_delays.add(delay)

    def _row(self, method: str, flow: Flow) -> MethodStatistics:
        row = self._by_flow.get((method, flow))
        if row is None:
            if len(self._by_flow) >= MOST_ROWS:
                self._by_flow.clear()
            row = self._by_flow[method, flow] = self._find(method, flow)
        return row

    def _find(self, method: str, flow: Flow) -> MethodStatistics:
        key = method, host_of(flow.source), host_of(flow.destination)
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= self._most:
                key = "", "", ""
            row = self.rows.setdefault(key, MethodStatistics())
        return row
