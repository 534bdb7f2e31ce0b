"""Captures of calls that nobody here made: what libsrtp opened of them, and no packet more."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from tqdecrypt.capture import open_captures
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.media.columns import Kind, classify
from tqdecrypt.media.srtp import AgreedKeys, MasterKey, SrtpOpener, keys_for
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.sip.sdp_reader import parse_sdp

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
pytestmark = pytest.mark.shared

Flow = tuple[int, int]
"""Source and destination port."""


def _listing() -> dict[str, Any]:
    path = CORPUS / "expected.json"
    return json.loads(path.read_text()) if path.exists() else {"srtp": [], "sip_tls_calls": []}


def packets_of(path: Path) -> dict[Flow, list[bytes]]:
    """Return RTP and RTCP of a capture."""
    found: dict[Flow, list[bytes]] = defaultdict(list)
    decoder = PacketDecoder(Wanted.ALL_UDP | Wanted.EVERY_PORT)
    with open_captures([str(path)]) as reader:
        for block in reader:
            if not len(block):
                continue
            rows = decoder.decode(block).udp
            datagrams = classify(rows, block)
            for row, kind in enumerate(datagrams.kinds):
                if kind in (Kind.RTP, Kind.RTCP):
                    flow = int(rows.source_port[row]), int(rows.destination_port[row])
                    found[flow].append(datagrams.payload(row))
    return found


def check(expected: dict[str, Any], packets: list[bytes], clear: list[bytes | None]) -> None:
    """Compare what came out of one SSRC with what libsrtp makes of it."""
    ssrc = int(expected["ssrc"], 16).to_bytes(4, "big")
    assert len(packets) == len(clear)
    mine = [out for packet, out in zip(packets, clear, strict=True) if packet[8:12] == ssrc]
    opened = [out for out in mine if out is not None]
    assert len(mine) == expected["packets"]
    assert len(opened) == expected["authenticated"]
    types = Counter(str(packet[1] & 0x7F) for packet in opened)
    assert types == expected["payload_types"]
    whole = hashlib.sha256(b"".join(opened)).hexdigest()
    assert whole == expected["sha256_rtp_packets_concat"]


@pytest.mark.parametrize("expected", _listing()["srtp"], ids=lambda one: one["ssrc"])
def test_streams_open_with_their_key(expected: dict[str, Any]) -> None:
    key = MasterKey(expected["suite"], base64.b64decode(expected["key_b64"]))
    packets = packets_of(CORPUS / expected["file"])[tuple(expected["flows"][0])]
    rtp = [packet for packet in packets if not 192 <= packet[1] <= 223]
    opener = SrtpOpener([key])
    check(expected, rtp, opener.receive(rtp).clear)
    assert opener.report_on(int(expected["ssrc"], 16)).verdict is MediaVerdict.DECRYPTED


class _Messages:
    """Keeps the messages."""

    def __init__(self) -> None:
        self.found: list[Message] = []

    def message(self, message: Message) -> None:
        self.found.append(message)

    def session(self, report: object) -> None:
        """Nothing of interest."""

    def call(self, call: object) -> None:
        """Nothing of interest."""


def keys_in(path: Path) -> tuple[AgreedKeys, int, int]:
    """Return the keys in the SDP of a call, and the ports of offerer and answerer."""
    keys = load_private_keys([str(one) for one in (CORPUS / "generated/keys").glob("*.pem")]).keys
    sink = _Messages()
    read_captures([str(path)], ReadOptions(KeyRing(keys)), sink)
    bodies = {
        message.method is not None: message.raw[message.body_start :]
        for message in sink.found
        if message.body_start < len(message.raw)
    }
    offer, answer = (parse_sdp(bodies[is_request]).media[0] for is_request in (True, False))
    assert offer.port is not None
    assert answer.port is not None
    return keys_for(offer.crypto, answer.crypto), offer.port, answer.port


@pytest.mark.parametrize(
    "call",
    [call for call in _listing()["sip_tls_calls"] if call["srtp"]],
    ids=lambda call: Path(call["file"]).stem,
)
def test_calls_open_with_the_keys_in_their_signalling(call: dict[str, Any]) -> None:
    path = CORPUS / call["file"]
    agreed, offerer, answerer = keys_in(path)
    flows = packets_of(path)
    for expected in call["srtp"]:
        port = expected["src_port"]
        own, other = agreed.offerer, agreed.answerer
        if port == answerer:
            own, other = other, own
        else:
            assert port == offerer
        assert own[0].material == base64.b64decode(expected["key_b64"])
        packets = flows[port, expected["dst_port"]]
        opener = SrtpOpener(own, other)
        check(expected, packets, opener.receive(packets).clear)
        assert opener.report().verdict is MediaVerdict.DECRYPTED
        mixed_up = SrtpOpener(other, own)
        assert not any(mixed_up.receive(packets).clear)
        assert mixed_up.report().verdict is MediaVerdict.OTHER_DIRECTION
        # baresip's first packet there, a PING, and its last one, the BYE, are in clear.
        control = flows[port + 1, expected["dst_port"] + 1]
        clear = [number for number, packet in enumerate(control) if packet[8:12] == b"PING"]
        clear += [number for number, packet in enumerate(control) if b"sip:" in packet]
        opened = opener.receive(control).clear
        assert [number for number, out in enumerate(opened) if out is None] == clear
        assert opener.report().sources[1].in_clear == len(clear) > 0
        assert any(out and out[1] == 200 and b"sip:" in out for out in opened)
