"""Explanations beside what programs say that we did not write: tshark's dissection, OpenSSL's trace."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from explain.stories import Story, explain_all, packets_of
from kit import TlsPair, Version, certificates, tcp_packets, write_pcap
from kit.peers import tshark, tshark_fields
from kit.tls import Flight
from matrix.model import Command
from matrix.play import Program
from matrix.relay import TcpRelay
from tls.passive import ring, server_key, talk
from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.registries import EXTENSION_NAMES

PAIRS = {
    "rsa": {
        "ciphers": "ECDHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA",
        "server_ciphers": "AES256-SHA",
    },
    "rsa-gcm-mutual": {"ciphers": "AES256-GCM-SHA384", "mutual": True},
    "ecdhe": {"ciphers": "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", "alpn": ("sip/2",)},
    "dhe": {"ciphers": "DHE-RSA-AES256-GCM-SHA384"},
    "tls10": {"ciphers": "AES128-SHA", "version": Version.TLSv1},
    "tls13": {"version": Version.TLSv1_3, "mutual": True},
    "refused": {"mutual": True, "client_cert": certificates.stranger()},
}


def captured(kind: str, folder: Path) -> tuple[Path, Path, Story]:
    pair = TlsPair(**PAIRS[kind])  # type: ignore[arg-type]
    if pair.failure is None:
        talk(pair)
        pair.close()
    path = write_pcap(folder / f"{kind}.pcap", packets_of(pair))
    keylog = folder / f"{kind}.keylog"
    keylog.write_text("".join(f"{line}\n" for line in pair.keylog_lines))
    return path, keylog, explain_all(path, ring([server_key()], pair.keylog_lines))[1]


def numbers(text: str) -> list[int]:
    return [int(value, 0) for value in text.split("|") if value]


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("kind", PAIRS)
def test_the_messages_and_their_frames_are_tsharks(kind: str, tmp_path: Path) -> None:
    path, keylog, story = captured(kind, tmp_path)
    fields = ("frame.number", "tls.handshake.type", "tls.alert_message.desc")
    rows = tshark_fields(path, "tls", *fields, keylog=keylog)
    theirs = [
        (int(frame), HandshakeType(number).name.replace("_", ""))
        for frame, types, _ in rows
        for number in numbers(types)
    ]
    names = {kind.name.replace("_", "") for kind in HandshakeType}
    ours = [(step.frame, step.name.lower()) for step in story.steps if step.name.lower() in names]
    assert ours == theirs
    alerts = [int(frame) for frame, _, alert in rows for _ in numbers(alert)]
    assert [step.frame for step in story.steps if step.name.startswith("Alert")] == alerts


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("kind", PAIRS)
def test_what_the_hellos_say_is_what_tshark_reads(kind: str, tmp_path: Path) -> None:
    path, keylog, story = captured(kind, tmp_path)
    names = (
        "tls.handshake.ciphersuite",
        "tls.handshake.extension.type",
        "tls.handshake.extensions_supported_group",
        "tls.handshake.sig_hash_alg",
        "tls.handshake.extensions_server_name",
        "tls.handshake.extensions_alpn_str",
        "tls.handshake.random",
    )
    (client,) = tshark_fields(path, "tls.handshake.type == 1", *names, keylog=keylog)
    (server,) = tshark_fields(path, "tls.handshake.type == 2", *names[:2], keylog=keylog)
    hello = story.step("ClientHello")
    assert [suite.number for suite in hello.suites] == numbers(client[0])
    extensions = story.fact("ClientHello", "extensions").split(", ")
    assert extensions == [EXTENSION_NAMES[number] for number in numbers(client[1])]
    assert len(story.fact("ClientHello", "groups").split(", ")) == max(len(numbers(client[2])), 1)
    schemes = story.fact("ClientHello", "signature algorithms")
    assert len(schemes.split(", ") if schemes else []) == len(numbers(client[3]))
    assert story.fact("ClientHello", "server name (SNI)") == client[4]
    assert story.fact("ClientHello", "protocols (ALPN)") == client[5].replace("|", ", ")
    assert (
        client[6]
        .replace(":", "")
        .startswith(story.fact("ClientHello", "client random").split(", ")[1].rstrip("…"))
    )
    chosen = [suite.number for suite in hello.suites if suite.chosen]
    assert chosen == numbers(server[0])[:1]


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("kind", ["rsa", "rsa-gcm-mutual", "tls10", "ecdhe"])
def test_the_key_block_is_the_one_that_tshark_derives(kind: str, tmp_path: Path) -> None:
    path, keylog, _ = captured(kind, tmp_path)
    lines = keylog.read_text().splitlines()
    story = explain_all(path, ring(keylog=lines), show_secrets=True)[1]
    debug = tmp_path / "debug.txt"
    tshark(path, "-o", f"tls.debug_file:{debug}", keylog=keylog)
    theirs = _keys_of(debug.read_text())
    ours = {part.name: part.shown for part in story.secret("key block").parts if part.length}
    for name, label in (
        ("client MAC key", "Client MAC key"),
        ("server MAC key", "Server MAC key"),
        ("client key", "Client Write key"),
        ("server key", "Server Write key"),
        ("client IV", "Client Write IV"),
        ("server IV", "Server Write IV"),
        ("client salt", "Client Write IV"),
        ("server salt", "Server Write IV"),
    ):
        if name in ours:
            assert theirs[label] == ours[name]
    assert ours


def _keys_of(debug: str) -> dict[str, str]:
    """Return the keys that tshark's debug output dumps in hexadecimal."""
    found: dict[str, str] = {}
    pattern = r"((?:Client|Server) (?:MAC key|Write key|Write IV))\[\d+\]:\n((?:\| .*\n)+)"
    for label, dump in re.findall(pattern, debug):
        digits = "".join(re.findall(r"^\| ((?:[0-9a-f]{2} )+)", dump, re.MULTILINE))
        found.setdefault(label, digits.replace(" ", ""))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(
    ("options", "suite"),
    [
        (("-tls1_2", "-cipher", "AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256"), "AES256-SHA"),
        (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "ECDHE-RSA-AES128-GCM-SHA256"),
        (("-tls1_3",), None),
    ],
)
def test_openssls_own_trace_of_a_handshake(
    options: tuple[str, ...], suite: str | None, tmp_path: Path
) -> None:
    """``openssl s_client -trace`` says what it sent and got; the explanation says the same."""
    trace, flights, keylog = _handshake(tmp_path, options, suite)
    path = write_pcap(tmp_path / "trace.pcap", tcp_packets([Flight(*flight) for flight in flights]))
    story = explain_all(path, ring(keylog=keylog))[1]
    messages = re.findall(r"^    (\w+), Length=\d+$", trace, re.MULTILINE)
    names = {re.sub("_", "", kind.name): kind for kind in HandshakeType}
    ours = [step.name for step in story.steps if step.name.lower() in names]
    theirs = [message for message in messages if message.lower() in names]
    assert ours[: len(theirs)] == theirs
    # s_client may leave before it has read the tickets behind a TLS 1.3 handshake.
    assert set(ours[len(theirs) :]) <= {"NewSessionTicket"}
    hello = trace[trace.index("ClientHello") : trace.index("compression_methods")]
    offered = re.findall(r"\{0x[0-9A-F]{2}, 0x[0-9A-F]{2}\} (TLS_\w+)", hello)
    assert [one.name for one in story.step("ClientHello").suites] == offered
    extensions = re.findall(r"extension_type=(\w+)\(\d+\)", _client_extensions(trace))
    ours = story.fact("ClientHello", "extensions").split(", ")
    assert [_plain(name) for name in ours] == [_plain(name) for name in extensions]
    random = re.search(r"random_bytes \(len=28\): ([0-9A-F]+)", trace)
    assert random is not None
    shown = story.fact("ClientHello", "client random").split(", ")[1].rstrip("…")
    assert random[1].lower().startswith(shown[8:])
    assert story.given


def _client_extensions(trace: str) -> str:
    begin = trace.index("extensions, length")
    return trace[begin : trace.index("Received", begin)]


def _handshake(
    folder: Path, options: tuple[str, ...], suite: str | None
) -> tuple[str, list[tuple[bool, bytes]], list[str]]:
    """Let OpenSSL's programs talk through a relay; return trace, bytes and key log."""
    files = certificates.server().write(folder)
    port = _free_port()
    serving = ("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert")
    listening: list[str] = [*serving, str(files.certificate), "-key", str(files.key), options[0]]
    if suite is not None:
        listening += ["-cipher", suite]
    server = Program(Command(listening), folder, "openssl s_server")
    try:
        server.wait_for(b"ACCEPT")
        with TcpRelay(port) as relay:
            connecting = ("openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}", "-trace")
            logged = ("-keylogfile", str(folder / "openssl.keylog"))
            done = subprocess.run(
                [*connecting, *logged, *options],
                input=b"OPTIONS sip:a SIP/2.0\n",
                capture_output=True,
                timeout=20,
                check=False,
            )
            flights = relay.connections[0]
        keylog = (folder / "openssl.keylog").read_text().splitlines()
        return done.stdout.decode(errors="replace"), flights, keylog
    finally:
        server.close()


def _free_port() -> int:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
