"""``check`` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from check.servers import tls_server
from cli.conftest import Runner


def test_a_row_an_offer_and_what_it_comes_to(run: Runner, tmp_path: Path) -> None:
    with tls_server(tmp_path, "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") as port:
        (tmp_path / "server.key").chmod(0o600)
        ran = run("check", f"127.0.0.1:{port}", "-k", tmp_path / "server.key", "--timeout", "3")
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"127.0.0.1 port {port}")
    rsa = next(line for line in lines if line.startswith("RSA key exchange only"))
    assert "TLS 1.2 TLS_RSA_WITH_AES_128_GCM_SHA256" in rsa
    assert "decrypted" in rsa
    assert any(line.startswith("SIP OPTIONS") and "200 OK" in line for line in lines)
    assert "→ A usual client gets TLS 1.3" in ran.out


def test_json_has_everything(run: Runner, tmp_path: Path) -> None:
    with tls_server(tmp_path) as port:
        ran = run("check", f"127.0.0.1:{port}", "--json", "--no-options")
    document = json.loads(ran.out)
    assert [one["offer"] for one in document["probes"]] == [
        *("usual", "rsa", "ecdhe", "dhe", "tls13", "old"),
    ]
    assert document["options"] is None
    assert document["certificates"][0]["key"] == "RSA 2048"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["check", "a b"], 2, "is no server; write HOST"),
        (["check", "host:99999"], 2, "is no server; write HOST"),
        (["check", "127.0.0.1:1"], 1, "refuses connections on port 1"),
        (["check", "127.0.0.1:1", "--cert", "/nonexistent"], 1, "/nonexistent cannot be read"),
        (["check", "127.0.0.1:1", "--ca", "/etc/hostname"], 1, "has no certificates in PEM"),
        (["check", "127.0.0.1:1", "--key", "/etc/hostname"], 2, "--key goes with --cert"),
    ],
)
def test_what_cannot_be_asked_is_said(
    run: Runner, arguments: list[str], status: int, sentence: str
) -> None:
    ran = run(*arguments)
    assert ran.status == status
    assert sentence in ran.err


@pytest.mark.peer("sslyze")
def test_sslyze_tries_every_suite(run: Runner, tmp_path: Path) -> None:
    with tls_server(tmp_path, "AES128-GCM-SHA256:AES256-SHA") as port:
        ran = run("check", f"127.0.0.1:{port}", "--scan", "--json")
    accepted = json.loads(ran.out)["suites_accepted"]
    assert set(accepted["TLS 1.2"]) == {
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
    }
    assert accepted["SSL 3.0"] == []


def test_without_sslyze_it_says_how_to_get_it(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with tls_server(tmp_path) as port:
        ran = run("check", f"127.0.0.1:{port}", "--scan")
    assert ran.status == 1
    assert "pipx install sslyze" in ran.err
    assert "A usual client gets" in ran.out
