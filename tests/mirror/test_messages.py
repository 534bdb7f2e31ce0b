"""HEP packets become messages that say who mirrored them, or are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hep.packets import INVITE, PACKET, chunk, ends, hep3, legacy
from tqdecrypt.hep import encode_packet
from tqdecrypt.mirror import Mirror

NOW = 1_700_000_100_000_000_000


def test_a_message_has_what_the_chunks_say() -> None:
    mirror = Mirror()
    message = mirror.receive(encode_packet(PACKET), 7, NOW)
    assert message is not None
    flow = message.flow
    assert (flow.source, flow.destination, flow.transport) == (
        PACKET.source,
        PACKET.destination,
        "TLS",
    )
    assert (flow.integrity, flow.session, flow.mirrored_by) == ("unverified", None, "edge")
    assert (message.frame, message.time, message.call_id) == (7, PACKET.time, "1@example.com")
    assert mirror.counters == {"hep_packets": 1}


def test_who_has_no_name_has_a_number() -> None:
    message = Mirror().receive(encode_packet(replace(PACKET, node_name=b"")), 1, NOW)
    assert message is not None
    assert message.flow.mirrored_by == "2001"


@pytest.mark.parametrize(
    ("protocol", "via", "transport"),
    [
        (6, b"TCP", "TCP"),
        (6, b"WS", "WS"),
        (22, b"TLS", "TLS"),
        (22, b"wss", "WSS"),
        (17, b"UDP", "UDP"),
        (17, b"WS", "UDP"),
    ],
)
def test_the_via_tells_a_websocket(protocol: int, via: bytes, transport: str) -> None:
    payload = INVITE.replace(b"SIP/2.0/TLS", b"SIP/2.0/" + via)
    data = encode_packet(replace(PACKET, protocol=protocol, payload=payload))
    message = Mirror().receive(data, 1, NOW)
    assert message is not None
    assert message.flow.transport == transport


def test_without_a_time_the_packet_tells_it() -> None:
    mirror = Mirror()
    message = mirror.receive(legacy(1, "192.0.2.1", "192.0.2.2"), 1, NOW)
    assert message is not None
    assert message.time == NOW
    assert mirror.counters["hep_without_time"] == 1


@pytest.mark.parametrize("key", [None, b"", b"wrong", b"secret "])
def test_a_wrong_password_is_refused(key: bytes | None) -> None:
    mirror = Mirror(b"secret")
    assert mirror.receive(encode_packet(replace(PACKET, key=key)), 1, NOW) is None
    assert mirror.counters == {"hep_packets": 1, "hep_wrong_keys": 1}
    assert mirror.receive(encode_packet(PACKET), 1, NOW) is not None


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (encode_packet(replace(PACKET, payload_type=5, payload=b"{}")), "hep_payloads_rtcp"),
        (encode_packet(replace(PACKET, payload_type=100)), "hep_payloads_log"),
        (encode_packet(replace(PACKET, payload=b"\r\n")), "hep_payloads_not_sip"),
        (encode_packet(replace(PACKET, protocol=132)), "hep_other_transports"),
        (hep3(*ends(), chunk(11, b"\x01")), "hep_malformed_packets"),
    ],
)
def test_what_is_no_message_is_counted(data: bytes, counter: str) -> None:
    mirror = Mirror()
    assert mirror.receive(data, 1, NOW) is None
    assert mirror.counters[counter] == 1
    assert mirror.counters["hep_packets"] == 1


def test_payload_types_do_not_become_counters_without_end() -> None:
    mirror = Mirror()
    for number in range(2, 256):
        mirror.receive(encode_packet(replace(PACKET, payload_type=number)), 1, NOW)
    assert len(mirror.counters) < 40
    assert sum(mirror.counters.values()) == 2 * 254
