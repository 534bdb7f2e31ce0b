"""Private-key operations in processes of their own: results complete, in order, whatever dies."""

from __future__ import annotations

import os
import signal

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kit import certificates
from tqdecrypt import workers as workers_module
from tqdecrypt.keys import PrivateKey, load_private_keys
from tqdecrypt.workers import WORTH_A_CHILD, Workers

SECRETS = [bytes([number]) * 48 for number in range(3 * WORTH_A_CHILD)]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[PrivateKey]:
    path = tmp_path_factory.mktemp("keys") / "server.key"
    path.write_bytes(certificates.server().key_pem())
    return list(load_private_keys([path]).keys)


@pytest.fixture(scope="module")
def ciphertexts() -> list[bytes]:
    public = certificates.server().certificate.public_key()
    assert isinstance(public, RSAPublicKey)
    return [public.encrypt(secret, PKCS1v15()) for secret in SECRETS]


@pytest.fixture(params=["alone", "with children"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number = 1 if request.param == "alone" else 3
    monkeypatch.setattr(workers_module, "_cores", lambda: number)
    return number


def test_results_come_back_in_order(
    cores: int, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        for number, ciphertext in enumerate(ciphertexts):
            workers.submit(keys, ciphertext, opened.extend)
            if number % 40 == 39:
                workers.collect(0)
        workers.collect(None)
    assert opened == SECRETS


def test_what_no_key_opens_is_nothing(
    cores: int, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        for ciphertext in ciphertexts:
            workers.submit(keys, ciphertext[:-1], opened.extend)
        workers.collect(None)
    assert opened == [None] * len(ciphertexts)


def test_a_key_that_the_children_do_not_know_is_used_here(
    cores: int, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    opened: list[bytes | None] = []
    with Workers((), PrivateKey.decrypt_premaster) as workers:
        for ciphertext in ciphertexts:
            workers.submit(keys, ciphertext, opened.extend)
        workers.collect(None)
    assert opened == SECRETS


def test_what_was_asked_for_before_is_waited_for(
    cores: int, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        for frame, ciphertext in enumerate(ciphertexts, 1):
            workers.frame = frame
            workers.submit(keys, ciphertext, opened.extend)
        workers.collect(WORTH_A_CHILD)
        assert opened[: WORTH_A_CHILD - 1] == SECRETS[: WORTH_A_CHILD - 1]
        waiting = workers.oldest_frame
        assert waiting is None or waiting >= WORTH_A_CHILD


def test_a_few_are_not_kept_waiting(keys: list[PrivateKey], ciphertexts: list[bytes]) -> None:
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        workers.submit(keys, ciphertexts[0], opened.extend)
        workers.collect(0)
        assert opened == SECRETS[:1]


def test_when_a_child_is_killed_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    monkeypatch.setattr(workers_module, "_cores", lambda: 2)
    killed: list[int] = []
    fork = os.fork

    def fork_and_kill() -> int:
        pid = fork()
        if pid:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", fork_and_kill)
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        for ciphertext in ciphertexts:
            workers.submit(keys, ciphertext, opened.extend)
        workers.collect(None)
    assert killed
    assert opened == SECRETS


def test_without_room_for_a_process_it_goes_without(
    monkeypatch: pytest.MonkeyPatch, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    def fail() -> int:
        raise BlockingIOError

    monkeypatch.setattr(workers_module, "_cores", lambda: 2)
    monkeypatch.setattr(os, "fork", fail)
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        for ciphertext in ciphertexts:
            workers.submit(keys, ciphertext, opened.extend)
        workers.collect(None)
    assert opened == SECRETS


def test_what_comes_after_the_children_were_dismissed_is_done_here(
    cores: int, keys: list[PrivateKey], ciphertexts: list[bytes]
) -> None:
    opened: list[bytes | None] = []
    with Workers(keys, PrivateKey.decrypt_premaster) as workers:
        half = len(ciphertexts) // 2
        for ciphertext in ciphertexts[:half]:
            workers.submit(keys, ciphertext, opened.extend)
        workers.dismiss()
        for ciphertext in ciphertexts[half:]:
            workers.submit(keys, ciphertext, opened.extend)
        workers.collect(None)
    assert opened == SECRETS
