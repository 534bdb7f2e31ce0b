"""A server written by hand whose Diffie-Hellman key is chosen, for OpenSSL's client to talk to.

No server of others can be told its "ephemeral" key.  That OpenSSL takes our Finished, and reads what we
say, is the proof that both came to the same secret.
"""

from __future__ import annotations

import hashlib
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, ec, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit import certificates
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derive import master_secret, partition_key_block, verify_data
from tqdecrypt.tls.suites import find_suite

from .handmade import Writer, message, opaque

PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A0879"
    "8E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B"
    "0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""The smallest prime that OpenSSL takes (RFC 2409 section 6.2): a rare secret is found soon."""

_VERSIONS = {
    Version.TLS10: ssl.TLSVersion.TLSv1,
    Version.TLS11: ssl.TLSVersion.TLSv1_1,
    Version.TLS12: ssl.TLSVersion.TLSv1_2,
}


def finite_field_key(private: int, prime: int = PRIME) -> dh.DHPrivateKey:
    """Return the key with this exponent; the generator is 2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography advises against the whole algorithm
        numbers = dh.DHPublicNumbers(pow(2, private, prime), dh.DHParameterNumbers(prime, 2))
        return dh.DHPrivateNumbers(private, numbers).private_key()


@dataclass(frozen=True)
class Agreement:
    """How one kind of key is used: its parameters for ServerKeyExchange, and the secret."""

    key: Any
    parameters: bytes
    """With the public value (RFC 5246 section 7.4.3, RFC 8422 section 5.4)."""
    secret: Callable[[bytes], bytes]
    """The pre-master secret from the body of ClientKeyExchange."""


def curve(key: ec.EllipticCurvePrivateKey, group: int) -> Agreement:
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def secret(body: bytes) -> bytes:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, body[1:])
        return key.exchange(ec.ECDH(), peer)

    return Agreement(key, b"\3" + group.to_bytes(2, "big") + opaque(point, 1), secret)


def montgomery(key: Any, group: int, public: Any) -> Agreement:
    share = opaque(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), 1)
    parameters = b"\3" + group.to_bytes(2, "big") + share
    return Agreement(key, parameters, lambda body: key.exchange(public.from_public_bytes(body[1:])))


def finite_field(private: int) -> Agreement:
    """Up to TLS 1.2 leading zeros of the secret are stripped (RFC 5246 section 8.1.2)."""
    size = len(number(PRIME))
    parts = (PRIME, 2, pow(2, private, PRIME))
    return Agreement(
        finite_field_key(private),
        b"".join(opaque(number(part), 2) for part in parts),
        lambda body: (
            pow(int.from_bytes(body[2:], "big"), private, PRIME).to_bytes(size, "big").lstrip(b"\0")
        ),
    )


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


AGREEMENTS: dict[str, Callable[[], Agreement]] = {
    "P-256": lambda: curve(ec.generate_private_key(ec.SECP256R1()), 23),
    "P-384": lambda: curve(ec.generate_private_key(ec.SECP384R1()), 24),
    "X25519": lambda: montgomery(x25519.X25519PrivateKey.generate(), 29, x25519.X25519PublicKey),
    "X448": lambda: montgomery(x448.X448PrivateKey.generate(), 30, x448.X448PublicKey),
    "DHE": lambda: finite_field(0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF1 << 64),
}


@dataclass
class KeyedServer:
    """A handshake with OpenSSL's client, and what went over the wire."""

    agreement: Agreement
    version: Version = Version.TLS12
    packets: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        finite = self.agreement.parameters[:1] != b"\3"  # no named curve
        self.number = 0x0033 if finite else 0xC013
        self.suite = find_suite(self.number)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        name = "DHE-RSA-AES128-SHA" if finite else "ECDHE-RSA-AES128-SHA"
        context.set_ciphers(f"{name}:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = _VERSIONS[self.version]
        self.client = context.wrap_bio(self.incoming, self.outgoing)
        self.shake_hands()

    def shake_hands(self) -> None:
        self.step()
        hello = self.heard()[0][5:]
        randoms = (hello[6:38], hashlib.sha256(b"server").digest())
        version = self.version.to_bytes(2, "big")
        chain = opaque(opaque(certificates.server().certificate_der(), 3), 3)
        parameters = self.agreement.parameters
        renegotiation = opaque(b"\xff\1\0\1\0", 2)
        suite = self.number.to_bytes(2, "big")
        ours = (
            message(2, version + randoms[1] + b"\0" + suite + b"\0" + renegotiation)
            + message(11, chain)
            + message(12, parameters + self.signed(b"".join(randoms) + parameters))
            + message(14, b"")
        )
        self.tell(b"\x16" + version + opaque(ours, 2))
        self.step()
        exchange = self.heard()[0][5:]
        self.secret = self.agreement.secret(exchange[4:])
        digest = self.suite.prf_hash
        master = master_secret(self.version, digest, self.secret, *randoms)
        keys = partition_key_block(self.suite, self.version, master, *randoms)
        transcript = hello + ours + exchange
        theirs = message(20, verify_data(self.version, digest, master, True, transcript))
        data = verify_data(self.version, digest, master, False, transcript + theirs)
        args = (self.suite, self.version, keys.server_mac_key, keys.server_key, keys.server_iv)
        self.writer = Writer(*args, False)
        change = b"\x14" + version + b"\0\1\1"
        self.tell(change + self.writer.write(22, message(20, data)))
        self.client.do_handshake()

    def signed(self, content: bytes) -> bytes:
        """Return a Signature over *content* (RFC 5246 section 7.4.3, RFC 4346 section 7.4.3)."""
        key = certificates.server().key
        assert isinstance(key, rsa.RSAPrivateKey)
        if self.version == Version.TLS12:
            return b"\4\1" + opaque(key.sign(content, padding.PKCS1v15(), hashes.SHA256()), 2)
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        digest += hashlib.sha1(content, usedforsecurity=False).digest()
        size = key.key_size // 8
        padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
        numbers = key.private_numbers()
        signature = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
        return opaque(signature.to_bytes(size, "big"), 2)

    def step(self) -> None:
        try:
            self.client.do_handshake()
        except ssl.SSLWantReadError:
            return
        raise AssertionError("the handshake needs more")

    def heard(self) -> list[bytes]:
        """Return the records that the client sent now."""
        data, records = self.outgoing.read(), []
        self.packets.append((0, data))
        while data:
            length = 5 + int.from_bytes(data[3:5], "big")
            records.append(data[:length])
            data = data[length:]
        return records

    def tell(self, data: bytes) -> None:
        self.packets.append((1, data))
        self.incoming.write(data)

    def say(self) -> tuple[bytes, bytes]:
        """Let both ends say something."""
        texts = (b"OPTIONS sip:b@example.com SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n")
        self.client.write(texts[0])
        self.heard()
        self.tell(self.writer.write(23, texts[1]))
        assert self.client.read(100) == texts[1]
        return texts
