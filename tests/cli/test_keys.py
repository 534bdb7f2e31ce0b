"""Passphrases come from a file, the environment or a person, never from an argument."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from cli.conftest import Runner
from tqdecrypt.cli import inputs


@pytest.fixture(scope="module")
def locked(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locked") / "locked.key"
    path.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    path.chmod(0o600)
    return path


def test_from_a_file(run: Runner, capture: Path, locked: Path, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"secret\r\nsecond line\n")
    ran = run("read", capture, "-k", locked, "--key-passphrase-file", file)
    assert ran.status == 0
    assert "6 decrypted" in ran.out


def test_from_the_environment(
    run: Runner, capture: Path, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TQDECRYPT_KEY_PASSPHRASE", "secret")
    assert "6 decrypted" in run("read", capture, "-k", locked).out


def test_from_a_person(
    run: Runner, capture: Path, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(file: str) -> bytes | None:
        asked.append(file)
        return b"secret" if len(asked) == 2 else b"wrong"

    monkeypatch.setattr(inputs, "_asker", lambda: ask)
    assert "6 decrypted" in run("read", capture, "-k", locked).out
    assert len(asked) == 2


def test_nobody_to_ask(run: Runner, capture: Path, locked: Path) -> None:
    ran = run("read", capture, "-k", locked)
    assert ran.status == 1
    assert "locked.key is encrypted and needs a passphrase; give it with" in ran.err
    assert "8 TLS sessions" in ran.out


def test_a_passphrase_file_that_is_not_there(run: Runner, capture: Path, tmp_path: Path) -> None:
    ran = run("read", capture, "--key-passphrase-file", tmp_path / "none")
    assert (ran.status, ran.out) == (1, "")
    assert "none cannot be read (No such file or directory); check its path." in ran.err
