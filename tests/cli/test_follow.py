from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import spawn
from kit.peers import tshark
from tqdecrypt.example import ExampleFile


def follow(*arguments: str | Path) -> tuple[int, bytes, str]:
    process = spawn("follow", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def test_both_directions_or_one(capture: Path, key: Path) -> None:
    status, both, err = follow(capture, "-k", key, "--session", "4")
    assert (status, err) == (0, "")
    _, client, _ = follow(capture, "-k", key, "--session", "4", "--from", "client")
    _, server, _ = follow(capture, "-k", key, "--session", "4", "--from", "server")
    assert client.startswith(b"INVITE sip:")
    assert server.startswith(b"SIP/2.0 100 ")
    assert len(both) == len(client) + len(server)


@pytest.mark.peer("tshark")
def test_the_bytes_are_those_that_tshark_follows(capture: Path, key: Path) -> None:
    text = tshark(capture, "-q", "-z", "follow,tls,raw,3", key=key)
    lines = [line for line in text.splitlines() if set(line.strip()) <= set("0123456789abcdef")]
    expected = bytes.fromhex("".join(line.strip() for line in lines if line.strip()))
    assert follow(capture, "-k", key, "--session", "4")[1] == expected


def test_a_dark_session_says_why_and_writes_nothing(capture: Path, key: Path) -> None:
    status, out, err = follow(capture, "-k", key, "--session", "7")
    assert (status, out) == (3, b"")
    assert err.startswith("tqdecrypt: session 7: The server chose TLS_ECDHE_RSA")


def test_a_failed_handshake_is_told_but_not_dark(capture: Path, key: Path) -> None:
    status, out, err = follow(capture, "-k", key, "--session", "8")
    assert (status, out) == (0, b"")
    assert "unknown_ca" in err


def test_no_such_session(
    capture: Path, key: Path, example: dict[ExampleFile, Path], tmp_path: Path
) -> None:
    status, _, err = follow(capture, "-k", key, "--session", "9")
    assert status == 2
    assert "there is no TLS session 9: the capture has 8; read lists them." in err
    status, _, err = follow(capture, "-k", key, "--session", "1", "--port", "5060")
    assert status == 2
    assert "the capture has no TLS session." in err
    assert follow(tmp_path / "none.pcap", "--session", "1")[0] == 1
