"""Sinks that keep what the commands show, each with a bound on its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdecrypt.views.calls import MOST_ROWS, CallRows
from tqdecrypt.views.message import message_line
from tqdecrypt.views.sessions import SessionRows

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["MessageLines", "OneCall", "OneSession", "Tables"]

MOST_CANDIDATES = 64
"""Call-IDs that fit what was asked for and are kept until it is clear which one was meant."""
MOST_MESSAGES = 5_000
"""Messages of one call that are kept for its ladder."""
MOST_REPORTS = 100_000
"""TLS sessions that are remembered until it is known which ones a call used, 3 kB each."""


class Tables:
    """Keeps rows for the tables."""

    def __init__(self, most_calls: int = MOST_ROWS) -> None:
        self.calls = CallRows(most_calls)
        self.sessions = SessionRows()

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.sessions.add(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.calls.add(call)


class MessageLines(Tables):
    """Writes a line for each message as it comes, too."""

    def __init__(self, write: Callable[[str], None], most_calls: int = MOST_ROWS) -> None:
        super().__init__(most_calls)
        self._write = write

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._write(message_line(message) + "\n")


class Kept:
    """The messages of one Call-ID."""

    __slots__ = ("call", "cut", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.cut = 0
        """Messages beyond :data:`MOST_MESSAGES`."""
        self.call: Call | None = None


class OneCall:
    """Keeps the messages of the call that *wanted* names.

    The whole Call-ID counts before its beginning, and that before any part of it.
    """

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._ranks: tuple[dict[str, Kept], ...] = ({}, {}, {})
        self.reports: dict[int, SessionReport] = {}
        self.unkept = 0
        """Messages of further Call-IDs that fit, beyond :data:`MOST_CANDIDATES`."""

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        call_id = message.call_id
        if self._wanted not in call_id:
            return
        kept = self._kept(call_id)
        if kept is None:
            self.unkept += 1
        elif len(kept.messages) < MOST_MESSAGES:
            kept.messages.append(message)
        else:
            kept.cut += 1

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if len(self.reports) < MOST_REPORTS:
            self.reports[report.session] = report

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        for rank in self._ranks:
            kept = rank.get(call.call_id)
            if kept is not None and (kept.call is None or call.messages > kept.call.messages):
                kept.call = call

    @property
    def candidates(self) -> dict[str, Kept]:
        """What fits best: one Call-ID when it is clear which one was meant."""
        return next((rank for rank in self._ranks if rank), {})

    def _kept(self, call_id: str) -> Kept | None:
        wanted = self._wanted
        rank = self._ranks[0 if call_id == wanted else 1 if call_id.startswith(wanted) else 2]
        kept = rank.get(call_id)
        if kept is None and len(rank) < MOST_CANDIDATES:
            kept = rank[call_id] = Kept()
        return kept


class OneSession:
    """Keeps the report of one TLS session and counts the others."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.report: SessionReport | None = None
        self.total = 0

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.total += 1
        if report.session == self._wanted:
            self.report = report

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
