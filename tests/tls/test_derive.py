"""Key derivation against vectors that others computed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derive import (
    extended_master_secret,
    hkdf_expand_label,
    key_block,
    master_secret,
    partition_key_block,
    prf,
    verify_data,
)
from tqdecrypt.tls.suites import find_suite

from .vectors import blocks


def test_prf_of_tls12() -> None:
    """Published on the IETF TLS list in 2009 (msg03416): P_SHA256."""
    out = prf(
        Version.TLS12,
        "sha256",
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert out.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14ba"
        "f9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a51"
        "10fff70187347b66"
    )


def test_hkdf_expand_label() -> None:
    """RFC 8448 section 3: the server's handshake traffic key and IV."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert (
        hkdf_expand_label("sha256", secret, b"key", b"", 16).hex()
        == "3fce516009c21727d0f2e4e86ee403bc"
    )
    assert hkdf_expand_label("sha256", secret, b"iv", b"", 12).hex() == "5d313eb2671276ee13000b30"


def test_hkdf_expand_label_over_several_blocks() -> None:
    secret = bytes(range(48))
    info = (100).to_bytes(2, "big") + bytes([9]) + b"tls13 abc" + bytes([2]) + b"xy"
    expected = block = b""
    for counter in range(1, 4):
        block = hmac.digest(secret, block + info + bytes([counter]), "sha384")
        expected += block
    assert hkdf_expand_label("sha384", secret, b"abc", b"xy", 100) == expected[:100]


SHARED_PRF = {
    "evpkdf_tls12_prf.txt": Version.TLS12,
    "evpkdf_tls11_prf.txt": Version.TLS11,
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED_PRF)
def test_prf_against_nist(shared: Path, name: str) -> None:
    """OpenSSL's copies of NIST's vectors."""
    count = 0
    for fields in blocks(shared / "corpus" / "vectors" / name):
        if not {"Output", "Secret", "digest"} <= fields.keys():  # tests of the error
            continue
        digest = fields["digest"].lower().replace("-", "")
        expected = bytes.fromhex(fields["Output"])
        seed = b"".join(bytes.fromhex(v) for v in fields.seeds)
        out = prf(
            SHARED_PRF[name],
            digest,
            bytes.fromhex(fields["Secret"]),
            fields["label"].encode(),
            seed,
            len(expected),
        )
        assert out == expected
        count += 1
    assert count >= 2


@pytest.mark.shared
def test_hkdf_expand_label_against_acvp(shared: Path) -> None:
    count = 0
    for fields in blocks(shared / "corpus" / "vectors" / "evpkdf_tls13_kdf.txt"):
        if fields.get("mode") != "EXPAND_ONLY":
            continue
        expected = bytes.fromhex(fields["Output"])
        assert bytes.fromhex(fields["prefix"]) == b"tls13 "
        out = hkdf_expand_label(
            fields["digest"].lower().replace("sha2-", "sha"),
            bytes.fromhex(fields["key"]),
            bytes.fromhex(fields["label"]),
            bytes.fromhex(fields.get("data", "")),
            len(expected),
        )
        assert out == expected
        count += 1
    assert count > 100


@pytest.mark.shared
def test_prf_against_the_ietf_list(shared: Path) -> None:
    vectors = json.loads((shared / "corpus" / "vectors" / "tls_prf_ietf.json").read_text())
    for vector in vectors:
        name = vector["prf"]
        version = Version.TLS12 if name.startswith("TLS1.2") else Version.TLS10
        digest = name.rpartition(" ")[2].lower()
        expected = bytes.fromhex(vector["output"])
        out = prf(
            version,
            digest,
            bytes.fromhex(vector["secret"]),
            vector["label"].encode(),
            bytes.fromhex(vector["seed"]),
            len(expected),
        )
        assert out == expected, name


def traceflight(shared: Path) -> Iterator[dict[str, Any]]:
    path = shared / "corpus" / "vectors" / "tls12_test_vectors.json"
    yield from json.loads(path.read_text())["key_derivation_tests"].values()


@pytest.mark.shared
def test_master_secret_and_key_block_of_suites(shared: Path) -> None:
    for vector in traceflight(shared):
        suite = find_suite(int(vector["cipher_suite_id"], 16))
        assert suite.name == vector["cipher_suite"]
        randoms = bytes.fromhex(vector["client_random"]), bytes.fromhex(vector["server_random"])
        premaster = bytes.fromhex(vector["pre_master_secret"])
        master = master_secret(Version.TLS12, suite.prf_hash, premaster, *randoms)
        assert master.hex() == vector["master_secret"]
        keys = partition_key_block(suite, Version.TLS12, master, *randoms)
        assert keys.client_key.hex() == vector["client_write_key"]
        assert keys.server_key.hex() == vector["server_write_key"]
        assert keys.client_iv.hex() == vector["client_write_iv"]
        assert keys.server_iv.hex() == vector["server_write_iv"]
        assert "bytes" in repr(keys)
        assert vector["client_write_key"] not in repr(keys)


# SSL 3.0 (RFC 6101): nobody publishes vectors, so the formulas are written down once more.


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def sha(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


PREMASTER, CLIENT, SERVER = bytes(range(48)), bytes([1] * 32), bytes([2] * 32)


def test_ssl3_master_secret() -> None:
    """RFC 6101 section 6.1."""
    expected = (
        md5(PREMASTER + sha(b"A" + PREMASTER + CLIENT + SERVER))
        + md5(PREMASTER + sha(b"BB" + PREMASTER + CLIENT + SERVER))
        + md5(PREMASTER + sha(b"CCC" + PREMASTER + CLIENT + SERVER))
    )
    assert master_secret(Version.SSL3, "sha256", PREMASTER, CLIENT, SERVER) == expected


def test_ssl3_key_block() -> None:
    """RFC 6101 section 6.2.2: the randoms in the other order."""
    block = key_block(Version.SSL3, "sha256", PREMASTER, CLIENT, SERVER, 104)
    fourth = md5(PREMASTER + sha(b"DDDD" + PREMASTER + SERVER + CLIENT))
    assert block[48:64] == fourth
    assert len(block) == 104


@pytest.mark.parametrize(("from_client", "sender"), [(True, b"CLNT"), (False, b"SRVR")])
def test_ssl3_finished(from_client: bool, sender: bytes) -> None:
    """RFC 6101 section 5.6.9."""
    messages = b"the handshake"
    expected = b"".join(
        hashed(PREMASTER + b"\x5c" * pad + hashed(messages + sender + PREMASTER + b"\x36" * pad))
        for hashed, pad in ((md5, 48), (sha, 40))
    )
    assert verify_data(Version.SSL3, "sha256", PREMASTER, from_client, messages) == expected


def test_prf_of_tls10_halves_an_odd_secret() -> None:
    """RFC 2246 section 5: the halves share the middle byte."""
    secret = bytes(range(47))

    def p_hash(digest: str, key: bytes, seed: bytes) -> bytes:
        first = hmac.digest(key, seed, digest)
        return hmac.digest(key, first + seed, digest)

    out = prf(Version.TLS10, "sha256", secret, b"label", b"seed", 16)
    left, right = (
        p_hash("md5", secret[:24], b"labelseed"),
        p_hash("sha1", secret[23:], b"labelseed"),
    )
    assert out == bytes(a ^ b for a, b in zip(left, right[:16], strict=True))


@pytest.mark.parametrize("version", [Version.TLS10, Version.TLS12])
def test_extended_master_secret_and_finished_hash_the_handshake(version: Version) -> None:
    """RFC 7627 section 4, RFC 5246 section 7.4.9: the seed is the hash of the messages."""
    messages = b"the handshake"
    hashed = (
        hashlib.sha384(messages).digest()
        if version == Version.TLS12
        else md5(messages) + sha(messages)
    )
    master = extended_master_secret(version, "sha384", PREMASTER, messages)
    assert master == prf(version, "sha384", PREMASTER, b"extended master secret", hashed, 48)
    data = verify_data(version, "sha384", master, True, messages)
    assert data == prf(version, "sha384", master, b"client finished", hashed, 12)
    assert data != verify_data(version, "sha384", master, False, messages)
