"""What OpenSSL in Python cannot be asked to say: old versions and ciphers, compression, PSK …"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import certificates
from tqdecrypt.keys import PrivateKey
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.handshaking import MAX_CHAIN

from .handmade import Talk, message, opaque
from .passive import Passive, key_of, listen, ring, server_key

VERSIONS = (Version.SSL3, Version.TLS10, Version.TLS11, Version.TLS12)


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("suite", [0x0004, 0x0005, 0x002F, 0x0035, 0x0001], ids=hex)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_versions_ciphers_and_compression(version: Version, suite: int, deflate: bool) -> None:
    talk = Talk(suite, version, deflate)
    said = talk.say()
    heard = listen(talk.packets, ring([server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted", heard.report.why
    assert heard.report.finished_verified is True


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS12])
def test_a_client_hello_in_ssl2_format(version: Version) -> None:
    talk = Talk(0x002F, version, ssl2_hello=True)
    said = talk.say()
    whole = listen(talk.packets, ring([server_key()]))
    bytewise = Passive(SecretFinder(ring([server_key()])))
    for side, data in talk.packets:
        for byte in data:
            bytewise.hear(side, bytes([byte]))
    bytewise.finish()
    for heard in (whole, bytewise):
        assert (bytes(heard.client), bytes(heard.server)) == said
        assert heard.verdict == "decrypted"
        assert heard.report.finished_verified is True


def test_a_long_chain_over_many_records() -> None:
    chain = opaque(opaque(certificates.server().certificate_der(), 3) + opaque(bytes(16_000), 3), 3)
    talk = Talk(server_messages=[message(11, chain)], small_records=True)
    assert len(talk.packets) > 50
    said = talk.say()
    heard = listen(talk.packets, ring([server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.finished_verified is True


def test_certificates_of_a_chain_are_read_up_to_the_first_that_cannot_be() -> None:
    good = [certificates.server().certificate_der(), certificates.authority().certificate_der()]
    ders = [*good, bytes(200), certificates.client().certificate_der()]
    chain = opaque(b"".join(opaque(der, 3) for der in ders), 3)
    talk = Talk(server_messages=[message(11, chain)])
    talk.say()
    report = listen(talk.packets, ring([server_key()])).report
    assert [facts.names[0] for facts in report.server_chain] == [
        "sip.example.com",
        "Example Test CA",
    ]
    assert report.server_chain[0] is report.server_facts
    assert any("certificate 3 of 4" in note for note in report.notes)
    assert report.client_chain == ()


def test_an_endless_chain_is_looked_at_in_part_and_that_is_said() -> None:
    chain = opaque(opaque(certificates.server().certificate_der(), 3) * (MAX_CHAIN + 5), 3)
    talk = Talk(server_messages=[message(11, chain)])
    said = talk.say()
    heard = listen(talk.packets, ring([server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert len(heard.report.server_chain) == MAX_CHAIN
    assert any(f"{MAX_CHAIN + 5} certificates" in note for note in heard.report.notes)


def test_broken_compression_is_not_called_decrypted() -> None:
    talk = Talk(deflate=True)
    talk.write(0, 23, b"before")
    talk.writers[0].compress = None
    talk.write(0, 23, b"no deflate at all")
    talk.write(0, 23, b"behind")
    heard = listen(talk.packets, ring([server_key()]))
    assert bytes(heard.client) == b"before"
    assert heard.verdict == "corrupt-records"
    assert any("compressed" in note for note in heard.report.notes)


def test_rc4_finds_its_place_behind_a_gap() -> None:
    talk = Talk(0x0005)
    start = len(talk.packets)
    talk.say(8)
    heard = Passive(SecretFinder(ring([server_key()])))
    client = [data for side, data in talk.packets if side == 0]
    for side, data in talk.packets[:start]:
        heard.hear(side, data)
    stream = b"".join(client[4:])
    cut = len(client[4]) + 7
    lost = len(client[5]) + len(client[6]) + 11
    heard.hear(0, stream[:cut])
    heard.miss(0, lost)
    heard.hear(0, stream[cut + lost :])
    heard.finish()
    texts = [text for from_client, text, _ in heard.records if from_client]
    assert [text[8:9] for text in texts] == [b"0", b"4", b"5", b"6", b"7"]
    assert heard.verdict == "packets-missing"


PSK = "00112233445566778899aabbccddeeff"


def psk_premaster(other: bytes) -> bytes:
    return opaque(other, 2) + opaque(bytes.fromhex(PSK), 2)


def plain_psk() -> Talk:
    return Talk(
        0x00A8,
        premaster=psk_premaster(bytes(16)),
        server_messages=[],
        client_exchange=opaque(b"sbc1", 2),
    )


@pytest.mark.parametrize(
    "given",
    [[("sbc1", PSK)], [(None, PSK)], [(None, "aa"), (None, "bb"), ("x", "cc"), (None, PSK)]],
    ids=["named", "unnamed", "among others"],
)
def test_a_pre_shared_key(given: list[tuple[str | None, str]]) -> None:
    talk = plain_psk()
    said = talk.say()
    heard = listen(talk.packets, ring(psks=given))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.key_exchange == "PSK"


def test_the_right_pre_shared_key_is_found_behind_a_hole() -> None:
    """The first record is lost; the key is proven by a later one."""
    talk = plain_psk()
    said = talk.say()
    heard = Passive(SecretFinder(ring(psks=[(None, "aa"), (None, PSK)])))
    lost = 4  # the client's Finished
    for number, (side, data) in enumerate(talk.packets):
        if number == lost:
            heard.miss(side, len(data))
        else:
            heard.hear(side, data)
    heard.finish()
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "packets-missing"


def test_another_pre_shared_key() -> None:
    talk = plain_psk()
    talk.say()
    assert listen(talk.packets, ring(psks=[("other", PSK)])).verdict == "no-matching-key"
    heard = listen(talk.packets, ring(psks=[(None, "aa"), (None, "bb")]))
    assert heard.verdict == "wrong-secrets"
    assert not heard.records


def test_rsa_with_a_pre_shared_key() -> None:
    server = certificates.server()
    public = server.key.public_key()
    assert isinstance(public, RSAPublicKey)
    secret = b"\3\3" + bytes(46)
    talk = Talk(
        0x00AC,
        premaster=psk_premaster(secret),
        client_exchange=opaque(b"sbc1", 2) + opaque(public.encrypt(secret, PKCS1v15()), 2),
    )
    said = talk.say()
    heard = listen(talk.packets, ring([server_key()], psks=[("sbc1", PSK)]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize("static", [True, False], ids=["ECDH", "ECDHE with a key used again"])
def test_a_static_key_of_the_server(static: bool) -> None:
    identity, client = certificates.server("ec"), certificates.ec_key(7)
    server = identity.key if static else certificates.ec_key(8)
    assert isinstance(server, ec.EllipticCurvePrivateKey)
    secret = client.exchange(ec.ECDH(), server.public_key())
    messages = [message(11, opaque(opaque(identity.certificate_der(), 3), 3))]
    if not static:
        messages.append(message(12, b"\3\0\x17" + opaque(point(server), 1) + b"signature"))
    talk = Talk(
        0xC02D if static else 0xC02B,
        server=identity,
        premaster=secret,
        server_messages=messages,
        client_exchange=opaque(point(client), 1),
    )
    said = talk.say()
    heard = listen(talk.packets, ring([PrivateKey(server, "static.key")]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.secrets_from == "static key static.key"


def test_a_certificate_that_was_not_seen() -> None:
    """Every key of the right size is tried, and the record proves which it was."""
    talk = Talk(server_messages=[])
    said = talk.say()
    other = PrivateKey(certificates.rsa_key(2048, 5), "other.key")
    heard = listen(talk.packets, ring([other, key_of(certificates.server())]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert listen(talk.packets, ring([other])).verdict in ("no-matching-key", "wrong-secrets")


NO_RENEGOTIATION = bytes([1, 100])


@pytest.mark.parametrize("first", [None, 0, 1], ids=["in order", "client first", "server first"])
def test_a_refused_renegotiation_and_then_another(first: int | None) -> None:
    """The client asks again, is refused, asks again, and gets it: the hellos must pair up right."""
    talk = Talk(0x009C)
    talk.say(1)
    refused = message(1, b"\3\3" + bytes([9]) * 32 + b"\0" + opaque(b"\0\x9c", 2) + b"\1\0")
    talk.write(0, 22, refused)
    talk.write(1, 21, NO_RENEGOTIATION)
    again = Renegotiated(talk)
    said = again.say(2)
    packets = talk.packets
    if first is not None:
        packets = sorted(packets, key=lambda packet: packet[0] != first)
    heard = listen(packets, ring([server_key()]))
    assert bytes(heard.client).endswith(said[0])
    assert bytes(heard.server).endswith(said[1])
    assert heard.verdict == "decrypted", heard.report.why
    assert heard.report.handshakes == 2
    assert heard.report.finished_verified is True


class Renegotiated(Talk):
    """A handshake inside an open session."""

    def __init__(self, within: Talk) -> None:
        self.within = within.writers
        super().__init__(within.suite, within.version, packets=within.packets)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.randoms = (bytes([5]) * 32, bytes([6]) * 32)

    def plain(self, side: int, kind: int, content: bytes) -> None:
        self.packets.append((side, self.within[side].write(kind, content)))
