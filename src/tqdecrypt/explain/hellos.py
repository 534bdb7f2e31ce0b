"""Tells what hellos offer and choose, and why that decides whether a private key opens the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.model import Fact, Look
from tqdecrypt.explain.reading import Message, Round, is_sslv2
from tqdecrypt.explain.resumption import describe_resumption
from tqdecrypt.explain.suites import kind_of, offered_suites, place_of, summary
from tqdecrypt.explain.telling import Scene, Told, count, fact, short
from tqdecrypt.tls.constants import ExtensionType, HandshakeType, Version
from tqdecrypt.tls.exchange import CLIENT
from tqdecrypt.tls.facts import version_name
from tqdecrypt.tls.handshake import (
    ClientHello,
    ServerHello,
    pull_client_hello,
    pull_encrypted_extensions,
    pull_server_hello,
    pull_sslv2_client_hello,
)
from tqdecrypt.tls.handshake_details import pull_alpn_names, pull_key_share_groups, pull_numbers
from tqdecrypt.tls.psk13 import pull_psk_offer
from tqdecrypt.tls.registries import extension_name, group_name, signature_scheme_name
from tqdecrypt.tls.suites import Suite, find_suite, is_grease

__all__ = [
    "tell_client_hello",
    "tell_encrypted_extensions",
    "tell_hello_verify",
    "tell_server_hello",
]

_COMPRESSIONS = {0: "none", 1: "DEFLATE", 64: "LZS"}
_PSK_MODES = {0: "psk_ke (the pre-shared key alone)", 1: "psk_dhe_ke (with Diffie-Hellman)"}
_POINTS_OF_INTEREST = (
    (ExtensionType.extended_master_secret, "extended master secret"),
    (ExtensionType.encrypt_then_mac, "encrypt-then-MAC"),
)


def tell_client_hello(scene: Scene, message: Message) -> Told:
    """Tell what the client can do."""
    hello = (
        pull_sslv2_client_hello(message.body)
        if is_sslv2(message)
        else pull_client_hello(message.body, dtls=scene.recording.dtls)
    )
    answer = scene.round.server_hello
    suites = offered_suites(hello.cipher_suites, answer.cipher_suite if answer else None)
    says = (
        "The client says which TLS versions and cipher suites it can do, its first choice first. "
        "The server can only choose from this list."
    )
    earlier = scene.round.first(CLIENT, HandshakeType.client_hello)
    if earlier is not None and earlier.frame < message.frame:
        says = "The client says hello again, with what the server asked for."
    elif scene.round.renegotiated:
        says = (
            "A new handshake inside the session (renegotiation): it went over the wire encrypted "
            "with the keys of the handshake before it, so that it can be read only because those "
            "are known."
        )
    return Told(says, tuple(_offers(hello, summary(suites))), suites)


def _offers(hello: ClientHello, suites: str) -> Iterator[Fact]:
    extensions = hello.extensions
    offered = [v for v in hello.supported_versions if not is_grease(v)]
    if offered:
        yield fact("versions", *map(version_name, offered))
    else:
        yield fact("versions", f"up to {version_name(hello.version)}")
    yield fact("cipher suites", suites)
    yield fact("server name (SNI)", hello.server_name or "none")
    yield from _decoded(extensions, _OF_CLIENT)
    for number, name in _POINTS_OF_INTEREST:
        yield fact(name, "offered" if number in extensions else "not offered")
    yield fact("session to resume", *_resumables(hello))
    if hello.cookie:
        yield fact("cookie", short(hello.cookie))
    compressions = [_COMPRESSIONS.get(c, f"0x{c:02x}") for c in hello.compression_methods]
    if compressions != ["none"]:
        yield fact("compression", *compressions)
    if extensions:
        yield fact("extensions", *map(extension_name, extensions), look="dim")
    yield fact("client random", short(hello.random), look="dim")


def _resumables(hello: ClientHello) -> Iterator[str]:
    """Yield by what the client would take up an earlier session."""
    found = False
    ticket = hello.extensions.get(ExtensionType.session_ticket)
    offer = hello.extensions.get(ExtensionType.pre_shared_key)
    if offer is not None:
        with suppress(Malformed):
            for identity in pull_psk_offer(offer).identities:
                found = True
                yield f"pre-shared key or ticket {short(identity)}"
    if ticket:
        found = True
        yield f"ticket of {count(len(ticket), 'byte')}"
    if hello.session_id and Version.TLS13 not in hello.supported_versions:
        found = True
        yield f"session id {short(hello.session_id)}"
    if not found:
        new = "; takes a ticket" if ticket is not None else ""
        yield f"none{new}"


def tell_hello_verify(scene: Scene, message: Message) -> Told:
    """Tell of the cookie with which a DTLS server makes sure that the client is where it says."""
    cookie = message.body[3 : 3 + message.body[2]] if len(message.body) > 2 else b""
    return Told(
        "The server wants to see first that the client gets what is sent to its address: it is to "
        "say hello again with this cookie (RFC 6347 section 4.2.1).",
        (fact("cookie", short(cookie)),),
    )


def tell_server_hello(scene: Scene, message: Message) -> Told:
    """Tell what the server chose."""
    hello = pull_server_hello(message.body)
    if hello.is_hello_retry_request:
        return Told(
            "The server does not go on with the key share that the client sent: it asks for another "
            "one, or for a cookie (RFC 8446 section 4.1.4). That costs one round trip.",
            tuple(_choices(scene, hello)),
            name="HelloRetryRequest",
        )
    suite = find_suite(hello.cipher_suite)
    says = " ".join(
        filter(None, (why_it_decides(scene.round, hello, suite), _contest(scene, suite)))
    )
    return Told(says, tuple(_choices(scene, hello)), look=_look(hello, suite))


def why_it_decides(one: Round, hello: ServerHello, suite: Suite) -> str:
    """Return what the server's choice means for who wants to decrypt."""
    resumed = one.exchange.resumed_by if one.exchange is not None else None
    if hello.version == Version.DTLS13:
        return "DTLS 1.3 is not decrypted here, whatever secrets there are."
    if hello.version == Version.TLS13:
        return _why13(one, hello)
    if resumed is not None:
        return (
            f"The server takes up an earlier session (by {resumed}): there is no certificate and no "
            "key exchange in this handshake. Its secret is that of the earlier session, so that only "
            "who knows that one gets in; the keys are new, made of it and of the two new randoms."
        )
    return _WHY.get(kind_of(suite), "What opens such a session is not known here.")


_WHY = {
    "RSA": (
        "RSA key exchange: the client will make up a secret and send it encrypted to the public key "
        "of the server's certificate. The server's private key opens it, for the server and for "
        "everybody who has a copy of that key."
    ),
    "forward secret": (
        "Ephemeral key exchange: both ends make up a key pair for this one connection and throw it "
        "away. The private key of the certificate only signs, so that no key on any disk opens the "
        "session (forward secrecy)."
    ),
    "PSK": (
        "Both ends were given the same secret key beforehand; who has it, too, opens the session."
    ),
    "static": (
        "Static Diffie-Hellman: the server's share is the key of its certificate. Its private key "
        "opens the session."
    ),
}


def _why13(one: Round, hello: ServerHello) -> str:
    resumed = one.exchange.resumed_by if one.exchange is not None else None
    external = one.exchange is not None and one.exchange.external_psk
    key = "the pre-shared key that was given" if external else "an earlier session's ticket"
    if resumed == "psk" and ExtensionType.key_share not in hello.extensions:
        return f"TLS 1.3 with {key} and nothing else (psk_ke): who has that key opens the session."
    both = (
        f" It also rests on {key}, which takes the place of the certificate."
        if resumed == "psk"
        else ""
    )
    return (
        "TLS 1.3: the key exchange is always ephemeral, and everything behind this message is "
        "encrypted, certificates included. No private key opens the session; session secrets do."
        f"{both}"
    )


def _look(hello: ServerHello, suite: Suite) -> Look:
    return "notice" if hello.version == Version.TLS13 or suite.forward_secret else "plain"


def _contest(scene: Scene, suite: Suite) -> str:
    """Return which of the two sides could have had it otherwise."""
    hello = scene.round.client_hello
    if hello is None or not hello.cipher_suites:
        return ""
    offered = offered_suites(hello.cipher_suites, suite.number)
    place = place_of(offered, suite.number)
    if place is None:
        return "The client did not offer this suite, as far as its hello shows."
    rsa = [one for one in offered if one.kind == "RSA"]
    if not suite.forward_secret:
        return f"It is the client's choice {place}." if len(offered) > 1 else ""
    if rsa:
        return (
            f"It is the client's choice {place}; the client would have taken RSA key exchange as well "
            f"({count(len(rsa), 'suite')}). So the server's list decided."
        )
    return (
        f"It is the client's choice {place}; the client offered no suite with RSA key exchange, so "
        "that the server could not choose one."
    )


def _choices(scene: Scene, hello: ServerHello) -> Iterator[Fact]:
    yield fact("version", version_name(hello.version))
    yield fact(
        "cipher suite", f"{find_suite(hello.cipher_suite).name} (0x{hello.cipher_suite:04X})"
    )
    yield from _decoded(hello.extensions, _OF_SERVER)
    if hello.version not in (Version.TLS13, Version.DTLS13):
        for number, name in _POINTS_OF_INTEREST:
            agreed = number in hello.extensions
            yield fact(name, "yes" if agreed else "no", look="plain" if agreed else "dim")
        yield fact("session id", short(hello.session_id) if hello.session_id else "none")
    if not hello.is_hello_retry_request:
        yield from describe_resumption(scene)
    if hello.compression_method:
        yield fact("compression", _COMPRESSIONS.get(hello.compression_method, "unknown"))
    if hello.extensions:
        yield fact("extensions", *map(extension_name, hello.extensions), look="dim")
    if not hello.is_hello_retry_request:
        yield fact("server random", short(hello.random), look="dim")


def tell_encrypted_extensions(scene: Scene, message: Message) -> Told:
    """Tell what TLS 1.3 answers under encryption."""
    extensions = pull_encrypted_extensions(message.body)
    facts = [*_decoded(extensions, _OF_SERVER)]
    names = [extension_name(number) for number in extensions] or ["none"]
    return Told(
        "What up to TLS 1.2 stood in the ServerHello for all to read.",
        (*facts, fact("extensions", *names)),
    )


# Extensions.


def _groups(data: bytes) -> Fact:
    return fact("groups", *map(group_name, pull_numbers(data, 2)))


def _schemes(data: bytes) -> Fact:
    return fact(
        "signature algorithms", *map(signature_scheme_name, pull_numbers(data, 2)), look="dim"
    )


def _alpn(data: bytes) -> Fact:
    return fact("protocols (ALPN)", *pull_alpn_names(data))


def _shares(data: bytes) -> Fact:
    groups = pull_key_share_groups(data, of_client=True)
    return fact("key shares", *(map(group_name, groups) if groups else ("none",)))


def _share(data: bytes) -> Fact:
    return fact("group", *map(group_name, pull_key_share_groups(data, of_client=False)))


def _modes(data: bytes) -> Fact:
    return fact(
        "pre-shared key modes",
        *(_PSK_MODES.get(mode, f"mode {mode}") for mode in pull_numbers(data, 1, 1)),
    )


def _fragment_length(data: bytes) -> Fact:
    exponent = data[0] if data else 0
    return fact("longest record", f"{1 << 8 + exponent:,} bytes" if exponent < 8 else "unknown")


def _size_limit(data: bytes) -> Fact:
    return fact("longest record", f"{int.from_bytes(data[:2], 'big'):,} bytes")


def _early(data: bytes) -> Fact:
    return fact("early data", "sent along before the server answers")


def _accepted_early(data: bytes) -> Fact:
    return fact("early data", "accepted")


def _accepted_psk(data: bytes) -> Fact:
    return fact("pre-shared key", f"number {int.from_bytes(data, 'big') + 1} of those offered")


def _cookie(data: bytes) -> Fact:
    return fact("cookie", short(data[2:]))


def _renegotiation(data: bytes) -> Fact:
    first = len(data) < 2
    return fact("secure renegotiation", "supported" if first else "bound to the handshake before")


_Decoder = Callable[[bytes], Fact]
_OF_CLIENT: dict[int, _Decoder] = {
    ExtensionType.application_layer_protocol_negotiation: _alpn,
    ExtensionType.supported_groups: _groups,
    ExtensionType.key_share: _shares,
    ExtensionType.signature_algorithms: _schemes,
    ExtensionType.psk_key_exchange_modes: _modes,
    ExtensionType.early_data: _early,
    ExtensionType.max_fragment_length: _fragment_length,
    ExtensionType.record_size_limit: _size_limit,
    ExtensionType.renegotiation_info: _renegotiation,
}
"""How the extensions of a ClientHello read, in the order in which they are told."""
_OF_SERVER: dict[int, _Decoder] = {
    ExtensionType.application_layer_protocol_negotiation: _alpn,
    ExtensionType.key_share: _share,
    ExtensionType.pre_shared_key: _accepted_psk,
    ExtensionType.cookie: _cookie,
    ExtensionType.supported_groups: _groups,
    ExtensionType.early_data: _accepted_early,
    ExtensionType.max_fragment_length: _fragment_length,
    ExtensionType.record_size_limit: _size_limit,
    ExtensionType.renegotiation_info: _renegotiation,
}


def _decoded(extensions: dict[int, bytes], decoders: dict[int, _Decoder]) -> Iterator[Fact]:
    """Yield what is known to be read of extensions; one that is malformed says so."""
    for number, decode in decoders.items():
        data = extensions.get(number)
        if data is None:
            continue
        try:
            found = decode(data)
        except Malformed:
            found = fact(extension_name(number), "malformed", look="bad")
        if found.values:
            yield found
