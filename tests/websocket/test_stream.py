"""Messages out of frames: what a peer said comes out, however it was cut, and whatever was lost."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tqdecrypt.websocket import WebSocketStream, begins_message, pull_upgrade, unmask
from tqdecrypt.websocket import stream as stream_module

from .peer import Peers


def recognise(data: bytes) -> bool | None:
    """Messages of the tests begin with HELLO."""
    if len(data) >= 5:
        return data.startswith(b"HELLO")
    return None if b"HELLO".startswith(data) else False


def frame(payload: bytes, first: int = 0x81, key: bytes = b"") -> bytes:
    """Return a frame."""
    size = len(payload)
    mask = 0x80 if key else 0
    if size < 126:
        head = bytes((first, mask | size))
    elif size < 1 << 16:
        head = bytes((first, mask | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, mask | 127)) + size.to_bytes(8, "big")
    return head + key + (unmask(payload, key) if key else payload)


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def messages_of(stream: WebSocketStream, *chunks: bytes) -> list[bytes]:
    return [one.data for one in stream.receive_all((chunk, 1, 2) for chunk in chunks)]


def heard(*chunks: bytes, **switches: bool) -> list[bytes]:
    return messages_of(WebSocketStream(recognise, **switches), *chunks)


class TestFrames:
    def test_text_and_binary(self) -> None:
        assert heard(frame(b"one") + frame(b"two", 0x82)) == [b"one", b"two"]

    @pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 200_000])
    @pytest.mark.parametrize("key", [b"", b"\x01\x02\x03\x04"])
    def test_sizes(self, size: int, key: bytes) -> None:
        payload = bytes(range(256)) * (size // 256 + 1)
        assert heard(frame(payload[:size], 0x82, key)) == [payload[:size]]

    def test_pieces_with_control_frames_between(self) -> None:
        stream = WebSocketStream(recognise)
        data = frame(b"a", 0x01) + frame(b"?", 0x89) + frame(b"b", 0x00) + frame(b"c", 0x80)
        assert messages_of(stream, data) == [b"abc"]
        assert stream.counters == {"websocket_control_frames": 1}
        assert stream.idle

    def test_frame_and_time_of_the_packet_that_completed_it(self) -> None:
        data = frame(b"hello")
        (message,) = WebSocketStream(recognise).receive_all([(data[:3], 1, 10), (data[3:], 2, 20)])
        assert message == (b"hello", 2, 20)

    def test_a_message_that_was_never_finished(self) -> None:
        stream = WebSocketStream(recognise)
        data = frame(b"lost", 0x01) + frame(b"next")
        assert messages_of(stream, data) == [b"next"]
        assert stream.counters == {"websocket_broken_messages": 1, "websocket_lost_bytes": 4}

    def test_the_end_in_a_message(self) -> None:
        stream = WebSocketStream(recognise)
        assert not messages_of(stream, frame(b"abc", 0x01) + b"\x80")
        stream.end()
        assert stream.counters == {"websocket_broken_messages": 1, "websocket_lost_bytes": 4}

    def test_frames_of_a_client_are_masked(self) -> None:
        assert heard(frame(b"HELLO"), frame(b"HELLO", key=b"abcd"), masked=True) == [b"HELLO"]
        assert heard(frame(b"HELLO", key=b"abcd"), frame(b"HELLO"), masked=False) == [b"HELLO"]

    def test_bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream_module, "MOST_MESSAGE", 1000)
        after = frame(b"HELLO")
        for large in (
            frame(b"x" * 1001),
            frame(b"x" * 600, 0x01) + frame(b"x" * 600, 0x80),
            frame(deflated(b"x" * 100_000), 0xC1),
        ):
            stream = WebSocketStream(recognise)
            assert messages_of(stream, large + after) == [b"HELLO"]
            assert {
                stream.counters["websocket_oversized_messages"],
                stream.counters["websocket_undecodable_messages"],
            } == {0, 1}


class TestGaps:
    @pytest.mark.parametrize("key", [b"", b"\x81\x05\x82\x01"])
    def test_the_next_frame_is_found_and_what_is_lost_counted(self, key: bytes) -> None:
        stream = WebSocketStream(recognise)
        sent = frame(b"HELLO one" * 20, key=key)
        assert not messages_of(stream, sent[:50])
        stream.gap()
        assert messages_of(stream, sent[100:] + frame(b"HELLO two", key=key)) == [b"HELLO two"]
        assert stream.counters == {"websocket_lost_bytes": len(sent) - 50}

    def test_what_only_looks_like_a_frame_is_not_believed(self) -> None:
        stream = WebSocketStream(recognise, seeking=True)
        junk = frame(b"anything") + b"\x81" + b"\x01\x03" + frame(b"", 0x82)
        assert not messages_of(stream, junk)
        assert messages_of(stream, frame(b"HELLO"), frame(b"now anything")) == [
            b"HELLO",
            b"now anything",
        ]
        assert stream.counters == {"websocket_lost_bytes": len(junk)}

    def test_the_rest_of_a_message_in_pieces(self) -> None:
        stream = WebSocketStream(recognise)
        assert not messages_of(stream, frame(b"HELLO", 0x01))
        stream.gap()
        assert messages_of(stream, frame(b"rest", 0x80) + frame(b"HELLO")) == [b"HELLO"]
        assert stream.counters["websocket_broken_messages"] == 1

    def test_bad_frames(self) -> None:
        stream = WebSocketStream(recognise)
        assert messages_of(stream, b"\xff\xff\xff" + frame(b"HELLO")) == [b"HELLO"]
        assert stream.counters == {"websocket_bad_frames": 1, "websocket_lost_bytes": 3}


class TestCompression:
    @pytest.mark.parametrize("no_context_takeover", [False, True])
    def test_a_peer(self, no_context_takeover: bool) -> None:
        peers = Peers(deflate=True, no_context_takeover=no_context_takeover).open()
        said = [b"HELLO number %d, HELLO number %d" % (number, number) for number in range(9)]
        for message in said:
            peers.say(True, message)
            peers.say(False, message, pieces=2)
        for client in (True, False):
            assert heard(behind_handshake(peers, client), masked=client) == said

    def test_what_refers_to_lost_bytes_is_not_guessed_at(self) -> None:
        peers = Peers(deflate=True).open()
        said = [b"HELLO the same words every time, but %d" % number for number in range(4)]
        for message in said:
            peers.say(False, message)
        frames = [data for client, data in peers.sent[2:] if not client]
        stream = WebSocketStream(recognise)
        found = messages_of(stream, frames[0])
        stream.gap()
        found += messages_of(stream, *frames[2:])
        assert found == said[:1]
        assert stream.counters == {"websocket_lost_bytes": sum(map(len, frames[2:]))}

    def test_behind_one_that_cannot_be_inflated(self) -> None:
        compressor = zlib.compressobj(wbits=-15)
        frames = []
        for _ in range(3):
            data = compressor.compress(b"HELLO, the very same") + compressor.flush(
                zlib.Z_SYNC_FLUSH
            )
            frames.append(frame(data[:-4], 0xC1))
        stream = WebSocketStream(recognise)
        damaged = frame(b"\xff" * 9, 0xC1)
        assert messages_of(stream, frames[0], damaged, frames[1]) == [b"HELLO, the very same"]
        assert stream.counters == {"websocket_undecodable_messages": 2}

    def test_proof_of_a_compressed_frame(self) -> None:
        data = frame(deflated(b"HELLO " * 1000), 0xC1)
        assert begins_message(data, recognise) is True
        assert begins_message(data[:5], recognise) is None
        assert begins_message(frame(deflated(b"BYE"), 0xC1), recognise) is False

    def test_a_block_that_says_it_is_the_last(self) -> None:
        compressor = zlib.compressobj(wbits=-15)
        data = compressor.compress(b"HELLO") + compressor.flush(zlib.Z_FINISH)
        assert heard(frame(data + b"\0", 0xC1) * 2) == [b"HELLO", b"HELLO"]


def behind_handshake(peers: Peers, client: bool) -> bytes:
    data = peers.bytes_from(client)
    upgrade = pull_upgrade(data)
    assert upgrade is not None
    return data[upgrade.size :]


pieces = st.lists(
    st.sampled_from(
        [
            frame(b"HELLO"),
            frame(b"HELLO" * 60, key=b"abcd"),
            frame(b"HELLO", 0x01),
            frame(b"more", 0x80),
            frame(b"", 0x89),
            frame(deflated(b"HELLO again"), 0xC2),
            b"\x81",
            b"\xff\x00",
        ]
    )
    | st.binary(max_size=12),
    max_size=12,
).map(b"".join)


class TestAnyBytes:
    @settings(max_examples=300)
    @given(pieces, st.lists(st.integers(0, 400), max_size=6), st.booleans())
    def test_however_they_are_cut(self, data: bytes, cuts: list[int], seeking: bool) -> None:
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        chunks = [data[a:b] for a, b in pairwise(places)]
        results = []
        for way in ([data], chunks, [data[at : at + 1] for at in range(len(data))]):
            stream = WebSocketStream(recognise, seeking=seeking)
            found = messages_of(stream, *way)
            stream.end()
            results.append((found, stream.counters))
        assert results[0] == results[1] == results[2]

    @given(pieces, pieces)
    def test_a_gap_anywhere(self, before: bytes, after: bytes) -> None:
        stream = WebSocketStream(recognise)
        messages_of(stream, before)
        stream.gap()
        messages_of(stream, after)
        stream.gap()
        assert messages_of(stream, frame(b"HELLO")) == [b"HELLO"]
        stream.end()
        assert stream.idle
