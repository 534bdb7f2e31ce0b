"""What is known of one TLS session when it ends: the facts, the verdict and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tqdecrypt.keys.certificate import CertificateFacts
from tqdecrypt.tls.offer import Offer
from tqdecrypt.tls.timing import HandshakeTimes, TcpFacts
from tqdecrypt.tls.verdict import Verdict

__all__ = ["INSIDE", "Resumed", "SessionReport"]

Resumed = Literal["no", "session id", "ticket", "psk"]

INSIDE: Mapping[str, bool] = {"inside": True}
"""Metadata of fields that are for the stages behind, and not for JSON."""


@dataclass(slots=True)
class SessionReport:
    """One TLS session.  Times in nanoseconds since 1970-01-01 UTC; endpoints as ``ip:port``."""

    session: int
    """Number of the session, from 1 in order of appearance."""
    client: str
    server: str
    started: int
    ended: int
    first_frame: int
    last_frame: int
    roles_known: bool = True
    """False when no handshake was seen: then client and server are told from the TCP connection."""
    version: str | None = None
    """``TLS 1.2``, ``SSL 3.0`` …; ``None`` when no ServerHello was seen."""
    cipher_suite: str | None = None
    """IANA name of the suite that the server chose."""
    key_exchange: str | None = None
    """``RSA``, ``ECDHE``, ``DHE``, ``PSK`` …"""
    offered_suites: tuple[str, ...] = ()
    """IANA names of the suites in the ClientHello, in the client's order, without GREASE."""
    sni: str | None = None
    alpn: str | None = None
    resumed: Resumed = "no"
    mutual_tls: bool | None = None
    """Whether the client proved a certificate of its own; ``None`` when not known."""
    client_certificate_requested: bool | None = None
    """Whether the server asked for a client certificate; ``None`` when its handshake could not be read."""
    extended_master_secret: bool | None = None
    encrypt_then_mac: bool | None = None
    server_certificate: str | None = None
    """SHA-256 fingerprint of the server's certificate, hexadecimal."""
    server_subject: str | None = None
    """Its subject, RFC 4514."""
    server_names: tuple[str, ...] = ()
    """What it is for: DNS names, addresses, URIs; without any, its common names."""
    server_key: str | None = None
    """Kind and size of its key: ``RSA 2048``, ``EC 256``."""
    server_not_after: int | None = None
    """End of its validity."""
    client_certificate: str | None = None
    client_subject: str | None = None
    client_names: tuple[str, ...] = ()
    client_not_after: int | None = None
    handshakes: int = 0
    """Complete handshakes: 1, or more with renegotiation."""
    finished_verified: bool | None = None
    """Whether the Finished messages verified; ``None`` when they could not be read."""
    handshake_frames: tuple[int, ...] = ()
    """Frames of ClientHello, ServerHello, …: what proves the verdict."""
    handshake_times: tuple[HandshakeTimes, ...] = ()
    """When the messages of its first handshakes were captured."""
    tcp: TcpFacts | None = None
    """What was below it; ``None`` of DTLS."""
    alert: str | None = None
    """The alert that ended it: ``unknown_ca (fatal) from the client, frame 12``."""
    ending: str = ""
    """How it ended: ``close_notify from the client; closed``, ``no close_notify; reset`` …"""
    client_bytes: int = 0
    """Decrypted application bytes that the client sent."""
    server_bytes: int = 0
    client_encrypted_bytes: int = 0
    """Bytes of encrypted records that stayed dark."""
    server_encrypted_bytes: int = 0
    missing_bytes: int = 0
    """Bytes of both directions that the capture lacks."""
    messages: int = 0
    """SIP messages found in it."""
    secrets_from: str | None = None
    """Where the secrets came from: ``RSA key server.key``, ``key log sbc.log`` …"""
    verdict: Verdict = Verdict.HANDSHAKE_INCOMPLETE
    why: str = ""
    """One sentence with its evidence."""
    side: str = "nobody"
    """Whose configuration must change: ``server``, ``client``, ``observer``, ``nobody``."""
    advice: list[str] = field(default_factory=list)
    """Sentences: which setting on whose device ends the darkness."""
    notes: list[str] = field(default_factory=list)
    """What else was seen: gaps, records that did not verify, renegotiation."""
    opened: bool = False
    """Whether the beginning of the TCP connection was captured."""
    closed: bool = False
    """Whether its end was."""
    offer: Offer | None = field(default=None, metadata=INSIDE)
    """What the ClientHello offered; ``None`` when none was seen.  Sessions alike share it."""
    server_facts: CertificateFacts | None = field(default=None, metadata=INSIDE)
    """All about the server's certificate; sessions alike share it."""
    client_facts: CertificateFacts | None = field(default=None, metadata=INSIDE)
    server_chain: tuple[CertificateFacts, ...] = field(default=(), metadata=INSIDE)
    """All certificates that the server sent, as it sent them, its own first."""
    client_chain: tuple[CertificateFacts, ...] = field(default=(), metadata=INSIDE)

    @property
    def is_dtls(self) -> bool:
        """Whether it went in datagrams, as sessions do that agree on keys of media (RFC 5764)."""
        offered = self.offer.newest > 0x0FFF if self.offer is not None else False
        return offered or (self.version or "").startswith("DTLS")

    @property
    def has_data(self) -> bool:
        """Whether it carried application data, read or not."""
        encrypted = self.client_encrypted_bytes or self.server_encrypted_bytes
        return bool(self.client_bytes or self.server_bytes or encrypted or self.missing_bytes)
