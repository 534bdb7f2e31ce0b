"""Key files that other programs wrote, held against what those programs say of them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tqdecrypt.keys import KeyLogFile, KeyRing, load_private_keys, read_certificate

from .conftest import OpenSSL

PASSPHRASE = "correct horse"


def spki_by_openssl(directory: Path, key: str) -> bytes:
    command = ["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"]
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return hashlib.sha256(done.stdout).digest()


@pytest.fixture
def made(openssl: OpenSSL, tmp_path: Path) -> Path:
    """A directory with plain.key, an RSA key that openssl made."""
    openssl("genrsa", "-out", "plain.key", "1024")
    return tmp_path


_FORMS = {
    "traditional": "rsa -in plain.key -traditional -out out",
    "traditional DER": "rsa -in plain.key -traditional -outform DER -out out",
    "traditional, AES": "rsa -in plain.key -traditional -aes128 -passout PASS -out out",
    "traditional, 3DES": "rsa -in plain.key -traditional -des3 -passout PASS -out out",
    "PKCS#8": "pkcs8 -topk8 -nocrypt -in plain.key -out out",
    "PKCS#8 DER": "pkcs8 -topk8 -nocrypt -in plain.key -outform DER -out out",
    "PKCS#8, AES": "pkcs8 -topk8 -in plain.key -v2 aes-256-cbc -passout PASS -out out",
    "PKCS#8, 3DES": "pkcs8 -topk8 -in plain.key -v2 des3 -passout PASS -out out",
    "PKCS#8, PBES1": "pkcs8 -topk8 -in plain.key -v1 PBE-SHA1-3DES -passout PASS -out out",
    "PKCS#8 DER, scrypt": "pkcs8 -topk8 -in plain.key -scrypt -outform DER -passout PASS -out out",
    "PKCS#12": "pkcs12 -export -inkey plain.key -in crt -passout PASS -out out",
    "PKCS#12, 3DES": "pkcs12 -export -inkey plain.key -in crt -passout PASS -out out"
    " -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
    "PKCS#12, RC2": "pkcs12 -export -legacy -inkey plain.key -in crt -passout PASS -out out",
    "PKCS#12, empty": "pkcs12 -export -inkey plain.key -in crt -passout pass: -out out",
    "PKCS#12, plain": "pkcs12 -export -inkey plain.key -in crt -passout pass: -out out"
    " -keypbe NONE -certpbe NONE -nomac",
}


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("form", _FORMS)
def test_every_form_that_openssl_writes(made: Path, openssl: OpenSSL, form: str) -> None:
    openssl("req", "-new", "-x509", "-key", "plain.key", "-subj", "/CN=sbc", "-out", "crt")
    arguments = [f"pass:{PASSPHRASE}" if word == "PASS" else word for word in _FORMS[form].split()]
    openssl(*arguments)
    loaded = load_private_keys([made / "out"], passphrase=PASSPHRASE.encode())
    assert loaded.problems == []
    (key,) = loaded.keys
    assert key.spki_sha256 == spki_by_openssl(made, "plain.key")
    encrypted = "PASS" in _FORMS[form]
    wrong = load_private_keys([made / "out"], passphrase=b"wrong")
    assert (wrong.keys == []) == encrypted
    assert all("does not open with the passphrase" in problem for problem in wrong.problems)


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(
    "form", ["rsa -traditional -camellia128", "pkcs8 -topk8 -v2 camellia-128-cbc"]
)
def test_a_cipher_that_is_not_supported_is_no_wrong_passphrase(
    made: Path, openssl: OpenSSL, form: str
) -> None:
    command = [*form.split(), "-in", "plain.key", "-passout", f"pass:{PASSPHRASE}", "-out", "out"]
    openssl(*command)
    path = made / "out"
    loaded = load_private_keys([path], passphrase=PASSPHRASE.encode())
    assert loaded.problems == [
        f"{path} uses an algorithm that is not supported here; convert it:"
        f" openssl pkey -in {path} -out server.key, and give server.key."
    ]
    openssl("pkey", "-in", "out", "-passin", f"pass:{PASSPHRASE}", "-out", "server.key")
    assert len(load_private_keys([made / "server.key"]).keys) == 1


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(
    ("options", "kind", "size"),
    [
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA", 2048),
        (["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA", 2048),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "EC", 384),
        (["-algorithm", "ED25519"], "Ed25519", 256),
        (["-algorithm", "ED448"], "Ed448", 456),
        (["-algorithm", "X25519"], "X25519", 256),
        (["-algorithm", "X448"], "X448", 448),
    ],
)
def test_every_kind_that_openssl_makes(
    openssl: OpenSSL, tmp_path: Path, options: list[str], kind: str, size: int
) -> None:
    openssl("genpkey", *options, "-out", "out")
    loaded = load_private_keys([tmp_path / "out"])
    assert loaded.problems == []
    assert [(key.kind, key.size) for key in loaded.keys] == [(kind, size)]
    assert len([note for note in loaded.notes if "needs an RSA key" in note]) == (kind != "RSA")


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("padding", ["RSA", "RSA-PSS"])
def test_a_certificate_from_openssl_finds_its_key(
    openssl: OpenSSL, tmp_path: Path, padding: str
) -> None:
    openssl("genpkey", "-algorithm", padding, "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key")
    subject = "/C=DE/O=Voice, Ltd/CN=sbc.example"
    openssl("req", "-new", "-x509", "-key", "key", "-subj", subject, "-days", "9",
            "-outform", "DER", "-out", "crt")  # fmt: skip
    der = (tmp_path / "crt").read_bytes()
    facts = read_certificate(der)
    (key,) = load_private_keys([tmp_path / "key"]).keys
    assert KeyRing([key]).match_certificate(facts) is key

    command = ["openssl", "x509", "-inform", "DER", "-in", "crt", "-noout", "-subject", "-serial"]
    command += ["-fingerprint", "-sha256", "-nameopt", "RFC2253"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert facts.subject == said["subject"]
    assert facts.serial.upper() == said["serial"]
    assert facts.fingerprint_sha256.upper() == said["sha256 Fingerprint"].replace(":", "")
    assert facts.self_signed
    assert facts.names == ("sbc.example",)


@pytest.mark.peer("ssh-keygen")
def test_keys_that_ssh_keygen_writes(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen: apt install openssh-client")
    for name, passphrase in (("plain", ""), ("locked", PASSPHRASE)):
        command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", passphrase, "-f", name]
        subprocess.run(command, cwd=tmp_path, check=True)
    assert [key.size for key in load_private_keys([tmp_path / "plain"]).keys] == [2048]
    locked = tmp_path / "locked"
    assert "needs a passphrase" in load_private_keys([locked]).problems[0]
    loaded = load_private_keys([locked], passphrase=PASSPHRASE.encode())
    if not loaded.keys:  # without the bcrypt package
        assert loaded.problems[0].startswith(
            f"{locked} uses an algorithm that is not supported here"
        )
        assert f"cp {locked} server.key && ssh-keygen -p" in loaded.problems[0]


@pytest.mark.shared
def test_the_keys_of_the_shared_captures(shared_keys: Path) -> None:
    forms = ["server.key", "server.trad.key", "server.der", "server.enc8.key", "server.p12"]
    loaded = load_private_keys([shared_keys / name for name in forms], passphrase=b"secret")
    assert loaded.problems == []
    (key,) = loaded.keys
    everything = load_private_keys([shared_keys], passphrase=b"secret")
    assert [key.size for key in everything.keys] == [2048, 2048, 4096]
    named = load_private_keys([shared_keys / "server.pem"]).problems[0]
    assert "is a certificate, not a private key" in named
    assert "subject CN=server.lab" in named
    assert key.describe().startswith("server.key (RSA 2048, SHA-256 ")


@pytest.mark.shared
@pytest.mark.peer("tshark")
@pytest.mark.parametrize(
    ("capture", "key"),
    [("small", "server.key"), ("v-rsa4096-gcm128-none", "server4096.key")],
)
def test_the_key_gives_the_premaster_that_the_server_logged(
    shared_keys: Path, capture: str, key: str
) -> None:
    """tshark cuts certificate and EncryptedPreMasterSecret out; the server's key log is right."""
    if shutil.which("tshark") is None:
        pytest.skip("needs tshark: apt install tshark")
    path = shared_keys.parent / f"{capture}.pcap"
    command = ["tshark", "-r", str(path), "-T", "fields", "-d", "tcp.port==5061,tls"]
    wanted = ("tls.handshake.certificate", "tls.handshake.epms")
    seen = {}
    for name in wanted:
        done = subprocess.run(
            [*command, "-Y", name, "-e", name], check=True, capture_output=True, text=True
        )
        seen[name] = bytes.fromhex(done.stdout.split()[0].split(",")[0])
    ring = KeyRing(load_private_keys([shared_keys / key]).keys)
    private = ring.match_certificate(read_certificate(seen["tls.handshake.certificate"]))
    assert private is not None
    sealed = seen["tls.handshake.epms"]
    assert ring.rsa_keys_of_size(len(sealed)) == [private]
    keylog = KeyLogFile(path.with_suffix(".keylog")).keylog
    logged = keylog.by_encrypted_premaster(sealed[:8])
    assert logged is not None
    assert private.decrypt_premaster(sealed) == logged
