"""``audit`` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

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
