"""Certificates: what they say, and that the key is found in those that no strict parser reads."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.keys import KeyRing, PrivateKey, read_certificate
from tqdecrypt.keys.certificate import _name_attributes, _pull_fields, _render_name
from tqdecrypt.keys.der import Element, children, dotted, pull_element
from tqdecrypt.wire import Cursor

from .encodings import SUBJECT, certificate, der, name


def element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    return bytes([tag, 0x82]) + length.to_bytes(2, "big") + content


def rebuilt(of: x509.Certificate, change: Callable[[list[bytes]], None]) -> bytes:
    """The certificate with fields of its TBSCertificate changed, so that its signature is wrong."""
    body, algorithm, signature = (part.encoding for part in pull_parts(der(of)))
    fields = [part.encoding for part in pull_parts(body)]
    change(fields)
    return element(0x30, element(0x30, *fields), algorithm, signature)


def pull_parts(encoding: bytes) -> list[Element]:
    return children(pull_element(Cursor(encoding)))


def test_the_facts_of_an_ordinary_certificate(rsa_key: rsa.RSAPrivateKey) -> None:
    made = certificate(
        rsa_key,
        names=[
            x509.DNSName("sbc.example"),
            x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
            x509.RFC822Name("who@example.com"),
            x509.UniformResourceIdentifier("sip:example.com"),
        ],
    )
    facts = read_certificate(der(made))
    assert facts.fingerprint_sha256 == hashlib.sha256(der(made)).hexdigest()
    assert facts.subject == facts.issuer == "CN=sbc\\, Berlin,C=DE"
    assert facts.serial == "0a1b2c"
    assert facts.not_before == datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert facts.not_after == datetime.datetime(2034, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert facts.names == ("sbc.example", "192.0.2.7", "sip:example.com")
    assert (facts.key_kind, facts.key_size) == ("RSA", 1024)
    assert facts.spki_sha256 == PrivateKey(rsa_key, "x").spki_sha256
    assert facts.self_signed
    assert read_certificate(bytes(bytearray(der(made)))) is facts, "it is remembered"


def test_without_alternative_names_the_common_name_counts(
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    facts = read_certificate(der(certificate(ec_key)))
    assert facts.names == ("sbc, Berlin",)
    assert (facts.key_kind, facts.key_size) == ("EC", 256)


def test_self_signed_needs_the_signature(
    rsa_key: rsa.RSAPrivateKey, other_rsa_key: rsa.RSAPrivateKey
) -> None:
    by_another = certificate(rsa_key, signed_by=other_rsa_key)
    assert not read_certificate(der(by_another)).self_signed
    ca = name((NameOID.COMMON_NAME, "CA"))
    issued = certificate(rsa_key, signed_by=other_rsa_key, issuer=ca)
    facts = read_certificate(der(issued))
    assert not facts.self_signed
    assert facts.issuer == "CN=CA"


# -- certificates that break rules ------------------------------------------------------------

VERSION, SERIAL, ISSUER, VALIDITY, SUBJECT_FIELD, SPKI, EXTENSIONS = 0, 1, 3, 4, 5, 6, 7


def check_key_is_found(data: bytes, key: rsa.RSAPrivateKey) -> None:
    private = PrivateKey(key, "server.key")
    facts = read_certificate(data)
    assert KeyRing([private]).match_certificate(facts) is private
    assert (facts.key_kind, facts.key_size) == ("RSA", 1024)


def test_a_negative_serial_number(rsa_key: rsa.RSAPrivateKey) -> None:
    def change(fields: list[bytes]) -> None:
        fields[SERIAL] = element(2, b"\xff\x01")

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    assert read_certificate(data).serial == "-ff"


def test_a_version_that_does_not_exist(rsa_key: rsa.RSAPrivateKey) -> None:
    def change(fields: list[bytes]) -> None:
        fields[VERSION] = element(0xA0, element(2, b"\x09"))

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    facts = read_certificate(data)
    assert facts.subject == "CN=sbc\\, Berlin,C=DE"
    assert (facts.not_before, facts.not_after) == (None, None)
    assert facts.names == ("sbc, Berlin",)
    assert facts.self_signed, "by its names, which is all there is"


def test_a_version_1_certificate(rsa_key: rsa.RSAPrivateKey) -> None:
    def change(fields: list[bytes]) -> None:
        del fields[VERSION]

    check_key_is_found(rebuilt(certificate(rsa_key), change), rsa_key)


def test_a_subject_with_bytes_that_are_no_text(rsa_key: rsa.RSAPrivateKey) -> None:
    common_name = element(0x30, element(6, b"\x55\x04\x03"), element(0x0C, b"sbc\xff1"))
    teletex = element(0x30, element(6, b"\x55\x04\x0a"), element(0x14, b"M\xfcller"))

    def change(fields: list[bytes]) -> None:
        fields[SUBJECT_FIELD] = element(0x30, element(0x31, teletex), element(0x31, common_name))

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    facts = read_certificate(data)
    assert facts.subject == "CN=sbc\ufffd1,O=M\xfcller"
    assert facts.names == ("sbc\ufffd1",)


def test_a_subject_that_is_half_readable(rsa_key: rsa.RSAPrivateKey) -> None:
    good = element(0x31, element(0x30, element(6, b"\x55\x04\x03"), element(0x0C, b"sbc")))

    def change(fields: list[bytes]) -> None:
        fields[SUBJECT_FIELD] = element(0x30, element(0x05), good, element(0x31, element(0x30)))

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    assert read_certificate(data).names == ("sbc",)


def test_an_impossible_date(rsa_key: rsa.RSAPrivateKey) -> None:
    def change(fields: list[bytes]) -> None:
        fields[VALIDITY] = element(0x30, element(0x17, b"991332256161Z"), element(0x17, b"x"))

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    assert read_certificate(data).not_before is None


def test_damaged_extensions(rsa_key: rsa.RSAPrivateKey) -> None:
    def change(fields: list[bytes]) -> None:
        fields.append(element(0xA3, b"\x30\x7f\x00"))

    check_key_is_found(rebuilt(certificate(rsa_key), change), rsa_key)


def test_a_damaged_alternative_name(rsa_key: rsa.RSAPrivateKey) -> None:
    value = element(0x30, element(0x82, b"sbc\xff.example"))
    extension = element(0x30, element(6, b"\x55\x1d\x11"), element(4, value))

    def change(fields: list[bytes]) -> None:
        fields.append(element(0xA3, element(0x30, extension)))

    data = rebuilt(certificate(rsa_key), change)
    check_key_is_found(data, rsa_key)
    assert read_certificate(data).names == ("sbc, Berlin",)


@pytest.mark.parametrize("identifier", ["2a864886f70d010101", "2a864886f70d01010a", "55080101"])
def test_an_rsa_key_under_another_name_or_without_parameters(
    rsa_key: rsa.RSAPrivateKey, identifier: str
) -> None:
    algorithm = element(0x30, element(6, bytes.fromhex(identifier)))

    def change(fields: list[bytes]) -> None:
        fields[SPKI] = element(0x30, algorithm, pull_parts(fields[SPKI])[1].encoding)

    check_key_is_found(rebuilt(certificate(rsa_key), change), rsa_key)


@pytest.mark.parametrize("algorithm", [b"", b"\x05\x00", b"\x06\x01\x80", b"\x06\x7f"])
def test_a_key_without_an_algorithm(rsa_key: rsa.RSAPrivateKey, algorithm: bytes) -> None:
    def change(fields: list[bytes]) -> None:
        fields[SPKI] = element(0x30, element(0x30, algorithm), element(3, b"\0key"))

    facts = read_certificate(rebuilt(certificate(rsa_key), change))
    assert (facts.key_kind, facts.key_size) == ("unknown", 0)


def test_a_key_of_an_unknown_algorithm(rsa_key: rsa.RSAPrivateKey) -> None:
    spki = element(0x30, element(0x30, element(6, b"\x2a\x03\x04")), element(3, b"\0key"))

    def change(fields: list[bytes]) -> None:
        fields[SPKI] = spki

    facts = read_certificate(rebuilt(certificate(rsa_key), change))
    assert (facts.key_kind, facts.key_size) == ("1.2.3.4", 0)
    assert facts.spki_sha256 == hashlib.sha256(spki).digest()


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"\x1f\x01\x00", b"hello"])
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_certificate(data)


def test_fields_in_another_order_are_no_certificate(rsa_key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(Malformed, match="a certificate"):
        read_certificate(rebuilt(certificate(rsa_key), list.reverse))

    def change(fields: list[bytes]) -> None:
        fields[SPKI] = element(0x30, element(2, b"\1"))

    with pytest.raises(Malformed, match="a SubjectPublicKeyInfo"):
        read_certificate(rebuilt(certificate(rsa_key), change))


def test_a_very_large_certificate_is_read_but_not_remembered(rsa_key: rsa.RSAPrivateKey) -> None:
    made = certificate(
        rsa_key, names=[x509.DNSName(f"host{number:04}.example") for number in range(1_000)]
    )
    first, second = read_certificate(der(made)), read_certificate(der(made))
    assert first == second
    assert first is not second
    assert len(first.names) == 1_000


@given(st.data())
def test_a_mutated_certificate_is_read_or_malformed(
    rsa_key: rsa.RSAPrivateKey, data: st.DataObject
) -> None:
    content = bytearray(der(certificate(rsa_key, names=[x509.DNSName("sbc.example")])))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        facts = read_certificate(bytes(content))
    except Malformed:
        return
    assert len(facts.spki_sha256) == 32


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
_OIDS = [
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.SERIAL_NUMBER,
]


@given(st.lists(st.tuples(st.sampled_from(_OIDS), _TEXT), max_size=4))
@example(
    [(NameOID.COMMON_NAME, text) for text in ("#1", " a", "a ", " ", "  ", "a\0", "\\", "+=,")]
)
def test_our_rendering_of_names_is_that_of_cryptography(
    attributes: list[tuple[x509.ObjectIdentifier, str]],
) -> None:
    subject = name(*attributes)
    ours = _render_name(_name_attributes(pull_element(Cursor(subject.public_bytes()))))
    assert ours == subject.rfc4514_string()


def test_object_identifiers() -> None:
    assert dotted(bytes.fromhex("2a864886f70d010101")) == "1.2.840.113549.1.1.1"
    assert dotted(b"\x88\x37\x01") == "2.999.1"
    with pytest.raises(Malformed):
        dotted(b"\x2a\x86")
    with pytest.raises(Malformed):
        dotted(b"")


def test_fields_stand_where_they_should(rsa_key: rsa.RSAPrivateKey) -> None:
    assert _pull_fields(der(certificate(rsa_key))).subject.encoding == SUBJECT.public_bytes()
