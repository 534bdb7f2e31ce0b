"""Writes keys and certificates in the forms that users have them in."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

SECRET = b"correct horse"
CertificateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: PrivateKeyTypes, passphrase: bytes | None = None) -> bytes:
    """PKCS#8 PEM."""
    return pkcs8(key, passphrase, Encoding.PEM)


def pkcs8(
    key: PrivateKeyTypes, passphrase: bytes | None = None, encoding: Encoding = Encoding.DER
) -> bytes:
    """PKCS#8."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(encoding, PrivateFormat.PKCS8, encryption)


def traditional(key: CertificateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    """PKCS#1 or SEC 1."""
    return key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def openssh(key: rsa.RSAPrivateKey, passphrase: bytes | None = None) -> bytes:
    """The form that ssh-keygen writes."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


def pkcs12(
    key: rsa.RSAPrivateKey | None, passphrase: bytes | None, chain: list[x509.Certificate]
) -> bytes:
    """PKCS#12."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    certificate = chain[0] if key else None
    return serialize_key_and_certificates(
        b"sbc", key, certificate, None if key else chain, encryption
    )


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """A distinguished name, most general first."""
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes])


SUBJECT = name((NameOID.COUNTRY_NAME, "DE"), (NameOID.COMMON_NAME, "sbc, Berlin"))


def certificate(
    key: CertificateKey,
    *,
    signed_by: CertificateKey | None = None,
    subject: x509.Name = SUBJECT,
    issuer: x509.Name | None = None,
    names: list[x509.GeneralName] | None = None,
) -> x509.Certificate:
    """A certificate of *key*, by default signed by itself."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(0x0A1B2C)
        .not_valid_before(datetime.datetime(2024, 1, 2, 3, 4, 5))
        .not_valid_after(datetime.datetime(2034, 1, 2, 3, 4, 5))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signed_by or key, hashes.SHA256())


def der(of: x509.Certificate) -> bytes:
    """The bytes of a certificate."""
    return of.public_bytes(Encoding.DER)
