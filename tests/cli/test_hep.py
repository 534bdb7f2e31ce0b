"""HEP on the command line: sent, written, and received."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from cli.conftest import Runner, spawn
from export.collector import Collector
from hep.packets import PACKET
from kit.kamailio import kamailio, module_folder
from kit.peers import tshark_sip
from kit.ports import free_port
from tqdecrypt.hep import HepStream, encode_packet, pull_packet

MESSAGES = 59
"""SIP messages of the example."""


def packets_of(data: bytes) -> list[bytes]:
    stream = HepStream()
    found = stream.receive(data)
    assert stream.idle
    return found


def test_a_file_gets_the_packets_and_is_read_like_a_capture(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "calls.hep"
    ran = run(
        "export", "hep", capture, "-k", key, "-o", out, "--capture-id", "7", "--node-name", "é"
    )
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == f"tqdecrypt: {MESSAGES} packets written to {out}.\n"
    packets = [pull_packet(data) for data in packets_of(out.read_bytes())]
    assert {packet.capture_id for packet in packets} == {7}
    assert {packet.node_name.decode() for packet in packets} == {"é"}
    first = run("read", "--json", "--raw", capture, "-k", key).out.splitlines()
    again = run("read", "--json", "--raw", out).out.splitlines()
    names = ("time", "source", "destination", "transport", "call_id", "raw", "cseq")
    said = [json.loads(line) for line in first if '"type":"message"' in line]
    read = [json.loads(line) for line in again if '"type":"message"' in line]
    assert len(read) == MESSAGES
    assert [[line[name] for name in names] for line in read] == [
        [line[name] for name in names] for line in said
    ]
    assert {(line["integrity"], line["mirrored_by"]) for line in read} == {("unverified", "é")}
    assert "is there already" in run("export", "hep", capture, "-k", key, "-o", out).err


def test_standard_output_gets_them_too(capture: Path, key: Path) -> None:
    process = spawn("export", "hep", capture, "-k", key, "-o", "-")
    out, err = process.communicate(timeout=60)
    assert len(packets_of(out)) == MESSAGES
    assert err == b"tqdecrypt: 59 packets written to standard output.\n"


def test_legs_of_one_call_have_the_call_id_of_the_first(
    run: Runner, tmp_path: Path, two_legs: tuple[Path, str, str]
) -> None:
    capture, first, second = two_legs
    out = tmp_path / "legs.hep"
    run("export", "hep", capture, "-o", out)
    packets = [pull_packet(data) for data in packets_of(out.read_bytes())]
    assert {packet.correlation_id.decode() for packet in packets} == {first}
    run("export", "hep", capture, "-o", out, "--force", "--no-join")
    packets = [pull_packet(data) for data in packets_of(out.read_bytes())]
    assert {packet.correlation_id.decode() for packet in packets} == {first, second}


@pytest.fixture
def two_legs(tmp_path: Path) -> tuple[Path, str, str]:
    """A B2BUA between two legs that have a Session-ID in common."""
    from calls.script import messages_of
    from kit import write_pcap
    from kit.signalling import over_udp

    session = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000"
    lines = []
    for source, destination, call_id in (("alice", "edge", "one"), ("edge", "bob", "two")):
        lines += [
            f"{source} -> {destination}: INVITE 1 id={call_id} | {session}",
            f"{destination} -> {source}: 200 INVITE 1 id={call_id} | {session}",
            f"{source} -> {destination}: ACK 1 id={call_id} to=b1 | {session}",
        ]
    messages, _ = messages_of("\n".join(lines))
    path = write_pcap(tmp_path / "legs.pcap", over_udp(messages))
    return path, messages[0].call_id, messages[-1].call_id


def test_a_collector_gets_them_with_the_password_of_a_file_or_the_environment(
    run: Runner, capture: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    monkeypatch.setenv("TQDECRYPT_HEP_PASSWORD", "from outside")
    cases: list[tuple[list[str | Path], bytes]] = [
        ([], b"from outside"),
        (["--password-file", secret], b"from a file"),
    ]
    for arguments, expected in cases:
        collector = Collector()
        collector.live()
        where = f"tcp:127.0.0.1:{collector.port}"
        ran = run("export", "hep", capture, "-k", key, "-o", where, *arguments)
        assert (ran.status, ran.err) == (0, f"tqdecrypt: 59 packets delivered to {where}.\n")
        assert {pull_packet(packet).key for packet in collector.wait()} == {expected}


def test_only_what_was_chosen_is_sent(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "some.hep"
    run("export", "hep", capture, "-k", key, "-o", out, "--call", "busy-1")
    packets = [pull_packet(data) for data in packets_of(out.read_bytes())]
    assert packets
    assert all(b"Call-ID: busy-1" in packet.payload for packet in packets)
    nothing = run(
        "export", "hep", capture, "-k", key, "-o", tmp_path / "no.hep", "--where", "size < 1"
    )
    assert nothing.status == 2
    assert "no SIP message to send" in nothing.err
    assert not (tmp_path / "no.hep").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-o", "udp:"], "'udp:' is no collector; write udp:HOST:PORT"),
        (["-o", "tcp:127.0.0.1:0"], "is no collector"),
        (["-o", "x.hep", "--spool", "s"], "--spool goes with a collector"),
        (["-o", "tcp:127.0.0.1", "--ca", "x"], "go with tls:"),
        (["-o", "tls:127.0.0.1", "--client-key", "x"], "--client-key goes with --client-cert"),
        (["-o", "tcp:127.0.0.1", "--in-doubt", "maybe"], "--in-doubt is resend or skip"),
    ],
)
def test_mistakes_are_one_sentence(
    run: Runner, capture: Path, arguments: list[str], sentence: str
) -> None:
    ran = run("export", "hep", capture, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_files_for_tls_that_are_none_are_said_to_be_none(run: Runner, capture: Path) -> None:
    ran = run("export", "hep", capture, "-o", "tls:127.0.0.1", "--ca", "/nonexistent")
    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "/nonexistent cannot be used for TLS" in ran.err
    ran = run("export", "hep", capture, "-o", "tls:127.0.0.1", "--client-cert", capture)
    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "cannot be used for TLS" in ran.err


def test_a_collector_that_is_down_is_a_sentence_and_a_spool_keeps_everything(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    collector = Collector()
    where = f"tcp:127.0.0.1:{collector.port}"
    arguments = ("export", "hep", capture, "-k", key, "-o", where, "--wait", "0.3")
    ran = run(*arguments)
    assert ran.status == 1
    assert "Connection refused" in ran.err
    assert "59 packets not" in ran.err
    spool = tmp_path / "spool"
    ran = run(*arguments, "--spool", spool)
    assert ran.status == 1
    assert f"59 packets in the spool {spool}" in ran.err
    collector.live()
    ran = run("export", "hep", "-o", where, "--spool", spool)
    assert ran.status == 0
    assert f"59 packets of an earlier run in the spool {spool} will go first" in ran.err
    assert f"59 packets delivered to {where}." in ran.err
    assert len(collector.wait()) == MESSAGES


def test_ctrl_c_keeps_what_is_not_delivered_in_the_spool(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    collector = Collector()
    where = f"tcp:127.0.0.1:{collector.port}"
    spool = tmp_path / "spool"
    process = spawn("export", "hep", capture, "-k", key, "-o", where, "--spool", spool)
    assert process.stderr is not None
    assert b"is not to be reached" in process.stderr.readline()
    time.sleep(0.5)  # it has read everything, and waits for the collector
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"59 packets in the spool" in err
    collector.live()
    assert run("export", "hep", "-o", where, "--spool", spool).status == 0
    assert len(collector.wait()) == MESSAGES


def test_read_listens_without_a_capture_until_ctrl_c() -> None:
    port = free_port(socket.SOCK_DGRAM)
    process = spawn("read", "--hep-listen", f"udp:127.0.0.1:{port}")
    assert process.stdout is not None
    line = b""
    stop = threading.Event()

    def say() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
            while not stop.wait(0.1):
                agent.sendto(encode_packet(PACKET), ("127.0.0.1", port))

    speaking = threading.Thread(target=say)
    speaking.start()
    try:
        line = process.stdout.readline()
    finally:
        stop.set()
        speaking.join()
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        _, err = process.communicate(timeout=60)
    assert line.endswith(b"192.0.2.1:40000 -> 192.0.2.2:5061 TLS mirrored  INVITE  1@example.com\n")
    assert process.returncode == 130
    assert b"Ended by Ctrl-C." in out
    assert b"hep packets" in out
    assert err == b""


def test_a_pipe_and_a_listener_are_one_source(capture: Path, key: Path, tmp_path: Path) -> None:
    """The run ends with the pipe; what came until then is among the rest."""
    port = free_port(socket.SOCK_DGRAM)
    read_end, write_end = os.pipe()
    process = spawn(
        "read", "--json", "-", "-k", key, "--hep-listen", f"udp:127.0.0.1:{port}", stdin=read_end
    )
    os.close(read_end)
    with (
        os.fdopen(write_end, "wb") as pipe,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent,
    ):
        pipe.write(capture.read_bytes())
        pipe.flush()
        assert process.stdout is not None
        first = process.stdout.readline()
        agent.sendto(encode_packet(PACKET), ("127.0.0.1", port))
        time.sleep(0.4)
    out = first + process.stdout.read()
    process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    messages = [line for line in lines if line["type"] == "message"]
    assert len(messages) == MESSAGES + 1
    assert sum(line.get("mirrored_by") == "edge" for line in messages) == 1


def test_a_place_that_is_taken_is_a_sentence(run: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("read", "--hep-listen", f"tcp:127.0.0.1:{taken.getsockname()[1]}")
    assert ran.status == 1
    assert "Cannot listen for HEP" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.peer("sngrep", "tshark")
def test_sngrep_receives_what_is_sent(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    written = tmp_path / "received.pcap"
    command = ["sngrep", "-N", "-q", "-L", f"udp:127.0.0.1:{port}", "-O", str(written)]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        ran = run(
            "export", "hep", capture, "-k", key, "-o", f"udp:127.0.0.1:{port}", "--rate", "200"
        )
        assert ran.status == 0
        for _ in range(200):
            if written.exists() and len(tshark_sip(written)) >= MESSAGES:
                break
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(20)
    assert len(tshark_sip(written)) == MESSAGES


SIPCAPTURE = module_folder("sipcapture", "db_text")
CAPTURING = """
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://{folder}")
modparam("sipcapture", "hep_capture_on", 1)
modparam("sipcapture", "insert_retries", 1)
modparam("sipcapture", "insert_retry_timeout", 10)
request_route {{ xlog("L_WARN", "TAKEN $si:$sp $rm $ci\\n"); drop; }}
onreply_route {{ xlog("L_WARN", "TAKEN $si:$sp $rs $ci\\n"); drop; }}
"""


@pytest.mark.peer("kamailio")
@pytest.mark.skipif(SIPCAPTURE is None, reason="apt-get install kamailio")
def test_kamailio_receives_what_is_sent(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    port = free_port()
    configuration = CAPTURING.format(port=port, folder=tmp_path)
    with kamailio(tmp_path, configuration, port) as log:
        ran = run(
            "export", "hep", capture, "-k", key, "-o", f"udp:127.0.0.1:{port}", "--rate", "200"
        )
        assert ran.status == 0
        for _ in range(200):
            taken = [line.partition("TAKEN ")[2] for line in log.read_text().splitlines()]
            if sum(map(bool, taken)) >= MESSAGES:
                break
            time.sleep(0.05)
    found = [line for line in taken if line]
    assert len(found) == MESSAGES
    assert found[0] == "192.0.2.10:42897 OPTIONS options-1.101@pbx.example.net"
