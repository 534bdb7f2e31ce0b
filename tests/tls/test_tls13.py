"""TLS 1.3 with a key log: phases, KeyUpdate, HelloRetryRequest, resumption, missing secrets."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kit import Flight, TlsPair, Version

from .passive import ANSWER, REQUEST, flat, listen, records_of, ring, server_key, talk


class RetryPair(TlsPair):
    """The server wants a group that the client guessed wrong: HelloRetryRequest (RFC 8446 4.1.4)."""

    def _context(self, protocol: ssl._SSLMethod, ciphers: str) -> ssl.SSLContext:
        context = super()._context(protocol, ciphers)
        if protocol == ssl.PROTOCOL_TLS_SERVER:
            context.set_ecdh_curve("secp384r1")
        return context


PAIRS: dict[str, Callable[..., TlsPair]] = {"plain": TlsPair, "retried": RetryPair}


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_key_log_opens_it(kind: str, mutual: bool) -> None:
    pair = PAIRS[kind](version=Version.TLSv1_3, mutual=mutual)
    said = talk(pair)
    pair.close()
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    report = heard.report
    assert report.finished_verified is True
    assert report.mutual_tls is mutual
    assert (report.version, report.key_exchange, report.handshakes) == ("TLS 1.3", "ECDHE", 1)
    assert (report.extended_master_secret, report.encrypt_then_mac) == (None, None)
    assert report.server_subject is not None
    assert "sip.example.com" in report.server_subject
    assert report.ending.startswith("close_notify from the client and server")
    assert report.notes == []


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("kind", PAIRS)
def test_the_directions_may_come_in_any_order(kind: str, first: int) -> None:
    pair = PAIRS[kind](version=Version.TLSv1_3)
    said = talk(pair)
    packets = sorted(flat(pair.flights), key=lambda packet: packet[0] != first)
    heard = listen(packets, ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.notes == []


def test_the_servers_key_does_not_open_it() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    heard = listen(pair.flights, ring([server_key()]))
    assert heard.verdict == "tls13"
    assert not heard.records
    assert heard.report.client_encrypted_bytes > 0
    assert any("--keylog" in sentence for sentence in heard.report.advice)


def test_resumed_by_psk() -> None:
    first = TlsPair(version=Version.TLSv1_3)
    pair = TlsPair(version=Version.TLSv1_3, resume_from=first)
    assert pair.resumed
    said = talk(pair)
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.resumed == "psk"
    assert heard.report.finished_verified is True


def without(lines: list[str], *labels: str) -> list[str]:
    return [line for line in lines if line.split()[0] not in labels]


def test_handshake_secrets_may_be_missing() -> None:
    """Some programs log only what opens application data; that is enough for it."""
    pair = TlsPair(version=Version.TLSv1_3)
    said = talk(pair)
    lines = without(
        pair.keylog_lines, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
    )
    heard = listen(pair.flights, ring(keylog=lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is None


@pytest.mark.parametrize("side", ["CLIENT", "SERVER"])
def test_secrets_of_one_direction_only(side: str) -> None:
    """The other direction stays dark, and the verdict does not call that decrypted."""
    pair = TlsPair(version=Version.TLSv1_3)
    said = talk(pair)
    lines = [line for line in pair.keylog_lines if line.startswith(side)]
    heard = listen(pair.flights, ring(keylog=lines))
    readable = (said[0], b"") if side == "CLIENT" else (b"", said[1])
    assert (bytes(heard.client), bytes(heard.server)) == readable
    assert heard.verdict == "tls13"
    assert "secrets" in heard.report.why


def hkdf_label(secret: bytes, label: bytes, size: int) -> bytes:
    """``HKDF-Expand-Label`` written anew for one block (RFC 8446 section 7.1)."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    digest = "sha384"
    return hmac.digest(secret, info + b"\1", digest)[:size]


class Speaker:
    """Writes TLS 1.3 records with AES-256-GCM under a traffic secret, independently."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.sequence = 0

    def write(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        inner = content + bytes([kind]) + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        iv = int.from_bytes(hkdf_label(self.secret, b"iv", 12), "big")
        nonce = (iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return header + AESGCM(hkdf_label(self.secret, b"key", 32)).encrypt(nonce, inner, header)

    def update(self) -> bytes:
        """KeyUpdate (RFC 8446 section 4.6.3), and the next secret."""
        record = self.write(22, bytes([24, 0, 0, 1, 0]))
        self.secret = hkdf_label(self.secret, b"traffic upd", hashlib.sha384().digest_size)
        self.sequence = 0
        return record


def speaker(pair: TlsPair, label: str) -> Speaker:
    secret = next(line.split()[2] for line in pair.keylog_lines if line.startswith(label))
    return Speaker(bytes.fromhex(secret))


def test_key_updates_padding_and_empty_records() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    assert pair.suite == "TLS_AES_256_GCM_SHA384"
    client = speaker(pair, "CLIENT_TRAFFIC_SECRET_0")
    said = b""
    wire = b""
    for number in range(5):
        said += b"message %d" % number
        wire += client.write(23, b"message %d" % number, padding=number * 7)
        wire += client.write(23, b"") + client.update()
    heard = listen([*pair.flights, Flight(True, wire)], ring(keylog=pair.keylog_lines))
    assert bytes(heard.client) == said
    assert heard.verdict == "decrypted"


def test_a_key_update_inside_a_gap() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    client = speaker(pair, "CLIENT_TRAFFIC_SECRET_0")
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    heard.hear(0, client.write(23, b"before"))
    heard.miss(0, len(client.write(23, b"lost") + client.update() + client.write(23, b"lost")))
    heard.hear(0, client.write(23, b"behind"))
    heard.finish()
    assert bytes(heard.client) == b"beforebehind"
    assert heard.verdict == "packets-missing"


def test_an_alert_in_clear_before_the_keys() -> None:
    """A client that cannot go on may say so unprotected (RFC 8446 section 6)."""
    pair = TlsPair(version=Version.TLSv1_3)
    packets = flat(pair.flights)[:2]
    heard = listen([*packets, (0, bytes([21, 3, 3, 0, 2, 2, 48]))], ring())
    assert heard.verdict == "handshake-failed"
    assert heard.report.alert == "unknown_ca (fatal) from the client, frame 3"


@pytest.mark.parametrize("number", [0x00C6, 0x0A0A, 0xFFFF, 0x002F, 0xCCA8])
def test_an_unknown_or_foreign_suite(number: int) -> None:
    """A ServerHello may say anything; with secrets at hand nothing may break (SM4, GREASE …)."""
    pair = TlsPair(version=Version.TLSv1_3)
    (hello, *rest) = records_of(pair.sent(False))
    client = pair.sent(True)
    place = 5 + 4 + 2 + 32 + 1 + hello[5 + 4 + 2 + 32]
    forged = hello[:place] + number.to_bytes(2, "big") + hello[place + 2 :]
    packets = [(0, client[:-64]), (1, forged + b"".join(rest)), (0, client[-64:])]
    heard = listen(packets, ring(keylog=pair.keylog_lines))
    assert heard.verdict in ("unsupported-suite", "wrong-secrets")
    assert not heard.records


def test_answers_come_with_their_frames() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair, 1)
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    frames = [frame for _, _, frame in heard.records]
    assert frames == sorted(frames)
    assert [text[:7] for _, text, _ in heard.records] == [REQUEST[:7], ANSWER[:7]]
