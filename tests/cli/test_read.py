from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from cli.conftest import Runner
from tqdecrypt.example import ExampleFile


def test_calls_sessions_and_what_stayed_dark(run: Runner, capture: Path, key: Path) -> None:
    ran = run("read", capture, "-k", key)
    assert ran.status == 0
    assert ran.err == ""
    assert ran.out.startswith("6 calls  3 ended, 2 failed, 1 cancelled;")
    assert "answered-1.104@pbx.example.net" in ran.out
    assert "8 TLS sessions  6 decrypted, 1 dark, 1 with nothing to decrypt" in ran.out
    assert "✗ forward secrecy, needs session secrets  session 7" in ran.out
    assert "alert unknown_ca in frame 229" in ran.out
    assert "59 SIP messages, 6 calls, 8 TLS sessions (6 decrypted)." in ran.out
    assert "\x1b" not in ran.out


def test_a_key_log_opens_the_rest(run: Runner, example: dict[ExampleFile, Path], key: Path) -> None:
    arguments = ("read", example["calls.pcap"], "-k", key, "--keylog", example["ecdhe.keylog"])
    ran = run(*arguments, "--strict")
    assert ran.status == 0
    assert "8 TLS sessions  7 decrypted, 1 with nothing to decrypt" in ran.out


def test_strict_tells_dark_sessions_by_the_status(run: Runner, capture: Path, key: Path) -> None:
    assert run("read", capture, "-k", key, "--strict").status == 3
    assert run("read", capture, "-k", key, "--strict", "--json").status == 3


def test_json_lines(run: Runner, capture: Path, key: Path) -> None:
    ran = run("read", capture, "-k", key, "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert Counter(line["type"] for line in lines) == {
        "message": 59, "session": 8, "call": 6, "summary": 1,
    }  # fmt: skip
    assert lines[-1]["type"] == "summary"
    assert "raw" not in lines[0]
    out = run("read", capture, "-k", key, "--json", "--raw").out
    first = next(line for line in map(json.loads, out.splitlines()) if line["type"] == "message")
    assert first["raw"].startswith("OPTIONS sip:")


def test_raw_without_json_is_a_mistake(run: Runner, capture: Path) -> None:
    ran = run("read", capture, "--raw")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("tqdecrypt: --raw goes with --json")


def test_messages_on_request(run: Runner, capture: Path, key: Path) -> None:
    lines = run("read", capture, "-k", key, "--messages").out.splitlines()
    assert "192.0.2.10:42897 -> 192.0.2.20:5061 TLS  OPTIONS  " in lines[0]
    assert lines[59] == ""
    assert lines[60].startswith("6 calls")


def test_fewer_rows_on_request(run: Runner, capture: Path, key: Path) -> None:
    assert "and 4 more calls; --calls N" in run("read", capture, "-k", key, "--calls", "2").out


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:-10])
    missing = tmp_path / "missing.pcap"
    for extra in ((), ("--json",)):
        ran = run("read", cut, missing, "-k", key, "-k", tmp_path / "no.key", *extra)
        assert ran.status == 1
        errors = ran.err.splitlines()
        assert len(errors) == 3
        assert all(line.startswith("tqdecrypt: ") and line.endswith(".") for line in errors)
        assert "6 calls" in ran.out or '"calls":6' in ran.out
        assert ran.out.count("no.key") == 1, "problems are part of the answer"


def test_unusable_secrets_are_problems(run: Runner, capture: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    ran = run(
        *("read", capture, "--keylog", empty, "--keylog", tmp_path / "no.log", "--psk", "sbc:xyz")
    )
    assert ran.status == 1
    assert "empty.log is empty" in ran.err
    assert "There is no key log" in ran.err
    assert "A pre-shared key is not hexadecimal" in ran.err
    assert "xyz" not in ran.err


def test_ports_can_be_chosen(run: Runner, capture: Path, key: Path) -> None:
    ran = run("read", capture, "-k", key, "--port", "5060")
    assert "0 TLS sessions" in ran.out
    assert "27 SIP messages" in ran.out


@pytest.mark.parametrize("flag", ["--ascii"])
def test_ascii_on_request(run: Runner, capture: Path, key: Path, flag: str) -> None:
    ran = run("read", capture, "-k", key, flag)
    assert ran.out.isascii()
    assert "x forward secrecy, needs session secrets" in ran.out


@pytest.mark.shared
def test_a_secrets_store_opens_what_an_earlier_capture_explained(
    run: Runner, shared: Path, tmp_path: Path
) -> None:
    store, captures = tmp_path / "secrets", shared / "captures"
    key = captures / "keys" / "server.key"
    run("read", captures / "v-gcm128-none.pcap", "-k", key, "--secrets-store", store)
    midway = captures / "d-midstream-v-gcm128-none.pcap"
    assert " 0 SIP messages" in run("read", midway, "-k", key).out
    assert " 59 SIP messages" in run("read", midway, "--secrets-store", store).out


def test_an_encrypted_secrets_store_needs_its_passphrase(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    store, passphrase = tmp_path / "secrets", tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    protected = ("--secrets-store", store, "--secrets-passphrase-file", passphrase)
    assert run("read", capture, "-k", key, *protected).status == 0
    assert run("read", capture, *protected).status == 0
    ran = run("read", capture, "--secrets-store", store)
    assert (ran.status, ran.out) == (1, "")
    assert "give its passphrase" in ran.err


def test_a_time_line_stands_above_the_tables(run: Runner, capture: Path, key: Path) -> None:
    ran = run("read", capture, "-k", key, "--timeline")
    assert ran.status == 0
    assert ran.out.startswith("6 calls and 8 TLS sessions  2026-11-24, UTC; ")
    assert "✗ forward-secrecy" in ran.out
    assert "\n6 calls  " in ran.out
    assert run("read", capture, "--json", "--timeline").status == 2
