"""A client and a server written by hand, for what OpenSSL in Python cannot be asked to say.

Records are sealed here, anew, from the specifications: SSL 3.0 and HMAC, RC4, CBC, DEFLATE.  The keys
come from :mod:`tqdecrypt.tls.derive`, which has vectors of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kit import Identity, certificates
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derive import master_secret, partition_key_block, verify_data
from tqdecrypt.tls.suites import Protection, Suite, find_suite


def opaque(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + opaque(body, 3)


class Writer:
    """Seals the records of one direction."""

    def __init__(
        self, suite: Suite, version: int, mac_key: bytes, key: bytes, iv: bytes, deflate: bool
    ) -> None:
        self.suite, self.version, self.mac_key, self.key, self.iv = suite, version, mac_key, key, iv
        self.sequence = 0
        self.compress = zlib.compressobj() if deflate else None
        self.rc4: Callable[[bytes], bytes] | None = None
        if suite.cipher == "RC4_128":
            self.rc4 = Cipher(ARC4(key), None).encryptor().update

    def mac(self, kind: int, text: bytes) -> bytes:
        number = self.sequence.to_bytes(8, "big") + bytes([kind])
        size = len(text).to_bytes(2, "big")
        assert self.suite.mac is not None
        if self.version != Version.SSL3:
            header = number + self.version.to_bytes(2, "big") + size
            return hmac.digest(self.mac_key, header + text, self.suite.mac)
        pad = 48 if self.suite.mac == "md5" else 40
        inner = hashlib.new(self.suite.mac, self.mac_key + b"\x36" * pad + number + size + text)
        return hashlib.new(self.suite.mac, self.mac_key + b"\x5c" * pad + inner.digest()).digest()

    def write(self, kind: int, text: bytes) -> bytes:
        if self.compress is not None:
            text = self.compress.compress(text) + self.compress.flush(zlib.Z_SYNC_FLUSH)
        sealed = self.seal(kind, text)
        self.sequence += 1
        return bytes([kind]) + self.version.to_bytes(2, "big") + opaque(sealed, 2)

    def seal(self, kind: int, text: bytes) -> bytes:
        bulk = self.suite.bulk
        assert bulk is not None
        if bulk.protection is Protection.AEAD_EXPLICIT:
            nonce = self.sequence.to_bytes(8, "big")
            header = nonce + bytes([kind]) + self.version.to_bytes(2, "big")
            additional = header + len(text).to_bytes(2, "big")
            return nonce + AESGCM(self.key).encrypt(self.iv + nonce, text, additional)
        text += self.mac(kind, text)
        if self.rc4 is not None:
            return self.rc4(text)
        if bulk.protection is Protection.NULL:
            return text
        padding = 15 - len(text) % 16
        text += bytes([padding]) * (padding + 1)
        explicit = b"" if self.version < Version.TLS11 else hashlib.sha256(text).digest()[:16]
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(explicit or self.iv)).encryptor()
        sealed = explicit + cipher.update(text)
        self.iv = sealed[-16:]
        return sealed


@dataclass
class Talk:
    """A whole session; :attr:`packets` is what goes over the wire."""

    suite: int = 0x002F
    version: int = Version.TLS12
    deflate: bool = False
    ssl2_hello: bool = False
    server: Identity = field(default_factory=certificates.server)
    premaster: bytes = b""
    """Default: 48 bytes, encrypted to the server's RSA key."""
    server_messages: list[bytes] | None = None
    """Between ServerHello and ServerHelloDone; default: Certificate."""
    client_exchange: bytes | None = None
    """Body of ClientKeyExchange; default: the encrypted pre-master secret."""
    small_records: bool = False
    """Handshake messages in records of 300 bytes."""
    packets: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts = find_suite(self.suite)
        self.randoms = (hashlib.sha256(b"c").digest(), hashlib.sha256(b"s").digest())
        self.transcript = b""
        self.shake_hands()

    def plain(self, side: int, kind: int, content: bytes) -> None:
        version = self.version.to_bytes(2, "big")
        self.packets.append((side, bytes([kind]) + version + opaque(content, 2)))

    def say_handshake(self, side: int, *messages: bytes) -> None:
        content = b"".join(messages)
        self.transcript += content
        size = 300 if self.small_records else 16384
        for start in range(0, len(content), size):
            self.plain(side, 22, content[start : start + size])

    def client_hello(self) -> None:
        suites = self.suite.to_bytes(2, "big")
        version = self.version.to_bytes(2, "big")
        if self.ssl2_hello:
            self.randoms = (bytes(16) + self.randoms[0][16:], self.randoms[1])
            specs = b"\0" + suites
            sizes = len(specs).to_bytes(2, "big") + b"\0\0" + b"\0\x10"
            body = b"\1" + version + sizes + specs + self.randoms[0][16:]
            self.transcript += body
            self.packets.append((0, (len(body) | 0x8000).to_bytes(2, "big") + body))
            return
        methods = b"\1\0" if self.deflate else b"\0"
        body = version + self.randoms[0] + b"\0" + opaque(suites, 2) + opaque(methods, 1)
        self.say_handshake(0, message(1, body))

    def shake_hands(self) -> None:
        self.client_hello()
        version = self.version.to_bytes(2, "big")
        hello = version + self.randoms[1] + b"\0" + self.suite.to_bytes(2, "big")
        chain = opaque(opaque(self.server.certificate_der(), 3), 3)
        middle = self.server_messages
        if middle is None:
            middle = [message(11, chain)]
        done = message(14, b"")
        self.say_handshake(1, message(2, hello + bytes([self.deflate])), *middle, done)
        secret = self.premaster or version + bytes(range(46))
        exchange = self.client_exchange
        if exchange is None:
            public = self.server.key.public_key()
            assert isinstance(public, RSAPublicKey)
            exchange = public.encrypt(secret, PKCS1v15())
            if self.version != Version.SSL3:
                exchange = opaque(exchange, 2)
        self.say_handshake(0, message(16, exchange))
        digest = self.parts.prf_hash
        self.master = master_secret(self.version, digest, secret, *self.randoms)
        keys = partition_key_block(self.parts, self.version, self.master, *self.randoms)
        args = (self.parts, self.version)
        self.writers = (
            Writer(*args, keys.client_mac_key, keys.client_key, keys.client_iv, self.deflate),
            Writer(*args, keys.server_mac_key, keys.server_key, keys.server_iv, self.deflate),
        )
        for side in (0, 1):
            data = verify_data(self.version, digest, self.master, side == 0, self.transcript)
            finished = message(20, data)
            self.transcript += finished
            self.plain(side, 20, b"\1")
            self.write(side, 22, finished)

    def write(self, side: int, kind: int, text: bytes) -> None:
        self.packets.append((side, self.writers[side].write(kind, text)))

    def say(self, count: int = 3) -> tuple[bytes, bytes]:
        said = [b"", b""]
        for number in range(count):
            for side in (0, 1):
                text = b"message %d of side %d, again and again" % (number, side)
                said[side] += text
                self.write(side, 23, text)
        return said[0], said[1]
