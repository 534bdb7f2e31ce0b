"""What was recorded, message by message, in the rounds of handshakes that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import HandshakeType, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.handshake import (
    HELLO_RETRY_REQUEST,
    ClientHello,
    ServerHello,
    pull_client_hello,
    pull_server_hello,
    pull_sslv2_client_hello,
)
from tqdecrypt.tls.recording import Recording, SeenMessage

__all__ = ["Message", "Round", "is_sslv2", "read_rounds", "role_of"]

_RANDOM = slice(2, 34)
"""Of a hello's body (RFC 5246 section 7.4.1.2)."""


class Message(NamedTuple):
    """A handshake message."""

    role: int
    kind: int
    body: bytes
    """Without its header."""
    data: bytes
    """With it."""
    frame: int
    time: int
    round: int
    """Index of its handshake."""


@dataclass(slots=True)
class Round:
    """One handshake: what both ends said, and what became of it."""

    number: int
    exchange: Exchange | None
    messages: list[Message] = field(default_factory=list)
    """In order of frames."""
    client_hello: ClientHello | None = None
    server_hello: ServerHello | None = None
    dtls: bool = False

    @property
    def version(self) -> int:
        """The version that the server chose; 0 when that is not known."""
        return self.server_hello.version if self.server_hello is not None else 0

    @property
    def tls13(self) -> bool:
        """Whether the server chose TLS 1.3."""
        return self.version == Version.TLS13

    @property
    def renegotiated(self) -> bool:
        """Whether it runs inside the encryption of an earlier handshake."""
        return self.number > 0

    def of(self, role: int) -> list[Message]:
        """Return what one end said, as the transcript has it."""
        left_out = (HandshakeType.hello_request, HandshakeType.hello_verify_request)
        said = [m for m in self.messages if m.role == role and m.kind not in left_out]
        hellos = [m for m in said if m.kind == HandshakeType.client_hello]
        if self.dtls and len(hellos) > 1:  # RFC 6347 section 4.2.6: only the one with the cookie
            said = [m for m in said if m not in hellos[:-1]]
        return said

    def first(self, role: int, kind: int) -> Message | None:
        """Return the first message of a kind."""
        return next((m for m in self.messages if m.role == role and m.kind == kind), None)

    def session_hash_messages(self) -> list[bytes] | None:
        """Return the messages up to ClientKeyExchange (RFC 7627 section 3); ``None`` if not all came."""
        client, server = self.of(CLIENT), self.of(SERVER)
        kinds = [m.kind for m in client]
        others = [m.kind for m in server]
        lacking = self.exchange is None or any(self.exchange.incomplete)
        if lacking or HandshakeType.client_key_exchange not in kinds:
            return None
        if HandshakeType.server_hello_done not in others:
            return None
        stop = kinds.index(HandshakeType.client_key_exchange) + 1
        done = others.index(HandshakeType.server_hello_done) + 1
        covered = [*client[:1], *server[:done], *client[1:stop]]
        return [message.data for message in covered]


def role_of(recording: Recording, side: int) -> int:
    """Return which role a side has."""
    client = recording.client_side or 0
    return CLIENT if side == client else SERVER


def is_sslv2(message: Message) -> bool:
    """Return whether a ClientHello has the format of SSL 2.0, which has no handshake header."""
    return message.kind == HandshakeType.client_hello and message.body is message.data


def read_rounds(recording: Recording) -> list[Round]:
    """Return the handshakes of a session, each with its messages in order of frames."""
    rounds = [
        Round(number, exchange, dtls=recording.dtls)
        for number, exchange in enumerate(recording.exchanges)
        if exchange.picked_up is None
    ]
    for role in (CLIENT, SERVER):
        current = -1
        random = b""
        for seen in recording.messages:
            if role_of(recording, seen.side) != role:
                continue
            message = _split(seen, role, 12 if recording.dtls else 4)
            if _begins(message) and message.body[_RANDOM] != random:
                if random != HELLO_RETRY_REQUEST:
                    current += 1
                random = message.body[_RANDOM]
                current = _known(rounds, role, random, current)
            index = max(current, 0)
            while index >= len(rounds):
                rounds.append(Round(len(rounds), None, dtls=recording.dtls))
            rounds[index].messages.append(message._replace(round=index))
    for one in rounds:
        one.messages.sort(key=lambda message: message.frame)
        _read_hellos(one)
    return rounds


def _split(seen: SeenMessage, role: int, header: int) -> Message:
    data = seen.data
    plain = len(data) >= header and int.from_bytes(data[1:4], "big") + header == len(data)
    body = data[header:] if plain else data
    return Message(role, data[0], body, data, seen.frame, seen.time, 0)


def _begins(message: Message) -> bool:
    mine = HandshakeType.client_hello if message.role == CLIENT else HandshakeType.server_hello
    return message.kind == mine


def _known(rounds: list[Round], role: int, random: bytes, otherwise: int) -> int:
    """Return the handshake that a hello's random belongs to; a declined one has no answer."""
    for number, one in enumerate(rounds):
        hellos = one.exchange and (one.exchange.client_hello, one.exchange.server_hello)
        hello = hellos[role] if hellos else None
        if hello is not None and hello.random == random:
            return number
    return otherwise


def _read_hellos(one: Round) -> None:
    """Take the hellos that count: the last of each, behind cookies and HelloRetryRequests."""
    for message in one.messages:
        try:
            if message.kind == HandshakeType.client_hello and message.role == CLIENT:
                one.client_hello = (
                    pull_sslv2_client_hello(message.body)
                    if is_sslv2(message)
                    else pull_client_hello(message.body, dtls=one.dtls)
                )
            elif message.kind == HandshakeType.server_hello and message.role == SERVER:
                one.server_hello = pull_server_hello(message.body)
        except Malformed:
            continue
    exchange = one.exchange
    if exchange is not None:
        one.client_hello = one.client_hello or exchange.client_hello
        one.server_hello = one.server_hello or exchange.server_hello
