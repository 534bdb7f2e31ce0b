"""Streams that are over, or were given up, while the calls that they may belong to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from tqdecrypt.media.ends import AtEnds
from tqdecrypt.media.stream import Stream

__all__ = ["FEWEST_PACKETS", "FormerStreams"]

MOST_STREAMS = 20_000
"""Streams that are kept, some six kilobytes each; the ones that were given up first go."""
MOST_SHORT = 2_000
"""Streams of one or two packets that are kept besides, so that what is none drives out none."""
FEWEST_PACKETS = 3
"""Packets in a row of numbers that make a stream of what no SDP announces; one or two look like RTP by
chance."""


class FormerStreams:
    """Keeps them until they are taken.

    :param on_dropped: told the number of each stream that is not kept any longer.
    :ivar counters: ``media_streams_not_kept``; ``rtp_like_datagrams``: those of short ones.
    """

    def __init__(self, on_dropped: Callable[[int], None]) -> None:
        self.counters: Counter[str] = Counter()
        self._on_dropped = on_dropped
        self._streams: dict[int, Stream] = {}
        self._short: dict[int, Stream] = {}
        self._ends: AtEnds[int, Stream] = AtEnds()

    def __len__(self) -> int:
        return len(self._streams) + len(self._short)

    def __iter__(self) -> Iterator[Stream]:
        yield from self._streams.values()
        yield from self._short.values()

    def add(self, stream: Stream) -> None:
        """Keep a stream."""
        if stream.packets < FEWEST_PACKETS:
            streams, most = self._short, MOST_SHORT
        else:
            streams, most = self._streams, MOST_STREAMS
        if len(streams) >= most:
            oldest = self.take(next(iter(streams)))
            self._on_dropped(oldest.number)
            if streams is self._short:
                self.counters["rtp_like_datagrams"] += oldest.packets
            else:
                self.counters["media_streams_not_kept"] += 1
        streams[stream.number] = stream
        self._ends.add((stream.source, stream.destination), stream.number, stream)

    def take(self, number: int) -> Stream:
        """Return the stream with this number, which is no longer kept."""
        streams = self._short if number in self._short else self._streams
        stream = streams.pop(number)
        self._ends.discard((stream.source, stream.destination), number)
        return stream

    def at(self, end: str) -> Collection[Stream]:
        """Return the streams from or to an endpoint (``ip:port``)."""
        return self._ends.at(end).values()

    def quiet(self, before: int) -> list[Stream]:
        """Return those of which nothing came from a time on, ns."""
        return [one for one in self if one.ended < before]
