"""HEP over UDP and TCP, on the loopback interface."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from hep.packets import PACKET
from tqdecrypt.errors import InputError
from tqdecrypt.hep import encode_packet
from tqdecrypt.mirror import HepListener
from tqdecrypt.sip import Message

DATA = encode_packet(PACKET)


def wait_for(listener: HepListener, number: int) -> list[Message]:
    messages: list[Message] = []
    for _ in range(500):
        messages += listener.poll()
        if len(messages) >= number:
            return messages
        time.sleep(0.01)
    pytest.fail("nothing arrived")


def test_a_datagram_is_a_message() -> None:
    listener = HepListener("udp:127.0.0.1:0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in (DATA, b"rubbish", DATA):
            sender.sendto(data, listener.address)
    messages = wait_for(listener, 2)
    assert [message.frame for message in messages] == [1, 3]
    assert listener.counters == {
        "hep_packets": 3,
        "hep_malformed_packets": 1,
        "hep_connections_refused": 0,
        "hep_datagrams_dropped_by_system": 0,
    }
    assert listener.warning is None
    listener.close()


def test_a_connection_may_cut_packets_anywhere() -> None:
    listener = HepListener("tcp:127.0.0.1:0")
    with socket.create_connection(listener.address) as sender:
        sender.sendall(DATA + DATA[:100])
        assert len(wait_for(listener, 1)) == 1
        sender.sendall(DATA[100:] + b"GET")
        assert len(wait_for(listener, 1)) == 1
    for _ in range(500):
        listener.poll()
        if listener.counters.get("hep_garbage_bytes"):
            break
        time.sleep(0.01)
    assert listener.counters["hep_garbage_bytes"] == 3
    listener.close()


def test_the_password_is_checked() -> None:
    listener = HepListener("udp:127.0.0.1:0", b"secret")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(encode_packet(replace(PACKET, key=b"guess")), listener.address)
        sender.sendto(DATA, listener.address)
    assert len(wait_for(listener, 1)) == 1
    assert listener.counters["hep_wrong_keys"] == 1
    listener.close()


def test_who_listens_to_everybody_without_a_password_is_told() -> None:
    listener = HepListener("udp:0.0.0.0:0")
    assert listener.warning is not None
    listener.close()
    guarded = HepListener("udp:0.0.0.0:0", b"secret")
    assert guarded.warning is None
    guarded.close()


@pytest.mark.parametrize("where", ["", "udp:", "tls:127.0.0.1:1", "udp:127.0.0.1:x", "file.hep"])
def test_a_place_that_is_none_is_said_to_be_none(where: str) -> None:
    with pytest.raises(InputError, match="write udp:HOST:PORT"):
        HepListener(where)
