from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import QUIET, Runner, spawn
from kit import TlsPair, tcp_packets, write_pcap
from tls.passive import talk
from tqdecrypt.example import ExampleFile


def test_a_dark_session_is_explained(run: Runner, capture: Path, key: Path) -> None:
    ran = run("explain", capture, "-k", key, "--session", "7")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("TLS session 7\n192.0.2.10:46289 → 192.0.2.20:5061\n")
    assert "✗ forward secrecy, needs session secrets" in ran.out
    assert "CLIENT_RANDOM 41baff2e711ce2e5" in ran.out
    assert "only signs" in ran.out


def test_the_line_that_is_named_opens_it(
    run: Runner, capture: Path, example: dict[ExampleFile, Path], tmp_path: Path
) -> None:
    ran = run("explain", capture, "--session", "7")
    begin = next(line.strip() for line in ran.out.splitlines() if "CLIENT_RANDOM 4" in line)
    line = next(line for line in example["ecdhe.keylog"].read_text().splitlines() if begin in line)
    keylog = tmp_path / "one.keylog"
    keylog.write_text(f"{line}\n")
    opened = run("explain", capture, "--keylog", keylog, "--session", "7")
    assert "✓ decrypted" in opened.out
    assert "✓ the line of this session in a key log" in opened.out


def test_strict_says_that_it_stayed_dark(run: Runner, capture: Path, key: Path) -> None:
    assert run("explain", capture, "-k", key, "--session", "7", "--strict").status == 3


def test_the_same_as_json(run: Runner, capture: Path, key: Path) -> None:
    ran = run("explain", capture, "-k", key, "--session", "3", "--json")
    one = json.loads(ran.out)
    assert (one["type"], one["session"], one["verdict"]) == ("explanation", 3, "decrypted")
    assert one["cipher_suite"] == "TLS_RSA_WITH_AES_256_GCM_SHA384"
    hello = next(step for step in one["steps"] if step["name"] == "ClientHello")
    assert (hello["sender"], hello["frame"], hello["readable"]) == ("client", 46, True)
    assert hello["cipher_suites"][0] == {
        "number": 0x009D,
        "name": "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "kind": "RSA",
        "chosen": True,
    }
    (derivation,) = one["derivations"]
    block = next(derived for derived in derivation if derived["name"] == "key block")
    assert [part["bytes"] for part in block["parts"]] == [0, 0, 32, 32, 4, 4]
    assert [need["given"] for need in one["needs"]] == [True, False]
    assert not one["secrets_shown"]
    shown = run("read", capture, "-k", key, "--json").out.splitlines()
    lines = [json.loads(line) for line in shown]
    session = next(line for line in lines if line["type"] == "session" and line["session"] == 3)
    assert {name: one[name] for name in session if name != "type"} == {
        name: value for name, value in session.items() if name != "type"
    }


def test_secrets_only_when_asked_for(
    run: Runner, capture: Path, example: dict[ExampleFile, Path]
) -> None:
    keylog = example["ecdhe.keylog"]
    secret = keylog.read_text().split()[-1]
    hidden = run("explain", capture, "--keylog", keylog, "--session", "7")
    assert secret not in hidden.out
    assert "SHA-256 " in hidden.out
    shown = run("explain", capture, "--keylog", keylog, "--session", "7", "--show-secrets")
    assert secret in shown.out.replace(" ", "").replace("\n", "")
    assert "whoever sees this page opens the session" in " ".join(shown.out.split())


def test_several_sessions_are_listed_and_one_is_proposed(
    run: Runner, capture: Path, key: Path
) -> None:
    ran = run("explain", capture, "-k", key)
    assert ran.status == 2
    assert ran.out.startswith("8 TLS sessions")
    assert "name one: --session 7 (the first dark one)" in ran.err
    assert run("explain", capture, "-k", key, "--json").out == ""


def test_the_only_session_needs_no_name(run: Runner, tmp_path: Path) -> None:
    pair = TlsPair()
    talk(pair)
    path = write_pcap(tmp_path / "one.pcap", tcp_packets(pair.flights))
    ran = run("explain", path)
    assert ran.status == 0
    assert ran.out.startswith("TLS session 1\n")


def test_no_such_session(run: Runner, capture: Path, key: Path) -> None:
    ran = run("explain", capture, "-k", key, "--session", "9")
    assert ran.status == 2
    assert "there is no TLS session 9: the capture has 8; read lists them." in ran.err
    ran = run("explain", capture, "-k", key, "--session", "1", "--port", "5060")
    assert "the capture has no TLS session." in ran.err


def test_from_a_pipe(capture: Path, key: Path) -> None:
    with capture.open("rb") as stream:
        process = spawn("explain", "-", "-k", key, "--session", "8", stdin=stream)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Alert unknown_ca" in out.decode()


def test_ascii(capture: Path, key: Path) -> None:
    process = spawn("explain", capture, "-k", key, "--session", "7", "--ascii", env={**QUIET})
    out, _ = process.communicate(timeout=60)
    assert out.isascii()


@pytest.mark.parametrize("columns", ["50", "80", "200"])
def test_any_width(
    run: Runner, capture: Path, key: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ran = run("explain", capture, "-k", key, "--session", "3", "--full")
    assert max(map(len, ran.out.splitlines())) <= int(columns)
