"""Diffie-Hellman with a key of the server that is used again: OpenSSL's client agrees with us."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dh, ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import certificates
from tqdecrypt.errors import Malformed
from tqdecrypt.keys import PrivateKey
from tqdecrypt.tls.agreement import KeySchedule, key_exchange_shares, psk_premaster
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.exchange import Exchange
from tqdecrypt.tls.suites import find_suite

from .handmade import Talk, message, opaque
from .keyed_server import (
    AGREEMENTS,
    PRIME,
    KeyedServer,
    finite_field,
    finite_field_key,
    number,
)
from .passive import listen, ring

VERSIONS = [Version.TLS10, Version.TLS11, Version.TLS12]


@pytest.mark.parametrize("kind", AGREEMENTS)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_key_that_the_server_uses_again(version: Version, kind: str) -> None:
    agreement = AGREEMENTS[kind]()
    keys = ring([PrivateKey(agreement.key, "reused.key")])
    for _ in range(2):
        server = KeyedServer(agreement, version)
        said = server.say()
        heard = listen(server.packets, keys)
        assert (bytes(heard.client), bytes(heard.server)) == said
        assert heard.verdict == "decrypted", heard.report.why
        assert heard.report.finished_verified is True
        assert heard.report.secrets_from == "static key reused.key"


@pytest.mark.parametrize("kind", AGREEMENTS)
def test_a_key_of_the_same_group_or_of_another(kind: str) -> None:
    """It is the public value that tells whether a key fits; no other is tried."""
    server = KeyedServer(AGREEMENTS[kind]())
    server.say()
    others = [
        PrivateKey(finite_field(5_001).key if name == "DHE" else make().key, f"{name}.key")
        for name, make in AGREEMENTS.items()
    ]
    heard = listen(server.packets, ring(others))
    assert not heard.records
    assert heard.verdict == "forward-secrecy"


def test_a_secret_with_leading_zeros() -> None:
    """They are stripped up to TLS 1.2 (RFC 5246 section 8.1.2); OpenSSL does the same."""
    agreement = finite_field(int.from_bytes(bytes(range(1, 40)), "big"))
    keys = ring([PrivateKey(agreement.key, "reused.key")])
    for _ in range(20_000):
        server = KeyedServer(agreement)
        if len(server.secret) < len(number(PRIME)):
            break
    assert len(server.secret) < len(number(PRIME))
    said = server.say()
    heard = listen(server.packets, keys)
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.finished_verified is True


def test_a_public_value_with_leading_zeros() -> None:
    """Senders may pad it to the length of the prime."""
    talk = finite_field_talk(suite=0x0033, padding=3)
    said = talk.say()
    heard = listen(talk.packets, ring([PrivateKey(SERVER, "dh.key")]))
    assert (bytes(heard.client), bytes(heard.server)) == said


SERVER, CLIENT = finite_field_key(1 << 200 | 1), finite_field_key(1 << 190 | 1)


def public(key: dh.DHPrivateKey) -> int:
    return key.public_key().public_numbers().y


def finite_field_talk(
    suite: int, padding: int = 0, psk: bytes = b"", identity: bytes = b"", value: int | None = None
) -> Talk:
    """A session by hand; *value* is what the client sends."""
    values = [public(SERVER), public(CLIENT) if value is None else value]
    shares = [opaque(bytes(padding) + number(share), 2) for share in values]
    secret = pow(values[1], SERVER.private_numbers().x, PRIME)
    group = opaque(number(PRIME), 2) + opaque(b"\2", 2)
    hint = opaque(b"hint", 2) if psk else b""
    premaster = number(secret) or b"\0"
    return Talk(
        suite,
        premaster=psk_premaster(premaster, psk) if psk else premaster,
        server_messages=[message(12, hint + group + shares[0] + opaque(b"signature", 2))],
        client_exchange=(opaque(identity, 2) if psk else b"") + shares[1],
    )


def test_finite_field_and_a_pre_shared_key() -> None:
    """RFC 4279 section 3: both go into the pre-master secret."""
    key = bytes.fromhex("00112233445566778899aabbccddeeff")
    talk = finite_field_talk(0x00AA, psk=key, identity=b"sbc1")
    said = talk.say()
    server = PrivateKey(SERVER, "dh.key")
    heard = listen(talk.packets, ring([server], psks=[("sbc1", key.hex())]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.key_exchange == "DHE_PSK"
    for lacking in (ring([server]), ring(psks=[("sbc1", key.hex())])):
        dark = listen(talk.packets, lacking)
        assert not dark.records
        assert dark.verdict == "forward-secrecy"
    wrong = listen(talk.packets, ring([server], psks=[("sbc1", "aa" * 16)]))
    assert not wrong.records
    assert wrong.verdict == "wrong-secrets"


@pytest.mark.parametrize("value", [0, 1, PRIME - 1, PRIME + 5])
def test_a_public_value_that_is_no_element_of_the_group(value: int) -> None:
    """Its secret is known to everybody, or to nobody: no end accepts it (RFC 7919 section 5.1)."""
    talk = finite_field_talk(0x0033, value=value)
    talk.say()
    heard = listen(talk.packets, ring([PrivateKey(SERVER, "dh.key")]))
    assert not heard.records
    assert heard.verdict == "forward-secrecy"


def test_static_diffie_hellman_of_the_certificate() -> None:
    """ECDH_RSA: the server's certificate holds the share; without its key the verdict says so."""
    identity, client = certificates.server("ec"), certificates.ec_key(7)
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    point = client.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    talk = Talk(
        0xC02D,
        server=identity,
        premaster=client.exchange(ec.ECDH(), identity.key.public_key()),
        server_messages=[message(11, opaque(opaque(identity.certificate_der(), 3), 3))],
        client_exchange=opaque(point, 1),
    )
    said = talk.say()
    right = PrivateKey(identity.key, "ec.key")
    heard = listen(talk.packets, ring([right]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    other = PrivateKey(certificates.ec_key(9), "other.key")
    assert not listen(talk.packets, ring([other])).records


@pytest.mark.parametrize(
    ("suite", "server", "client"),
    [
        (0xC02B, b"\1\0\x17\1a", b"\1a"),  # explicit prime: no named curve
        (0xC02B, b"\3\0", b"\1a"),
        (0xC02B, b"\3\0\x17\1a", b"\5a"),
        (0x0033, b"\0\1a\0\1b", b"\0\1c"),
        (0x00A8, b"", b"\0\5a"),
        (0x00AC, b"", b"\0\1a\0\5b"),
        (0x002F, b"", b"\0\1a"),  # no Diffie-Hellman at all
    ],
)
def test_malformed_key_exchanges(suite: int, server: bytes, client: bytes) -> None:
    with pytest.raises(Malformed):
        key_exchange_shares(find_suite(suite), server, client)


def test_what_the_key_exchange_messages_hold() -> None:
    identity = opaque(b"me", 2)
    cases = {
        0x00A8: (b"", identity, (b"", b"", b"me", b"")),  # PSK
        0x00AC: (opaque(b"hint", 2), identity + opaque(b"xyz", 2), (b"", b"", b"me", b"xyz")),
        0xC035: (opaque(b"", 2) + b"\3\0\x17\1s", identity + b"\1c", (b"c", b"s", b"me", b"")),
        0xC031: (b"", b"\1c", (b"c", b"", b"", b"")),  # ECDH: the share is in the certificate
        0x0030: (b"", b"\0\2\0c", (b"c", b"", b"", b"")),  # DH, likewise
        0x0034: (b"\0\1p\0\1g\0\3\0\0s", b"\0\1c", (b"c", b"s", b"", b"")),  # DH_anon
        0xC018: (b"\3\0\x17\1s", b"\1c", (b"c", b"s", b"", b"")),  # ECDH_anon
    }
    for suite, (server, client, expected) in cases.items():
        assert tuple(key_exchange_shares(find_suite(suite), server, client)) == expected, hex(suite)


@pytest.mark.parametrize("first", [0, 1])
def test_a_key_used_again_opens_whichever_direction_comes_first(first: int) -> None:
    talk = finite_field_talk(0x0033)
    said = talk.say()
    apart = sorted(talk.packets, key=lambda packet: packet[0] != first)
    heard = listen(apart, ring([PrivateKey(SERVER, "dh.key")]))
    assert (bytes(heard.client), bytes(heard.server)) == said


@pytest.mark.parametrize("suite", [0x0034, 0xC018], ids=["DH_anon", "ECDH_anon"])
def test_anonymous_key_exchange_with_a_key_used_again(suite: int) -> None:
    if suite == 0x0034:
        talk, key = finite_field_talk(suite), PrivateKey(SERVER, "dh.key")
    else:
        server, client = x25519.X25519PrivateKey.generate(), x25519.X25519PrivateKey.generate()
        shares = [
            key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            for key in (server, client)
        ]
        talk = Talk(
            suite,
            premaster=client.exchange(server.public_key()),
            server_messages=[message(12, b"\3\0\x1d" + opaque(shares[0], 1))],
            client_exchange=opaque(shares[1], 1),
        )
        key = PrivateKey(server, "x25519.key")
    said = talk.say()
    heard = listen(talk.packets, ring([key]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"


def test_a_pre_master_secret_with_a_pre_shared_key() -> None:
    """RFC 4279 section 2: without another secret, as many zeros as the key has bytes."""
    assert psk_premaster(None, b"key") == b"\0\3\0\0\0\0\3key"
    assert psk_premaster(b"other", b"k") == b"\0\5other\0\1k"


def test_a_key_schedule_tells_nothing_in_its_repr() -> None:
    schedule = KeySchedule.__new__(KeySchedule)
    assert repr(schedule) == "<KeySchedule>"
    assert "none" not in repr(Exchange())
