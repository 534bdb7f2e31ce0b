"""Sessions that can be resumed, by session id and by ticket (RFC 5246 section 7.3, RFC 5077).

A handshake that resumes another one may be seen while the secret of the first is still being computed:
then it waits at the first one's entry, and is answered with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.tls.exchange import SERVER, Exchange, Refusal
from tqdecrypt.tls.pickup import ticket_digest

if TYPE_CHECKING:
    from tqdecrypt.keys import StoredSession
    from tqdecrypt.tls.keying import Keying

__all__ = ["Resumable", "ResumptionTable", "resumes"]

MAX_RESUMABLE = 200_000
"""Sessions that can be resumed, at some 300 bytes each.  The oldest goes first: servers forget
sessions after minutes to a day."""


class Resumable:
    """A session that may be resumed.  Its secret does not show in its repr."""

    __slots__ = ("master", "origin", "refusal", "waiters")

    def __init__(self) -> None:
        self.master: bytes | None = None
        self.origin = ""
        self.refusal: Refusal | None = None
        self.waiters: list[tuple[Keying, Exchange]] | None = None
        """Resumed handshakes whose first handshake still waits for its secret."""


class ResumptionTable:
    """What can be resumed, bounded by :data:`MAX_RESUMABLE`."""

    def __init__(self) -> None:
        self._known: dict[bytes, Resumable] = {}
        self.evicted = 0

    def know(self, session: StoredSession, origin: str) -> None:
        """Take what an earlier run stored; *origin* says where."""
        if not session.master:
            return
        resumable = Resumable()
        resumable.master = session.master
        resumable.origin = origin
        if session.session_id:
            self._remember(session.session_id, resumable)
        for digest in session.tickets:
            self._remember(b"ticket" + digest, resumable)

    def issued(self, exchange: Exchange) -> None:
        """The server issued a session id or ticket by which *exchange* may be resumed."""
        if exchange.resumable is None:
            exchange.resumable = Resumable()
            self.settled(exchange)
        if exchange.ticket:
            self._remember(_ticket_key(exchange.ticket), exchange.resumable)
        session_id = exchange.server_hello.session_id if exchange.server_hello else b""
        # Only the ClientHello tells a new session id from one that is resumed.
        if session_id and exchange.client_hello is not None and not exchange.resumption_offered:
            self._remember(session_id, exchange.resumable)

    def settled(self, exchange: Exchange) -> None:
        """The secrets of *exchange* were provided or refused: answer those that resume it."""
        resumable = exchange.resumable
        if resumable is None:
            return
        resumable.master = exchange.master
        resumable.origin = exchange.secrets_from or ""
        resumable.refusal = exchange.refusal
        if resumable.master is not None or resumable.refusal is not None:
            _answer_waiters(resumable)

    def abandoned(self, exchange: Exchange) -> None:
        """The session ended, and the secrets of *exchange* were never asked for."""
        resumable = exchange.resumable
        if resumable is None or resumable.master is not None:
            return
        resumable.refusal = Refusal.RESUMED_UNSEEN
        _answer_waiters(resumable)

    def resume(self, session: Keying, exchange: Exchange) -> bool:
        """Answer a handshake that resumes another, now or later; return False when that is unknown."""
        hello = exchange.client_hello
        assert hello is not None
        for how, key in (
            ("ticket", _ticket_key(hello.ticket) if hello.ticket else b""),
            ("session id", hello.session_id),
        ):
            resumable = self._known.get(key) if key else None
            if resumable is not None:
                exchange.resumed_by = how
                if resumable.master is None and resumable.refusal is None:
                    resumable.waiters = [*(resumable.waiters or ()), (session, exchange)]
                else:
                    _answer(session, exchange, resumable)
                return True
        return False

    def _remember(self, key: bytes, resumable: Resumable) -> None:
        if len(self._known) >= MAX_RESUMABLE and key not in self._known:
            del self._known[next(iter(self._known))]
            self.evicted += 1
        self._known[key] = resumable


def resumes(exchange: Exchange) -> bool:
    """Return whether a handshake resumes another one, as far as what was captured tells."""
    cut = exchange.incomplete[SERVER] and not exchange.resumption_offered
    return not (exchange.full or cut)


def _answer_waiters(resumable: Resumable) -> None:
    waiters, resumable.waiters = resumable.waiters, None
    for session, waiting in waiters or ():
        _answer(session, waiting, resumable)


def _answer(session: Keying, exchange: Exchange, resumable: Resumable) -> None:
    if resumable.master is not None:
        session.provide(exchange, resumable.master, resumable.origin)
    elif resumable.refusal in (None, Refusal.INCOMPLETE):  # not in the capture, or not wholly
        session.refuse(exchange, Refusal.RESUMED_UNSEEN)
    else:
        session.refuse(exchange, resumable.refusal)


def _ticket_key(ticket: bytes) -> bytes:
    return b"ticket" + ticket_digest(ticket)
