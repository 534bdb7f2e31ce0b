"""Places in the network, and listening there."""

from __future__ import annotations

import socket
import time

import pytest

from tqdecrypt.errors import InputError
from tqdecrypt.network import MAX_CONNECTIONS, Listener, Place, is_place, parse_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("udp:192.0.2.1:9060", Place("udp", "192.0.2.1", 9060)),
        ("tcp:homer.example.com", Place("tcp", "homer.example.com", 9061)),
        ("tls:[2001:db8::1]:443", Place("tls", "2001:db8::1", 443)),
        ("tls:[2001:db8::1]", Place("tls", "2001:db8::1", 9061)),
        ("udp:::1:5514", Place("udp", "::1", 5514)),
        ("sctp:192.0.2.1:9060", None),
        ("udp:192.0.2.1:65536", None),
        ("udp::9060", None),
        ("udp:", None),
        ("homer.example.com:9060", None),
    ],
)
def test_a_place_is_read(text: str, place: Place | None) -> None:
    assert parse_place(text, ("udp", "tcp", "tls"), 9061) == place


def test_a_place_without_a_port_needs_a_default() -> None:
    assert parse_place("udp:192.0.2.1", ("udp",)) is None


def test_a_place_is_written_as_it_is_read() -> None:
    for text in ("udp:192.0.2.1:9060", "tls:[2001:db8::1]:443"):
        place = parse_place(text, ("udp", "tls"))
        assert str(place) == text


def test_files_are_no_places() -> None:
    assert is_place("tcp:homer")
    assert not is_place("calls.hep")
    assert not is_place("tcp")


class Heard:
    """A receiver that remembers."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = 0

    def datagram(self, data: bytes, sender: str) -> None:
        self.pieces.append(data)

    def received(self, data: bytes, sender: str) -> None:
        self.pieces.append(data)

    def closed(self, sender: str) -> None:
        self.ended += 1


def until(listener: Listener, heard: Heard, number: int) -> None:
    for _ in range(500):
        listener.poll(heard)
        if len(heard.pieces) + heard.ended >= number:
            return
        time.sleep(0.01)
    pytest.fail("it did not come")


def test_what_a_peer_says_and_that_it_ends_is_told() -> None:
    heard = Heard()
    listener = Listener(Place("tcp", "127.0.0.1", 0), "anything", InputError)
    assert listener.is_loopback
    with socket.create_connection(listener.address) as peer:
        peer.sendall(b"hello")
        until(listener, heard, 1)
    until(listener, heard, 2)
    assert (heard.pieces, heard.ended) == ([b"hello"], 1)
    listener.close(heard)


def test_more_connections_than_there_is_room_for_are_refused_and_counted() -> None:
    heard = Heard()
    listener = Listener(Place("tcp", "127.0.0.1", 0), "anything", InputError)
    peers = []
    for _ in range(MAX_CONNECTIONS + 1):
        peers.append(socket.create_connection(listener.address))
        listener.poll(heard)
    for _ in range(500):
        listener.poll(heard)
        if listener.refused:
            break
        time.sleep(0.01)
    assert listener.refused == 1
    listener.close(heard)
    assert heard.ended == MAX_CONNECTIONS
    for peer in peers:
        peer.close()


def test_datagrams_that_the_system_dropped_are_counted() -> None:
    heard = Heard()
    listener = Listener(Place("udp", "127.0.0.1", 0), "anything", InputError)
    listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for _ in range(50):
            peer.sendto(bytes(1000), listener.address)
        until(listener, heard, 1)
        peer.sendto(b"after", listener.address)
        until(listener, heard, len(heard.pieces) + 1)
    assert listener.lost + len(heard.pieces) == 51
    listener.close(heard)
