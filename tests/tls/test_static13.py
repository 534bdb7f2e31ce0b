"""TLS 1.3 with a key that both ends, or we, have beforehand, and early data.

A static key of the server (ETSI TS 103 523-3), and pre-shared keys (RFC 8446 section 4.2.11).
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import certificates
from tqdecrypt.keys import PrivateKey

from .passive import listen, ring

HASH = "sha256"
EMPTY = hashlib.sha256(b"").digest()


def opaque(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + opaque(body, 3)


def expand(secret: bytes, label: bytes, context: bytes, size: int = 32) -> bytes:
    """``HKDF-Expand-Label`` for one block (RFC 8446 section 7.1), written anew."""
    info = size.to_bytes(2, "big") + opaque(b"tls13 " + label, 1) + opaque(context, 1)
    return hmac.digest(secret, info + b"\1", HASH)[:size]


class Keys:
    """Seals records under one traffic secret."""

    def __init__(self, secret: bytes) -> None:
        self.aead = AESGCM(expand(secret, b"key", b"", 16))
        self.iv = int.from_bytes(expand(secret, b"iv", b"", 12), "big")
        self.finished = expand(secret, b"finished", b"")
        self.sequence = 0

    def seal(self, kind: int, content: bytes) -> bytes:
        header = b"\x17\3\3" + (len(content) + 17).to_bytes(2, "big")
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return header + self.aead.encrypt(nonce, content + bytes([kind]), header)


class Session:
    """The whole key schedule, by hand (RFC 8446 section 7.1)."""

    def __init__(
        self, *, early: bytes = b"", psk: bytes = b"", label: bytes = b"ext", shares: bool = True
    ) -> None:
        self.server_key, client_key = certificates.ec_key(20), certificates.ec_key(21)
        self.packets: list[tuple[int, bytes]] = []
        self.random = bytes([1]) * 32
        early_secret = hmac.digest(bytes(32), psk or bytes(32), HASH)
        public = [self.share(client_key), self.share(self.server_key)]
        offered = opaque(opaque(b"\3\4", 1), 2)
        extensions = b"\0\x2b" + offered + b"\0\x33" + opaque(opaque(public[0], 2), 2)
        if early:
            extensions += b"\0\x2a\0\0"
        body = b"\3\3" + self.random + b"\0" + opaque(b"\x13\1", 2) + b"\1\0"
        hello = message(1, body + opaque(extensions, 2))
        if psk:
            hello = self.bound(body, extensions, expand(early_secret, label + b" binder", EMPTY))
        self.messages = hello
        self.packets.append((0, b"\x16\3\1" + opaque(hello, 2)))
        self.early = self.derive(early_secret, b"c e traffic")
        if early:
            self.packets.append((0, Keys(self.early).seal(23, early)))
        chosen = b"\0\x2b\0\2\3\4"
        if shares:
            chosen += b"\0\x33" + opaque(public[1], 2)
        if psk:
            chosen += b"\0\x29\0\2\0\1"  # the second of those offered
        answer = message(2, b"\3\3" + bytes([2]) * 32 + b"\0\x13\1\0" + opaque(chosen, 2))
        self.messages += answer
        self.packets.append((1, b"\x16\3\3" + opaque(answer, 2)))
        shared = client_key.exchange(ec.ECDH(), self.server_key.public_key())
        if not shares:
            shared = bytes(32)
        salt = expand(early_secret, b"derived", EMPTY)
        handshake = hmac.digest(salt, shared, HASH)
        self.traffic = [
            self.derive(handshake, b"c hs traffic"),
            self.derive(handshake, b"s hs traffic"),
        ]
        master = hmac.digest(expand(handshake, b"derived", EMPTY), bytes(32), HASH)
        client, server = map(Keys, self.traffic)
        accepted = b"\0\4\0\x2a\0\0" if early else b"\0\0"
        self.send(1, server, message(8, accepted))
        self.send(1, server, message(20, self.verify(server)))
        self.traffic += [self.derive(master, b"c ap traffic"), self.derive(master, b"s ap traffic")]
        self.send(0, client, message(20, self.verify(client)))
        self.writers = [Keys(secret) for secret in self.traffic[2:]]

    @staticmethod
    def bound(body: bytes, extensions: bytes, binder_key: bytes) -> bytes:
        """Return a ClientHello with two identities, and their binders behind all else."""
        extensions += b"\0\x2d\0\3\2\0\1"  # psk_ke, psk_dhe_ke
        identities = opaque(opaque(b"other", 2) + bytes(4) + opaque(b"sbc1", 2) + bytes(4), 2)
        size = len(identities) + 2 + 2 * 33
        extensions += b"\0\x29" + size.to_bytes(2, "big") + identities
        whole = message(1, body + opaque(extensions + bytes(2 + 2 * 33), 2))
        hashed = hashlib.sha256(whole[: -2 - 2 * 33]).digest()
        binder = hmac.digest(expand(binder_key, b"finished", b""), hashed, HASH)
        return whole[: -2 - 2 * 33] + opaque(opaque(bytes(32), 1) + opaque(binder, 1), 2)

    @staticmethod
    def share(key: ec.EllipticCurvePrivateKey) -> bytes:
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return b"\0\x17" + opaque(point, 2)

    def derive(self, secret: bytes, label: bytes) -> bytes:
        return expand(secret, label, hashlib.sha256(self.messages).digest())

    def verify(self, keys: Keys) -> bytes:
        return hmac.digest(keys.finished, hashlib.sha256(self.messages).digest(), HASH)

    def send(self, side: int, keys: Keys, content: bytes) -> None:
        self.messages += content
        self.packets.append((side, keys.seal(22, content)))

    def say(self) -> tuple[bytes, bytes]:
        texts = (b"from the client", b"from the server")
        for side, text in enumerate(texts):
            self.packets.append((side, self.writers[side].seal(23, text)))
        return texts

    def keylog(self) -> list[str]:
        labels = (
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
        )
        lines = [
            f"{label} {self.random.hex()} {secret.hex()}"
            for label, secret in zip(labels, self.traffic, strict=True)
        ]
        return [*lines, f"CLIENT_EARLY_TRAFFIC_SECRET {self.random.hex()} {self.early.hex()}"]


def test_a_static_key_opens_tls13() -> None:
    session = Session()
    said = session.say()
    heard = listen(session.packets, ring([PrivateKey(session.server_key, "static.key")]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.secrets_from == "static key static.key"


def test_without_the_static_key() -> None:
    session = Session()
    session.say()
    other = PrivateKey(certificates.ec_key(22), "other.key")
    assert listen(session.packets, ring([other])).verdict == "tls13"


def test_early_data() -> None:
    session = Session(early=b"early")
    said = session.say()
    heard = listen(session.packets, ring(keylog=session.keylog()))
    assert (bytes(heard.client), bytes(heard.server)) == (b"early" + said[0], said[1])
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True


def test_early_data_without_its_secret_stays_dark() -> None:
    session = Session(early=b"early")
    said = session.say()
    heard = listen(session.packets, ring(keylog=session.keylog()[:-1]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "tls13"
    assert "early data" in heard.report.why


PSK = bytes.fromhex("00112233445566778899aabbccddeeff")
OURS = [("sbc1", PSK.hex())]


def test_a_pre_shared_key_alone_opens_what_was_made_with_it_alone() -> None:
    session = Session(psk=PSK, shares=False)
    said = session.say()
    heard = listen(session.packets, ring(psks=OURS))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert (heard.report.secrets_from, heard.report.key_exchange) == ("pre-shared key", "PSK")
    assert heard.report.resumed == "no"


def test_with_key_shares_a_pre_shared_key_is_not_enough() -> None:
    session = Session(psk=PSK)
    said = session.say()
    dark = listen(session.packets, ring(psks=OURS))
    assert not dark.records
    assert (dark.verdict, dark.report.resumed) == ("tls13", "no")
    both = ring([PrivateKey(session.server_key, "static.key")], psks=OURS)
    heard = listen(session.packets, both)
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.secrets_from == "static key static.key"


def test_a_key_log_opens_it_and_the_binder_says_that_it_is_no_resumption() -> None:
    session = Session(psk=PSK)
    said = session.say()
    for psks, resumed in ((OURS, "no"), ([("sbc1", "aa" * 16)], "psk"), ([], "psk")):
        heard = listen(session.packets, ring(keylog=session.keylog(), psks=psks))
        assert (bytes(heard.client), bytes(heard.server)) == said
        assert heard.report.resumed == resumed


def test_a_resumption_has_another_binder() -> None:
    session = Session(psk=PSK, label=b"res", shares=False)
    session.say()
    heard = listen(session.packets, ring(psks=OURS))
    assert not heard.records
    assert (heard.verdict, heard.report.resumed) == ("tls13", "psk")
