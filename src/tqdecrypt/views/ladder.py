"""What a ladder shows, before it is drawn: columns and arrows.

Columns are hosts, in the order in which they appear.  A host that talks to itself (a proxy and its
client on one machine) gets a column for each of its endpoints instead, or its arrows would lead
nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tqdecrypt.sip import Message, sdp_marks
from tqdecrypt.views.message import start_line
from tqdecrypt.views.words import host_of

__all__ = ["Arrow", "Column", "Ladder", "lay_out"]


class Column(NamedTuple):
    """One vertical line."""

    host: str
    ports: tuple[str, ...]
    """In order of appearance."""

    @property
    def name(self) -> str:
        """``ip:port``, with every port that was used."""
        return f"{self.host}:{','.join(self.ports)}"


class Arrow(NamedTuple):
    """One message."""

    message: Message
    source: int
    """Index of its column."""
    destination: int
    label: str
    delta: int | None
    """Nanoseconds since the message before it; ``None`` for the first."""
    again: bool
    """Whether the same bytes went the same way before."""
    marks: str
    """What its session description says; empty when it has none."""


class Ladder(NamedTuple):
    """Everything that is drawn."""

    columns: tuple[Column, ...]
    arrows: tuple[Arrow, ...]


def lay_out(messages: Sequence[Message]) -> Ladder:
    """Return the ladder of messages, which stand in frame order."""
    alone = {
        host_of(message.flow.source)
        for message in messages
        if host_of(message.flow.source) == host_of(message.flow.destination)
    }
    ports: dict[str, list[str]] = {}
    for message in messages:
        for endpoint in (message.flow.source, message.flow.destination):
            key = _key(endpoint, alone)
            port = endpoint.rpartition(":")[2]
            known = ports.setdefault(key, [])
            if port not in known:
                known.append(port)
    index = {key: number for number, key in enumerate(ports)}
    columns = tuple(
        Column(host_of(key) if host_of(key) in alone else key, tuple(known))
        for key, known in ports.items()
    )
    seen: set[tuple[str, str, bytes]] = set()
    arrows = []
    before: int | None = None
    for message in messages:
        flow = message.flow
        identity = (flow.source, flow.destination, message.raw)
        arrows.append(
            Arrow(
                message,
                index[_key(flow.source, alone)],
                index[_key(flow.destination, alone)],
                start_line(message),
                None if before is None else message.time - before,
                identity in seen,
                sdp_marks(message),
            )
        )
        seen.add(identity)
        before = message.time
    return Ladder(columns, tuple(arrows))


def _key(endpoint: str, alone: set[str]) -> str:
    host = host_of(endpoint)
    return endpoint if host in alone else host
