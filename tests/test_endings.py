"""Ends wait for the messages of their connections, and for no others."""

from __future__ import annotations

from tqdecrypt.endings import ConnectionEnd, EndQueue
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tcp import End

FLOW = Flow("192.0.2.1:1", "192.0.2.2:2", "TCP", "clear", stream=1)


def message(frame: int) -> Message:
    return index_message(b"OPTIONS sip:a SIP/2.0\r\n\r\n", FLOW, frame, frame)


class Told:
    """A listener that remembers the frames of ends."""

    wants_secrets = False

    def __init__(self, *frames: int) -> None:
        self.frames: list[int] = []
        self.queue = EndQueue([self])
        for frame in frames:
            self.queue.add(
                ConnectionEnd("192.0.2.1:1", "192.0.2.2:2", 1, None, 1, frame, frame, End.FIN)
            )

    def connection_over(self, end: ConnectionEnd) -> None:
        self.frames.append(end.last_frame)


def test_they_come_in_order_of_frames_between_messages() -> None:
    told = Told(9, 3, 5)
    messages = map(message, (3, 4, 6))
    seen = [(one.frame, list(told.frames)) for one in told.queue.among(messages)]
    assert seen == [(3, []), (4, [3]), (6, [3, 5])]
    told.queue.tell(9)
    assert told.frames == [3, 5]
    told.queue.tell(None)
    assert told.frames == [3, 5, 9]


def test_they_ripen_as_long_as_messages_may_be_held_back() -> None:
    told = Told(5, 3)
    told.queue.tell_ripe(100, 200)
    assert told.frames == []
    told.queue.tell_ripe(199, 299)
    assert told.frames == []
    told.queue.tell_ripe(200, 300)
    assert told.frames == [3, 5]


def test_at_the_end_none_waits() -> None:
    told = Told(5, 3)
    told.queue.tell_ripe(None, 0)
    assert told.frames == [3, 5]
