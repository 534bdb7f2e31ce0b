"""The secrets store: what is written is read again, sealed when asked, and never half written."""

import stat
from pathlib import Path

import pytest

from tqdecrypt.errors import OutputError, SecretsError
from tqdecrypt.keys import SecretsStore, StoredSession
from tqdecrypt.keys.store import MAX_AGE

SESSION = StoredSession(
    version=0x0303,
    cipher_suite=0x009C,
    client_random=bytes(32),
    server_random=bytes(range(32)),
    client="192.0.2.10:40000",
    server="192.0.2.20:5061",
    seen=1_700_000_000,
    session_id=b"id",
    tickets=(b"digest",),
    client_sequence=17,
    master=b"M" * 48,
    traffic={"CLIENT_TRAFFIC_SECRET_0": b"T" * 32},
)


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_what_is_saved_is_loaded(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "store"
    store = SecretsStore(path, passphrase)
    store.load()
    store.add(SESSION)
    store.save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (SESSION.master.hex().encode() in path.read_bytes()) is (passphrase is None)
    again = SecretsStore(path, passphrase)
    again.load()
    assert list(again) == [SESSION]


def test_secrets_do_not_show() -> None:
    store = SecretsStore("store")
    store.add(SESSION)
    for text in (repr(SESSION), repr(store)):
        assert "MMM" not in text
        assert "TTT" not in text


def test_a_wrong_passphrase_is_said_to_be_wrong(tmp_path: Path) -> None:
    store = SecretsStore(tmp_path / "store", b"right")
    store.add(SESSION)
    store.save()
    with pytest.raises(SecretsError, match="passphrase does not open"):
        SecretsStore(tmp_path / "store", b"wrong").load()
    with pytest.raises(SecretsError, match="is encrypted; give its passphrase"):
        SecretsStore(tmp_path / "store").load()


@pytest.mark.parametrize("damage", [b"", b"something else\n", b"tqdecrypt session secrets 1\n{}\n"])
def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "store"
    path.write_bytes(damage)
    with pytest.raises(SecretsError, match=r"name another\s+file"):
        SecretsStore(path).load()
    assert path.read_bytes() == damage


@pytest.mark.parametrize("cut", [60, 150, 200])
def test_a_damaged_sealed_file_is_said_to_be_damaged(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "store"
    store = SecretsStore(path, b"right")
    store.add(SESSION)
    store.save()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SecretsError, match="damaged"):
        SecretsStore(path, b"right").load()


def test_an_unwritable_place_leaves_nothing_behind(tmp_path: Path) -> None:
    store = SecretsStore(tmp_path / "missing" / "store")
    store.add(SESSION)
    with pytest.raises(OutputError, match="cannot be written"):
        store.save()
    assert list(tmp_path.iterdir()) == []


def test_old_sessions_are_forgotten_and_counted(tmp_path: Path) -> None:
    import dataclasses

    store = SecretsStore(tmp_path / "store")
    store.add(SESSION)
    store.add(
        dataclasses.replace(SESSION, client_random=b"n" * 32, seen=SESSION.seen + MAX_AGE + 1)
    )
    store.save()
    assert store.dropped == 1
    again = SecretsStore(tmp_path / "store")
    again.load()
    assert [session.client_random for session in again] == [b"n" * 32]


def test_the_same_session_is_kept_once_as_last_seen() -> None:
    import dataclasses

    store = SecretsStore("store")
    store.add(SESSION)
    store.add(dataclasses.replace(SESSION, client_sequence=99))
    assert [session.client_sequence for session in store] == [99]
