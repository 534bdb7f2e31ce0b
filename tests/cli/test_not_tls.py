"""What runs on a port for SIP over TLS and is neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Runner
from kit.capture import write_pcap
from kit.packets import Conversation

OPTIONS = (
    b"OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bKx\r\nCall-ID: 1\r\n"
    b"CSeq: 1 OPTIONS\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nContent-Length: 0\r\n\r\n"
)


def read(run: Runner, path: Path, *said: tuple[bool, bytes]) -> list[dict[str, Any]]:
    talk = Conversation(server=("192.0.2.20", 5061)).open()
    for from_client, data in said:
        talk.send(from_client, data)
    ran = run("read", write_pcap(path / "other.pcap", talk.close().packets), "--json")
    assert ran.status == 0
    return [json.loads(line) for line in ran.out.splitlines()]


@pytest.mark.parametrize(
    "said",
    [
        (
            (True, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (False, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ),
        ((False, b"SSH-2.0-OpenSSH_9.2p1\r\n"), (True, b"SSH-2.0-Go\r\n")),
        ((True, bytes(range(200))), (False, bytes(range(100, 200)))),
        ((True, b"\x16\x03\x01"), (True, b"nothing like a handshake" * 10)),
    ],
    ids=["HTTP", "SSH", "garbage", "nearly TLS"],
)
def test_it_is_said_with_the_first_bytes(
    run: Runner, tmp_path: Path, said: tuple[tuple[bool, bytes], ...]
) -> None:
    lines = read(run, tmp_path, *said)
    [session] = [line for line in lines if line["type"] == "session"]
    assert session["verdict"] == "not-tls"
    assert said[0][1][:3].hex(" ") in session["why"]
    assert session["advice"]
    assert not [line for line in lines if line["type"] == "message"]


def test_sip_in_clear_on_that_port_is_sip_in_clear(run: Runner, tmp_path: Path) -> None:
    lines = read(run, tmp_path, (True, OPTIONS))
    [message] = [line for line in lines if line["type"] == "message"]
    assert (message["transport"], message["integrity"]) == ("TCP", "clear")
    assert not [line for line in lines if line["type"] == "session"]


def test_a_connection_that_says_nothing_is_no_session(run: Runner, tmp_path: Path) -> None:
    assert [line["type"] for line in read(run, tmp_path)] == ["summary"]
