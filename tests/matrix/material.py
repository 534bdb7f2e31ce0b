"""Keys and certificates in every form that the implementations want, made once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from kit import Identity, certificates
from matrix.model import PASSPHRASE, PSK_IDENTITY, PSK_KEY

__all__ = ["IDENTITIES", "make_material"]

IDENTITIES = ("rsa1024", "rsa2048", "rsa3072", "rsa4096", "ec", "chain", "client")
_CHAIN_LENGTH = 24
"""Certificates in the big chain; together more than one record holds."""


def identity(name: str) -> Identity:
    """Return the identity that a case names."""
    if name == "client":
        return certificates.client()
    if name == "ec":
        return certificates.server("ec")
    if name == "chain":
        return certificates.server(2048)
    if name in ("rsa1024", "rsa2048", "rsa3072", "rsa4096"):
        return certificates.server(int(name[3:]))
    raise ValueError(name)


def make_material(directory: Path) -> None:
    """Write everything into *directory*."""
    (directory / "ca.crt").write_bytes(certificates.authority().certificate_pem())
    (directory / "dh.pem").write_bytes(certificates.diffie_hellman_pem())
    (directory / "psk.txt").write_text(f"{PSK_IDENTITY}:{PSK_KEY}\n")
    for name in IDENTITIES:
        made = identity(name)
        made.write(directory, name)
        (directory / f"{name}.p12").write_bytes(made.pkcs12(PASSPHRASE.encode()))
    _make_chain(directory)
    if shutil.which("certutil") and shutil.which("pk12util"):
        for name in IDENTITIES:
            _make_nss(directory, name)


def _make_chain(directory: Path) -> None:
    """Make a Certificate message of more than 16 KB: the server's, and many that nobody needs."""
    names = [f"host{number}.{'a' * 40}.example.com" for number in range(8)]
    more = certificates.issue(certificates.rsa_key(), names, certificates.authority())
    leaf = identity("chain").certificate_pem()
    (directory / "chain.crt").write_bytes(leaf + more.certificate_pem() * _CHAIN_LENGTH)


def _make_nss(directory: Path, name: str) -> None:
    """Make an NSS database with one identity; its nickname is ``throw-away``."""
    database = directory / f"nss-{name}"
    database.mkdir()
    sql = f"sql:{database}"
    for command in (
        ["certutil", "-N", "-d", sql, "--empty-password"],
        ["pk12util", "-i", str(directory / f"{name}.p12"), "-d", sql, "-W", PASSPHRASE, "-K", ""],
        ["certutil", "-A", "-n", "ca", "-t", "CT,C,C", "-i", f"{directory}/ca.crt", "-d", sql],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=30)
