"""Tells certificates: whose they are, who asked for them, and whether a key that was given belongs to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.model import Fact
from tqdecrypt.explain.reading import Message
from tqdecrypt.explain.suites import kind_of
from tqdecrypt.explain.telling import Scene, Told, count, fact, whose
from tqdecrypt.keys import (
    CertificateFacts,
    Linking,
    judge_chain,
    read_certificate,
    read_distinguished_name,
)
from tqdecrypt.tls.exchange import CLIENT, SERVER
from tqdecrypt.tls.handshake import pull_certificates, pull_certificates13
from tqdecrypt.tls.handshake_details import (
    Signature,
    pull_certificate_request,
    pull_certificate_verify,
)
from tqdecrypt.tls.registries import certificate_type_name, signature_scheme_name
from tqdecrypt.tls.suites import find_suite

__all__ = [
    "describe_signature",
    "tell_certificate",
    "tell_certificate_request",
    "tell_certificate_status",
    "tell_certificate_verify",
    "tell_compressed_certificate",
]

MOST_AUTHORITIES = 12
"""Names of a CertificateRequest that are written out; some servers name hundreds."""
MOST_NAMES = 12
"""Names of a certificate that are written out."""


def tell_certificate(scene: Scene, message: Message) -> Told:
    """Tell a chain as it was sent, the sender's own certificate first."""
    pull = pull_certificates13 if scene.round.tls13 else pull_certificates
    chain = pull(message.body)
    if not chain:
        return _tell_none(message)
    facts: list[Fact] = []
    for place, der in enumerate(chain, 1):
        facts += _describe(scene, message.role, place, len(chain), der)
    facts += _linking(chain)
    says = _says_of_server(scene) if message.role == SERVER else _says_of_client(scene, chain)
    return Told(says, tuple(facts))


def _linking(chain: Sequence[bytes]) -> Iterator[Fact]:
    """Yield whether each certificate is issued by the next."""
    try:
        judged = judge_chain([read_certificate(der) for der in chain])
    except Malformed:
        return
    if judged.linking is Linking.SELF_SIGNED:
        yield fact("chain", "none: the certificate is its own issuer", look="notice")
    elif judged.linking is Linking.TO_ROOT:
        yield fact("chain", "each is issued by the next, up to a root that signed itself")
    elif judged.linking is Linking.ROOT_NOT_SENT:
        first = "" if judged.length == 1 else "each is issued by the next; "
        yield fact("chain", f"{first}{judged.not_sent} was not sent: whoever checks has to know it")
    elif judged.linking is Linking.OUT_OF_ORDER:
        words = "all are there, but not one behind the other (RFC 5246 section 7.4.2): old clients refuse it"
        yield fact("chain", words, look="notice")
    else:
        words = f"does not link: {judged.not_sent} was not sent. Is an intermediate certificate missing?"
        yield fact("chain", words, look="bad")


def _tell_none(message: Message) -> Told:
    if message.role == CLIENT:
        return Told(
            "The client was asked for a certificate and sends none. A server that insists ends the "
            "handshake now.",
            (fact("certificates", "none", look="notice"),),
            look="notice",
        )
    return Told("No certificate is in it.", (fact("certificates", "none", look="bad"),))


def _says_of_server(scene: Scene) -> str:
    hello = scene.round.server_hello
    if hello is None:
        return "The server's certificate, with the chain that it sent."
    if scene.round.tls13:
        return (
            "The server shows who it is. It went over the wire encrypted; it can be read here because "
            "the session's secrets are known."
        )
    if kind_of(find_suite(hello.cipher_suite)) == "RSA":
        return (
            "The server shows who it is. The public key in the first certificate is what the client "
            "will encrypt its secret to: the private key that belongs to it opens the session."
        )
    return (
        "The server shows who it is. With this key exchange the key of its certificate only signs; "
        "it opens nothing."
    )


def _says_of_client(scene: Scene, chain: Sequence[bytes]) -> str:
    says = (
        "The client shows who it is, because the server asked (mutual TLS). Its key signs and encrypts "
        "nothing: it never opens a session."
    )
    try:
        matches = scene.ring.match_certificate(read_certificate(chain[0])) is not None
    except Malformed:
        return says
    if not matches:
        return says
    return f"{says} A key that was given belongs to this certificate: the server's is needed."


def _describe(scene: Scene, role: int, place: int, of: int, der: bytes) -> Iterator[Fact]:
    label = "certificate" if of == 1 else f"certificate {place} of {of}"
    try:
        facts = read_certificate(der)
    except Malformed:
        yield fact(label, f"cannot be read ({count(len(der), 'byte')})", look="bad")
        return
    yield fact(label, facts.subject or "(no subject)")
    if facts.names and facts.subject.split(",")[0] != f"CN={','.join(facts.names)}":
        more = [f"and {len(facts.names) - MOST_NAMES} more"] * (len(facts.names) > MOST_NAMES)
        yield fact("  names", *facts.names[:MOST_NAMES], *more)
    own = " (itself)" if facts.self_signed else ""
    yield fact("  issuer", f"{facts.issuer or '(no issuer)'}{own}")
    size = f" {facts.key_size} bits" if facts.key_size else ""
    yield fact("  key", f"{facts.key_kind}{size}")
    yield _validity(facts, scene.report.started)
    yield fact("  SHA-256", facts.fingerprint_sha256, look="dim")
    if place == 1:
        yield _match(scene, role, facts)


def _validity(facts: CertificateFacts, moment: int) -> Fact:
    begin, end = facts.not_before, facts.not_after
    if begin is None or end is None:
        return fact("  valid", "cannot be read", look="notice")
    words = f"{begin:%Y-%m-%d} to {end:%Y-%m-%d}"
    try:
        then = datetime.fromtimestamp(moment / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return fact("  valid", words)
    if then > end:
        return fact("  valid", f"{words}: had expired when this was captured", look="bad")
    if then < begin:
        return fact("  valid", f"{words}: was not valid yet when this was captured", look="bad")
    return fact("  valid", words)


def _match(scene: Scene, role: int, facts: CertificateFacts) -> Fact:
    key = scene.key_of(facts)
    if key is not None:
        hello = scene.round.server_hello
        if role == SERVER and hello is not None and find_suite(hello.cipher_suite).forward_secret:
            words = f"{key} belongs to it, but in this handshake it only signs"
            return fact("  your keys", words, look="notice")
        if role == SERVER:
            return fact("  your keys", f"{key} belongs to it", look="good")
        return fact("  your keys", f"{key} belongs to it: the key of the wrong end", look="notice")
    if not scene.given:
        return fact("  your keys", "none was given", look="dim")
    which = (
        "the one given does not" if scene.given == 1 else f"none of the {scene.given} given does"
    )
    return fact("  your keys", f"{which} belong to it", look="notice" if role == SERVER else "dim")


def tell_certificate_request(scene: Scene, message: Message) -> Told:
    """Tell what kind of certificate the server wants of the client, and by whom."""
    wanted = pull_certificate_request(message.body, scene.round.version)
    facts = []
    if wanted.types:
        facts.append(fact("kinds", *map(certificate_type_name, wanted.types)))
    if wanted.schemes:
        facts.append(
            fact("signature algorithms", *map(signature_scheme_name, wanted.schemes), look="dim")
        )
    names = [read_distinguished_name(name) for name in wanted.authorities]
    more = [f"and {len(names) - MOST_AUTHORITIES} more"] * (len(names) > MOST_AUTHORITIES)
    if names:
        facts.append(fact("issued by", *names[:MOST_AUTHORITIES], *more, apart=True))
    else:
        facts.append(fact("issued by", "no CA is named: any will be looked at"))
    return Told(
        "The server asks the client for a certificate (mutual TLS). That decides who may connect; it "
        "changes nothing about what opens the session.",
        tuple(facts),
    )


def tell_certificate_verify(scene: Scene, message: Message) -> Told:
    """Tell that an end signed the handshake."""
    signature = pull_certificate_verify(message.body, scene.round.version)
    who = whose(message)
    return Told(
        f"The {who} signs what was said so far with the private key of its certificate, and so proves "
        "that it holds that key.",
        (describe_signature(signature),),
    )


def describe_signature(signature: Signature) -> Fact:
    """Return with which algorithm an end signed."""
    size = count(signature.length, "byte")
    if signature.scheme is None:
        return fact("signature", size)
    return fact("signature", f"{signature_scheme_name(signature.scheme)}, {size}")


def tell_certificate_status(scene: Scene, message: Message) -> Told:
    """Tell of OCSP stapling (RFC 6066 section 8)."""
    return Told(
        "The server adds what its CA says of the certificate: not revoked at that time (OCSP).",
        (fact("size", count(len(message.body), "byte")),),
    )


def tell_compressed_certificate(scene: Scene, message: Message) -> Told:
    """Tell of a Certificate message that was compressed (RFC 8879 section 4)."""
    algorithms = {1: "zlib", 2: "brotli", 3: "zstd"}
    number = int.from_bytes(message.body[:2], "big")
    size = int.from_bytes(message.body[2:5], "big")
    return Told(
        f"The {whose(message)}'s certificates, compressed.",
        (
            fact(
                "compression", f"{algorithms.get(number, 'unknown')}, {size:,} bytes when expanded"
            ),
        ),
    )
