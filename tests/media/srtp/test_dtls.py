"""DTLS-SRTP: the keys of both ends from a handshake that was decrypted, as OpenSSL exports them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.dtls.record import Recording, record, write_material
from kit import certificates
from kit.srtp import Protector, rtp_packet
from tls.datagrams import Datagram, listen_datagrams, parse, recorded_key, recording
from tqdecrypt.dispatch import Dispatcher
from tqdecrypt.keys import KeyLog, KeyRing, PrivateKey
from tqdecrypt.media.srtp import SrtpOpener, Unusable, chosen_profile, keys_from_handshake
from tqdecrypt.media.srtp.suites import PROFILES, SUITES
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.observing import Observers
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.exchange import Exchange

CLIENT, SERVER = "192.0.2.10:40000", "192.0.2.20:40002"
Told = tuple[int, str, str, Exchange]


class Heard:
    """An observer."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def srtp_agreed(self, session: int, client: str, server: str, exchange: Exchange) -> None:
        self.told.append((session, client, server, exchange))


def dispatch(datagrams: list[Datagram], keys: KeyRing) -> list[Told]:
    """Return what an observer is told."""
    heard = Heard()
    told = heard.told
    dispatcher = Dispatcher(
        SecretFinder(keys),
        (),
        [],
        lambda report: None,
        observers=Observers([heard]),
    )
    ends = CLIENT, SERVER
    for frame, (side, data) in enumerate(datagrams, 1):
        dispatcher.receive_dtls(ends[side], ends[1 - side], data, frame, frame)
        dispatcher.report_settled()
    before_the_end = len(told)
    dispatcher.finish()
    assert len(told) == before_the_end or told[-1][3].master is None
    return told


def server_key() -> KeyRing:
    return KeyRing([PrivateKey(certificates.server().key, "server.key")])


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(
    ("profile", "suite", "tls_suite", "version"),
    [
        ("SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", "AES128-GCM-SHA256", "-dtls1_2"),
        ("SRTP_AES128_CM_SHA1_32", "AES_CM_128_HMAC_SHA1_32", "AES128-SHA", "-dtls1"),
        ("SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", "AES256-GCM-SHA384", "-dtls1_2"),
        (
            "SRTP_AEAD_AES_128_GCM",
            "AEAD_AES_128_GCM",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "-dtls1_2",
        ),
    ],
)
def test_the_keys_are_those_that_openssl_exports(
    profile: str, suite: str, tls_suite: str, version: str, tmp_path: Path
) -> None:
    protection = SUITES[suite]
    key, salt = protection.key_length, protection.salt_length
    options = (
        *("-use_srtp", profile, "-keymatexport", "EXTRACTOR-dtls_srtp"),
        *("-keymatexportlen", str(2 * (key + salt))),
    )
    made = Recording(version, tls_suite, server=options, client=options)
    write_material(tmp_path)
    (spoken,) = parse(record(replace(made, lines=((True, b"hello\n"),)), tmp_path))
    exported = spoken.exported
    assert len(exported) == 2 * (key + salt)
    keys = server_key()
    if tls_suite.startswith("ECDHE"):
        keylog = KeyLog()
        keylog.feed("".join(f"{line}\n" for line in spoken.keylog).encode(), "keys.log")
        keys = KeyRing(keylog=keylog)
    ((number, client, server, exchange),) = dispatch(spoken.datagrams, keys)
    assert (number, client, server) == (1, CLIENT, SERVER)
    found = keys_from_handshake(exchange, "DTLS session 1")
    assert found is not None
    assert found.client.suite_name == found.server.suite_name == suite
    assert found.client.material == exported[:key] + exported[2 * key : 2 * key + salt]
    assert found.server.material == exported[key : 2 * key] + exported[2 * key + salt :]
    assert found.client.origin == "DTLS session 1, client"
    # And what such an end sends opens.
    packets = [rtp_packet(n) for n in range(3)]
    sender = Protector(suite, found.client.material)
    opener = SrtpOpener([found.client], [found.server])
    assert opener.receive([sender.rtp(packet, 0) for packet in packets]).clear == packets
    # Without a key it is told at the end that the handshake stayed dark.
    ((*_, dark),) = dispatch(spoken.datagrams, KeyRing())
    assert chosen_profile(dark) == chosen_profile(exchange)
    assert keys_from_handshake(dark, "DTLS session 1") is None


def with_use_srtp(data: bytes) -> Exchange:
    """A handshake with this answer to use_srtp."""
    heard = listen_datagrams(recording("rsa").datagrams, recorded_ring())
    exchange = heard.session.exchanges[0]
    assert exchange.server_hello is not None
    extensions = exchange.server_hello.extensions | {ExtensionType.use_srtp: data}
    exchange.server_hello = replace(exchange.server_hello, extensions=extensions)
    return exchange


def recorded_ring() -> KeyRing:
    return KeyRing([recorded_key()])


@pytest.mark.parametrize(
    ("data", "profile"),
    [
        ("0002000100", (1, b"")),
        ("0002000802abcd", (8, b"\xab\xcd")),
        ("0004000100020", None),
        ("", None),
        ("00020001", None),
        ("0004000100080000", None),
    ],
)
def test_the_answer_to_use_srtp_is_read(data: str, profile: tuple[int, bytes] | None) -> None:
    exchange = with_use_srtp(bytes.fromhex(data if len(data) % 2 == 0 else data + "0"))
    assert chosen_profile(exchange) == profile
    assert (keys_from_handshake(exchange, "") is None) is (profile is None)


@pytest.mark.parametrize("number", sorted(PROFILES))
def test_every_profile_has_keys_of_its_length(number: int) -> None:
    exchange = with_use_srtp(b"\0\2" + number.to_bytes(2, "big") + b"\1\7")
    keys = keys_from_handshake(exchange, "")
    assert keys is not None
    suite = SUITES[PROFILES[number]]
    for key in (keys.client, keys.server):
        assert key.unusable is None
        assert key.mki == b"\7"
        assert key.material is not None
        assert len(key.material) == suite.material_length
    assert keys.client.material != keys.server.material


def test_a_profile_that_nothing_opens_is_named() -> None:
    keys = keys_from_handshake(with_use_srtp(bytes.fromhex("0002000a00")), "")
    assert keys is not None
    assert keys.client.unusable is Unusable.SUITE
    assert keys.client.suite_name == "DTLS-SRTP profile 0x000a"
    opener = SrtpOpener([keys.client])
    opener.receive([rtp_packet(1)])
    assert opener.report().verdict is MediaVerdict.UNSUPPORTED_SUITE


def test_handshakes_without_use_srtp_are_not_told() -> None:
    assert not dispatch(recording("rsa").datagrams, recorded_ring())
