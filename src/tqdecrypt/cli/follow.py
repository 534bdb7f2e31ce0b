"""``tqdecrypt follow``: the decrypted bytes of one TLS session."""

from __future__ import annotations

import enum
import sys
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.run import Outcome, Status, read_for
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tqdecrypt.cli.collect import OneSession
    from tqdecrypt.tls import Plaintext
    from tqdecrypt.tls.report import SessionReport

__all__ = ["follow"]


_FRAME = itemgetter(1)


class From(enum.Enum):
    """Who sent the bytes."""

    CLIENT = "client"
    SERVER = "server"


@reading
def follow(
    switches: Switches,
    *,
    session: Annotated[
        int,
        typer.Option(
            "--session", metavar="ID", min=1, help="Number of the session.", show_default=False
        ),
    ],
    sender: Annotated[
        From | None,
        typer.Option(
            "--from",
            metavar="client|server",
            help="One direction only; without it, both as they come.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Write the decrypted bytes of one TLS session to standard output, and nothing else.

    When the session stayed dark, at least partly, standard error says why and the exit status is 3.
    With --mask, only SIP messages are written, masked: standard error says how much was left out.
    """
    from tqdecrypt.cli.collect import OneSession

    client_only = None if sender is None else sender is From.CLIENT
    if switches.mask_profile is not Profile.NONE:
        return _follow_masked(switches, session, client_only)
    pieces = _Pieces(session, client_only)

    def write() -> None:
        sys.stdout.buffer.write(pieces.take())
        sys.stdout.buffer.flush()

    sink = OneSession(session)
    in_the_way = sys.stdout.isatty()
    outcome = read_for(switches, sink, observers=[pieces], on_block=write, progress=not in_the_way)
    write()
    if sink.report is not None:
        return _judge(sink.report, outcome.status)
    return _not_there(sink, outcome)


class _Pieces:
    """Collects plaintext of one session; see :class:`~tqdecrypt.observing.PlaintextObserver`."""

    def __init__(self, session: int, client_only: bool | None) -> None:
        self._wanted = session
        self._client_only = client_only
        self._pieces: list[Plaintext] = []

    def plaintext(self, session: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        """Take what was sent by who is wanted."""
        if session == self._wanted and self._client_only in (None, from_client):
            self._pieces += records

    def take(self) -> bytes:
        """Return what came; inside a block each direction comes in one go, and frames put them in order."""
        self._pieces.sort(key=_FRAME)
        taken = b"".join(data for data, _, _ in self._pieces)
        self._pieces.clear()
        return taken


def _follow_masked(switches: Switches, session: int, client_only: bool | None) -> int:
    """Write the messages of a session as they may be seen; what is no message may hold anything."""
    from tqdecrypt.cli.masked_session import MaskedSession

    sink = MaskedSession(session, client_only, sys.stdout.buffer)
    in_the_way = sys.stdout.isatty()
    outcome = read_for(switches, sink, observers=[sink], progress=not in_the_way)
    sys.stdout.buffer.flush()
    if sink.report is None:
        return _not_there(sink, outcome)
    if sink.left_out:
        complain(
            f"{sink.left_out:,} of {sink.bytes_read:,} bytes were left out: they are no SIP messages, or "
            "such that cannot be masked; --mask none writes them."
        )
    return _judge(sink.report, outcome.status)


def _not_there(sink: OneSession, outcome: Outcome) -> int:
    """Say that there is no such session, and return the exit status."""
    if outcome.summary is None:
        return outcome.status
    complain(
        f"there is no TLS session {sink.wanted}: the capture has {sink.total}; read lists them."
        if sink.total
        else "the capture has no TLS session."
    )
    return outcome.status or Status.USAGE


def _judge(report: SessionReport, status: Status) -> Status:
    """Say why the session is dark, if it is, and return the exit status."""
    from tqdecrypt.tls.verdict import MEANINGS, Verdict

    if report.verdict is Verdict.DECRYPTED:
        return status
    complain(" ".join([f"session {report.session}: {report.why}", *report.advice]))
    return status if MEANINGS[report.verdict].clear else status or Status.DARK
