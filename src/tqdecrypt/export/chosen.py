"""Which connections are chosen, where they lie in the captures, and what opens them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tqdecrypt.export.cutting import Extent, Frames
from tqdecrypt.packet import parse_endpoint

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.endings import ConnectionEnd
    from tqdecrypt.keys.keylog_lines import KeyLogLine
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["ChosenConnections"]

MOST_CONNECTIONS = 500_000
"""Connections that are chosen, some kilobyte each with its secrets; further ones are counted."""
_DATAGRAMS_AT_ONCE = 4096


class ChosenConnections:
    """The :class:`~tqdecrypt.pipeline.Sink` and :class:`~tqdecrypt.observing.EndObserver` that remembers.

    Clear messages of the chosen calls count, too: in datagrams one by one, in a stream with all of it.

    :ivar extents: where the connections lie.
    :ivar frames: those of single datagrams.
    :ivar lines: secrets of the TLS sessions among them, in the order in which they ended.
    :ivar opened: sessions with secrets.
    :ivar dark: sessions without.
    :ivar hellos_missing: sessions with secrets of which the capture lacks a hello.
    :ivar counters: ``connections_beyond_the_cut``, left out for their number; ``mirrored_messages``, left
        out since what a server says is no packet of the connection.
    """

    wants_secrets = True

    def __init__(self) -> None:
        self.extents: list[Extent] = []
        self.frames = Frames()
        self.lines: list[KeyLogLine] = []
        self.opened = 0
        self.dark = 0
        self.hellos_missing = 0
        self.datagrams = 0
        self.counters: Counter[str] = Counter()
        # Until their connections are over, which the pipeline bounds.
        self._sessions: set[int] = set()
        self._streams: set[int] = set()
        self._datagrams: list[int] = []

    @property
    def anything(self) -> bool:
        """Whether anything was chosen."""
        return bool(self.extents or self.datagrams)

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        flow = message.flow
        if flow.session is not None:
            return
        if flow.mirrored_by is not None:
            self.counters["mirrored_messages"] += 1
            return
        if flow.stream is not None:
            self._streams.add(flow.stream)
            return
        self.datagrams += 1
        self._datagrams.append(message.frame)
        if len(self._datagrams) >= _DATAGRAMS_AT_ONCE:
            self.flush()

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._sessions.add(report.session)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def connection_over(self, end: ConnectionEnd) -> None:
        """See :class:`~tqdecrypt.observing.EndObserver`."""
        if end.session not in self._sessions and end.stream not in self._streams:
            return
        self._sessions.discard(end.session or 0)
        self._streams.discard(end.stream or 0)
        if len(self.extents) >= MOST_CONNECTIONS:
            self.counters["connections_beyond_the_cut"] += 1
            return
        ends = parse_endpoint(end.client), parse_endpoint(end.server)
        self.extents.append(Extent(ends, end.first_frame, end.last_frame, end.stream is None))
        if end.session is None:
            return
        if end.secrets is None:
            self.dark += 1
            return
        self.opened += 1
        self.hellos_missing += not end.secrets.handshake_seen
        self.lines += end.secrets.lines

    def flush(self) -> None:
        """Settle the frames."""
        self.frames.add(np.array(self._datagrams, np.int64))
        self._datagrams.clear()
