"""``export pcap --media``: calls that tshark takes for RTP, and nothing in them that is not proven."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from capture.writer import read as read_capture
from cli.conftest import Ran, Runner
from data.dtls.record import Recording, record, write_material
from kit.capture import write_pcap
from kit.packets import Endpoint, Packet, Segment
from kit.peers import tshark, tshark_fields
from kit.srtp import Protector, rtcp_packet
from media.reading import datagram, rtp
from media.scenes import SipCall, sdp, write
from packet.test_turn import attribute, stun
from tls.datagrams import parse

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
BARESIP = "generated/baresip"
SUITE = "AES_CM_128_HMAC_SHA1_80"
PHONE: Endpoint = ("198.51.100.10", 11_000)
GATEWAY: Endpoint = ("203.0.113.20", 12_000)
CALL = "spoken@pbx.example.net"
SECRETS = [random.Random(seed).randbytes(30) for seed in (1, 2)]
CHECKED = tuple(f"-o{name}.check_checksum:TRUE" for name in ("ip", "udp"))
TROUBLE = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0"


def crypto(secret: bytes, behind: str = "") -> str:
    return f"a=crypto:1 {SUITE} inline:{base64.b64encode(secret).decode()}{behind}"


def protected(
    behind: str = "", call_id: str = CALL, phone: Endpoint = PHONE, gateway: Endpoint = GATEWAY
) -> SipCall:
    offer, answer = (
        sdp(*end, protocol="RTP/SAVP", types="0", lines=[crypto(secret, behind)])
        for end, secret in zip((phone, gateway), SECRETS, strict=True)
    )
    return SipCall(offer, answer, call_id, ring=20, answered=50, bye=9000)


def plain(call_id: str = CALL, phone: Endpoint = PHONE, gateway: Endpoint = GATEWAY) -> SipCall:
    offer, answer = (sdp(*end, types="0") for end in (phone, gateway))
    return SipCall(offer, answer, call_id, ring=20, answered=50, bye=9000)


def packet(number: int, ssrc: int) -> bytes:
    return rtp(number, number * 160, ssrc=ssrc, payload_type=0, payload=bytes([number]) * 160)


def spoken(
    protect: Callable[[bytes], bytes],
    source: Endpoint = PHONE,
    to: Endpoint = GATEWAY,
    count: int = 100,
) -> list[Segment]:
    return [datagram(100 + 20 * i, protect(packet(i, source[1])), source, to) for i in range(count)]


def sealed(secret: bytes) -> Callable[[bytes], bytes]:
    sender = Protector(SUITE, secret)
    return lambda data: sender.rtp(data, 0)


def both_ways() -> list[Segment]:
    return [
        *spoken(sealed(SECRETS[0])),
        *spoken(sealed(SECRETS[1]), GATEWAY, PHONE, 50),
    ]


def export(run: Runner, capture: Path | str, out: Path, *more: str | Path) -> Ran:
    return run("export", out.suffix[1:], capture, "-o", out, "--media", *more)


def payloads(path: Path) -> dict[str, list[str]]:
    """By SSRC, the payloads that tshark sees as RTP that is not SRTP."""
    found: dict[str, list[str]] = {}
    for ssrc, data in tshark_fields(path, "rtp && !srtp.enc_payload", "rtp.ssrc", "rtp.payload"):
        found.setdefault(ssrc, []).append(data)
    return found


def udp_data(path: Path) -> list[bytes]:
    """What stands in the datagrams that are no SIP, in their order."""
    found = [record.data for record in read_capture(path).records]
    return [data[28:] for data in found if data[28] >> 6 == 2]


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_tshark_plays_what_was_protected(run: Runner, tmp_path: Path, kind: str) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / f"out.{kind}"
    write(path, protected(), both_ways())
    ran = export(run, path, out)
    assert ran.status == 0, ran.err
    assert ran.err.count("\n") == 1
    assert "150 packets of RTP in 2 streams; 150 of them decrypted, each authenticated" in ran.err
    assert "2 session descriptions changed" in ran.err
    assert payloads(out) == {
        f"0x{ssrc:08x}": [(bytes([i]) * 160).hex() for i in range(count)]
        for ssrc, count in ((PHONE[1], 100), (GATEWAY[1], 50))
    }
    assert tshark(out, *CHECKED, "-Y", f"{TROUBLE} || srtp.enc_payload") == ""
    table = tshark(out, "-q", "-z", "rtp,streams")
    rows = [line.split() for line in table.splitlines() if "g711U" in line]
    assert sorted((row[2:6], row[8:11]) for row in rows) == sorted(
        ([*map(str, source), *map(str, to)], [count, "0", "(0.0%)"])
        for source, to, count in ((PHONE, GATEWAY, "100"), (GATEWAY, PHONE, "50"))
    )


@pytest.mark.peer("tshark")
@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["tls12-rsa-aes128-sha", "tls12-rsa-aes256-gcm", "sll-any-tls12-rsa-aes128-sha"],
)
def test_calls_of_baresip_come_out_as_libsrtp_has_them(
    run: Runner, tmp_path: Path, name: str
) -> None:
    key, out = tmp_path / "server.key", tmp_path / "out.pcapng"
    key.write_bytes((CORPUS / "generated" / "keys" / "rsa2048.pem").read_bytes())
    key.chmod(0o600)
    known = json.loads((CORPUS / "expected.json").read_text())["sip_tls_calls"]
    [call] = [one for one in known if one["file"] == f"{BARESIP}/{name}.pcap"]
    ran = export(run, CORPUS / call["file"], out, "-k", key)
    assert ran.status == 0, ran.err
    found = {
        int(ssrc, 16): (len(some), hashlib.sha256(bytes.fromhex("".join(some))).hexdigest())
        for ssrc, some in payloads(out).items()
    }
    assert found == {
        int(one["ssrc"], 16): (one["packets"], one["sha256_payload_concat"]) for one in call["srtp"]
    }
    assert tshark(out, "-Y", "srtp.enc_payload || _ws.malformed") == ""
    times = [float(time) for [time] in tshark_fields(out, "frame", "frame.time_epoch")]
    assert times == sorted(times)


@pytest.mark.peer("tshark")
@pytest.mark.shared
def test_a_captured_call_in_clear_comes_through_as_it_was(run: Runner, tmp_path: Path) -> None:
    capture, out = CORPUS / "sip" / "sipnab" / "sip-rtp-g711.pcap", tmp_path / "out.pcap"
    assert export(run, capture, out).status == 0
    names = ("frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "udp.payload")
    assert tshark_fields(out, "rtp.ssrc", *names) == tshark_fields(capture, "rtp.ssrc", *names)
    assert len(udp_data(out)) > 100


def test_clear_rtp_stays_byte_for_byte_in_order_of_time(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    report = datagram(150, rtcp_packet(1, PHONE[1]), (PHONE[0], 11_001), (GATEWAY[0], 12_001))
    talk = spoken(bytes)
    write(path, plain(), talk, [report])
    ran = export(run, path, out)
    assert "100 packets of RTP in 1 stream and 1 of RTCP." in ran.err
    records = read_capture(out).records
    whole = read_capture(path).records
    assert [(one.time, one.data[28:]) for one in records] == [
        (one.time, one.data[-len(ours.data[28:]) :])
        for one, ours in zip(whole, records, strict=True)
    ]


def test_srtcp_is_written_as_rtcp_between_its_own_ports(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcapng"
    clear, sender = rtcp_packet(7, PHONE[1]), Protector(SUITE, SECRETS[0])
    ends = (PHONE[0], 11_001), (GATEWAY[0], 12_001)
    damaged = bytearray(sender.rtcp(clear, 2))
    damaged[10] ^= 1
    reports = [sender.rtcp(clear, 1), bytes(damaged), clear]
    sent = [datagram(300 + i, one, *ends) for i, one in enumerate(reports)]
    write(path, protected(), both_ways(), sent)
    ran = export(run, path, out)
    assert "and 1 of RTCP; 151 of them decrypted" in ran.err
    assert "2 packets of RTCP left out, as nothing proves them" in ran.err
    [written] = [one.data for one in read_capture(out).records if one.data[29] == 200]
    assert written[28:] == clear
    assert written[20:24] == (11_001).to_bytes(2, "big") + (12_001).to_bytes(2, "big")


def test_damaged_and_foreign_packets_are_left_out_and_counted(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    talk = spoken(sealed(SECRETS[0]))
    for at in (10, 40):
        data = bytearray(talk[at].payload)
        data[50] ^= 0x80
        talk[at] = datagram(100 + 20 * at, bytes(data), PHONE, GATEWAY)
    wrong = spoken(sealed(random.Random(3).randbytes(30)), GATEWAY, PHONE, 30)
    write(path, protected(), talk, wrong)
    ran = export(run, path, out)
    assert ran.status == 0
    assert "98 packets of RTP in 1 stream" in ran.err
    assert "2 packets of media left out: that no key opens" in ran.err
    assert "30 packets of media left out: authentication failed" in ran.err
    assert udp_data(out) == [packet(i, PHONE[1]) for i in range(100) if i not in (10, 40)]


def test_what_nothing_authenticates_is_not_written(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    sender = Protector(SUITE, SECRETS[0])
    talk = spoken(lambda data: sender.rtp(data, 0, authenticate=False))
    write(path, protected(" UNAUTHENTICATED_SRTP"), talk)
    ran = export(run, path, out)
    assert ran.status == 0
    assert "0 packets of RTP" in ran.err
    assert "100 packets of media left out: decrypted, not authenticated" in ran.err
    assert udp_data(out) == []


def test_media_whose_key_is_not_known_is_counted_by_verdict(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    offer, answer = (sdp(*end, protocol="RTP/SAVP", types="0") for end in (PHONE, GATEWAY))
    stray = spoken(bytes, ("192.0.2.77", 30_000), ("192.0.2.78", 30_002), 20)
    call = SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000)
    write(path, call, both_ways(), stray)
    ran = export(run, path, out)
    assert "150 packets of media left out: no key in the SDP" in ran.err
    assert "20 packets of media in no call left out: no SDP announces it" in ran.err
    assert udp_data(out) == []


def test_only_the_chosen_call_is_heard_and_only_in_the_chosen_time(
    run: Runner, tmp_path: Path
) -> None:
    other = (("198.51.100.11", 11_000), ("203.0.113.21", 12_000))
    path, out = tmp_path / "calls.pcap", tmp_path / "out.pcap"
    segments = [
        *protected().segments(),
        *plain("other@pbx", *other).segments(),
        *both_ways(),
        *spoken(bytes, *other, 60),
    ]
    ordered = sorted((one.packet() for one in segments), key=lambda one: one.time_ns)
    write_pcap(path, ordered)
    ran = export(run, path, out, "--call", "other")
    assert udp_data(out) == [packet(i, 11_000) for i in range(60)]
    assert "left out" not in ran.err
    assert export(run, path, out, "--force", "--call", CALL).status == 0
    assert len(udp_data(out)) == 150
    halves = 0
    for switch in ("--since", "--until"):
        moment = _moment(ordered, 1_000_000_000)
        assert export(run, path, out, "--force", switch, moment).status == 0
        halves += len(udp_data(out))
    assert halves == 210


def _moment(packets: list[Packet], later: int) -> str:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp((packets[0].time_ns + later) / 1e9, UTC)
    return moment.isoformat().replace("+00:00", "Z")


def test_keys_are_masked_in_what_is_written_and_read_all_the_same(
    run: Runner, tmp_path: Path
) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    write(path, protected(), both_ways())
    secret = base64.b64encode(SECRETS[0])
    assert export(run, path, out).status == 0
    assert secret not in out.read_bytes()
    assert len(udp_data(out)) == 150
    assert export(run, path, out, "--mask", "none", "--force").status == 0
    assert b"a=x-crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + secret in out.read_bytes()


@pytest.mark.peer("tshark")
def test_dialled_digits_are_masked_as_elsewhere(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    offer, answer = (
        sdp(*end, protocol="RTP/SAVP", types="0 101", lines=[crypto(secret)])
        for end, secret in zip((PHONE, GATEWAY), SECRETS, strict=True)
    )
    protect, digit = sealed(SECRETS[0]), b"\x05\x0a\x01\x40"
    event = rtp(100, 16_000, ssrc=PHONE[1], payload_type=101, payload=digit)
    sent = [datagram(2200, protect(event), PHONE, GATEWAY)]
    talk = spoken(protect)
    write(path, SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000), talk, sent)
    ran = export(run, path, out)
    assert "1 packet of telephone events without their digits" in ran.err
    assert udp_data(out)[-1] == event[:12] + b"\xff" + digit[1:]
    assert tshark_fields(out, "rtpevent", "rtpevent.event_id") == [["255"]]
    ran = export(run, path, out, "--force", "--mask", "none")
    assert "telephone event" not in ran.err
    assert udp_data(out)[-1] == event


@pytest.mark.peer("tshark")
def test_digits_in_redundant_data_are_masked_too(run: Runner, tmp_path: Path) -> None:
    """Events that are said again beside the speech, and beside the next event (RFC 4733 section 2.5.1.4)."""
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    formats = ["a=rtpmap:97 red/8000", "a=fmtp:97 101/101/101"]
    offer, answer = (
        sdp(*end, protocol="RTP/SAVP", types="0 97 101", lines=[*formats, crypto(secret)])
        for end, secret in zip((PHONE, GATEWAY), SECRETS, strict=True)
    )
    protect, digit = sealed(SECRETS[0]), b"\x05\x0a\x01\x40"
    told = b"\xe5\x00\x00\x04"
    twice = told + told + b"\x65" + digit * 3
    beside = told + b"\x00" + digit + b"\x55" * 160
    short = told + b"\x65"
    events = [
        rtp(100 + place, 16_000, ssrc=PHONE[1], payload_type=97, payload=payload)
        for place, payload in enumerate((twice, beside, short))
    ]
    sent = [datagram(2200 + 20 * n, protect(one), PHONE, GATEWAY) for n, one in enumerate(events)]
    call = SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000)
    write(path, call, spoken(protect), sent)
    ran = export(run, path, out)
    assert "2 packets of telephone events without their digits" in ran.err
    assert "1 malformed telephone event left out" in ran.err
    hidden = b"\xff" + digit[1:]
    assert [one[12:] for one in udp_data(out)[-2:]] == [
        twice.replace(digit, hidden),
        beside.replace(digit, hidden),
    ]
    assert tshark_fields(out, "rtpevent", "rtpevent.event_id") == [["255|255|255"], ["255"]]
    assert export(run, path, out, "--force", "--mask", "none").status == 0
    assert tshark_fields(out, "rtpevent", "rtpevent.event_id")[:2] == [["5|5|5"], ["5"]]


@pytest.mark.peer("openssl", "tshark")
@pytest.mark.parametrize("what", ["media", "audio", "media in a TURN channel"])
def test_media_of_dtls_srtp_is_opened_with_the_handshake(
    run: Runner, tmp_path: Path, what: str
) -> None:
    turn = what.endswith("channel")
    wrap: Callable[[bytes], bytes] = in_channel if turn else bytes
    options = (
        *("-use_srtp", "SRTP_AES128_CM_SHA1_80", "-keymatexport", "EXTRACTOR-dtls_srtp"),
        *("-keymatexportlen", "60"),
    )
    write_material(tmp_path)
    (made,) = parse(record(Recording(server=options, client=options, lines=()), tmp_path))
    handshake = [
        datagram(60 + n, wrap(data), *((PHONE, GATEWAY) if side == 0 else (GATEWAY, PHONE)))
        for n, (side, data) in enumerate(made.datagrams)
    ]
    lines = ["a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass"]
    offer, answer = (
        sdp(*end, protocol="UDP/TLS/RTP/SAVPF", types="0", lines=lines) for end in (PHONE, GATEWAY)
    )
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    protect = sealed(made.exported[:16] + made.exported[32:46])
    talk = spoken(lambda data: wrap(protect(data)))
    call = SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000)
    write(path, call, handshake, talk)
    key = tmp_path / "server.key"
    if what == "audio":
        wave = tmp_path / "call.wav"
        ran = run("export", "audio", path, "-k", key, "-o", wave, "--call", CALL, "--audio")
        assert ran.status == 0, ran.err
        return
    ran = export(run, path, out, "-k", key)
    assert "100 packets of RTP in 1 stream; 100 of them decrypted" in ran.err
    assert len(payloads(out)[f"0x{PHONE[1]:08x}"]) == 100
    assert b"a=x-fingerprint:" in out.read_bytes()


@pytest.mark.peer("tshark")
def test_ends_that_only_candidates_announce_are_told_with_what_shows_them(
    run: Runner, tmp_path: Path
) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    inside = ("192.0.2.50", 13_000)
    candidate = f"a=candidate:1 1 UDP 2130706431 {inside[0]} {inside[1]} typ host"
    offer = sdp(*PHONE, types="0")
    answer = sdp(*GATEWAY, types="0", lines=[candidate])
    talk = spoken(bytes, ("192.0.2.40", 14_000), inside, 20)
    write(path, SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000), talk)
    ran = export(run, path, out)
    assert "20 packets between ends that only ICE candidates announce" in ran.err
    assert tshark(out, "-Y", "rtp") == ""
    [switch] = re.findall(r"tshark (--enable-heuristic \w+)", ran.err)
    assert tshark(out, *switch.split(), "-Y", "rtp").count("PCMU") == 20


INSIDE: Endpoint = ("192.0.2.50", 13_000)
TURN: Endpoint = ("192.0.2.9", 3478)
RELAYED: Endpoint = (TURN[0], 49_152)


def in_channel(data: bytes) -> bytes:
    return b"\x40\x01" + len(data).to_bytes(2, "big") + data


def in_indication(kind: int) -> Callable[[bytes], bytes]:
    """Return what wraps data in a Send (0x16) or Data (0x17) indication, with the peer's address."""
    peer = attribute(0x0012, b"\0\1" + bytes(6))
    return lambda data: stun(kind, peer, attribute(0x0013, data))


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("way", ["channels", "indications"])
def test_media_in_turn_comes_out_of_it(run: Runner, tmp_path: Path, way: str) -> None:
    """The phone announces the address that its TURN server gave it, and its own as a candidate."""
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    candidate = f"a=candidate:1 1 UDP 2130706431 {INSIDE[0]} {INSIDE[1]} typ host"
    offer, answer = (
        sdp(*end, protocol="RTP/SAVP", types="0 101", lines=[candidate, crypto(secret)])
        for end, secret, candidate in zip(
            (RELAYED, GATEWAY), SECRETS, (candidate, "a=rtcp-mux"), strict=True
        )
    )
    send = in_channel if way == "channels" else in_indication(0x0016)
    receive = in_channel if way == "channels" else in_indication(0x0017)
    protect, digit = sealed(SECRETS[0]), b"\x05\x0a\x01\x40"
    there = spoken(lambda data: send(protect(data)), INSIDE, TURN)
    event = rtp(100, 16_000, ssrc=INSIDE[1], payload_type=101, payload=digit)
    there.append(datagram(2200, send(protect(event)), INSIDE, TURN))
    opened = sealed(SECRETS[1])
    back = spoken(lambda data: receive(opened(data)), TURN, INSIDE, 50)
    write(path, SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000), there, back)
    wrapped = "stun.channel == 0x4001" if way == "channels" else "stun.type in {0x0016, 0x0017}"
    assert len(tshark_fields(path, wrapped, "frame.number")) == 151, "tshark takes it for TURN"
    ran = export(run, path, out)
    assert ran.status == 0, ran.err
    assert "151 packets of RTP in 2 streams; 151 of them decrypted, each authenticated" in ran.err
    assert "1 packet of telephone events without their digits" in ran.err
    assert Counter(udp_data(out)) == Counter(
        [
            *(packet(i, INSIDE[1]) for i in range(100)),
            event[:12] + b"\xff" + digit[1:],
            *(packet(i, TURN[1]) for i in range(50)),
        ]
    )
    assert "151 packets between ends that only ICE candidates announce" in ran.err
    [switch] = re.findall(r"tshark (--enable-heuristic \w+)", ran.err)
    rows = tshark(out, *switch.split(), "-q", "-z", "rtp,streams").splitlines()
    assert sorted(line.split()[2:6] for line in rows if "g711U" in line) == [
        [*map(str, INSIDE), *map(str, TURN)],
        [*map(str, TURN), *map(str, INSIDE)],
    ]


def test_comments_say_what_became_of_each_packet(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcapng"
    write(path, protected(), both_ways())
    assert export(run, path, out).status == 0
    text = out.read_bytes()
    opened = re.findall(rb"SRTP in the capture, authenticated and decrypted; frame \d+", text)
    assert len(opened) == len(set(opened)) == 150
    assert text.count(b"session description changed") == 2
    assert b"RTP and RTCP stand beside it in clear" in text


def test_without_the_word_no_media_is_written(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    write(path, protected(), both_ways())
    assert run("export", "pcap", path, "-o", out).status == 0
    assert udp_data(out) == []
    assert b"RTP/SAVP" in out.read_bytes()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--mask", "people"], "voices cannot be masked"),
        (["--secrets"], "choose one of them"),
        (["--call", "nobody"], "no message has a Call-ID with 'nobody' in it"),
        (["--since", "2090-01-01T00:00Z"], "nothing to write"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Runner, tmp_path: Path, more: list[str], sentence: str
) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcapng"
    write(path, protected(), both_ways())
    ran = export(run, path, out, *more)
    assert ran.status == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert not out.exists()


def test_a_pipe_comes_but_once(run: Runner, tmp_path: Path) -> None:
    out = tmp_path / "out.pcap"
    ran = export(run, "-", out)
    assert ran.status == 2
    assert "a pipe comes but once" in ran.err
    assert not out.exists()


def test_packets_that_the_snap_length_cut_are_counted(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "call.pcap", tmp_path / "out.pcap"
    segments = [one.packet() for one in plain().segments()]
    talk = [one.packet() for one in spoken(bytes)]
    short = [Packet(one.time_ns, one.data[:100], len(one.data)) for one in talk[:7]]
    ordered = sorted([*segments, *short, *talk[7:]], key=lambda one: one.time_ns)
    write_pcap(path, ordered)
    ran = export(run, path, out)
    assert "93 packets of RTP" in ran.err
    assert "7 packets left out, cut by the snap length" in ran.err
    assert Counter(map(len, udp_data(out))) == {172: 93}
