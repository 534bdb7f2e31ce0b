"""Throw-away keys and certificates, made once per test run.

Every function here is cached: the first test that asks pays for the key, the others share it.
Names are those of RFC 2606 (``example.com``), validity reaches from 2020 to 2049 so that captures
with old timestamps verify too.

>>> server().key_pem()[:27]
b'-----BEGIN PRIVATE KEY-----'
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    ParameterFormat,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = [
    "Identity",
    "IdentityFiles",
    "authority",
    "client",
    "diffie_hellman_pem",
    "ec_key",
    "expired_server",
    "intermediate",
    "issue",
    "rsa_key",
    "server",
    "stranger",
    "stranger_authority",
]

Key: TypeAlias = "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey"
RsaBits: TypeAlias = Literal[1024, 2048, 3072, 4096]

_VALID_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_VALID_UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)


class IdentityFiles(NamedTuple):
    """Where :meth:`Identity.write` put things."""

    key: Path
    """The private key, PKCS#8 in PEM, unencrypted."""
    certificate: Path
    """The certificate and its issuer's, PEM."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key with its certificate."""

    key: Key
    certificate: x509.Certificate
    issuer: Identity | None = None
    """Who signed it; ``None`` when it signed itself."""

    def key_pem(
        self, passphrase: bytes | None = None, private_format: PrivateFormat = PrivateFormat.PKCS8
    ) -> bytes:
        """Return the private key in PEM; ``TraditionalOpenSSL`` gives ``BEGIN RSA PRIVATE KEY``."""
        return self.key.private_bytes(Encoding.PEM, private_format, _encryption(passphrase))

    def key_der(
        self, passphrase: bytes | None = None, private_format: PrivateFormat = PrivateFormat.PKCS8
    ) -> bytes:
        """Return the private key in DER."""
        return self.key.private_bytes(Encoding.DER, private_format, _encryption(passphrase))

    def certificate_pem(self) -> bytes:
        """Return the certificate alone in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def certificate_der(self) -> bytes:
        """Return the certificate alone in DER, as it travels in a Certificate message."""
        return self.certificate.public_bytes(Encoding.DER)

    def chain_pem(self) -> bytes:
        """Return the certificate and all its issuers in PEM."""
        return self.certificate_pem() + (self.issuer.chain_pem() if self.issuer else b"")

    def pkcs12(self, passphrase: bytes | None = None) -> bytes:
        """Return key and certificate in one PKCS#12 file."""
        return pkcs12.serialize_key_and_certificates(
            b"throw-away", self.key, self.certificate, None, _encryption(passphrase)
        )

    def write(self, directory: Path, stem: str = "server") -> IdentityFiles:
        """Write ``<stem>.key`` and ``<stem>.crt`` (the chain) into *directory*."""
        files = IdentityFiles(directory / f"{stem}.key", directory / f"{stem}.crt")
        files.key.write_bytes(self.key_pem())
        files.certificate.write_bytes(self.chain_pem())
        return files


def _encryption(passphrase: bytes | None) -> KeySerializationEncryption:
    return NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)


@functools.cache
def rsa_key(bits: RsaBits = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    """Return an RSA key of *bits*; another one for another *which*."""
    return rsa.generate_private_key(65537, bits)


@functools.cache
def ec_key(which: int = 0) -> ec.EllipticCurvePrivateKey:
    """Return a P-256 key; another one for another *which*."""
    return ec.generate_private_key(ec.SECP256R1())


def issue(
    key: Key,
    names: Sequence[str],
    issuer: Identity | None,
    *,
    usage: x509.ObjectIdentifier | None = None,
    may_sign: bool = False,
    valid_from: datetime.datetime = _VALID_FROM,
    valid_until: datetime.datetime = _VALID_UNTIL,
) -> Identity:
    """Certify *key* for *names*: the first is the common name, all are alternative names.

    Names that read as IP addresses become address entries.  Without *issuer* the certificate is
    self-signed and a certificate authority's.

    :param may_sign: whether it is an authority's although it has an issuer.
    """
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Throw-away test keys"),
            x509.NameAttribute(NameOID.COMMON_NAME, names[0]),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .add_extension(
            x509.BasicConstraints(ca=issuer is None or may_sign, path_length=None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        ).add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
    else:
        builder = builder.add_extension(_MAY_SIGN_CERTIFICATES, critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Identity(key, certificate, issuer)


_MAY_SIGN_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@functools.cache
def authority() -> Identity:
    """Return the certificate authority that both sides trust."""
    return issue(ec_key(100), ["Example Test CA"], None)


@functools.cache
def stranger_authority() -> Identity:
    """Return a certificate authority that nobody trusts."""
    return issue(ec_key(101), ["Unknown Test CA"], None)


@functools.cache
def intermediate() -> Identity:
    """Return an authority that :func:`authority` lets issue certificates."""
    return issue(ec_key(102), ["Example Issuing CA"], authority(), may_sign=True)


_SERVER_NAMES = ("sip.example.com", "192.0.2.20")
_CLIENT_NAMES = ("pbx.example.net", "192.0.2.10")


@functools.cache
def server(kind: RsaBits | Literal["ec"] = 2048) -> Identity:
    """Return the server ``sip.example.com`` with an RSA key of that many bits, or an EC key."""
    key = ec_key(1) if kind == "ec" else rsa_key(kind)
    return issue(key, _SERVER_NAMES, authority(), usage=ExtendedKeyUsageOID.SERVER_AUTH)


@functools.cache
def client(kind: RsaBits | Literal["ec"] = 2048) -> Identity:
    """Return the client ``pbx.example.net``."""
    key = ec_key(2) if kind == "ec" else rsa_key(kind, 1)
    return issue(key, _CLIENT_NAMES, authority(), usage=ExtendedKeyUsageOID.CLIENT_AUTH)


@functools.cache
def expired_server() -> Identity:
    """Return the server's key with a certificate that ended in 2021."""
    return issue(
        rsa_key(),
        _SERVER_NAMES,
        authority(),
        usage=ExtendedKeyUsageOID.SERVER_AUTH,
        valid_until=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC),
    )


@functools.cache
def stranger() -> Identity:
    """Return a client whose certificate nobody trusts."""
    return issue(
        rsa_key(2048, 1),
        ("stranger.example.org",),
        stranger_authority(),
        usage=ExtendedKeyUsageOID.CLIENT_AUTH,
    )


@functools.cache
def diffie_hellman_pem() -> bytes:
    """Return the group ffdhe2048, by its formula (RFC 7919 appendix A.1), as PEM parameters."""
    with localcontext() as context, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography advises against the whole algorithm
        context.prec = 700
        e = int(Decimal(1).exp() * 2**1918)
        prime = 2**2048 - 2**1984 + (e + 560_316) * 2**64 - 1
        group = dh.DHParameterNumbers(prime, 2).parameters()
        return group.parameter_bytes(Encoding.PEM, ParameterFormat.PKCS3)
