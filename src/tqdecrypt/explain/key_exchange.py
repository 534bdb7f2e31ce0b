"""Tells how the two ends come to a common secret."""

from __future__ import annotations

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.certificates import describe_signature
from tqdecrypt.explain.model import Fact
from tqdecrypt.explain.reading import Message
from tqdecrypt.explain.telling import Scene, Told, count, fact, short
from tqdecrypt.tls.agreement import key_exchange_shares
from tqdecrypt.tls.exchange import SERVER
from tqdecrypt.tls.handshake import pull_encrypted_premaster
from tqdecrypt.tls.handshake_details import pull_server_parameters
from tqdecrypt.tls.registries import group_name
from tqdecrypt.tls.suites import Suite, find_suite

__all__ = ["suite_of", "tell_client_key_exchange", "tell_server_key_exchange"]


def suite_of(scene: Scene) -> Suite | None:
    """Return the suite that the server chose."""
    hello = scene.round.server_hello
    return None if hello is None else find_suite(hello.cipher_suite)


def tell_server_key_exchange(scene: Scene, message: Message) -> Told:
    """Tell the server's half of an ephemeral key exchange, and why no private key opens it."""
    suite = suite_of(scene)
    if suite is None:
        return Told("The server's half of the key exchange; its ServerHello is missing.")
    found = pull_server_parameters(message.body, suite, scene.round.version)
    facts: list[Fact] = []
    if found.group is not None:
        facts.append(fact("curve", group_name(found.group)))
    elif found.prime_bits:
        facts.append(fact("group", f"a finite field of {found.prime_bits} bits"))
    if found.public_length:
        facts.append(fact("public value", count(found.public_length, "byte")))
    if found.signature is not None:
        facts.append(describe_signature(found.signature))
    elif "anon" in suite.key_exchange:
        facts.append(fact("signature", "none: nobody proves who he is", look="bad"))
    if "PSK" in suite.key_exchange:
        hint = found.identity_hint.decode("utf-8", "backslashreplace")
        facts.append(fact("identity hint", hint or "none"))
    return Told(_why_ephemeral(suite), tuple(facts))


def _why_ephemeral(suite: Suite) -> str:
    if suite.key_exchange in ("PSK", "RSA_PSK"):
        return "The server says which of its pre-shared keys it means."
    if suite.key_exchange.startswith("RSA"):
        return "A short RSA key for this connection, as export rules once wanted it."
    return (
        "The server made a key pair for this connection and sends the public half"
        f"{', signed with the key of its certificate' if 'anon' not in suite.key_exchange else ''}. "
        "The private half is in the server's memory only and gone afterwards: that is why no private "
        "key that anybody has opens this session."
    )


def tell_client_key_exchange(scene: Scene, message: Message) -> Told:
    """Tell the client's half of the key exchange."""
    suite = suite_of(scene)
    if suite is None:
        return Told("The client's half of the key exchange; the ServerHello is missing.")
    if suite.key_exchange == "RSA":
        return _tell_rsa(scene, message)
    try:
        shares = key_exchange_shares(suite, _server_message(scene), message.body)
    except Malformed:
        return Told("The client's half of the key exchange.", (fact("size", _size(message)),))
    facts: list[Fact] = []
    if "PSK" in suite.key_exchange:
        name = shares.identity.decode("utf-8", "backslashreplace")
        known = bool(scene.ring.psks_for(shares.identity))
        facts.append(fact("identity", name or "(empty)"))
        words = "one that was given fits" if known else "none that was given has this identity"
        facts.append(fact("your pre-shared keys", words, look="good" if known else "notice"))
    if shares.client:
        facts.append(fact("public value", count(len(shares.client), "byte")))
    if shares.encrypted_premaster:
        facts.append(fact("encrypted pre-master secret", short(shares.encrypted_premaster)))
    says = (
        "The client says under which name it has the pre-shared key."
        if suite.key_exchange in ("PSK", "RSA_PSK")
        else "The client's public half. Each end reckons the same secret from its own private and the "
        "other's public half; an observer has only the two public ones."
    )
    return Told(says, tuple(facts))


def _tell_rsa(scene: Scene, message: Message) -> Told:
    ciphertext = pull_encrypted_premaster(message.body, scene.round.version)
    facts = [fact("encrypted pre-master secret", short(ciphertext))]
    certificate = scene.round.exchange.certificates[SERVER] if scene.round.exchange else None
    if certificate is not None:
        key = scene.key_of(certificate)
        facts.append(
            fact("opened by", f"{key}, given", look="good")
            if key is not None
            else fact(
                "opened by", "the private key of the server's certificate; not given", look="notice"
            )
        )
    return Told(
        "The client made up 48 bytes, the pre-master secret, and sends them encrypted to the public key "
        "of the server's certificate. This is the message that the server's private key opens.",
        tuple(facts),
    )


def _server_message(scene: Scene) -> bytes:
    exchange = scene.round.exchange
    if exchange is not None and exchange.server_key_exchange is not None:
        return exchange.server_key_exchange
    from tqdecrypt.tls.constants import HandshakeType

    found = scene.round.first(SERVER, HandshakeType.server_key_exchange)
    return found.body if found is not None else b""


def _size(message: Message) -> str:
    return count(len(message.body), "byte")
