"""``tqdecrypt media`` opens SRTP with what the signalling and DTLS handshakes say."""

from __future__ import annotations

import base64
import json
import random
import re
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calls.script import messages_of
from cli.conftest import Runner, spawn
from data.dtls.record import Recording, record, write_material
from kit.capture import write_pcap
from kit.packets import START, Packet, Segment
from kit.signalling import over_udp
from kit.srtp import Protector, rtcp_packet, rtp_packet
from tls.datagrams import parse
from tqdecrypt.media.srtp import decryption
from tqdecrypt.media.srtp.library import load_library

CM80, CM32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"
ALICE, BOB = ("192.0.2.1", 4000), ("192.0.2.3", 5000)
SECOND = 1_000_000_000


def secret(seed: int, suite: str = CM80) -> bytes:
    return random.Random(seed).randbytes(28 if suite == GCM else 30)


def crypto(tag: int, suite: str, seed: int, behind: str = "") -> str:
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(secret(seed, suite)).decode()}{behind}"


def body(end: tuple[str, int], *attributes: str, protocol: str = "RTP/SAVP") -> str:
    lines = [
        *("v=0", f"o=- 1 1 IN IP4 {end[0]}", "s=-", f"c=IN IP4 {end[0]}", "t=0 0"),
        f"m=audio {end[1]} {protocol} 0",
        *attributes,
    ]
    return "body application/sdp " + "\\n".join(lines) + "\\n"


def signalling(offer: str, answer: str, again: str = "") -> list[Packet]:
    messages, _ = messages_of(f"""
        alice -> bob: INVITE 1 id=call | {offer}
        bob -> alice: 180 INVITE 1 id=call
        bob -> alice: 200 INVITE 1 id=call | {answer}
        alice -> bob: ACK 1 id=call to=b1
        {again}
        wait 20 s
        alice -> bob: BYE 9 id=call to=b1
        bob -> alice: 200 BYE 9 id=call
    """)
    return over_udp(messages)


def stream(
    sender: Protector,
    numbers: Sequence[int],
    *,
    from_alice: bool = True,
    begin: float = 1.0,
    ports: int = 0,
    protect: Callable[[Protector, int], bytes] | None = None,
) -> list[Packet]:
    """Packets with these numbers, 20 ms apart."""
    source, destination = (ALICE, BOB) if from_alice else (BOB, ALICE)
    ssrc = 0xA11CE if from_alice else 0xB0B
    packets = []
    for place, number in enumerate(numbers):
        time = START + int(begin * SECOND) + place * SECOND // 50
        packet = rtp_packet(number, ssrc, bytes([number & 0xFF]) * 160)
        data = protect(sender, number) if protect else sender.rtp(packet, number >> 16)
        ends = (source[0], source[1] + ports), (destination[0], destination[1] + ports)
        packets.append(Segment(time, *ends, data).packet())
    return packets


def capture(path: Path, *parts: list[Packet]) -> Path:
    packets = sorted((packet for part in parts for packet in part), key=lambda one: one.time_ns)
    return write_pcap(path / "call.pcap", packets)


def media(run: Runner, *arguments: str | Path) -> dict[str, dict[str, Any]]:
    """Run it; return the streams by whom they go to."""
    ran = run("media", "--json", *arguments)
    assert ran.status == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    return {line["to"]: line for line in lines if line["type"] == "media" and line.get("to")}


def opened(line: dict[str, Any], *, rtcp: bool = False) -> tuple[int, int]:
    """Packets and authenticated ones of a stream."""
    [source] = [one for one in line["srtp"]["sources"] if one["rtcp"] is rtcp]
    return source["packets"], source["authenticated"]


def test_an_answer_without_a_key_is_no_key_that_does_not_fit(run: Runner, tmp_path: Path) -> None:
    """The offer's key was not taken, and what is sent is RTP in clear; nothing proves that."""
    sent = stream(
        Protector(CM80, secret(1)), range(60), protect=lambda _, number: rtp_packet(number)
    )
    for answer, verdict, findings in (
        (body(BOB), "no-key-in-sdp", []),
        (body(BOB, crypto(1, CM80, 2)), "authentication-failed", ["srtp-key-mismatch"]),
    ):
        path = capture(tmp_path, signalling(body(ALICE, crypto(1, CM80, 1)), answer), sent)
        ran = run("media", "--json", path)
        lines = [json.loads(line) for line in ran.out.splitlines()]
        assert [line["verdict"] for line in lines if line.get("stream")] == [verdict]
        found = [line["finding"] for line in lines if line["type"] == "finding"]
        assert [name for name in found if name.startswith("srtp")] == findings


def test_both_directions_open_each_with_its_senders_key(run: Runner, tmp_path: Path) -> None:
    offer = body(ALICE, crypto(1, CM32, 1), crypto(2, CM80, 2))
    answer = body(BOB, crypto(2, CM80, 3))
    alice, bob = Protector(CM80, secret(2)), Protector(CM80, secret(3))

    def report(sender: Protector, number: int) -> bytes:
        return sender.rtcp(rtcp_packet(number, 0xA11CE), number)

    path = capture(
        tmp_path,
        signalling(offer, answer),
        stream(alice, range(65_500, 65_600)),
        stream(alice, range(4), ports=1, protect=report),
        stream(bob, range(700 << 16, (700 << 16) + 50), from_alice=False),
    )
    found = media(run, path)
    assert found["callee"]["verdict"] == found["caller"]["verdict"] == "decrypted"
    assert opened(found["callee"]) == (100, 100)
    assert opened(found["callee"], rtcp=True) == (4, 4)
    assert opened(found["caller"]) == (50, 50)
    source = found["caller"]["srtp"]["sources"][0]
    assert source["rollovers_at_first"] == 700
    assert source["keys"] == [{"suite": CM80, "from": "a=crypto:2 of the answer", "mki": None}]
    table = run("media", path).out
    assert "100 packets authenticated" in table
    assert "begins at roll-over counter 700" in table
    for seed in (1, 2, 3):
        assert base64.b64encode(secret(seed)).decode()[:8] not in table + json.dumps(found)


def test_reports_in_srtcp_are_read_when_they_open(run: Runner, tmp_path: Path) -> None:
    alice, bob = Protector(CM80, secret(1)), Protector(CM80, secret(2))

    def sent(sender: Protector, number: int) -> bytes:
        return sender.rtcp(rtcp_packet(number + 1, 0xA11CE), number)

    def answered(sender: Protector, number: int) -> bytes:
        """A receiver report about Alice: 3 lost, and the sender report before, 5 ms ago."""
        middle = (number + 1) >> 16 & 0xFFFFFFFF
        block = struct.pack(">IIIIII", 0xA11CE, 0x08000003, 99, 16, middle, 65536 * 5 // 1000)
        return sender.rtcp(struct.pack(">BBHI", 0x81, 201, 7, 0xB0B) + block, number)

    path = capture(
        tmp_path,
        signalling(body(ALICE, crypto(1, CM80, 1)), body(BOB, crypto(1, CM80, 2))),
        stream(alice, range(100)),
        stream(bob, range(100), from_alice=False),
        stream(alice, [7 << 16], ports=1, protect=sent, begin=1.5),
        stream(bob, [7 << 16], ports=1, protect=answered, from_alice=False, begin=1.53),
    )
    ran = run("media", "--json", path)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    [told] = [line["rtcp"] for line in lines if line.get("to") == "callee"]
    assert (told["reporter"], told["lost"], told["jitter_ms"]) == ("192.0.2.3:5001", 3, 2.0)
    assert told["round_trip_ms"]["last"] == pytest.approx(25.0, abs=0.1)
    counters = lines[-1]["counters"]
    assert (counters["rtcp_packets"], counters["srtcp_opened"]) == (2, 2)
    assert "rtcp_unreadable" not in counters


def test_media_in_front_of_the_answer_opens(run: Runner, tmp_path: Path) -> None:
    path = capture(
        tmp_path,
        signalling(body(ALICE, crypto(1, GCM, 1)), body(BOB, crypto(1, GCM, 2))),
        stream(Protector(GCM, secret(2, GCM)), range(40), from_alice=False, begin=0.001),
    )
    found = media(run, path)["caller"]
    assert opened(found) == (40, 40)


def test_a_reinvite_brings_new_keys_and_the_old_ones_linger(run: Runner, tmp_path: Path) -> None:
    offers = body(ALICE, crypto(1, CM80, 1)), body(ALICE, crypto(1, CM80, 3))
    answers = body(BOB, crypto(1, CM80, 2)), body(BOB, crypto(1, CM80, 4))
    again = f"""
        wait 5 s
        alice -> bob: INVITE 2 id=call to=b1 | {offers[1]}
        bob -> alice: 200 INVITE 2 id=call | {answers[1]}
        alice -> bob: ACK 2 id=call to=b1
    """
    old, new = Protector(CM80, secret(1)), Protector(CM80, secret(3))
    path = capture(
        tmp_path,
        signalling(offers[0], answers[0], again),
        stream(old, range(260)),
        stream(new, range(260, 400), begin=6.2),
    )
    found = media(run, path)["callee"]
    assert (found["verdict"], opened(found)) == ("decrypted", (400, 400))
    assert len(found["srtp"]["sources"][0]["keys"]) == 2
    assert "1 new key on the way" in re.sub(r"\s+", " ", run("media", path).out)


def test_who_uses_a_line_that_was_not_chosen_is_found(run: Runner, tmp_path: Path) -> None:
    offer = body(ALICE, crypto(1, CM32, 1), crypto(2, CM80, 2))
    path = capture(
        tmp_path,
        signalling(offer, body(BOB, crypto(2, CM80, 3))),
        stream(Protector(CM32, secret(1)), range(30)),
    )
    out = " ".join(run("media", path).out.split())
    assert "it uses the key of a=crypto:1 of the offer, not chosen: the answer took another" in out


@pytest.mark.parametrize(
    ("answer", "sender", "verdict"),
    [
        (body(BOB, crypto(1, CM80, 2)), Protector(CM80, secret(1)), "other-direction"),
        (body(BOB, crypto(1, CM80, 2)), Protector(CM80, secret(9)), "authentication-failed"),
        (
            body(BOB, crypto(1, "F8_128_HMAC_SHA1_80", 2)),
            Protector(CM80, secret(2)),
            "unsupported-suite",
        ),
        (body(BOB, f"a=crypto:1 {CM80} inline:XXXX*"), Protector(CM80, secret(2)), "key-masked"),
        (body(BOB), Protector(CM80, secret(2)), "no-key-in-sdp"),
    ],
)
def test_what_stays_dark_has_its_verdict(
    run: Runner, tmp_path: Path, answer: str, sender: Protector, verdict: str
) -> None:
    path = capture(
        tmp_path,
        signalling(body(ALICE, crypto(1, CM80, 1)), answer),
        stream(sender, range(30), from_alice=False),
    )
    found = media(run, path)["caller"]
    assert found["verdict"] == verdict
    assert not found["srtp"] or opened(found) == (30, 0)
    mismatch = "authenticates with the key in its SDP" in run("media", path).out
    assert mismatch is (verdict == "authentication-failed")


def test_packets_cut_by_the_snap_length_are_not_tried(run: Runner, tmp_path: Path) -> None:
    packets = stream(Protector(CM80, secret(1)), range(30))
    cut = [replace(packet, data=packet.data[:80]) for packet in packets]
    path = capture(
        tmp_path, signalling(body(ALICE, crypto(1, CM80, 1)), body(BOB, crypto(1, CM80, 2))), cut
    )
    assert media(run, path)["callee"]["verdict"] == "snap-length"


def test_unencrypted_srtp_is_authenticated(run: Runner, tmp_path: Path) -> None:
    lines = [crypto(1, CM80, seed, " UNENCRYPTED_SRTP") for seed in (1, 2)]

    def bare(sender: Protector, number: int) -> bytes:
        return sender.rtp(rtp_packet(number, 0xA11CE), 0, encrypt=False)

    path = capture(
        tmp_path,
        signalling(body(ALICE, lines[0]), body(BOB, lines[1])),
        stream(Protector(CM80, secret(1)), range(30), protect=bare),
    )
    found = media(run, path)["callee"]
    assert (found["verdict"], opened(found)) == ("authenticated", (30, 30))


def test_many_protected_calls_are_opened_some_at_a_time(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdecrypt.cli.srtp.MOST_STREAMS", 4)
    readings: list[int] = []
    once_more = decryption.decrypt

    def counted(*arguments: Any, **options: Any) -> None:
        readings.append(1)
        once_more(*arguments, **options)

    monkeypatch.setattr(decryption, "decrypt", counted)
    parts = []
    for number in range(7):
        begin = 200 * number
        ends = (ALICE[0], ALICE[1] + 2 * number), (BOB[0], BOB[1] + 2 * number)
        messages, _ = messages_of(f"""
            alice -> bob: INVITE 1 id=call{number} | {body(ends[0], crypto(1, CM80, 1))}
            bob -> alice: 200 INVITE 1 id=call{number} | {body(ends[1], crypto(1, CM80, 2))}
            alice -> bob: ACK 1 id=call{number} to=b1
            wait 20 s
            alice -> bob: BYE 9 id=call{number} to=b1
            bob -> alice: 200 BYE 9 id=call{number}
        """)
        parts.append(over_udp(messages, START + begin * SECOND))
        for seed, from_alice in ((1, True), (2, False)):
            sender = Protector(CM80, secret(seed))
            parts.append(
                stream(sender, range(40), from_alice=from_alice, begin=begin + 1, ports=2 * number)
            )
    ran = run("media", "--json", capture(tmp_path, *parts))
    assert not ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    streams = [line for line in lines if line["type"] == "media"]
    assert {line["verdict"] for line in streams} == {"decrypted"}
    assert all(opened(line) == (40, 40) for line in streams)
    assert len(streams) == 14
    assert len(readings) == 4


def test_the_same_ssrc_on_the_same_ports_later_has_the_keys_of_the_later_call(
    run: Runner, tmp_path: Path
) -> None:
    parts = []
    for number, seed in enumerate((1, 5)):
        messages, _ = messages_of(f"""
            alice -> bob: INVITE 1 id=call{number} | {body(ALICE, crypto(1, CM80, seed))}
            bob -> alice: 200 INVITE 1 id=call{number} | {body(BOB, crypto(1, CM80, seed + 1))}
            alice -> bob: ACK 1 id=call{number} to=b1
            wait 20 s
            alice -> bob: BYE 9 id=call{number} to=b1
            bob -> alice: 200 BYE 9 id=call{number}
        """)
        parts.append(over_udp(messages, START + 200 * number * SECOND))
        sender = Protector(CM80, secret(seed))
        parts.append(stream(sender, range(40), begin=200 * number + 1.0))
        reports = stream(
            sender, range(2), begin=200 * number + 1.5, ports=1,
            protect=lambda one, index: one.rtcp(rtcp_packet(index, 0xA11CE), index + 1),
        )  # fmt: skip
        parts.append(reports)
    lines = [
        json.loads(line)
        for line in run("media", "--json", capture(tmp_path, *parts)).out.splitlines()
    ]
    found = [line for line in lines if line["type"] == "media"]
    assert [line["verdict"] for line in found] == ["decrypted"] * 2
    assert [(opened(line), opened(line, rtcp=True)) for line in found] == [((40, 40), (2, 2))] * 2


def test_calls_for_which_no_key_came_are_listed_when_there_are_too_many(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdecrypt.cli.srtp.MOST_STREAMS", 1)
    fingerprint = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    offer, answer = (body(end, fingerprint, protocol="UDP/TLS/RTP/SAVP") for end in (ALICE, BOB))
    path = capture(
        tmp_path, signalling(offer, answer), stream(Protector(CM80, secret(1)), range(30))
    )
    lines = [json.loads(line) for line in run("media", "--json", path).out.splitlines()]
    assert lines[0]["verdict"] == "dtls-dark"
    assert lines[-1]["counters"]["media_streams_not_opened"] == 1


def test_a_pipe_cannot_be_read_again_and_says_so(tmp_path: Path) -> None:
    path = capture(
        tmp_path,
        signalling(body(ALICE, crypto(1, CM80, 1)), body(BOB, crypto(1, CM80, 2))),
        stream(Protector(CM80, secret(1)), range(30)),
    )
    process = spawn("media", "--json", "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(path.read_bytes())
    assert b"second reading, which a pipe does not allow" in err
    [line] = [json.loads(one) for one in out.splitlines() if b'"type":"media"' in one]
    assert line["verdict"] == "protected"


def test_without_the_library_streams_are_listed_and_it_says_what_to_install(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = capture(
        tmp_path,
        signalling(body(ALICE, crypto(1, CM80, 1)), body(BOB, crypto(1, CM80, 2))),
        stream(Protector(CM80, secret(1)), range(30)),
    )
    load_library.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "pylibsrtp", None)
    ran = run("media", path)
    assert ran.status == 0
    assert ran.err.strip().endswith("pip install 'tqdecrypt[media]'")
    assert "SRTP, key known" in ran.out


@pytest.mark.peer("openssl")
def test_dtls_srtp_opens_with_the_servers_rsa_key(run: Runner, tmp_path: Path) -> None:
    """DTLS and SRTP share the ports; OpenSSL's own export is what protects.

    RTCP has ports of its own, and so a handshake and keys of its own.
    """
    options = (
        *("-use_srtp", "SRTP_AES128_CM_SHA1_80", "-keymatexport", "EXTRACTOR-dtls_srtp"),
        *("-keymatexportlen", "60"),
    )
    write_material(tmp_path)
    made = Recording(server=options, client=options, lines=(), connections=2)
    recorded = parse(record(made, tmp_path))
    ends = ALICE, BOB  # Alice is the client
    handshakes = [
        Segment(
            START + SECOND // 2 + port * 100_000_000 + n * 1_000_000,
            (ends[side][0], ends[side][1] + port),
            (ends[1 - side][0], ends[1 - side][1] + port),
            data,
        ).packet()
        for port, spoken in enumerate(recorded)
        for n, (side, data) in enumerate(spoken.datagrams)
    ]
    exported, for_rtcp = (spoken.exported for spoken in recorded)
    assert exported != for_rtcp
    alice = Protector(CM80, exported[:16] + exported[32:46])
    bob = Protector(CM80, exported[16:32] + exported[46:])
    bob_rtcp = Protector(CM80, for_rtcp[16:32] + for_rtcp[46:])
    print_ = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    path = capture(
        tmp_path,
        signalling(*(body(end, print_, protocol="UDP/TLS/RTP/SAVP") for end in (ALICE, BOB))),
        handshakes,
        stream(alice, range(100), begin=2),
        stream(bob, range(80), from_alice=False, begin=2),
        stream(
            bob_rtcp,
            range(4),
            from_alice=False,
            begin=2,
            ports=1,
            protect=lambda sender, number: sender.rtcp(rtcp_packet(number, 0xB0B), number + 1),
        ),
    )
    found = media(run, path, "--key", tmp_path / "server.key")
    assert found["callee"]["verdict"] == found["caller"]["verdict"] == "decrypted"
    assert (opened(found["callee"]), opened(found["caller"])) == ((100, 100), (80, 80))
    assert opened(found["caller"], rtcp=True) == (4, 4)
    origins = [one["keys"][0]["from"] for one in found["caller"]["srtp"]["sources"]]
    assert origins == ["DTLS session 1, server", "DTLS session 2, server"]
    dark = media(run, path)
    assert dark["callee"]["verdict"] == dark["caller"]["verdict"] == "dtls-dark"
