"""Frames and handshakes, byte by byte (RFC 6455 sections 4 and 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.websocket import Opcode, may_be_http, pull_frame_header, pull_upgrade, unmask
from tqdecrypt.websocket.handshake import MOST_HEAD

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: edge.example.com\r\nUpgrade: WebSocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    b"Sec-WebSocket-Protocol: msrp\r\nsec-websocket-protocol: SIP,xmpp\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)


class TestHeaders:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"\x81\x05", (Opcode.TEXT, True, False, b"", 2, 5)),
            (b"\x02\x7e\x01\x00", (Opcode.BINARY, False, False, b"", 4, 256)),
            (b"\xc1\xfe\x00\x7eabcd", (Opcode.TEXT, True, True, b"abcd", 8, 126)),
            (b"\x80\x7f\0\0\0\0\0\x01\0\0", (Opcode.CONTINUATION, True, False, b"", 10, 1 << 16)),
            (b"\x89\x80abcd", (Opcode.PING, True, False, b"abcd", 6, 0)),
        ],
    )
    def test_forms(self, data: bytes, expected: tuple[object, ...]) -> None:
        assert pull_frame_header(data) == expected
        assert pull_frame_header(b"before" + data, 6) == expected
        for size in range(len(data)):
            assert pull_frame_header(data[:size]) is None

    @pytest.mark.parametrize(
        "data",
        [
            b"\x83\x00",  # a reserved opcode
            b"\x91\x00",  # a reserved bit
            b"\xc0\x00",  # a continuation does not say that it is compressed
            b"\xc9\x00",
            b"\x09\x00",  # a ping in pieces
            b"\x88\x7e\x00\x7e",  # a long close
            b"\x81\x7e\x00\x7d",  # a length that is written too long
            b"\x81\x7f\0\0\0\0\0\0\xff\xff",
            b"\x81\x7f\x80\0\0\0\0\0\0\0",
        ],
    )
    def test_what_no_frame_looks_like(self, data: bytes) -> None:
        with pytest.raises(Malformed):
            pull_frame_header(data)

    @given(st.binary(max_size=40), st.binary(min_size=4, max_size=4))
    def test_masks(self, payload: bytes, key: bytes) -> None:
        masked = unmask(payload, key)
        assert unmask(masked, key) == payload
        assert all(byte ^ key[at % 4] == masked[at] for at, byte in enumerate(payload))

    @given(st.binary(max_size=20))
    def test_any_bytes(self, data: bytes) -> None:
        try:
            header = pull_frame_header(data)
        except Malformed:
            return
        assert header is None or header.size <= len(data)


class TestHandshakes:
    def test_request(self) -> None:
        upgrade = pull_upgrade(REQUEST + b"rest")
        assert upgrade is not None
        assert (upgrade.size, upgrade.status, upgrade.is_websocket) == (len(REQUEST), None, True)
        assert upgrade.protocols == ("msrp", "sip", "xmpp")
        assert upgrade.opens("sip")
        assert not upgrade.opens("mqtt")

    def test_response(self) -> None:
        upgrade = pull_upgrade(RESPONSE)
        assert upgrade is not None
        assert (upgrade.status, upgrade.opens("sip")) == (101, True)

    def test_a_peer_that_names_no_subprotocol(self) -> None:
        upgrade = pull_upgrade(RESPONSE.replace(b"Sec-WebSocket-Protocol: sip\r\n", b""))
        assert upgrade is not None
        assert upgrade.opens("sip")

    @pytest.mark.parametrize(
        "data",
        [
            RESPONSE.replace(b"101 Switching Protocols", b"404 Not Found"),
            RESPONSE.replace(b"Upgrade: websocket\r\n", b""),
            REQUEST.replace(b"keep-alive, Upgrade", b"keep-alive"),
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    )
    def test_what_opens_nothing(self, data: bytes) -> None:
        upgrade = pull_upgrade(data)
        assert upgrade is not None
        assert not upgrade.opens("sip")

    @pytest.mark.parametrize(
        "data",
        [
            b"POST / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET " + b"x" * MOST_HEAD,
            b"HTTP/1.1 x",
        ],
    )
    def test_malformed(self, data: bytes) -> None:
        if data.endswith(b"x") and len(data) < 20:
            data += b"\r\n\r\n"
        with pytest.raises(Malformed):
            pull_upgrade(data)

    @given(st.sampled_from([REQUEST, RESPONSE]), st.integers(0, 300))
    def test_cut_anywhere_it_waits(self, data: bytes, size: int) -> None:
        if size < len(data):
            assert pull_upgrade(data[:size]) is None
            assert may_be_http(data[:size]) is not False
