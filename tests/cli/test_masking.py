"""--mask in every command: nothing of the original comes out, and everything else does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from calls.script import messages_of
from cli.conftest import Runner, spawn
from kit.capture import write_pcap
from kit.packets import tcp_packets
from kit.signalling import over_udp
from tqdecrypt.sip import StreamFramer
from tqdecrypt.sip.message import Flow

NUMBERS = ("4420794601", "1202555")
"""How all numbers of the example begin."""
SECRET = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CALL = f"""
    alice -> edge: INVITE 1 id=call-4420794601@h from=a1 caller=+442079460100 callee=+442079460123 | Proxy-Authorization: Digest username="zebedee", realm="h", nonce="n", response="{SECRET}" | offer 4000
    edge -> alice: 486 INVITE 1 id=call-4420794601@h from=a1 caller=+442079460100 callee=+442079460123
    alice -> edge: ACK 1 id=call-4420794601@h from=a1 to=b1 caller=+442079460100 callee=+442079460123
"""  # noqa: E501


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    """A call in clear, with somebody's numbers and credentials."""
    messages, _ = messages_of(CALL)
    return write_pcap(tmp_path / "clear.pcap", over_udp(messages))


@pytest.mark.parametrize(
    "command",
    [
        ["read"],
        ["read", "--messages"],
        ["read", "--json", "--raw", "--findings", "--indicators", "--problems"],
        ["show", "--call", "busy-1", "--full", "--diff"],
        ["show", "--where", "from ~ +4420", "--full"],
        ["follow", "--session", "4"],
        ["export", "json", "-o", "-", "--raw"],
        ["export", "json", "-o", "-", "--where", "to ~ +1202"],
    ],
    ids=" ".join,
)
def test_no_number_of_the_example_comes_out(
    run: Runner, capture: Path, key: Path, command: list[str]
) -> None:
    words = 2 if command[0] == "export" else 1
    ran = run(*command[:words], capture, "-k", key, "--mask", "people", *command[words:])
    assert ran.status == 0
    assert len(ran.out) > 500
    for number in NUMBERS:
        assert number not in ran.out
        assert number not in ran.err


def test_every_message_comes_out_masked(run: Runner, capture: Path, key: Path) -> None:
    lines = run("read", capture, "-k", key, "--json", "--raw", "--mask", "people").out.splitlines()
    plain = run("read", capture, "-k", key, "--json", "--raw", "--mask", "none").out.splitlines()
    assert len(lines) == len(plain)
    summary = json.loads(lines[-1])
    assert summary["mask"] == "people"
    assert summary["counters"]["messages_masked"] == summary["messages"] == 59
    for line, before in zip(map(json.loads, lines), map(json.loads, plain), strict=True):
        assert line["type"] == before["type"]
        if line["type"] == "message":
            assert len(line["raw"]) == len(before["raw"])
            assert line["call_id"] != before["call_id"]
            assert line.get("status") == before.get("status")


def test_findings_are_the_same(run: Runner, capture: Path, key: Path) -> None:
    found = {}
    for profile in ("none", "keys", "people"):
        out = run("read", capture, "-k", key, "--json", "--findings", "--mask", profile).out
        lines = [json.loads(line) for line in out.splitlines()]
        found[profile] = [
            (line["finding"], line["count"]) for line in lines if line["type"] == "finding"
        ]
    assert found["none"]
    assert found["people"] == found["keys"] == found["none"]


@pytest.mark.parametrize(
    ("command", "hidden"),
    [
        (["read", "--json"], None),
        (["read", "--json", "--raw"], True),
        (["read", "--json", "--raw", "--mask", "none"], False),
        (["show", "--call", "call-4420794601@h", "--full"], False),
        (["show", "--call", "call-4420794601@h", "--full", "--mask", "keys"], True),
        (["export", "json", "-o", "-", "--raw"], True),
        (["export", "json", "-o", "-", "--raw", "--mask", "none"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_secrets_leave_only_when_asked_for(
    run: Runner, clear: Path, command: list[str], hidden: bool | None
) -> None:
    words = 2 if command[0] == "export" else 1
    ran = run(*command[:words], clear, *command[words:])
    assert ran.status == 0
    assert "442079460100" in ran.out
    if hidden is not None:
        assert (SECRET in ran.out) is not hidden
        assert "zebedee" in ran.out


def test_calls_are_named_as_they_were_captured(run: Runner, clear: Path) -> None:
    ran = run("show", clear, "--call", "call-4420794601@h", "--mask", "people")
    assert ran.status == 0
    assert "486" in ran.out
    assert "4420794601" not in ran.out
    ran = run("export", "json", clear, "-o", "-", "--call", "4420794601", "--mask", "people")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["type"] for line in lines] == ["message"] * 3 + ["call", "finding", "summary"]
    assert "4420794601" not in ran.out
    missing = run("show", clear, "--call", "nobody", "--mask", "people")
    assert missing.status == 2
    assert "no message has a Call-ID with 'nobody' in it" in missing.err


def test_what_is_chosen_is_chosen_by_what_was_captured(run: Runner, clear: Path) -> None:
    for where in ("message.from ~ +442079460100", "from ~ +442079460100", "finding = call-failed"):
        ran = run("export", "json", clear, "-o", "-", "--where", where, "--mask", "people")
        types = [json.loads(line)["type"] for line in ran.out.splitlines()]
        assert types.count("message") >= 1, where
        assert "call" in types, where
        assert "4420794601" not in ran.out


def test_a_choice_from_a_pipe(clear: Path) -> None:
    for choice in (("--call", "4420794601"), ("--where", "message.from ~ +442079460100")):
        process = spawn(
            *("export", "json", "-", "-o", "-", *choice, "--mask", "people"),
            stdin=subprocess.PIPE,
        )
        out, _ = process.communicate(clear.read_bytes())
        types = [json.loads(line)["type"] for line in out.splitlines()]
        assert types.count("message") == 3
        assert types.count("call") == 1
        assert b"4420794601" not in out


def test_show_says_that_it_reads_twice(clear: Path) -> None:
    process = spawn("show", "-", "--call", "x", "--mask", "people", stdin=subprocess.PIPE)
    _, err = process.communicate(clear.read_bytes())
    assert process.returncode == 2
    assert b"a pipe comes but once" in err


class TestFollow:
    def test_messages_in_both_directions_or_one(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        mask = ("--mask", "people", "--mask-key-file", tmp_path / "mask.key")
        both = run("follow", capture, "-k", key, "--session", "4", *mask).out
        client = run("follow", capture, "-k", key, "--session", "4", "--from", "client", *mask).out
        server = run("follow", capture, "-k", key, "--session", "4", "--from", "server", *mask).out
        plain = run("follow", capture, "-k", key, "--session", "4").out
        assert len(both) == len(client) + len(server) == len(plain)
        assert client.startswith("INVITE sip:")
        assert server.startswith("SIP/2.0 100 ")
        flow = Flow("a", "b", "TLS", "verified", 4)
        framed = StreamFramer(flow).receive(both.encode(), 1, 1)
        assert [one.method or one.status for one in framed] == ["INVITE", 100, 486, "ACK"]

    def test_what_is_no_message_is_left_out_and_said(self, run: Runner, tmp_path: Path) -> None:
        from kit.tls import TlsPair

        pair = TlsPair()
        pair.say(True, b"password: sesame\r\n")
        pair.say(True, b"OPTIONS sip:b@h SIP/2.0\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        capture = write_pcap(tmp_path / "odd.pcap", tcp_packets(pair.flights))
        keylog = tmp_path / "keys.log"
        keylog.write_text("".join(f"{line}\n" for line in pair.keylog_lines))
        ran = run("follow", capture, "--keylog", keylog, "--session", "1", "--mask", "keys")
        assert ran.out.startswith("OPTIONS")
        assert "sesame" not in ran.out
        assert re.search(r"18 of \d+ bytes were left out", ran.err)

    def test_there_is_no_such_session(self, run: Runner, capture: Path, key: Path) -> None:
        ran = run("follow", capture, "-k", key, "--session", "99", "--mask", "people")
        assert ran.status == 2
        assert "there is no TLS session 99" in ran.err


class TestKeyFile:
    def test_pseudonyms_of_several_runs(self, run: Runner, clear: Path, tmp_path: Path) -> None:
        mask = ("--mask", "people", "--mask-key-file", tmp_path / "mask.key")
        first, again = (run("read", clear, "--json", *mask).out for _ in range(2))
        other = run("read", clear, "--json", "--mask", "people").out
        assert first == again != other

    def test_it_needs_something_to_mask(self, run: Runner, clear: Path, tmp_path: Path) -> None:
        path = tmp_path / "mask.key"
        ran = run("read", clear, "--mask-key-file", path)
        assert ran.status == 2
        assert "--mask-key-file goes with --mask" in ran.err
        assert not path.exists()


def test_an_unknown_profile(run: Runner, clear: Path) -> None:
    ran = run("read", clear, "--mask", "everybody")
    assert ran.status == 2
    assert "people" in ran.err
