"""One handshake: what both ends said, and what follows from it.

Theory.  The two directions of a connection reach the session independently (a block's bytes come
direction by direction, and captures from two ports can be skewed), so nothing here depends on the
order between them: each side's messages are kept in that side's order, and the transcript is put
together by the flights that the protocol prescribes.

Full handshake (RFC 5246 section 7.3)::

    client: ClientHello                [Certificate] ClientKeyExchange [CertificateVerify] Finished
    server:             ServerHello … ServerHelloDone              [NewSessionTicket] Finished

Abbreviated::

    client: ClientHello                                        Finished
    server:             ServerHello [NewSessionTicket] Finished
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import ExtensionType, HandshakeType
from tqdecrypt.tls.derive import extended_master_secret, master_secret, verify_data
from tqdecrypt.tls.handshake import HELLO_RETRY_REQUEST

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls.agreement import KeySchedule
    from tqdecrypt.tls.derivation import Derived
    from tqdecrypt.tls.handshake import ClientHello, ServerHello
    from tqdecrypt.tls.protection import Opener
    from tqdecrypt.tls.resumption import Resumable
    from tqdecrypt.tls.suites import Suite

__all__ = ["CLIENT", "SERVER", "Exchange", "Refusal"]

CLIENT, SERVER = 0, 1
"""Index of a role in every pair here."""


Basis = tuple["int | None", "int | None", bytes, bytes]
"""See :attr:`Exchange.basis`."""


class Refusal(enum.Enum):
    """Why there are no secrets for a handshake."""

    NO_MATCHING_KEY = "no key given belongs to the server's certificate"
    CLIENT_KEY = "a key given belongs to the client's certificate"
    FORWARD_SECRECY = "forward secrecy"
    TLS13 = "TLS 1.3"
    RESUMED_UNSEEN = "resumed from a session that was not seen"
    UNSUPPORTED_SUITE = "unsupported suite"
    NO_PSK = "no pre-shared key given fits"
    WRONG_SECRETS = "the secrets do not fit"
    INCOMPLETE = "handshake messages are missing"


class Exchange:
    """One handshake of a session.  Secret parts never show in its repr."""

    __slots__ = (
        "alternatives",
        "certificate_requested",
        "certificate_verified",
        "certificates",
        "chains",
        "changed_cipher",
        "client_hello",
        "derived",
        "derived_from",
        "done",
        "encrypted_extensions",
        "encrypted_premaster",
        "external_psk",
        "finished_seen",
        "finished_verified",
        "frames",
        "full",
        "header_length",
        "incomplete",
        "key_exchange_index",
        "master",
        "messages",
        "openers",
        "picked_up",
        "refusal",
        "resumable",
        "resumed_by",
        "schedule",
        "secrets_from",
        "server_hello",
        "server_key_exchange",
        "suite",
        "ticket",
        "traffic_secrets",
        "wanted",
    )

    def __init__(self, header_length: int = 4) -> None:
        self.header_length = header_length
        """Of the messages: 4 bytes, in DTLS 12."""
        self.client_hello: ClientHello | None = None
        self.server_hello: ServerHello | None = None
        self.suite: Suite | None = None
        self.messages: tuple[list[bytes], list[bytes]] = ([], [])
        """Handshake messages with their headers, by role; dropped when they served."""
        self.incomplete = [False, False]
        """By role: handshake bytes are missing from the capture."""
        self.certificates: list[CertificateFacts | None] = [None, None]
        self.chains: list[tuple[CertificateFacts, ...]] = [(), ()]
        """By role: all certificates as they were sent, the sender's own first."""
        """The end-entity certificate, by role."""
        self.certificate_requested = False
        self.certificate_verified = False
        """Whether the client sent CertificateVerify: it holds the key of its certificate."""
        self.server_key_exchange: bytes | None = None
        self.encrypted_premaster: bytes | None = None
        self.key_exchange_index: int | None = None
        """How many of the client's messages there are up to ClientKeyExchange."""
        self.done: int | None = None
        """How many of the server's messages there are up to ServerHelloDone."""
        self.full = False
        """Whether a message was seen that only a full handshake has."""
        self.ticket = b""
        """The ticket that the server issued (RFC 5077)."""
        self.resumed_by: str | None = None
        """``session id`` or ``ticket`` when the handshake is abbreviated; ``psk`` in TLS 1.3."""
        self.external_psk = False
        """TLS 1.3: whether that key was proven to be one that the user gave: no resumption."""
        self.changed_cipher = [False, False]
        self.finished_seen = [False, False]
        self.finished_verified: list[bool | None] = [None, None]
        self.wanted = False
        """Whether secrets were asked for."""
        self.master: bytes | None = None
        self.secrets_from: str | None = None
        self.traffic_secrets: dict[str, bytes] = {}
        """TLS 1.3: secrets by key-log label."""
        self.picked_up: tuple[int, int] | None = None
        """Not ``None``: this handshake was not seen, its secrets are known from elsewhere; how many
        records each role had sent when they were stored."""
        self.schedule: KeySchedule | None = None
        """TLS 1.3, when the secrets come from a static Diffie-Hellman key."""
        self.alternatives: list[tuple[bytes, str]] = []
        """Further master secrets that may be right, and their origins."""
        self.encrypted_extensions: dict[int, bytes] = {}
        """TLS 1.3: extensions of EncryptedExtensions."""
        self.derived: Derived | None = None
        """What was worked out beside the master secret, by whoever had the private key."""
        self.derived_from: Basis | None = None
        """Of what."""
        self.openers: tuple[Opener | None, Opener | None] | None = None
        self.refusal: Refusal | None = None
        self.resumable: Resumable | None = None
        """What later sessions find when they resume this one."""
        self.frames: list[tuple[str, int, int]] = []
        """Names of the messages, their frames, as evidence, and their times, ns."""

    def __repr__(self) -> str:
        return f"<Exchange of {self.suite.name if self.suite else 'no suite yet'}>"

    @property
    def dtls(self) -> bool:
        """Whether it is a handshake over datagrams, where messages have longer headers."""
        return self.header_length != 4

    @property
    def completed(self) -> bool:
        """Whether both ends came to the end of it."""
        return False not in self.finished_seen or False not in self.changed_cipher

    @property
    def retried(self) -> bool:
        """Whether the server answered the first ClientHello with a HelloRetryRequest."""
        answer = self.messages[SERVER][:1]
        return bool(answer) and answer[0][6:38] == HELLO_RETRY_REQUEST

    @property
    def lacks_second_hello(self) -> bool:
        """Whether the ClientHello that answers a HelloRetryRequest has not been seen."""
        hellos = sum(message[0] == HandshakeType.client_hello for message in self.messages[CLIENT])
        return self.retried and hellos < 2

    @property
    def version(self) -> int | None:
        """The version that the server chose."""
        return self.server_hello.version if self.server_hello else None

    @property
    def extended_master_secret(self) -> bool:
        """Whether both ends agreed on RFC 7627."""
        return self._agreed(ExtensionType.extended_master_secret)

    @property
    def encrypt_then_mac(self) -> bool:
        """Whether both ends agreed on RFC 7366."""
        return self._agreed(ExtensionType.encrypt_then_mac)

    def _agreed(self, extension: ExtensionType) -> bool:
        return self.server_hello is not None and extension in self.server_hello.extensions

    @property
    def resumption_offered(self) -> bool:
        """Whether the server took up the session id that the client offered."""
        return (
            self.client_hello is not None
            and self.server_hello is not None
            and bool(self.server_hello.session_id)
            and self.server_hello.session_id == self.client_hello.session_id
        )

    @property
    def lacks_session_hash(self) -> bool:
        """Whether messages are missing that an extended master secret depends on."""
        return self.extended_master_secret and (
            self.key_exchange_index is None or self.done is None or any(self.incomplete)
        )

    def session_hash_messages(self) -> bytes | None:
        """Return the handshake up to ClientKeyExchange (RFC 7627 3); ``None`` if not all is here."""
        client, server = self.messages
        if self.key_exchange_index is None or self.done is None or any(self.incomplete):
            return None
        return b"".join(client[:1] + server[: self.done] + client[1 : self.key_exchange_index])

    def derive_master(self, pre_master_secret: bytes) -> bytes | None:
        """Return the master secret; ``None`` when a message that it needs is missing."""
        hello, answer, suite = self.client_hello, self.server_hello, self.suite
        if hello is None or answer is None or suite is None:
            return None
        if self.extended_master_secret:
            messages = self.session_hash_messages()
            if messages is None:
                return None
            return extended_master_secret(
                answer.version, suite.prf_hash, pre_master_secret, messages
            )
        return master_secret(
            answer.version, suite.prf_hash, pre_master_secret, hello.random, answer.random
        )

    @property
    def basis(self) -> Basis:
        """What is derived from changes with this: how much of the handshake there is, both randoms."""
        hello, answer = self.client_hello, self.server_hello
        return (
            self.key_exchange_index,
            self.done,
            hello.random if hello else b"",
            answer.random if answer else b"",
        )

    def derived_with(self, master: bytes) -> Derived | None:
        """Return what was derived together with *master*, if it still holds."""
        derived = self.derived
        if derived is None or derived.master != master or self.derived_from != self.basis:
            return None
        return derived

    def forget_key_exchange(self) -> None:
        """Drop what only served to find the secrets."""
        self.encrypted_premaster = self.server_key_exchange = self.resumable = None
        self.derived = self.derived_from = None

    def verify_finished(self) -> None:
        """Check the Finished messages that can be checked by now (RFC 5246 section 7.4.9)."""
        if self.master is None or self.suite is None or True in self.incomplete:
            return
        for role in (CLIENT, SERVER):
            if self.finished_verified[role] is not None or not self.finished_seen[role]:
                continue
            finished = self._finished_index(role)
            expected = None if finished is None else self._expected_finished(role)
            if finished is None or expected is None:
                continue
            self.finished_verified[role] = (
                self.messages[role][finished][self.header_length :] == expected
            )
        if None not in self.finished_verified:
            self.messages[CLIENT].clear()
            self.messages[SERVER].clear()

    def _expected_finished(self, role: int) -> bytes | None:
        """Return what *role*'s Finished must hold; ``None`` when not all that it covers is here."""
        assert self.master is not None
        assert self.server_hello is not None
        assert self.suite is not None
        derived = self.derived_with(self.master)
        if derived is not None and derived.finished[role] and self._finished_follows(role):
            return derived.finished[role]
        covered = self._covered_by_finished(role)
        if covered is None:
            return None
        return verify_data(
            self.server_hello.version, self.suite.prf_hash, self.master, role == CLIENT, covered
        )

    def _finished_follows(self, role: int) -> bool:
        """Return whether nothing stands between what was derived from and *role*'s Finished."""
        if self._finished_index(CLIENT) != self.key_exchange_index:
            return False
        return role == CLIENT or (
            self.finished_verified[CLIENT] is True and self._finished_index(SERVER) == self.done
        )

    def _finished_index(self, role: int) -> int | None:
        for index, message in enumerate(self.messages[role]):
            if message[0] == HandshakeType.finished:
                return index
        return None

    def _covered_by_finished(self, role: int) -> bytes | None:
        """Return the transcript that *role*'s Finished covers; ``None`` when not all is here."""
        client, server = self.messages
        client_end, server_end = self._finished_index(CLIENT), self._finished_index(SERVER)
        if not self.full:
            if server_end is None:
                return None
            if role == SERVER:
                return b"".join(client[:1] + server[:server_end])
            return b"".join(client[:1] + server[: server_end + 1] + client[1:client_end])
        if self.done is None or client_end is None:
            return None
        first = client[:1] + server[: self.done] + client[1:client_end]
        if role == CLIENT:
            return b"".join(first)
        return b"".join([*first, client[client_end], *server[self.done : server_end]])
