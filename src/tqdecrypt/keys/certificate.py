"""What a certificate says, also one that a strict parser refuses.

The public key is what counts: it tells which private key opens the session.  It is found by a
small DER walk first; everything else is read by ``cryptography`` and left out where that fails.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tqdecrypt.errors import Malformed
from tqdecrypt.keys.der import (
    BIT_STRING,
    INTEGER,
    SEQUENCE,
    SET,
    Element,
    children,
    dotted,
    pull_element,
)
from tqdecrypt.keys.kinds import PublicFacts, public_facts
from tqdecrypt.wire import Cursor

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.x509 import Certificate

__all__ = ["CertificateFacts", "read_certificate", "read_distinguished_name"]

_T = TypeVar("_T")

_CACHED = 512
_MOST_CACHED_BYTES = 16_384
"""Larger certificates are read each time, so that the cache stays below 8 MiB."""

_EXPLICIT_VERSION = 0xA0
_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "2.5.8.1.1"})
"""rsaEncryption, id-RSASSA-PSS, and the rsa of X.509 itself."""
_COMMON_NAME = "2.5.4.3"
_SHORT_NAMES = {
    _COMMON_NAME: "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
"""RFC 4514 section 3."""
_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.20": "sipDomain",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
"""RFC 5280 section 4.2.1.12, RFC 5924."""
_CHARACTER_SETS = {0x0C: "utf-8", 0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""By tag; PrintableString, IA5String and whatever else are read as UTF-8."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What one certificate says."""

    fingerprint_sha256: str
    """Of the whole certificate, hexadecimal."""
    subject: str
    """RFC 4514; empty when the certificate names nobody."""
    issuer: str
    serial: str
    """Hexadecimal; with a minus sign when the issuer got it wrong."""
    not_before: datetime | None
    """UTC; ``None`` when it cannot be read."""
    not_after: datetime | None
    names: tuple[str, ...]
    """DNS names, addresses and URIs it is for, in its order; else the subject's common names."""
    key_kind: str
    """``RSA``, ``EC`` …; the algorithm's object identifier when the key cannot be read."""
    key_size: int
    """In bits; 0 when the key cannot be read."""
    spki_sha256: bytes
    """Identity of the public key, comparable with ``PrivateKey.spki_sha256``."""
    signature_algorithm: str
    """Object identifier of how it is signed; empty when it cannot be read."""
    self_signed: bool
    """Whether its own key signed it."""
    extended_key_usages: tuple[str, ...] = ()
    """What it is meant for: ``serverAuth``, ``clientAuth`` … (RFC 5280 section 4.2.1.12); empty: anything."""
    key_encipherment: bool | None = None
    """Whether its key usage lets clients encrypt a pre-master secret to the key (RFC 5246 section
    7.4.2); ``None`` when it says nothing."""

    @property
    def key(self) -> str:
        """Kind and size of the key: ``RSA 2048``."""
        return f"{self.key_kind} {self.key_size}" if self.key_size else self.key_kind


def read_certificate(der: bytes) -> CertificateFacts:
    """Return what the certificate *der* says (RFC 5280).

    Raises :class:`Malformed` when not even its public key can be found.  The last few hundred
    certificates are remembered: thousands of connections show the same one.
    """
    return _remembered(der) if len(der) <= _MOST_CACHED_BYTES else _read(der)


class _Fields(NamedTuple):
    """The first fields of a TBSCertificate (RFC 5280 section 4.1)."""

    serial: Element
    algorithm: Element
    issuer: Element
    validity: Element
    subject: Element
    spki: Element


def _pull_fields(der: bytes) -> _Fields:
    """Return the fields up to the public key.  What follows them may be damaged."""
    certificate = pull_element(Cursor(der))
    cursor = Cursor(pull_element(Cursor(certificate.content)).content)
    first = pull_element(cursor)
    if first.tag == _EXPLICIT_VERSION:
        first = pull_element(cursor)
    fields = _Fields(first, *(pull_element(cursor) for _ in range(5)))
    if [field.tag for field in fields] != [INTEGER] + [SEQUENCE] * 5:
        raise Malformed("a certificate", "other fields")
    if [part.tag for part in children(fields.spki)] != [SEQUENCE, BIT_STRING]:
        raise Malformed("a SubjectPublicKeyInfo", "other fields")
    return fields


def _read(der: bytes) -> CertificateFacts:
    from hashlib import sha256

    from cryptography.x509 import load_der_x509_certificate

    fields = _pull_fields(der)
    subject = _name_attributes(fields.subject)
    with warnings.catch_warnings():
        # cryptography warns of what certificates do wrong; whoever watches cannot change it.
        warnings.simplefilter("ignore")
        certificate = _attempt(lambda: load_der_x509_certificate(der), None)
        key = _read_public_key(fields.spki)
        return CertificateFacts(
            fingerprint_sha256=sha256(der).hexdigest(),
            subject=_read_name(certificate, "subject", fields.subject),
            issuer=_read_name(certificate, "issuer", fields.issuer),
            serial=_serial(fields.serial.content),
            not_before=_read_date(certificate, "not_valid_before_utc"),
            not_after=_read_date(certificate, "not_valid_after_utc"),
            names=_alternative_names(certificate)
            or tuple(text for rdn in subject for oid, text in rdn if oid == _COMMON_NAME),
            key_kind=key.kind,
            key_size=key.size,
            spki_sha256=key.spki_sha256,
            signature_algorithm=_attempt(lambda: dotted(children(fields.algorithm)[0].content), ""),
            self_signed=_is_self_signed(certificate, fields),
            extended_key_usages=_extended_key_usages(certificate),
            key_encipherment=_key_encipherment(certificate),
        )


_remembered = lru_cache(maxsize=_CACHED)(_read)


def _attempt(read: Callable[[], _T], otherwise: _T) -> _T:
    """Return what *read* returns, or *otherwise* when the certificate is too strange for it."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return read()
    except (
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        Malformed,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ):
        return otherwise


def _read_public_key(spki: Element) -> PublicFacts:
    from hashlib import sha256

    from cryptography.hazmat.primitives.serialization import load_der_public_key

    algorithm, bits = children(spki)
    identifier = _attempt(lambda: dotted(children(algorithm)[0].content), "unknown")
    known = _attempt(lambda: public_facts(load_der_public_key(spki.encoding)), None)
    if known is None and identifier in _RSA:
        # With parameters other than the standard's the key inside still is PKCS#1's (RFC 3279
        # section 2.3.1), behind the octet that counts a bit string's unused bits.
        known = _attempt(lambda: public_facts(load_der_public_key(bits.content[1:])), None)
    return known or PublicFacts(identifier, 0, sha256(spki.encoding).digest())


def _serial(content: bytes) -> str:
    """Return a serial number in whole bytes, as ``openssl x509 -serial`` does."""
    value = int.from_bytes(content, "big", signed=True)
    digits = f"{abs(value):x}"
    return "-" * (value < 0) + "0" * (len(digits) % 2) + digits


def _is_self_signed(certificate: Certificate | None, fields: _Fields) -> bool:
    if fields.subject.encoding != fields.issuer.encoding:
        return False
    if certificate is None:
        return True
    from cryptography.exceptions import InvalidSignature

    try:
        # Where the algorithm is not supported, the names are all there is to go by.
        _attempt(lambda: certificate.verify_directly_issued_by(certificate), None)
    except InvalidSignature:
        return False
    return True


def _alternative_names(certificate: Certificate | None) -> tuple[str, ...]:
    """Return DNS names, addresses and URIs of the subjectAltName (RFC 5280 section 4.2.1.6)."""
    if certificate is None:
        return ()
    from cryptography import x509

    def read() -> tuple[str, ...]:
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return ()
        wanted = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
        return tuple(str(name.value) for name in extension.value if isinstance(name, wanted))

    return _attempt(read, ())


def _extended_key_usages(certificate: Certificate | None) -> tuple[str, ...]:
    """Return the key purposes by their names in RFC 5280, unknown ones by their object identifiers."""
    if certificate is None:
        return ()
    from cryptography import x509

    def read() -> tuple[str, ...]:
        try:
            extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except x509.ExtensionNotFound:
            return ()
        return tuple(
            _PURPOSES.get(usage.dotted_string, usage.dotted_string) for usage in extension.value
        )

    return _attempt(read, ())


def _key_encipherment(certificate: Certificate | None) -> bool | None:
    if certificate is None:
        return None
    from cryptography import x509

    def read() -> bool | None:
        try:
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        except x509.ExtensionNotFound:
            return None
        return usage.value.key_encipherment

    return _attempt(read, None)


def _read_date(certificate: Certificate | None, which: str) -> datetime | None:
    def read() -> datetime | None:
        return None if certificate is None else getattr(certificate, which)

    return _attempt(read, None)


def _read_name(certificate: Certificate | None, which: str, name: Element) -> str:
    """Return a name as RFC 4514 writes it, by ``cryptography`` where that can read it."""

    def read() -> str | None:
        return None if certificate is None else getattr(certificate, which).rfc4514_string()

    strict = _attempt(read, None)
    return _render_name(_name_attributes(name)) if strict is None else strict


def read_distinguished_name(der: bytes) -> str:
    """Return a name in DER, as a server lists those of CAs, in the spelling of RFC 4514."""
    try:
        name = pull_element(Cursor(der))
    except Malformed:
        return f"a name that cannot be read ({len(der)} bytes)"
    return _render_name(_name_attributes(name)) or "an empty name"


def _name_attributes(name: Element) -> list[list[tuple[str, str]]]:
    """Return the relative distinguished names of *name*: object identifier and text.

    What cannot be read is left out: names are for people, and no reason to refuse a certificate.
    """
    found = []
    try:
        for rdn in children(name):
            if rdn.tag != SET:
                continue
            attributes = []
            for attribute in children(rdn):
                identifier, value = children(attribute)[:2]
                charset = _CHARACTER_SETS.get(value.tag, "utf-8")
                text = value.content.decode(charset, "replace")
                attributes.append((dotted(identifier.content), text))
            found.append(attributes)
    except (Malformed, ValueError):
        pass
    return found


def _render_name(name: list[list[tuple[str, str]]]) -> str:
    """Return *name* as RFC 4514 writes it: the last first, special characters escaped."""
    return ",".join(
        "+".join(f"{_SHORT_NAMES.get(oid, oid)}={_escape(text)}" for oid, text in rdn)
        for rdn in reversed(name)
    )


def _escape(text: str) -> str:
    """Escape an attribute's value (RFC 4514 section 2.4)."""
    escaped = "".join("\\" + char if char in '\\",;+<>' else char for char in text)
    escaped = escaped.replace("\0", "\\00")
    if text.startswith(("#", " ")):
        escaped = "\\" + escaped
    if text.endswith(" ") and len(text) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped
