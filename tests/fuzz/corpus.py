"""The kept corpus: seeds that are made, inputs that the fuzzer found, and what once failed."""

from __future__ import annotations

import zlib
from pathlib import Path

from fuzz.material import sessions
from fuzz.srtp import sealed
from fuzz.targets import TARGETS, script
from hep.packets import EXAMPLE, INVITE, PACKET, chunk, ends, hep3, legacy
from kit import Scene, pcap_bytes, pcapng_bytes, tcp_packets
from kit.tls import Flight
from masking.people import BODIES, HEADERS, Person, raw_message
from media.reading import rtp
from media.test_columns import RECEIVER_REPORT
from media.test_rtcp import block, sender_report, voip_block
from media.test_vq_report import REPORT
from sip.torture import CASES
from tqdecrypt.hep import encode_packet
from tqdecrypt.websocket import unmask

__all__ = ["CORPUS", "inputs", "seeds", "write_seeds"]

CORPUS = Path(__file__).parent / "corpus"
SECURE = b"""v=0
o=- 1 2 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
a=group:BUNDLE 0
m=audio 4000 UDP/TLS/RTP/SAVPF 8 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd|2^20|1:4
a=fingerprint:sha-256 0A:0B
a=setup:actpass
a=candidate:1 1 UDP 2130706431 192.0.2.1 8998 typ srflx raddr 10.0.0.1 rport 9
a=rtcp:4001 IN IP4 192.0.2.1
a=mid:0
a=sendonly
"""
"""A session description with everything in it that has a syntax of its own."""


def seeds() -> dict[str, dict[str, bytes]]:
    """Return the seeds of every target, by name."""
    made: dict[str, dict[str, bytes]] = {name: {"empty": b""} for name in TARGETS}
    for name, session in sessions().items():
        flights = [Flight(side == 0, data) for side, data in session.sent]
        packets = tcp_packets(flights)
        made["tls"][name] = script(list(session.sent))
        made["explain"][name] = made["tls"][name]
        made["packets"][name] = script([(0, packet.data) for packet in packets])
        made["handshake"][name] = session.sent[0][1][9:]
        made["handshake"][f"{name}-answer"] = session.sent[1][1][9:]
        if session.keylog:
            made["key-log"][name] = "".join(f"{line}\n" for line in session.keylog).encode()
        if name == "gcm":
            made["capture"]["pcap"] = pcap_bytes(packets)
            made["capture"]["pcapng"] = pcapng_bytes(packets, secrets=session.keylog)
            made["key-file"]["pem"] = (CORPUS.parent / "material" / "server.key").read_bytes()
            made["tcp"]["talk"] = script(
                [(side << 5, number.to_bytes(4, "big") + b"\0\x10" + data[:40])
                 for number, (side, data) in enumerate(session.sent)]
            )  # fmt: skip
    call = [(message.from_client, message.data) for message in Scene().answered_call()]
    made["sip-stream"]["call"] = b"".join(data for _, data in call)
    made["calls"]["call"] = script([(0 if client else 1, data) for client, data in call])
    made["dialogs"] |= _dialogs(call)
    for number, (_, data) in enumerate(call):
        made["sip-message"][f"call-{number}"] = made["datagram"][f"call-{number}"] = data
    for case in CASES:
        made["sip-parse"][case.section.replace(" ", "-")] = case.raw
    person = Person("79460123", "+4420", "Zoë Quux", "quux", "0123456789abcdef01234567")
    for number, body in enumerate(BODIES):
        message = raw_message(person, "INVITE sip:{number}@h SIP/2.0", list(HEADERS), body)
        made["masking"][f"people-{number}"] = b"\xff" + message
        made["masking"][f"keys-{number}"] = b"\0" + message
    made["sdp"]["secure"] = SECURE
    packet = encode_packet(PACKET)
    made["hep"] |= {
        "example": EXAMPLE,
        "whole": packet,
        "compressed": hep3(*ends(), chunk(11, b"\x01"), chunk(16, zlib.compress(INVITE))),
        "version-1": legacy(1, "192.0.2.1", "192.0.2.2"),
        "version-2": legacy(2, "2001:db8::1", "2001:db8::2"),
    }
    made["hep-stream"]["three"] = EXAMPLE + b"?" + packet + EXAMPLE
    record = len(EXAMPLE).to_bytes(4, "big") + zlib.crc32(EXAMPLE).to_bytes(4, "big") + EXAMPLE
    made["spool"]["two"] = bytes(40) + b"TQSPOOL1" + record * 2
    made["srtp"]["every-suite"] = script([(0, packet) for packet in sealed()])
    made["audio"]["every-format"] = script(
        [
            (round_, bytes([0x80, kind, 0, round_]) + (round_ * 160).to_bytes(4) + b"ssrc" + speech)
            for round_, (kind, speech) in enumerate(
                (kind, bytes(range(size)))
                for kind, size in enumerate(
                    (160, 160, 160, 160, 24, 20, 33, 38, 31, 33, 33, 40, 1, 4, 9)
                )
            )
        ]
    )
    made["websocket"] |= _websockets(call[0][1])
    numbers = [0, 1, 2, 2, 5, 4, 30, 31, 60_000, 60_001]
    made["media"]["stream"] = script([(7 << 2, rtp(n, n * 160)) for n in numbers])
    made["media"]["events"] = script(
        [(7 << 2, rtp(n, 8000, payload_type=101, payload=bytes(4))) for n in range(4)]
    )
    made["media"]["others"] = script(
        [
            (1, b"\x40\x01\0\xac" + rtp(1, 1)),
            (1, RECEIVER_REPORT),
            (1, b"\0\x01\0\0!\x12\xa4B" + bytes(12)),
        ]
    )
    made["rtcp"]["reports"] = sender_report(7, 1 << 40, block(9)) + RECEIVER_REPORT
    made["rtcp"]["voip"] = voip_block(9)
    made["rtcp"]["quality"] = REPORT
    return made


def _dialogs(call: list[tuple[bool, bytes]]) -> dict[str, bytes]:
    """Return whole calls: an ordinary one, and what happens to one on the way."""
    steps = [(0 if client else 1, data) for client, data in call]
    later = [(what | 13 << 2, data) for what, data in steps[-1:]]
    other = [(what | 2, data.replace(b"z9hG4bK", b"z9hG4bK-2")) for what, data in steps]
    again = {f"again-{n}": script([*steps[: n + 1], *steps[n:]]) for n in range(len(steps))}
    return again | {
        "ordinary": script(steps),
        "sent-twice": script([step for step in steps for _ in range(2)]),
        "second-hop": script([step for pair in zip(steps, other, strict=True) for step in pair]),
        "late": script([*steps[:-1], *later, *steps[-1:]]),
        "slow": script([(what | 9 << 2, data) for what, data in steps]),
        "backwards": script(steps[::-1]),
        "no-answer": script([*steps[:1], *later]),
        "twice": script([*steps, *((what | 11 << 2, data) for what, data in steps)]),
    }


def _websockets(message: bytes) -> dict[str, bytes]:
    """Return both directions of a WebSocket, compressed and not."""
    key = b"\x01\x02\x03\x04"
    head = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    compressor = zlib.compressobj(wbits=-15)
    short = (compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    size, squeezed = len(message).to_bytes(2, "big"), len(short).to_bytes(2, "big")
    masked = b"\x81\xfe" + size + key + unmask(message, key)
    plain = b"\x01\x7e" + size + message + b"\x89\x01?" + b"\x80\x02\r\n"
    return {
        "client": b"GET / HTTP/1.1\r\n" + head + masked * 2,
        "server": b"HTTP/1.1 101 Switching Protocols\r\n" + head + plain,
        "compressed": b"HTTP/1.1 101 Switching Protocols\r\n"
        + head
        + b"\xc1\x7e"
        + squeezed
        + short,
        "later": masked,
    }


def write_seeds() -> None:
    """Write the seeds into the corpus; what the fuzzer found stays."""
    for target, files in seeds().items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / f"seed-{name}").write_bytes(data)


def inputs(target: str) -> list[Path]:
    """Return every kept input of a target."""
    return sorted((CORPUS / target).iterdir())
