"""The only module that knows the order of the stages: from packets to calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.sip.message import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["ReadOptions", "Sink", "Summary", "read_captures"]


@dataclass(slots=True)
class ReadOptions:
    """What every command that reads captures can be told."""

    keys: Sequence[str] = ()
    """Private-key files, or directories of them."""
    passphrase: bytes | None = None
    keylogs: Sequence[str] = ()
    psks: Sequence[str] = ()
    ports: frozenset[int] = frozenset()
    """Only TCP connections and UDP datagrams with one of these ports; empty: any."""


class Sink(Protocol):
    """Takes the results while a capture is read.  Messages come in frame order."""

    def message(self, message: Message) -> None:
        """One SIP message."""

    def application_data(
        self, session: int, from_client: bool, data: bytes, frame: int, time: int
    ) -> None:
        """The verified plaintext of one TLS record (only when the sink asked for it)."""

    def session(self, report: SessionReport) -> None:
        """A TLS session ended, or the capture did."""

    def call(self, call: Call) -> None:
        """A call ended, or the capture did."""


@dataclass(slots=True)
class Summary:
    """What was read in all."""

    packets: int = 0
    bytes: int = 0
    sessions: int = 0
    decrypted_sessions: int = 0
    messages: int = 0
    calls: int = 0
    problems: list[str] = field(default_factory=list)
    """One sentence each: what could not be read, with file and offset."""
    counters: dict[str, int] = field(default_factory=dict)
    """Everything that was dropped, evicted or cut, by name; zeros left out."""


def read_captures(
    paths: Iterable[str],
    options: ReadOptions,
    sink: Sink,
    *,
    progress: Literal[None] = None,
) -> Summary:
    """Read captures to their end."""
    raise NotImplementedError
