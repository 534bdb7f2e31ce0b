"""``audit`` as users run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.conftest import Runner
from insight.audit import town


def test_the_tables_say_what_is_dark_with_whom_and_why(run: Runner, tmp_path: Path) -> None:
    capture, key = town.capture(tmp_path), town.server_key(tmp_path)
    trunks = tmp_path / "trunks.toml"
    trunks.write_text(town.TRUNKS)
    ran = run("audit", capture, "-k", key, "--trunks", trunks)
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[1] == "  4 of 8 sessions with data can be decrypted (50%), 52% of the bytes."
    acme = next(number for number, line in enumerate(lines) if line.startswith("acme "))
    assert lines[acme].split()[:4] == ["acme", "server", "7", "57%"]
    assert lines[acme + 1].strip().startswith("3 hosts; pbx.example.net")
    assert "2 forward-secrecy, 1 handshake-not-captured" in ran.out
    assert "1 connection  dark until opened again" in ran.out
    assert "clear, as 2 of 2" in ran.out


def test_timing_adds_its_tables(run: Runner, capture: Path, key: Path) -> None:
    out = run("audit", capture, "-k", key, "--timing").out
    for heading in (
        "Handshake times",
        "Handshakes over time",
        "1 failed handshake",
        "3 certificates",
    ):
        assert heading in out


def test_json_is_a_baseline(run: Runner, capture: Path, key: Path, tmp_path: Path) -> None:
    ran = run("audit", capture, "-k", key, "--json")
    document = json.loads(ran.out)
    assert document["decryptability"]["sessions"] == 8
    baseline = tmp_path / "baseline.json"
    baseline.write_text(ran.out)
    assert (
        "0 changes  since the baseline"
        in run("audit", capture, "-k", key, "--baseline", baseline).out
    )
    later = json.loads(run("audit", capture, "--baseline", baseline, "--json").out)
    assert {
        "peer": "192.0.2.10",
        "what": "share of sessions decrypted",
        "before": "86%",
        "now": "0%",
        "weight": "alarm",
    } in later["changes"]


def test_a_file_that_is_no_baseline_is_said_to_be_none(
    run: Runner, capture: Path, tmp_path: Path
) -> None:
    for content in ("", "{}", '{"format": "tqdecrypt audit 1", "peers": [1]}', "[" * 100_000):
        path = tmp_path / "baseline.json"
        path.write_text(content)
        ran = run("audit", capture, "--baseline", path)
        assert (ran.status, ran.out) == (1, "")
        assert "is no baseline; write one with: audit --json" in ran.err
    assert "cannot be read" in run("audit", capture, "--baseline", tmp_path / "missing").err


def test_a_capture_without_tls_has_nothing_to_audit(run: Runner, tmp_path: Path) -> None:
    from kit.capture import write_pcap

    path = write_pcap(tmp_path / "empty.pcap", [])
    assert "There is no TLS session in this capture." in run("audit", path).out


def test_what_was_asked_for_and_agreed_on_stands_in_a_table(run: Runner, tmp_path: Path) -> None:
    capture, key = town.capture(tmp_path), town.server_key(tmp_path)
    lines = run("audit", capture, "-k", key).out.splitlines()
    heading = next(n for n, line in enumerate(lines) if line.startswith("What was asked for"))
    stranger = next(line for line in lines[heading:] if line.startswith("203.0.113.66"))
    # Version, RSA offered, certificate asked for and given, EMS, EtM, resumed, name.
    assert re.split(" {2,}", stranger) == [
        *("203.0.113.66", "TLS 1.2", "yes", "yes", "not known", "yes", "no", "0 of 1"),
        "sip.example.com",
    ]


def test_an_intermediate_that_is_missing_is_said(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    out = run("audit", town.capture(tmp_path)).out
    newcomer = next(line for line in out.splitlines() if line.startswith("newcomer.example.net"))
    assert "2, intermediate missing? CN=Example Issuing CA" in newcomer
    carrier = next(
        line
        for line in out.splitlines()
        if line.startswith("carrier.example.net") and " server " in line
    )
    assert "3, root sent" in carrier


def test_what_if_comes_from_the_same_reading(run: Runner, tmp_path: Path) -> None:
    capture, key = town.capture(tmp_path), town.server_key(tmp_path)
    given = ("audit", capture, "-k", key, "--what-if", town.ECDHE)
    out = run(*given).out
    assert f"What if the list were  {town.ECDHE}" in out
    # The strangers are among them: their offer is all that counts.
    assert "Server 192.0.2.20:5061  0 decrypt, 3 stay dark, 1 fails to connect" in out
    assert "What would make dark peers readable" in out
    assert out.index("would make dark") < out.index("What if the list were")
    whole = json.loads(run(*given, "--json").out)
    alone = json.loads(run("what-if", capture, "-k", key, "--ciphers", town.ECDHE, "--json").out)
    assert whole["what_if"] == alone
    assert json.loads(run("audit", capture, "-k", key, "--json").out)["what_if"] is None


def test_a_proposal_and_the_vendors_settings_stand_in_the_audit(
    run: Runner, tmp_path: Path
) -> None:
    capture, key = town.capture(tmp_path), town.server_key(tmp_path)
    out = run("audit", capture, "-k", key, "--propose", "--vendor", "kamailio").out
    assert "Proposal: " in out
    assert "Kamailio" in out
    assert "The same offer got different suites: the server decides by client" in out
    whole = json.loads(
        run("audit", capture, "-k", key, "--propose", "--vendor", "kamailio", "--json").out
    )
    assert whole["what_if"]["vendor"]["name"] == "kamailio"
    assert whole["what_if"]["servers"][0]["proposal"] is not None


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        (("--vendor", "kamailio"), "--vendor goes with --what-if or --propose."),
        (("--what-if", "NONSENSE"), "'NONSENSE' names no cipher suite"),
        (("--propose", "--vendor", "nobody"), "there is no advice for 'nobody'"),
    ],
)
def test_a_mistake_gets_one_sentence_before_anything_is_read(
    switches: tuple[str, ...], sentence: str, run: Runner, tmp_path: Path
) -> None:
    ran = run("audit", tmp_path / "missing.pcap", *switches)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
