"""Secrets, formulas and lengths: against tables made by hand, OpenSSL's key log and an own PRF."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from explain.stories import Story, explain_packets, explained
from kit import Flight, Switch, TlsPair, Version, certificates, tcp_packets
from tls.handmade import Talk, message, opaque
from tls.passive import ring, server_key, talk
from tqdecrypt.keys import PrivateKey
from tqdecrypt.tls.constants import Version as Wire
from tqdecrypt.tls.derive import key_block_sizes
from tqdecrypt.tls.suites import find_suite

# RFC 5246 section 6.3 and appendix C, by hand: MAC keys, keys, what stands in the IVs' place.
TABLE = [
    # suite, version, MAC key, key, IV or salt
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, Wire.TLS12, 20, 32, 0),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, Wire.TLS11, 20, 32, 0),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, Wire.TLS10, 20, 32, 16),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F, Wire.TLS10, 20, 16, 16),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003C, Wire.TLS12, 32, 16, 0),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000A, Wire.TLS10, 20, 24, 8),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000A, Wire.SSL3, 20, 24, 8),
    ("TLS_RSA_WITH_RC4_128_MD5", 0x0004, Wire.TLS12, 16, 16, 0),
    ("TLS_RSA_WITH_RC4_128_SHA", 0x0005, Wire.TLS10, 20, 16, 0),
    ("TLS_RSA_WITH_NULL_SHA256", 0x003B, Wire.TLS12, 32, 0, 0),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009C, Wire.TLS12, 0, 16, 4),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009D, Wire.TLS12, 0, 32, 4),
    ("TLS_RSA_WITH_AES_128_CCM", 0xC09C, Wire.TLS12, 0, 16, 4),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 0xC028, Wire.TLS12, 48, 32, 0),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA8, Wire.TLS12, 0, 32, 12),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035, Wire.DTLS10, 20, 32, 0),
]


@pytest.mark.parametrize(("name", "number", "version", "mac", "key", "iv"), TABLE)
def test_lengths_of_the_key_block(
    name: str, number: int, version: int, mac: int, key: int, iv: int
) -> None:
    suite = find_suite(number)
    assert suite.name == name
    assert key_block_sizes(suite, version) == (mac, mac, key, key, iv, iv)


def digest_of(secret: bytes) -> str:
    return f"SHA-256 {hashlib.sha256(secret).hexdigest()[:8]}…"


def p_sha256(secret: bytes, seed: bytes, length: int) -> bytes:
    """P_SHA256 of RFC 5246 section 5, written once more."""
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:length]


def master_of(pair: TlsPair) -> bytes:
    line = next(line for line in pair.keylog_lines if line.startswith("CLIENT_RANDOM"))
    return bytes.fromhex(line.split()[2])


def randoms_of(pair: TlsPair) -> tuple[bytes, bytes]:
    return pair.sent(True)[11:43], pair.sent(False)[11:43]


@pytest.mark.parametrize("options", [Switch(0), Switch.NO_EXTENDED_MASTER_SECRET])
def test_from_the_encrypted_premaster_to_the_key_block(options: Switch) -> None:
    pair = TlsPair(ciphers="AES128-GCM-SHA256", options=options)
    talk(pair)
    story = explained(pair, ring([server_key()]), show_secrets=True)
    master = master_of(pair)
    assert story.secret("encrypted pre-master secret").length == 256
    premaster = bytes.fromhex(story.secret("pre-master secret").shown)
    assert (len(premaster), premaster[:2]) == (48, b"\x03\x03")
    assert story.secret("master secret").shown == master.hex()
    client, server = randoms_of(pair)
    label = "master secret" if options else "extended master secret"
    assert f'"{label}"' in story.secret("master secret").how
    if options:
        assert p_sha256(premaster, b"master secret" + client + server, 48) == master
    block = p_sha256(master, b"key expansion" + server + client, 40)
    parts = story.secret("key block").parts
    assert [(p.name, p.offset, p.length) for p in parts] == [
        ("client MAC key", 0, 0),
        ("server MAC key", 0, 0),
        ("client key", 0, 16),
        ("server key", 16, 16),
        ("client salt", 32, 4),
        ("server salt", 36, 4),
    ]
    for part in parts:
        assert part.offset is not None
        assert part.shown == block[part.offset : part.offset + part.length].hex()
    assert story.secret("client verify_data").known
    assert story.secret("server verify_data").known


def test_secrets_are_shown_as_fingerprints_unless_asked_for() -> None:
    pair = TlsPair()
    talk(pair)
    story = explained(pair, ring([server_key()]))
    master = master_of(pair)
    assert story.secret("master secret").shown == digest_of(master)
    everything = repr(story.explanation)
    assert master.hex() not in everything
    client, server = randoms_of(pair)
    block = p_sha256(master, b"key expansion" + server + client, 40)
    for start in (0, 16):
        assert block[start : start + 16].hex() not in everything


def test_a_key_log_is_where_the_master_secret_comes_from() -> None:
    pair = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    talk(pair)
    story = explained(pair, ring(keylog=pair.keylog_lines))
    assert not story.secret("pre-master secret").known
    master = story.secret("master secret")
    assert master.known
    assert "From key log test.log" in master.note
    assert master.shown == digest_of(master_of(pair))
    assert story.given[0].startswith("the line of this session in a key log")


def test_in_the_dark_the_chain_breaks_where_it_breaks() -> None:
    pair = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    talk(pair)
    story = explained(pair, ring([server_key()]))
    assert [d.name for d in story.explanation.derivations[0] if not d.known and not d.public] == [
        "pre-master secret",
        "master secret",
        "key block",
    ]
    assert [p.length for p in story.secret("key block").parts] == [0, 0, 16, 16, 4, 4]
    assert not any(part.shown for part in story.secret("key block").parts)
    line = story.explanation.needs[0].literally
    assert line == f"CLIENT_RANDOM {randoms_of(pair)[0].hex()}"
    assert pair.keylog_lines[0].startswith(line)


def test_ssl3_has_formulas_of_its_own() -> None:
    made = Talk(suite=0x000A - 5, version=Wire.SSL3)
    made.say()
    flights = [Flight(side == 0, data) for side, data in made.packets]
    story = explain_packets(tcp_packets(flights), ring([server_key()]), show_secrets=True)[1]
    assert story.secret("master secret").shown == made.master.hex()
    assert story.secret("master secret").how.startswith("MD5(pre-master secret + SHA('A'")
    assert story.secret("client verify_data").length == 36
    assert story.secret("server verify_data").known


def test_a_hello_in_the_format_of_ssl2_is_read_too() -> None:
    made = Talk(ssl2_hello=True)
    made.say()
    flights = [Flight(side == 0, data) for side, data in made.packets]
    story = explain_packets(tcp_packets(flights), ring([server_key()]))[1]
    assert [suite.name for suite in story.step("ClientHello").suites] == [
        "TLS_RSA_WITH_AES_128_CBC_SHA"
    ]
    assert story.secret("pre-master secret").known


def test_a_server_that_uses_one_diffie_hellman_key_is_opened_by_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    other = ec.generate_private_key(ec.SECP256R1())
    share = other.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    chain = opaque(opaque(certificates.server().certificate_der(), 3), 3)
    made = Talk(
        suite=0xC013,
        premaster=other.exchange(ec.ECDH(), key.public_key()),
        server_messages=[
            message(11, chain),
            message(12, b"\3" + (23).to_bytes(2, "big") + opaque(point, 1) + b"\4\1\0\0"),
        ],
        client_exchange=opaque(share, 1),
    )
    made.say()
    flights = [Flight(side == 0, data) for side, data in made.packets]
    keys = ring([PrivateKey(key, "static.key")])
    story = explain_packets(tcp_packets(flights), keys, show_secrets=True)[1]
    assert story.explanation.report.verdict.value == "decrypted"
    assert story.secret("pre-master secret").shown == made.premaster.hex()
    assert story.secret("server's public half").length == 65
    assert story.given == ["the Diffie-Hellman key that the server uses again and again (-k FILE)"]


TREE = [
    ("pre-shared key", 0),
    ("Early Secret", 0),
    ("(EC)DHE", 0),
    ("Handshake Secret", 0),
    ("client_handshake_traffic_secret", 1),
    ("server_handshake_traffic_secret", 1),
    ("Master Secret", 0),
    ("client_application_traffic_secret_0", 1),
    ("server_application_traffic_secret_0", 1),
    ("exporter_master_secret", 1),
]


def expand(secret: bytes, label: bytes, length: int, digest: str = "sha384") -> bytes:
    """HKDF-Expand-Label with an empty context, one block of it (RFC 8446 section 7.1)."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"
    return hmac.digest(secret, info + b"\1", digest)[:length]


def test_the_tree_of_tls13() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    story = explained(pair, ring(keylog=pair.keylog_lines), show_secrets=True)
    assert [(d.name, d.depth) for d in story.explanation.derivations[0]] == TREE
    logged = {line.split()[0]: bytes.fromhex(line.split()[2]) for line in pair.keylog_lines}
    for name, label in (
        ("client_handshake_traffic_secret", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
        ("server_handshake_traffic_secret", "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
        ("client_application_traffic_secret_0", "CLIENT_TRAFFIC_SECRET_0"),
        ("server_application_traffic_secret_0", "SERVER_TRAFFIC_SECRET_0"),
    ):
        found = story.secret(name)
        assert found.shown == logged[label].hex()
        for part in found.parts:
            label_of_part = part.name.strip('"').encode()
            assert part.shown == expand(logged[label], label_of_part, part.length).hex()
        assert [p.length for p in found.parts[:2]] == [32, 12]
    assert not story.secret("Handshake Secret").known
    assert story.secret("Early Secret").public


def test_the_tree_of_tls13_without_secrets_says_what_a_key_log_calls_them() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    story = explained(pair, ring([server_key()]))
    assert [d.name for d in story.explanation.derivations[0]] == [name for name, _ in TREE[:-1]]
    note = story.secret("client_application_traffic_secret_0").note
    assert note == "Not known; in a key log it is called CLIENT_TRAFFIC_SECRET_0."
    assert story.explanation.needs[0].literally.startswith("CLIENT_TRAFFIC_SECRET_0 ")


@pytest.mark.parametrize(
    ("ciphers", "version", "words"),
    [
        ("AES128-SHA", Version.TLSv1, "The IVs are for the first record"),
        ("AES128-SHA", Version.TLSv1_2, "encrypt-then-MAC"),
        ("NULL-SHA", Version.TLSv1_2, "nothing is encrypted"),
        ("ECDHE-RSA-CHACHA20-POLY1305", Version.TLSv1_2, "the record's number are its nonce"),
        ("AES256-GCM-SHA384", Version.TLSv1_2, "no MAC keys"),
    ],
)
def test_what_the_parts_are_for(ciphers: str, version: Version, words: str) -> None:
    story: Story = explained(TlsPair(version=version, ciphers=ciphers), ring())
    assert words in story.secret("key block").note
