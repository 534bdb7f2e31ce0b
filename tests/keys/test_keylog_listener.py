"""Key logs over UDP and TCP, on the loopback interface."""

import socket
import time
from collections.abc import Callable

import pytest

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys import KeyLog, KeyLogListener

RANDOM = bytes(range(32))
LINE = b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" " + (b"ab" * 48)


def wait_for(listener: KeyLogListener, done: Callable[[], bool]) -> None:
    for _ in range(200):
        listener.poll()
        if done():
            return
        time.sleep(0.01)
    pytest.fail("nothing arrived")


def test_a_datagram_is_a_line_with_or_without_its_end() -> None:
    keylog = KeyLog()
    listener = KeyLogListener("udp:127.0.0.1:0", keylog)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(LINE, listener.address)
    wait_for(listener, lambda: "CLIENT_RANDOM" in keylog.secrets_of(RANDOM))
    assert keylog.source_of(RANDOM) == "from 127.0.0.1"
    assert listener.warning is None
    listener.close()


def test_a_connection_may_cut_lines_anywhere() -> None:
    keylog = KeyLog()
    listener = KeyLogListener("tcp:127.0.0.1:0", keylog)
    with socket.create_connection(listener.address) as sender:
        sender.sendall(LINE[:40])
        time.sleep(0.02)
        listener.poll()
        sender.sendall(LINE[40:])
    wait_for(listener, lambda: len(keylog) == 1)
    listener.close()


def test_a_closed_listener_frees_its_port() -> None:
    first = KeyLogListener("tcp:127.0.0.1:0", KeyLog())
    where = f"tcp:127.0.0.1:{first.address[1]}"
    with pytest.raises(SecretsError, match="Cannot listen for key logs"):
        KeyLogListener(where, KeyLog())
    first.close()
    KeyLogListener(where, KeyLog()).close()


@pytest.mark.parametrize("where", ["", "udp:", "sctp:127.0.0.1:1", "udp:127.0.0.1:x", "tcp::5"])
def test_a_place_that_is_none_is_said_to_be_none(where: str) -> None:
    with pytest.raises(SecretsError, match="write udp:HOST:PORT"):
        KeyLogListener(where, KeyLog())


def test_an_open_address_is_warned_of() -> None:
    listener = KeyLogListener("udp:0.0.0.0:0", KeyLog())
    assert listener.warning is not None
    listener.close()
