"""Private keys from files: every form, every mistake."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.keys import LoadedKeys, PrivateKey, load_private_keys
from tqdecrypt.keys.formats import Passphrases, read_key_file

from .encodings import (
    SECRET,
    SUBJECT,
    certificate,
    der,
    openssh,
    pem,
    pkcs8,
    pkcs12,
    traditional,
)


def spki(key: PrivateKeyTypes) -> bytes:
    public = key.public_key()
    encoding = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoding).digest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.key"


def load(path: Path, content: bytes, passphrase: bytes | None = None) -> LoadedKeys:
    path.write_bytes(content)
    path.chmod(0o600)
    return load_private_keys([path], passphrase=passphrase)


def problem(path: Path, content: bytes, passphrase: bytes | None = None) -> str:
    """The one problem with *content*, without the file's name and the full stop."""
    loaded = load(path, content, passphrase)
    assert loaded.keys == []
    (text,) = loaded.problems
    assert text.startswith(f"{path} ")
    assert text.endswith(".")
    return text[len(f"{path} ") : -1]


# -- what loads -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", ["PKCS#8 PEM", "PKCS#1 PEM", "PKCS#8", "PKCS#1", "OpenSSH", "PKCS#12"]
)
def test_every_plain_form(path: Path, rsa_key: rsa.RSAPrivateKey, form: str) -> None:
    content = {
        "PKCS#8 PEM": pem(rsa_key),
        "PKCS#1 PEM": traditional(rsa_key),
        "PKCS#8": pkcs8(rsa_key),
        "PKCS#1": traditional(rsa_key, Encoding.DER),
        "OpenSSH": openssh(rsa_key),
        "PKCS#12": pkcs12(rsa_key, None, [certificate(rsa_key)]),
    }[form]
    loaded = load(path, content)
    assert (loaded.problems, loaded.notes) == ([], [])
    (key,) = loaded.keys
    assert (key.source, key.kind, key.size) == ("server.key", "RSA", 1024)
    assert key.spki_sha256 == spki(rsa_key)
    assert key.modulus == rsa_key.private_numbers().public_numbers.n


@pytest.mark.parametrize("form", ["PEM", "DER", "PKCS#12"])
def test_every_encrypted_form(path: Path, rsa_key: rsa.RSAPrivateKey, form: str) -> None:
    content = {
        "PEM": pem(rsa_key, SECRET),
        "DER": pkcs8(rsa_key, SECRET),
        "PKCS#12": pkcs12(rsa_key, SECRET, [certificate(rsa_key)]),
    }[form]
    assert len(load(path, content, SECRET).keys) == 1
    how = "with --key-passphrase-file or TQDECRYPT_KEY_PASSPHRASE"
    assert problem(path, content) == f"is encrypted and needs a passphrase; give it {how}"
    assert (
        problem(path, content, b"no")
        == f"does not open with the passphrase; give the right one {how}"
    )


def test_a_passphrase_that_is_not_needed_does_no_harm(
    path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    assert len(load(path, pem(rsa_key), SECRET).keys) == 1


def test_several_keys_and_certificates_in_one_file(
    path: Path,
    rsa_key: rsa.RSAPrivateKey,
    other_rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    chain = certificate(rsa_key).public_bytes(Encoding.PEM)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    content = chain + pem(rsa_key) + parameters + traditional(ec_key) + pem(other_rsa_key, SECRET)
    loaded = load(path, content, SECRET)
    assert [key.kind for key in loaded.keys] == ["RSA", "EC", "RSA"]
    assert loaded.problems == []


def test_text_around_pem_line_ends_and_byte_order_mark(
    path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    bag = b"\xef\xbb\xbfBag Attributes\n    friendlyName: sbc\n"
    content = (bag + pem(rsa_key) + b"\ntrailing: text\n").replace(b"\n", b"\r\n")
    assert len(load(path, content).keys) == 1
    assert len(load(path, b"\xef\xbb\xbf" + pem(rsa_key)).keys) == 1
    assert len(load(path, pem(rsa_key).replace(b"\n", b"  \n   ")).keys) == 1
    assert len(load(path, pem(rsa_key).replace(b"\n", b"\r")).keys) == 1


def test_bytes_behind_der_do_no_harm(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    assert len(load(path, pkcs8(rsa_key) + b"\n").keys) == 1


def test_the_same_key_counts_once(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    first, second = tmp_path / "a.key", tmp_path / "b.key"
    first.write_bytes(pem(rsa_key) + traditional(rsa_key))
    second.write_bytes(pkcs8(rsa_key))
    loaded = load_private_keys([str(first), second, tmp_path])
    assert [key.source for key in loaded.keys] == ["a.key"]
    assert loaded.problems == []


@pytest.mark.parametrize("kind", ["EC", "DH", "X25519", "Ed25519"])
def test_other_kinds_load_with_a_note(
    path: Path, key_of_kind: dict[str, PrivateKeyTypes], kind: str
) -> None:
    loaded = load(path, pem(key_of_kind[kind]))
    (key,) = loaded.keys
    assert (key.kind, key.modulus) == (kind, None)
    assert key.decrypt_premaster(bytes(128)) is None
    (note,) = loaded.notes
    article = "a" if kind == "DH" else "an"
    assert note.startswith(
        f"{path} is {article} {kind} key ({key.size} bits): RSA key exchange needs an RSA key"
    )
    assert ("only sign" in note) == (kind == "Ed25519")
    assert note.endswith("give the server's RSA key, or a key log with --keylog.")


def test_a_key_that_everyone_can_read_is_noted(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, other_rsa_key: rsa.RSAPrivateKey
) -> None:
    first, second = tmp_path / "a.key", tmp_path / "b.key"
    first.write_bytes(pem(rsa_key))
    second.write_bytes(pem(other_rsa_key))
    first.chmod(0o644)
    second.chmod(0o604)
    (note,) = load_private_keys([first]).notes
    assert note == (
        f"{first} can be read by every user of this machine;"
        f" keep private keys to yourself: chmod 600 {first}"
    )
    (note,) = load_private_keys([tmp_path]).notes
    assert note.startswith(f"{first} and 1 more key file can be read")


# -- passphrases ------------------------------------------------------------------------------


def test_a_person_is_asked_up_to_three_times(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(pem(rsa_key, SECRET))
    path.chmod(0o600)
    asked: list[str] = []

    def ask(file: str) -> bytes | None:
        asked.append(file)
        return SECRET if len(asked) == 3 else b"wrong"

    loaded = load_private_keys([path, path], passphrase=b"also wrong", ask=ask)
    assert len(loaded.keys) == 1
    assert loaded.problems == []
    assert asked == [str(path)] * 3, "the second time the answer is known"


def test_a_person_may_give_up(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(pem(rsa_key, SECRET))
    loaded = load_private_keys([path], ask=lambda _: None)
    assert "needs a passphrase" in loaded.problems[0]
    loaded = load_private_keys([path], ask=lambda _: b"wrong")
    assert "does not open with the passphrase" in loaded.problems[0]


# -- directories ------------------------------------------------------------------------------


def test_a_directory_gives_its_keys_and_counts_the_rest(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    for name, content in (
        ("a.pem", pem(rsa_key)),
        ("b.p8", pkcs8(ec_key)),
        ("c.crt", certificate(rsa_key).public_bytes(Encoding.PEM)),
        ("README", b"keys of the lab\n"),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "old").mkdir()
    os.mkfifo(tmp_path / "pipe")
    loaded = load_private_keys([tmp_path])
    assert [key.source for key in loaded.keys] == ["a.pem", "b.p8"]
    assert loaded.problems == []
    assert loaded.notes == [f"{tmp_path}: 2 files are no private keys and were skipped."]


def test_a_directory_tells_what_was_meant_as_a_key(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    (tmp_path / "locked.key").write_bytes(pem(rsa_key, SECRET))
    (tmp_path / "cut.key").write_bytes(pem(rsa_key)[:300])
    loaded = load_private_keys([tmp_path])
    assert loaded.keys == []
    cut, locked = loaded.problems
    assert cut.startswith(f"{tmp_path}/cut.key is damaged PEM")
    assert locked.startswith(f"{tmp_path}/locked.key is encrypted")


def test_a_directory_without_a_key(tmp_path: Path) -> None:
    advice = "put the server's key there or give its file."
    assert load_private_keys([tmp_path]).problems == [
        f"The directory {tmp_path} has no private key (files looked at: 0); {advice}"
    ]
    (tmp_path / "README").write_text("nothing here\n")
    assert load_private_keys([tmp_path]).problems == [
        f"The directory {tmp_path} has no private key (files looked at: 1); {advice}"
    ]


# -- what is refused --------------------------------------------------------------------------


def test_a_certificate_names_the_key_to_look_for(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    made = certificate(rsa_key)
    expected = (
        "is a certificate, not a private key; give the key that belongs to it (subject"
        f" {SUBJECT.rfc4514_string()}, SHA-256 {made.fingerprint(hashes.SHA256()).hex()})"
    )
    assert problem(path, made.public_bytes(Encoding.PEM)) == expected
    assert problem(path, der(made)) == expected
    assert (
        problem(path, made.public_bytes(Encoding.PEM).replace(b"CERT", b"TRUSTED CERT")) == expected
    )


def test_a_damaged_certificate_is_still_named(path: Path) -> None:
    content = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert problem(path, content) == (
        "is a certificate, not a private key; give the key that belongs to it"
    )


def test_public_keys_requests_and_bundles(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    public = rsa_key.public_key()
    request = (
        x509.CertificateSigningRequestBuilder().subject_name(SUBJECT).sign(rsa_key, hashes.SHA256())
    )
    for encoding in (Encoding.PEM, Encoding.DER):
        for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
            text = "is a public key; give the private key that belongs to it"
            assert problem(path, public.public_bytes(encoding, form)) == text
        text = "is a certificate request, not a private key; give the key it was made with"
        assert problem(path, request.public_bytes(encoding)) == text
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert problem(path, ssh) == "is an SSH public key; give the private key of the TLS server"
    bundle = bytes.fromhex("300d06092a864886f70d010702a000")
    assert problem(path, bundle).startswith("is a certificate bundle (PKCS#7)")
    store = pkcs12(None, None, [certificate(rsa_key)])
    assert problem(path, store).startswith("is a PKCS#12 file without a private key")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty; copy the key file from the server again"),
        (b" \n\n", "is empty; copy the key file from the server again"),
        (b"dear colleague\n", "is not a private key; give the TLS server's private key as PEM"),
        (b"\x00\x01\x02", "is not a private key"),
        (b"\x30\x82\xff\xff", "is not a private key"),
        (b"0\x80rubbish", "is encrypted and needs a passphrase"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "is not a private key"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "is a capture, not a key; give it as CAPTURE"),
        (b"\x0a\x0d\x0d\x0a" + bytes(2_000_000), "is a capture, not a key; give it as CAPTURE"),
        (bytes(2_000_000), "is too large for a key file; give the server's key"),
        (b"PuTTY-User-Key-File-3: ssh-rsa\n", "is a PuTTY key; convert it: puttygen"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "is a Java key store; convert it: keytool"),
        (b"\x1f\x8b\x08", "is compressed; give the unpacked key file"),
        (b"CLIENT_RANDOM 00 00\n", "is a key log, not a key; give it with --keylog"),
        ("\ufeff-----BEGIN".encode("utf-16-le"), "is UTF-16 text; save it as plain text (UTF-8)"),
    ],
)
def test_what_is_no_key_is_named(path: Path, content: bytes, says: str) -> None:
    assert problem(path, content).startswith(says)


def test_damaged_pem(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    whole = pem(rsa_key)
    assert "END line is missing" in problem(path, whole[:-30])
    assert "lines are joined or cut" in problem(path, whole.replace(b"\n", b" "))
    assert "Base64 text is broken" in problem(path, whole.replace(b"M", b"~", 1))
    lines = whole.split(b"\n")
    assert "is a damaged private key" in problem(path, b"\n".join(lines[:3] + lines[4:]))
    loaded = load(path, whole[:-30] + b"\n" + whole)
    assert len(loaded.keys) == 1
    assert "END line is missing" in loaded.problems[0]


def test_an_rsa_key_whose_numbers_do_not_fit(path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    content = bytearray(traditional(rsa_key, Encoding.DER))
    exponent = rsa_key.private_numbers().d.to_bytes(128, "big").lstrip(b"\0")
    content[content.index(exponent) + 20] ^= 1
    assert problem(path, bytes(content)).startswith("is a damaged private key")


def test_a_pkcs12_file_with_an_algorithm_that_is_not_supported(
    path: Path, rsa_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pkcs12(rsa_key, SECRET, [certificate(rsa_key)])

    def refuse(*_: object) -> None:
        raise UnsupportedAlgorithm("RC2")

    monkeypatch.setattr("cryptography.hazmat.primitives.serialization.pkcs12.load_pkcs12", refuse)
    assert f"openssl pkcs12 -legacy -in {path} -nodes -out server.key" in problem(path, content)


def test_paths_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.key"
    assert load_private_keys([missing]).problems == [
        f"There is no key file {missing}; check the path."
    ]
    assert "cannot be read" in load_private_keys(["a\0b"]).problems[0]

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.key").write_text("x")
    monkeypatch.setattr("builtins.open", refuse)
    says = f"No permission to read {tmp_path}/a.key; run as its owner or change its mode."
    assert load_private_keys([tmp_path / "a.key"]).problems == [says]
    assert load_private_keys([tmp_path]).problems == [says]


def test_pkcs11_uris_repeat_no_pin() -> None:
    loaded = load_private_keys(["pkcs11:token=sbc;object=key?pin-value=1234"])
    assert loaded.problems == [
        "pkcs11: keys are not supported by this version; export the key or use a key log."
    ]


@given(st.binary(max_size=400))
def test_arbitrary_bytes_give_no_key_and_a_reason(data: bytes) -> None:
    contents = read_key_file(data, "x", Passphrases(SECRET, None))
    assert contents.keys == []
    assert contents.refusals


@given(st.data())
def test_a_mutated_key_loads_or_is_refused(rsa_key: rsa.RSAPrivateKey, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([traditional(rsa_key, Encoding.DER), pem(rsa_key)]))
    content = bytearray(form)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    contents = read_key_file(bytes(content), "x", Passphrases(None, None))
    assert contents.keys or contents.refusals


# -- what a key does --------------------------------------------------------------------------


def test_a_key_opens_what_was_encrypted_for_it(
    rsa_key: rsa.RSAPrivateKey, other_rsa_key: rsa.RSAPrivateKey
) -> None:
    premaster = b"\x03\x03" + os.urandom(46)
    sealed = rsa_key.public_key().encrypt(premaster, padding.PKCS1v15())
    key = PrivateKey(rsa_key, "server.key")
    assert key.decrypt_premaster(sealed) == premaster
    assert key.decrypt_premaster(sealed[1:]) is None
    assert key.decrypt_premaster(b"") is None
    assert PrivateKey(other_rsa_key, "other.key").decrypt_premaster(sealed) != premaster


def test_a_key_is_never_changed_pickled_or_copied(rsa_key: rsa.RSAPrivateKey) -> None:
    key = PrivateKey(rsa_key, "server.key")
    with pytest.raises(AttributeError, match="cannot be changed: size"):
        key.size = 1
    with pytest.raises(AttributeError, match="cannot be changed: size"):
        del key.size
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        pickle.dumps(key)
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        copy.deepcopy(key)
    digest = spki(rsa_key).hex()
    assert repr(key) == f"<PrivateKey RSA 1024 server.key {digest}>"
    assert key.describe() == f"server.key (RSA 1024, SHA-256 {digest[:8]}…)"
