"""Messages out of a stream, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tqdecrypt.sip import Message, StreamFramer, tag_of, uri_of
from tqdecrypt.sip.framer import MOST_BODY, MOST_HEADER

from .messages import FLOW, INVITE, RINGING, odd_messages, whole_messages


def feed(framer: StreamFramer, *chunks: bytes) -> list[Message]:
    """Feed chunks that arrive in frames 1, 2, 3, …"""
    return [
        message
        for frame, chunk in enumerate(chunks, 1)
        for message in framer.receive(chunk, frame, frame * 10)
    ]


def raws(*chunks: bytes) -> list[bytes]:
    return [message.raw for message in feed(StreamFramer(FLOW), *chunks)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    places = sorted({min(place, len(stream)) for place in places} | {0, len(stream)})
    return [stream[start:end] for start, end in pairwise(places)]


class TestFraming:
    def test_one_message_a_chunk(self) -> None:
        assert raws(INVITE, RINGING) == [INVITE, RINGING]

    def test_several_in_one_chunk(self) -> None:
        assert raws(INVITE + RINGING + INVITE) == [INVITE, RINGING, INVITE]

    def test_the_frame_that_completed_it(self) -> None:
        framer = StreamFramer(FLOW)
        first, second = feed(framer, INVITE[:50], INVITE[50:] + RINGING[:9], RINGING[9:])
        assert (first.frame, first.time) == (2, 20)
        assert (second.frame, second.time) == (3, 30)

    def test_keep_alives_are_counted(self) -> None:
        framer = StreamFramer(FLOW)
        assert len(feed(framer, b"\r\n\r\n", b"\r", b"\n" + INVITE + b"\r\n\r\n", RINGING)) == 2
        assert framer.counters == {"sip_keep_alives": 5}

    def test_no_content_length_is_no_body(self) -> None:
        framer = StreamFramer(FLOW)
        bare = RINGING.replace(b"Content-Length: 0\r\n", b"")
        assert [message.raw for message in feed(framer, bare + INVITE)] == [bare, INVITE]
        assert framer.counters == {"sip_missing_content_length": 1}

    @pytest.mark.parametrize("length", [b"-5", b"five", b"1_0", b"9" * 30])
    def test_content_length_that_is_no_number(self, length: bytes) -> None:
        framer = StreamFramer(FLOW)
        odd = RINGING.replace(b"Length: 0", b"Length: " + length)
        assert [message.raw for message in feed(framer, odd, INVITE)] == [odd, INVITE]
        assert framer.counters == {"sip_bad_content_length": 1}

    def test_binary_body(self) -> None:
        body = bytes(range(256)) + b"\r\n\r\nINVITE sip:x SIP/2.0\r\n"
        message = RINGING.replace(b"Length: 0", b"Length: %d" % len(body)) + body
        assert raws(message + INVITE) == [message, INVITE]

    def test_lf_only(self) -> None:
        bare = RINGING.replace(b"\r\n", b"\n")
        assert raws(bare + INVITE + bare) == [bare, INVITE, bare]


class TestDamage:
    def test_garbage_in_front(self) -> None:
        framer = StreamFramer(FLOW)
        assert [m.raw for m in feed(framer, b"rest of something\r\n" + INVITE)] == [INVITE]
        assert framer.counters == {"sip_garbage_bytes": 19, "sip_resynchronisations": 1}

    def test_gap_in_a_message(self) -> None:
        framer = StreamFramer(FLOW)
        assert feed(framer, INVITE[:100]) == []
        framer.gap()
        assert [m.raw for m in feed(framer, INVITE[150:] + RINGING)] == [RINGING]
        assert framer.counters["sip_partial_messages"] == 1
        assert framer.counters["sip_partial_bytes"] == 100
        assert framer.counters["sip_garbage_bytes"] == len(INVITE) - 150

    @pytest.mark.parametrize("between", [b"", b"rest of what is lost\r\n"])
    def test_the_first_message_behind_a_gap_is_marked(self, between: bytes) -> None:
        framer = StreamFramer(FLOW)
        before = feed(framer, INVITE)
        framer.gap()
        behind = feed(framer, between + INVITE[:50], INVITE[50:] + RINGING, RINGING)
        assert [m.behind_gap for m in before + behind] == [False, True, False, False]

    def test_chunk_behind_a_gap_that_begins_with_a_message(self) -> None:
        framer = StreamFramer(FLOW)
        framer.gap()
        assert [m.raw for m in feed(framer, b"</xml>", RINGING)] == [RINGING]

    def test_status_line_in_a_body_is_no_message(self) -> None:
        framer = StreamFramer(FLOW)
        framer.gap()
        assert [m.raw for m in feed(framer, b"SIP/2.0 200 OK\r\n" + INVITE)] == [INVITE]

    def test_end_in_a_message(self) -> None:
        framer = StreamFramer(FLOW)
        feed(framer, INVITE + RINGING[:30])
        framer.end()
        framer.end()
        assert framer.counters == {"sip_partial_messages": 1, "sip_partial_bytes": 30}

    def test_status_that_means_nothing(self) -> None:
        framer = StreamFramer(FLOW)
        bad = RINGING.replace(b" 180 ", b" 99 ")
        assert [m.raw for m in feed(framer, bad + INVITE)] == [INVITE]
        assert framer.counters == {"sip_malformed_messages": 1}

    def test_body_over_the_limit(self) -> None:
        framer = StreamFramer(FLOW)
        huge = RINGING.replace(b"Length: 0", b"Length: %d" % (MOST_BODY + 1))
        assert [m.raw for m in feed(framer, huge, b"x" * 100, b"\r\n", INVITE)] == [INVITE]
        assert framer.counters["sip_oversized_messages"] == 1

    def test_body_at_the_limit(self) -> None:
        large = RINGING.replace(b"Length: 0", b"Length: %d" % MOST_BODY) + bytes(MOST_BODY)
        assert raws(*cut(large + INVITE, [1000, 500_000])) == [large, INVITE]

    @pytest.mark.parametrize("step", [1 << 20, 4096])
    def test_header_over_the_limit(self, step: int) -> None:
        framer = StreamFramer(FLOW)
        long = RINGING.replace(b"Content", b"X: " + b"y" * MOST_HEADER + b"\r\nContent")
        stream = long + INVITE
        assert [m.raw for m in feed(framer, *cut(stream, [*range(0, len(stream), step)]))] == [
            INVITE
        ]
        assert framer.counters["sip_oversized_messages"] == 1

    @pytest.mark.parametrize("step", [1 << 20, 4096])
    def test_line_without_end(self, step: int) -> None:
        framer = StreamFramer(FLOW)
        stream = b"z" * (2 * MOST_HEADER) + b"\r\n" + INVITE
        assert [m.raw for m in feed(framer, *cut(stream, [*range(0, len(stream), step)]))] == [
            INVITE
        ]
        assert framer.counters["sip_garbage_bytes"] == 2 * MOST_HEADER + 2

    def test_nothing_is_held_without_limit(self) -> None:
        framer = StreamFramer(FLOW)
        for _ in range(100):
            framer.receive(b"X: " + b"y" * 4093, 1, 1)
        assert len(framer._held) <= MOST_HEADER + 4096


class TestHostileSizes:
    """Each takes milliseconds; what is not linear would take minutes."""

    @pytest.mark.parametrize(
        "start",
        [
            b"INVITE a" + b" " * 60_000 + b"b SIP/2.0",
            b"INVITE" + b" " * 60_000 + b"b SIP/2.0 x",
            b"INVITE " + b"SIP/2.0 " * 8_000,
            b"I" * 60_000 + b" sip:a SIP/2.0",
        ],
    )
    def test_start_lines(self, start: bytes) -> None:
        raws(start + RINGING[RINGING.index(b"\r\n") :])

    @pytest.mark.parametrize("name", [b"Via", b"From", b"To"])
    @pytest.mark.parametrize("filling", [b";", b";x", b'"', b'\\"', b'"a"', b",", b"<", b'";'])
    def test_header_values(self, name: bytes, filling: bytes) -> None:
        value = b'"' + filling * (60_000 // len(filling)) + b"x"
        head = b"BYE sip:a SIP/2.0\r\n%b: %b\r\nContent-Length: 0\r\n\r\n" % (name, value)
        [message] = feed(StreamFramer(FLOW), head)
        tag_of(message.from_)
        uri_of(message.to)


GARBAGE = st.sampled_from(
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"rubbish\r\n",
        b"a\nb\n\n",
        b"SIP/2.0 200 OK\r\n",
        b"\x00\xff\r\n",
    ]
)


class TestSplitInvariance:
    @settings(max_examples=200)
    @given(
        st.lists(st.tuples(GARBAGE, whole_messages()), max_size=5),
        st.lists(st.integers(0, 1500), max_size=12),
    )
    def test_any_cut_gives_the_same(
        self, parts: list[tuple[bytes, bytes]], places: list[int]
    ) -> None:
        stream = b"".join(garbage + message for garbage, message in parts)
        whole, pieces = StreamFramer(FLOW), StreamFramer(FLOW)
        expected = [message.raw for message in feed(whole, stream)]
        chunks = cut(stream, places)
        found = feed(pieces, *chunks)
        assert [message.raw for message in found] == expected
        ends, end = [], 0
        for chunk in chunks:
            end += len(chunk)
            ends.append(end)
        position = 0
        for message in found:
            position = stream.index(message.raw, position) + len(message.raw)
            assert message.frame == 1 + sum(end < position for end in ends)
        whole.end()
        pieces.end()
        assert pieces.counters == whole.counters

    @given(st.lists(whole_messages(), min_size=1, max_size=4))
    def test_byte_by_byte(self, messages: list[bytes]) -> None:
        stream = b"".join(messages)
        assert raws(*(stream[at : at + 1] for at in range(len(stream)))) == messages

    @given(st.lists(odd_messages() | st.binary(max_size=60), max_size=4), st.data())
    def test_hostile_bytes(self, parts: list[bytes], data: st.DataObject) -> None:
        stream = b"".join(parts)
        places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
        expected = raws(stream)
        assert raws(*cut(stream, places)) == expected


def test_a_bare_line_feed_ends_a_header_with_other_line_ends() -> None:
    """gnutls-serv's echo does that: the CR of the empty line is gone."""
    first = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\n"
    second = first.replace(b"\r", b"").replace(b"Call-ID: 1", b"Call-ID: 2")
    framer = StreamFramer(FLOW)
    messages = framer.receive(first + second, 1, 1)
    assert [message.call_id for message in messages] == ["1", "2"]
    assert [message.raw for message in messages] == [first, second]
