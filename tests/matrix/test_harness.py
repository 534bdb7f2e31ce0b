"""The harness itself: the relay changes nothing, and what differs does not go unnoticed."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from matrix.cases import CASES
from matrix.listen import check
from matrix.material import make_material
from matrix.model import Case, Place
from matrix.peers import PEERS
from matrix.play import Conversation, play
from matrix.relay import TcpRelay, UdpRelay


def test_the_tcp_relay_passes_on_and_writes_down() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        TcpRelay(listening.getsockname()[1]) as relay,
        socket.create_connection(("127.0.0.1", relay.port), 5) as client,
    ):
        server, _ = listening.accept()
        with server:
            client.sendall(b"one")
            assert server.recv(10) == b"one"
            server.sendall(b"two")
            assert client.recv(10) == b"two"
            client.shutdown(socket.SHUT_WR)
            assert server.recv(10) == b"", "the end is passed on, too"
            server.sendall(b"late")
            assert client.recv(10) == b"late"
        assert relay.connections == [[(True, b"one"), (False, b"two"), (False, b"late")]]


def test_the_tcp_relay_closes_when_there_is_no_server() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with (
            TcpRelay(probe.getsockname()[1]) as relay,
            socket.create_connection(("127.0.0.1", relay.port), 5) as client,
        ):
            assert client.recv(10) == b""


def test_the_udp_relay_keeps_clients_apart() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with UdpRelay(server.getsockname()[1]) as relay:
            for text in (b"first", b"second"):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.settimeout(5)
                    client.sendto(text, ("127.0.0.1", relay.port))
                    data, address = server.recvfrom(100)
                    server.sendto(data.upper(), address)
                    assert client.recv(100) == text.upper()
        assert relay.connections == [
            [(True, b"first"), (False, b"FIRST")],
            [(True, b"second"), (False, b"SECOND")],
        ]


@pytest.mark.peer("openssl")
def test_what_differs_is_noticed(tmp_path: Path) -> None:
    make_material(tmp_path)
    place = Place(tmp_path, tmp_path)
    case = Case("openssl", "openssl", "TLS 1.2", "TLS_RSA_WITH_AES_128_CBC_SHA")
    talked = play(case, PEERS["openssl"], PEERS["openssl"], place)
    check(case, talked, place)

    (said,) = talked.said
    with pytest.raises(AssertionError, match="what the client said"):
        check(case, Conversation([(said[0] + b"!", said[1])], talked.connections), place)
    with pytest.raises(AssertionError, match="what the server said"):
        check(case, Conversation([(said[0], said[1][:-1])], talked.connections), place)
    with pytest.raises(AssertionError):
        check(dataclasses.replace(case, extended_master_secret=False), talked, place)
    with pytest.raises(AssertionError):
        check(dataclasses.replace(case, mutual=True), talked, place)
    with pytest.raises(AssertionError, match="no-matching-key"):
        check(dataclasses.replace(case, identity="rsa3072"), talked, place)
    (flights,) = talked.connections
    number = next(n for n, (_, data) in enumerate(flights) if data[0] == 23)
    from_client, data = flights[number]
    flights[number] = (from_client, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(AssertionError, match="missing"):
        check(case, talked, place)


def test_cases_have_names_of_their_own() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)
