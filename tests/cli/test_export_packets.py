"""``export pcap``, ``pcapng`` and ``keylog`` as users run them; tshark and sngrep say what they see."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from capture.writer import read as read_capture
from cli.conftest import Runner, spawn
from export.test_signalling import CHECKED, TROUBLE
from kit import (
    Conversation,
    LinkType,
    TlsPair,
    certificates,
    drop,
    interleave,
    tcp_packets,
    with_payload,
    write_pcap,
    write_pcapng,
)
from kit.peers import tshark, tshark_fields, tshark_sip
from tls.datagrams import recordings
from websocket.peer import Peers

Ours = list[dict[str, Any]]


def our_messages(run: Runner, *arguments: str | Path) -> Ours:
    ran = run("read", "--json", *arguments)
    return [line for line in map(json.loads, ran.out.splitlines()) if line["type"] == "message"]


def start_lines(messages: Ours) -> Counter[str]:
    return Counter(m.get("method") or f"{m['status']} {m['reason']}" for m in messages)


def request(number: int, size: int = 0) -> bytes:
    return (
        f"MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK{number}\r\n"
        f"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: {number}@a\r\n"
        f"CSeq: 1 MESSAGE\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + b"x" * size


@pytest.fixture
def server_key(tmp_path: Path) -> Path:
    path = tmp_path / "server.key"
    path.write_bytes(certificates.server().key_pem())
    path.chmod(0o600)
    return path


class TestSignalling:
    @pytest.mark.peer("tshark")
    @pytest.mark.parametrize("kind", ["pcap", "pcapng"])
    @pytest.mark.parametrize("carried", ["tcp", "udp"])
    def test_tshark_finds_every_message_without_a_key(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path, kind: str, carried: str
    ) -> None:
        out = tmp_path / f"out.{kind}"
        ran = run("export", kind, capture, "-k", key, "-o", out, "--as", carried)
        assert ran.status == 0, ran.err
        ours = our_messages(run, capture, "-k", key)
        found = tshark_fields(out, "sip", "frame.time_epoch", "sip.Method", "sip.Status-Code")
        assert [(moment(time), code or method) for time, method, code in found] == [
            (moment(m["time"]), str(m.get("status") or m["method"])) for m in ours
        ]
        assert tshark(out, *CHECKED, "-Y", f"{TROUBLE} || tls") == ""
        assert f"{len(ours)} messages" in ran.err

    @pytest.mark.peer("tshark")
    def test_addresses_ports_and_direction_are_those_of_the_messages(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out.pcap"
        run("export", "pcap", capture, "-k", key, "-o", out)
        names = ("ip.src", "tcp.srcport", "udp.srcport", "ip.dst", "tcp.dstport", "udp.dstport")
        found = [
            (f"{source}:{tcp or udp}", f"{destination}:{tcp_to or udp_to}")
            for source, tcp, udp, destination, tcp_to, udp_to in tshark_fields(out, "sip", *names)
        ]
        ours = our_messages(run, capture, "-k", key)
        assert found == [(m["source"], m["destination"]) for m in ours]

    @pytest.mark.peer("tshark")
    def test_comments_name_session_and_frame(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out.pcapng"
        run("export", "pcapng", capture, "-k", key, "-o", out, "--session", "4")
        ours = our_messages(run, capture, "-k", key)
        assert [comment for (comment,) in tshark_fields(out, "sip", "frame.comment")] == [
            f"TLS session 4, every record verified; frame {m['frame']}"
            for m in ours
            if m["session"] == 4
        ]

    @pytest.mark.peer("sngrep")
    def test_sngrep_reads_it(self, run: Runner, capture: Path, key: Path, tmp_path: Path) -> None:
        out, kept = tmp_path / "out.pcap", tmp_path / "kept.pcap"
        run("export", "pcap", capture, "-k", key, "-o", out)
        command = ["sngrep", "-N", "-q", "-I", str(out), "-O", str(kept)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert start_lines(our_messages(run, kept)) == start_lines(our_messages(run, out))

    @pytest.mark.peer("tshark")
    def test_messages_of_a_websocket_are_sip_over_tcp(
        self, run: Runner, tmp_path: Path, server_key: Path
    ) -> None:
        peers, pair = Peers(deflate=True).open(), TlsPair()
        for number in range(4):
            peers.say(number % 2 == 0, request(number, 3000))
        for from_client, data in peers.sent:
            pair.say(from_client, data)
        capture = write_pcap(
            tmp_path / "wss.pcap",
            tcp_packets(pair.flights, Conversation(server=("192.0.2.20", 8080))),
        )
        out = tmp_path / "out.pcapng"
        ran = run("export", "pcapng", capture, "-k", server_key, "-o", out)
        assert tshark_sip(out) == ["MESSAGE sip:b@example.com SIP/2.0"] * 4
        assert tshark(out, *CHECKED, "-Y", TROUBLE) == ""
        assert "port 8080 is written as 5060 for 4 messages" in ran.err
        comments = [comment for (comment,) in tshark_fields(out, "sip", "frame.comment")]
        assert all("in a WebSocket" in comment for comment in comments)

    @pytest.mark.peer("tshark")
    def test_a_gap_is_said_and_leaves_the_stream_readable(
        self, run: Runner, tmp_path: Path, server_key: Path
    ) -> None:
        pair = TlsPair()
        for number in range(6):
            pair.say(True, request(number))
        whole = tcp_packets(pair.flights)
        lost = with_payload(whole)[-3]
        capture = write_pcap(tmp_path / "gap.pcap", drop([lost])(whole))
        out = tmp_path / "out.pcapng"
        ran = run("export", "pcapng", capture, "-k", server_key, "-o", out)
        comments = [comment for (comment,) in tshark_fields(out, "sip", "frame.comment")]
        assert [("GAP" in comment) for comment in comments] == [False, False, False, True, False]
        assert "1 behind a gap" in ran.err
        assert tshark(out, *CHECKED, "-Y", TROUBLE) == ""

    def test_keep_alives_are_left_out_and_counted(
        self, run: Runner, tmp_path: Path, server_key: Path
    ) -> None:
        pair = TlsPair()
        for said in (request(1), b"\r\n\r\n", request(2), b"what is this?\n"):
            pair.say(True, said)
        capture = write_pcap(tmp_path / "alive.pcap", tcp_packets(pair.flights))
        ran = run("export", "pcap", capture, "-k", server_key, "-o", tmp_path / "out")
        assert "2 messages on 1 TCP connection" in ran.err
        assert "2 keep-alives in the whole capture left out" in ran.err
        assert "14 bytes in it that are no SIP message left out" in ran.err

    def test_from_a_pipe(self, capture: Path, key: Path, tmp_path: Path) -> None:
        out = tmp_path / "out.pcap"
        process = spawn("export", "pcap", "-", "-k", key, "-o", out, stdin=subprocess.PIPE)
        _, err = process.communicate(capture.read_bytes())
        assert process.returncode == 0, err
        assert len(read_capture(out).records) > 60


def moment(text: str) -> int:
    """Return microseconds since 1970, of RFC 3339 or of seconds."""
    if "T" not in text:
        return int(text.replace(".", "")) // 1000
    whole = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(whole.timestamp()) * 1_000_000 + whole.microsecond


class TestSecrets:
    @pytest.fixture
    def cut(self, run: Runner, capture: Path, key: Path, tmp_path: Path) -> Path:
        """The call to somebody who is busy, cut out of the example."""
        out = tmp_path / "busy.pcapng"
        ran = run("export", "pcapng", "--secrets", capture, "-k", key, "-o", out, "--call", "busy")
        assert ran.status == 0, ran.err
        return out

    @pytest.mark.peer("tshark")
    def test_tshark_opens_the_call_and_nothing_else_is_there(
        self, run: Runner, capture: Path, key: Path, cut: Path
    ) -> None:
        whole = our_messages(run, capture, "-k", key)
        (call_id,) = {m["call_id"] for m in whole if m["call_id"].startswith("busy")}
        mine = [m for m in whole if m["call_id"] == call_id]
        found = tshark_fields(cut, "sip", "sip.Call-ID")
        assert found == [[call_id]] * len(mine)
        assert {m["call_id"] for m in our_messages(run, cut)} == {call_id}

    def test_its_packets_are_those_of_the_capture(self, capture: Path, cut: Path) -> None:
        original, copied = read_capture(capture).records, read_capture(cut).records
        assert copied == [record for record in original if record in copied]
        assert 20 < len(copied) < len(original) / 2

    def test_it_holds_one_secret_and_only_its_owner_reads_it(self, cut: Path) -> None:
        (secrets,) = read_capture(cut).secrets
        assert re.fullmatch(rb"CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}\n", secrets)
        assert stat.S_IMODE(cut.stat().st_mode) == 0o600

    def test_the_private_key_is_in_no_file(
        self, run: Runner, capture: Path, key: Path, cut: Path, tmp_path: Path
    ) -> None:
        run("export", "keylog", capture, "-k", key, "-o", tmp_path / "log")
        numbers = certificates_numbers(key)
        for path in (cut, tmp_path / "log"):
            data = path.read_bytes()
            assert not any(number in data or number.hex().encode() in data for number in numbers)

    @pytest.mark.peer("tshark")
    def test_the_key_log_opens_just_the_chosen_sessions(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        ran = run(
            *("export", "keylog", capture, "-k", key, "-o", log),
            *("--session", "4", "--session", "5"),
        )
        assert "the secrets of 2 TLS sessions" in ran.err
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        ours = [m for m in our_messages(run, capture, "-k", key) if m["session"] in (4, 5)]
        assert len(tshark_sip(capture, "sip && tls", keylog=log)) == len(ours)
        with_log = our_messages(run, capture, "--keylog", log)
        assert [m for m in with_log if m["session"]] == ours

    def test_what_is_not_known_is_counted_and_said(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "all.pcapng"
        ran = run("export", "pcapng", "--secrets", capture, "-k", key, "-o", out)
        assert "the secrets of 7 TLS sessions; no secrets for 1 TLS session." in ran.err
        only = tmp_path / "dark.pcapng"
        ran = run("export", "pcapng", "--secrets", capture, "-o", only, "--session", "7")
        assert (ran.status, read_capture(only).secrets) == (0, [])
        assert "no secrets for 1 TLS session." in ran.err

    def test_a_key_log_of_nothing_is_a_mistake(
        self, run: Runner, capture: Path, tmp_path: Path
    ) -> None:
        ran = run("export", "keylog", capture, "-o", tmp_path / "log")
        assert ran.status == 2
        assert "nothing opened 8 TLS sessions that fit; read says why" in ran.err
        assert list(tmp_path.iterdir()) == []

    def test_other_calls_on_the_connection_come_along_and_are_said(
        self, run: Runner, tmp_path: Path, server_key: Path
    ) -> None:
        pair = TlsPair()
        for number in range(3):
            pair.say(True, request(number))
        capture = write_pcap(tmp_path / "three.pcap", tcp_packets(pair.flights))
        out = tmp_path / "out.pcapng"
        ran = run(
            *("export", "pcapng", "--secrets", capture, "-k", server_key, "-o", out),
            *("--call", "1@a", "--only"),
        )
        assert "2 other Call-IDs on the same connections, which come whole" in ran.err
        assert len(our_messages(run, out)) == 3

    @pytest.mark.parametrize("version", [TlsPair().version, 0x0304])
    def test_a_session_in_mid_connection_is_cut_and_it_is_said_that_wireshark_lacks_its_handshake(
        self, run: Runner, tmp_path: Path, version: int
    ) -> None:
        pair = TlsPair(version=version)  # type: ignore[arg-type]
        shaken = len(pair.flights)
        for number in range(3):
            pair.say(True, request(number))
        log = tmp_path / "log"
        log.write_text("\n".join(pair.keylog_lines))
        talk = Conversation()
        for flight in pair.flights[shaken:]:
            talk.send(flight.from_client, flight.data)
        capture = write_pcap(tmp_path / "middle.pcap", talk.packets)
        out = tmp_path / "out.pcapng"
        ran = run("export", "pcapng", "--secrets", capture, "--keylog", log, "-o", out)
        if version == 0x0304:
            assert "1 TLS session whose handshake is not in the capture" in ran.err
            assert len(our_messages(run, out)) == 3
        else:
            assert "no secrets for 1 TLS session" in ran.err

    @pytest.mark.peer("tshark")
    def test_several_captures_with_several_link_types(
        self, run: Runner, tmp_path: Path, server_key: Path
    ) -> None:
        paths = []
        for number, link in enumerate((LinkType.ETHERNET, LinkType.LINUX_SLL2)):
            pair = TlsPair()
            pair.say(True, request(number))
            talk = Conversation(("192.0.2.10", 40_000 + number), link_type=link)
            packets = tcp_packets(pair.flights, talk)
            paths.append(write_pcapng(tmp_path / f"{number}.pcapng", packets))
        out = tmp_path / "out.pcapng"
        run("export", "pcapng", "--secrets", *paths, "-k", server_key, "-o", out)
        assert len(tshark_sip(out)) == 2
        assert {i.link_type for i in read_capture(out).interfaces} == {1, 276}

    @pytest.mark.peer("tshark")
    @pytest.mark.parametrize("resumed", [False, True])
    def test_a_session_that_was_resumed_has_the_secret_under_its_own_name(
        self, run: Runner, tmp_path: Path, server_key: Path, resumed: bool
    ) -> None:
        first = TlsPair()
        pair = TlsPair(resume_from=first)
        assert pair.resumed
        first.say(True, request(1))
        pair.say(True, request(2))
        one = tcp_packets(first.flights)
        two = tcp_packets(pair.flights, Conversation(("192.0.2.10", 40_001)))
        capture = write_pcap(tmp_path / "both.pcap", interleave(one, two))
        out = tmp_path / "out.pcapng"
        wanted = "2" if resumed else "1"
        ran = run(
            *("export", "pcapng", "--secrets", capture, "-k", server_key, "-o", out),
            *("--session", wanted),
        )
        assert ran.status == 0, ran.err
        assert tshark_fields(out, "sip", "sip.Call-ID") == [[f"{wanted}@a"]]

    @pytest.mark.peer("tshark")
    def test_dtls_is_cut_and_opened(self, run: Runner, tmp_path: Path) -> None:
        (recording,) = recordings("rsa")
        talk = Conversation(server=("192.0.2.20", 4433))
        for side, data in recording.datagrams:
            talk.datagram(side == 0, data).datagram(side == 0, b"\x80" + bytes(40))
        capture = write_pcap(tmp_path / "dtls.pcap", talk.packets)
        (tmp_path / "log").write_text("\n".join(recording.keylog))
        out = tmp_path / "out.pcapng"
        run("export", "pcapng", "--secrets", capture, "--keylog", tmp_path / "log", "-o", out)
        assert len(read_capture(out).records) == len(recording.datagrams)
        (session,) = (
            line
            for line in map(json.loads, run("read", "--json", out).out.splitlines())
            if line["type"] == "session"
        )
        assert session["verdict"] == "decrypted"
        close_notify = [["0"], ["0"]]
        assert tshark_fields(out, "dtls.alert_message", "dtls.alert_message.desc") == close_notify
        assert tshark_fields(capture, "dtls.alert_message.desc", "frame.number") == []


def certificates_numbers(key: Path) -> list[bytes]:
    """Return the secret numbers of an RSA key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, RSAPrivateKey)
    numbers = private.private_numbers()
    return [n.to_bytes((n.bit_length() + 7) // 8, "big") for n in (numbers.p, numbers.q, numbers.d)]


class TestMistakesAndFaults:
    @pytest.mark.parametrize("arguments", [("pcap",), ("pcapng", "--secrets"), ("keylog",)])
    def test_a_file_that_is_there_stays_unless_forced(
        self, run: Runner, capture: Path, key: Path, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        out = tmp_path / "out"
        out.write_bytes(b"old")
        ran = run("export", *arguments, capture, "-k", key, "-o", out)
        assert (ran.status, out.read_bytes()) == (2, b"old")
        assert run("export", *arguments, capture, "-k", key, "-o", out, "--force").status == 0
        assert out.stat().st_size > 100

    @pytest.mark.parametrize("arguments", [("pcap",), ("pcapng", "--secrets"), ("keylog",)])
    def test_a_full_disk_is_one_sentence(
        self, run: Runner, capture: Path, key: Path, arguments: tuple[str, ...]
    ) -> None:
        ran = run("export", *arguments, capture, "-k", key, "-o", "/dev/full")
        assert ran.status == 1
        assert "/dev/full cannot be written (No space left on device)" in ran.err
        assert ran.err.count("\n") == 1

    def test_a_reader_that_goes_away_is_no_error(self, capture: Path, key: Path) -> None:
        with spawn("export", "pcap", capture, "-k", key, "-o", "-") as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(60) == 141

    def test_standard_output_gets_the_packets_and_nothing_else(
        self, capture: Path, key: Path, tmp_path: Path
    ) -> None:
        process = spawn("export", "pcapng", "--secrets", capture, "-k", key, "-o", "-")
        out, err = process.communicate()
        (tmp_path / "out").write_bytes(out)
        assert read_capture(tmp_path / "out").problems == []
        assert err.startswith(b"tqdecrypt: standard output: ")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("pcap", "--where", "status = 999"), "nothing to write: no SIP message fits"),
            (("pcapng", "--secrets", "--session", "99"), "nothing to write: no TLS session fits"),
            (("keylog", "--session", "99"), "nothing to write: no TLS session fits"),
            (("pcapng", "--secrets", "--as", "udp"), "leave out --as"),
        ],
    )
    def test_what_fits_nothing_leaves_no_file(
        self,
        run: Runner,
        capture: Path,
        key: Path,
        tmp_path: Path,
        arguments: tuple[str, ...],
        sentence: str,
    ) -> None:
        ran = run("export", *arguments, capture, "-k", key, "-o", tmp_path / "out")
        assert ran.status == 2
        assert sentence in ran.err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("pcapng", "--secrets"), "a pipe comes but once: save it to a file first"),
            (("keylog", "--call", "busy"), "or choose by --session"),
        ],
    )
    def test_what_takes_two_passes_is_refused_on_a_pipe(
        self, capture: Path, key: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
    ) -> None:
        out = tmp_path / "out"
        process = spawn("export", *arguments, "-", "-k", key, "-o", out, stdin=subprocess.PIPE)
        _, err = process.communicate(capture.read_bytes())
        assert process.returncode == 2
        assert sentence in err.decode()
        assert list(tmp_path.iterdir()) == []

    def test_a_key_log_comes_out_of_a_pipe(self, capture: Path, key: Path) -> None:
        process = spawn(
            *("export", "keylog", "-", "-k", key, "-o", "-", "--session", "4"),
            stdin=subprocess.PIPE,
        )
        out, _ = process.communicate(capture.read_bytes())
        assert re.fullmatch(rb"# 1 TLS session, .*\nCLIENT_RANDOM [0-9a-f]+ [0-9a-f]+\n", out)


@pytest.mark.shared
@pytest.mark.peer("tshark")
@pytest.mark.parametrize(
    "name",
    [
        *("small", "tls13", "resume-ticket", "d-loss1-v-gcm128-none", "d-reorder-v-gcm128-none"),
        *("d-dup-v-aes128sha-none", "v-reneg-gcm128-ems", "v-split300-aes128sha-none"),
    ],
)
def test_real_captures_come_out_as_they_are_expected(
    run: Runner, shared: Path, tmp_path: Path, name: str
) -> None:
    captures = shared / "captures"
    (expected,) = (
        one["messages_with_keylog"]
        for one in json.loads((captures / "expected.json").read_text())
        if one["file"] == f"{name}.pcap"
    )
    capture, log = captures / f"{name}.pcap", captures / f"{name}.keylog"
    clear, cut, mine = tmp_path / "clear.pcap", tmp_path / "cut.pcapng", tmp_path / "log"
    run("export", "pcap", capture, "--keylog", log, "-o", clear)
    assert len(tshark_sip(clear)) == expected
    assert tshark(clear, *CHECKED, "-Y", f"{TROUBLE} || tls") == ""
    run("export", "pcapng", "--secrets", capture, "--keylog", log, "-o", cut)
    assert len(our_messages(run, cut)) == expected
    run("export", "keylog", capture, "--keylog", log, "-o", mine)
    assert len(our_messages(run, capture, "--keylog", mine)) == expected
    # What tshark makes of a capture with loss is its own affair; ours is as good as the whole one.
    assert len(tshark_sip(cut)) == len(tshark_sip(capture, keylog=log))
