"""One question to the server: a handshake with one offer, and what came of it."""

from __future__ import annotations

import enum
import os
import select
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdecrypt.check.dial import Connected, dial
from tqdecrypt.check.observer import CLIENT, SERVER, Flight, observe, see_all
from tqdecrypt.check.offers import ClientOffer
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls import SessionReport

__all__ = ["Conversation", "Outcome", "Probed", "Target", "probe"]

MOST_READ = 1 << 16
MOST_ANSWERED = 1 << 20
"""Bytes of a server's flights that are taken: a chain of certificates has a hundredth of it."""
KEEP_ALIVE = b"\r\n\r\n"
_TLS_CONTENT_TYPES = frozenset({20, 21, 22, 23, 24})


class Outcome(enum.StrEnum):
    """What came of a handshake; the value is the code in JSON."""

    NEGOTIATED = "negotiated"
    ALERT = "alert"
    """The server refused with an alert, or we refused its answer."""
    CLOSED = "closed"
    """The server closed the connection without a word."""
    TIMED_OUT = "timed-out"
    """The connection stands, and the server does not answer."""
    NOT_TLS = "not-tls"
    """It answered with something else than TLS."""
    NOT_OFFERED = "not-offered"
    """This machine's OpenSSL has nothing of what should have been offered."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and as whom."""

    host: str
    port: int
    name: str | None
    """Server name indication; ``None`` sends none."""
    timeout: float
    """Seconds for the connection, and again for each step of a handshake."""
    certificate: str | None = None
    """File with our client certificate and its chain, PEM."""
    key: str | None = None
    """File with its private key, if that is another one."""
    passphrase: bytes | None = None


@dataclass(slots=True)
class Probed:
    """What came of one offer."""

    offer: ClientOffer
    outcome: Outcome
    detail: str = ""
    """One sentence where it is not plain."""
    connect: int = 0
    """Nanoseconds of the TCP connect: a round trip."""
    handshake: int = 0
    """Nanoseconds of the handshake, where there was one."""
    report: SessionReport | None = None
    """All facts, as one who has the session's secrets sees them."""
    observer: SessionReport | None = None
    """What a passive observer with the keys given would say."""


@dataclass(slots=True)
class Conversation:
    """A connection on which a handshake was completed."""

    connected: Connected
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    timeout: float
    flights: list[Flight] = field(default_factory=list)
    answered: int = 0
    """Bytes that came."""

    def say(self, data: bytes) -> None:
        """Send application data."""
        self.tls.write(data)
        self.flush()

    def hear(self) -> bytes:
        """Return the next application data; empty at the end or when nothing comes in time."""
        while True:
            try:
                return self.tls.read(MOST_READ)
            except ssl.SSLWantReadError:
                self.flush()
                if self.receive() is not None:
                    return b""
            except ssl.SSLError:
                return b""

    def flush(self) -> None:
        """Send what OpenSSL has to say."""
        data = self.outgoing.read()
        if data:
            self.flights.append(Flight.now(CLIENT, data))
            self.connected.socket.sendall(data)

    def receive(self) -> Outcome | None:
        """Wait for more; return what went wrong, if anything did."""
        sock = self.connected.socket
        ready, _, _ = select.select([sock], [], [], self.timeout)
        if not ready:
            return Outcome.TIMED_OUT
        try:
            data = sock.recv(MOST_READ)
        except ConnectionError:
            return Outcome.CLOSED
        if not data:
            self.incoming.write_eof()
            return Outcome.CLOSED
        self.answered += len(data)
        if self.answered > MOST_ANSWERED:
            return Outcome.NOT_TLS
        self.flights.append(Flight.now(SERVER, data))
        self.incoming.write(data)
        return None

    def close(self) -> None:
        """Say goodbye as TLS wants it, and close."""
        with suppress(ssl.SSLError, OSError):
            self.tls.unwrap()
        with suppress(OSError):
            self.flush()
        self.connected.socket.close()


def probe(target: Target, offer: ClientOffer, ring: KeyRing) -> tuple[Probed, Conversation | None]:
    """Ask *target* with one offer; return what came of it, and the connection while it stands.

    :param ring: keys of the observer.
    :raises DialError: when there is no TCP connection.
    """
    with _keylog() as keylog:
        try:
            context = offer.context()
        except ssl.SSLError:
            return Probed(
                offer, Outcome.NOT_OFFERED, "This machine's OpenSSL cannot offer it."
            ), None
        context.keylog_filename = str(keylog)
        if target.certificate is not None:
            context.load_cert_chain(target.certificate, target.key, _password(target))
        connected = dial(target.host, target.port, target.timeout)
        ends = connected.ends
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=target.name)
        talk = Conversation(connected, tls, incoming, outgoing, target.timeout)
        probed = Probed(offer, Outcome.NEGOTIATED, connect=connected.took)
        begun = time.monotonic_ns()
        try:
            _shake_hands(talk, probed)
        except OSError:  # a reset while we were sending
            probed.outcome = Outcome.CLOSED
        probed.handshake = time.monotonic_ns() - begun
        stands = probed.outcome is Outcome.NEGOTIATED
        if not stands:
            connected.socket.close()
        answered = any(flight.side == SERVER for flight in talk.flights)
        if answered and probed.outcome is not Outcome.NOT_TLS:
            how = "timed out" if probed.outcome is Outcome.TIMED_OUT else "closed"
            probed.report = see_all(talk.flights, ends, keylog.read_bytes(), how)
            probed.observer = observe(talk.flights, ends, ring, how)
    return probed, talk if stands else None


def _shake_hands(talk: Conversation, probed: Probed) -> None:
    while True:
        try:
            talk.tls.do_handshake()
            # Something for the observer to read, or not: the keep-alive of RFC 5626 section 3.5.1.
            talk.say(KEEP_ALIVE)
            return
        except ssl.SSLWantReadError:
            talk.flush()
            wrong = talk.receive()
            if talk.flights[-1].side == SERVER and not _looks_like_tls(talk):
                probed.outcome, probed.detail = Outcome.NOT_TLS, _what_it_is(talk)
                return
            if wrong is not None:
                probed.outcome = wrong
                return
        except ssl.SSLError as error:
            talk.flush()
            if isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError):
                probed.outcome = Outcome.CLOSED
            else:
                probed.outcome, probed.detail = Outcome.ALERT, _reason(error)
            return


def _looks_like_tls(talk: Conversation) -> bool:
    first = next(flight.data for flight in talk.flights if flight.side == SERVER)
    return first[0] in _TLS_CONTENT_TYPES and (len(first) < 2 or first[1] == 3)


def _what_it_is(talk: Conversation) -> str:
    """Say what a server answers that does not speak TLS."""
    first = next(flight.data for flight in talk.flights if flight.side == SERVER)
    line = first.splitlines()[0][:60].decode("ascii", "backslashreplace") if first else ""
    if first.startswith(b"SIP/"):
        return f"It speaks SIP without TLS on this port (it answered {line!r})."
    if first.startswith(b"HTTP/"):
        return f"It is a web server without TLS (it answered {line!r})."
    return f"It does not speak TLS on this port (its answer begins with {line!r})."


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in words: ``sslv3 alert handshake failure``."""
    return (error.reason or "the handshake failed").lower().replace("_", " ")


def _password(target: Target) -> bytes:
    return target.passphrase or b""


@contextmanager
def _keylog() -> Iterator[Path]:
    """A file that only we can read, for the secrets of one handshake; it is gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix="tqdecrypt-")
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
