"""One reading of a capture: holds the stages, and hands on from one to the next."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.calls import Call, CallTable
from tqdecrypt.dispatch import Dispatcher
from tqdecrypt.endings import EndQueue
from tqdecrypt.mirror import Mirror
from tqdecrypt.observing import Observers
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.packet.selection import Selection
from tqdecrypt.packet.turn import relayed_dtls
from tqdecrypt.pipeline.datagrams import Datagrams
from tqdecrypt.pipeline.ordering import MediaBound, Ordering
from tqdecrypt.pipeline.summary import Summary
from tqdecrypt.tcp import ConnectionTable
from tqdecrypt.tls import MEANINGS, SecretFinder, SessionReport, Verdict

if TYPE_CHECKING:
    from tqdecrypt.capture import CapturedSecrets, PacketBlock
    from tqdecrypt.pipeline.contracts import ReadOptions, Sink
    from tqdecrypt.sip import Message
    from tqdecrypt.workers import Workers

__all__ = ["Run"]

TLS_KEY_LOG = 0x544C534B
"""pcapng: the secrets type of a TLS key log in a Decryption Secrets Block."""
MAX_HELD = 200_000
"""Most messages held back for the sake of their order: some 400 MB at the very most."""
MAX_BLOCKS_AHEAD = 4
"""How many blocks are read on while a private-key operation runs."""


class Run:
    """Reading one capture.

    Call :meth:`take_secrets` and :meth:`receive` for each block, and :meth:`finish` once.

    :param workers: runs the operations of private keys.
    :param live: whether results are wanted with each block, whatever that costs.
    :ivar summary: what was read so far.
    """

    def __init__(self, options: ReadOptions, sink: Sink, workers: Workers, *, live: bool) -> None:
        self.summary = Summary()
        self._sink = sink
        self._workers = workers
        self._live = live
        self._analysis = options.analysis
        self._mask = options.mask
        self._keylog = options.ring.keylog
        self._keylog_sources = options.keylog_sources
        self._secrets_taken = 0
        self._finder = SecretFinder(
            options.ring, workers.submit, options.store, hurry=lambda: workers.collect(None)
        )
        self._finder.expect_late = bool(options.keylog_sources)
        mirror = Mirror()
        self._ordering = Ordering(mirror, options.message_sources, live=live)
        self._now = 0
        """Time of the last packet, ns."""
        self._arrived = 0
        """When the last packets came, by this machine's monotonic clock, ns."""
        observers = Observers((*options.observers, options.analysis, options.media))
        self._dispatcher = Dispatcher(
            self._finder,
            options.ring.describe(),
            self._ordering.messages,
            self._session_ended,
            options.ports,
            observers,
            mirror,
            options.watch,
        )
        self._ends: EndQueue | None = None
        if observers.ends:
            self._ends = EndQueue(observers.ends)
            self._dispatcher.on_end = self._ends.add
        wanted = Wanted.SIGNALLING | Wanted.DTLS | Wanted.HEP
        self._media = options.media
        self._spoken: Selection | None = None
        """Which datagrams may be signalling, where media gets all."""
        if self._media is not None:
            self._spoken = Selection(wanted, options.ports)
            wanted |= Wanted.ALL_UDP | Wanted.EVERY_PORT
        self._decoder = PacketDecoder(wanted, options.ports)
        # Results are taken while a block is gone through: what they open keeps the threads company.
        self._connections = ConnectionTable(
            self._dispatcher.accept, pause=lambda: workers.collect(0)
        )
        self._calls = CallTable(self._call_ended)
        self._datagrams = Datagrams(self._dispatcher, mirror, self._ordering.messages)
        self._block_frames: deque[int] = deque(maxlen=MAX_BLOCKS_AHEAD)
        self._media_bound = MediaBound()

    def take_secrets(self, captured: Sequence[CapturedSecrets], *, more: bool) -> None:
        """Take session secrets that the capture or a key log brought since the last time.

        :param more: whether more may come.
        """
        self._finder.expect_late = more or bool(self._keylog_sources)
        for secrets in captured[self._secrets_taken :]:
            if secrets.kind == TLS_KEY_LOG:
                self._keylog.feed(secrets.data, f"in {os.path.basename(secrets.source)}")
                self._keylog.finish(f"in {os.path.basename(secrets.source)}")
        self._secrets_taken = len(captured)
        for source in self._keylog_sources:
            source.poll()
        self._finder.poll()

    def receive(self, block: PacketBlock) -> None:
        """Take one block, from packets to messages."""
        workers = self._workers
        if len(block):
            self.summary.packets += len(block)
            self.summary.bytes += int(block.captured.sum())
            self.summary.note_times(int(block.time.min()), int(block.time.max()))
            self._now = int(block.time[-1])
            self._arrived = time.monotonic_ns()
            workers.frame = block.first_frame
            self._block_frames.append(block.first_frame)
            if self._media is not None:
                self._media_bound.add(block.first_frame, int(block.time[0]), self._now)
            decoded = self._decoder.decode(block)
            if len(decoded.udp) or block.dropped is not None:
                udp = decoded.udp
                if self._media is not None and self._spoken is not None:
                    self._media.receive(udp, block)
                    relayed = relayed_dtls(udp, block.buffer)
                    if relayed is not None:
                        self._datagrams.receive(relayed, block)
                    udp = udp.pick(self._spoken.of_datagrams(udp, block.buffer))
                self._datagrams.receive(udp, block)
            self._connections.receive(decoded.tcp, block)
        self._finder.expire(self._connections.now)
        workers.collect(None if self._live else self._block_frames[0])
        self._dispatcher.report_settled()
        watermark = self._watermark()
        self._hand_on(watermark)
        if self._media is not None:
            ordering, now = self._ordering, self._capture_time()
            ripe = ordering.ripe(ordering.now(self._now), last=False) if ordering.by_time else None
            self._media.settle(*self._media_bound.reach(watermark, ripe, now))
        self._dispatcher.tidy(self._connections.now)

    def finish(self) -> None:
        """End of input: everything that still waits is decided."""
        self._workers.collect(None)
        self._finder.finish()
        self._workers.collect(None)
        self._workers.dismiss()
        self._connections.finish()
        self._dispatcher.finish()
        self._dispatcher.report_settled()
        self._hand_on(None, last=True)
        self._calls.finish()
        if self._media is not None:
            self._media.finish()
        if self._analysis is not None:
            self._analysis.finish()
            self.summary.count(self._analysis.counters)
        if self._media is not None:  # for the analysis, media may have been decrypted
            self.summary.count(self._media.counters)
        if self._mask is not None:
            self.summary.mask = self._mask.profile
            self.summary.count(self._mask.counters)
        self.summary.others = {kind.value: number for kind, number in self._calls.kinds.items()}
        for counters in (
            self._decoder.counters,
            self._connections.counters,
            self._dispatcher.counters,
            self._datagrams.counters,
            self._calls.counters,
            self._ordering.counters,
            {
                "resumable_sessions_evicted": self._finder.resumable_evicted,
                "sessions_given_up_waiting_for_secrets": self._finder.late_given_up,
            },
        ):
            self.summary.count(counters)

    def _watermark(self) -> int | None:
        """Return the frame from which on messages may still come; ``None``: none are missing."""
        if self._live or len(self._ordering.messages) > MAX_HELD:
            return None
        frames = (self._workers.oldest_frame, self._connections.oldest_waiting_frame)
        return min((frame for frame in frames if frame is not None), default=None)

    def _capture_time(self) -> int:
        """Return the time of the last packet; live, with what has passed since it came."""
        idle = time.monotonic_ns() - self._arrived if self._live and self._arrived else 0
        return self._now + idle

    def _hand_on(self, before: int | None, *, last: bool = False) -> None:
        """Give the messages in front of frame *before* to the calls and the sink, in order."""
        ordering = self._ordering
        now = ordering.now(self._now)
        ready = ordering.take(before, now, last=last)
        self.summary.messages += len(ready)
        if self._mask is not None:
            masked = map(self._mask.message, ready)
            ready = [message for message in masked if message is not None]
        ends = self._ends
        if ends is None:
            self._hand_on_messages(ready, ready)
        elif ordering.by_time:
            self._hand_on_messages(ready, ready)
            ends.tell_ripe(ordering.ripe(now, last=last), now)
        else:
            self._hand_on_messages(ready, ends.among(ready))
            ends.tell(before)

    def _hand_on_messages(self, ready: Sequence[Message], told: Iterable[Message]) -> None:
        """Give messages to the calls and the sink, then to the analysis.

        :param told: yields *ready*, and does something in between.
        """
        if self._media is not None:
            for message in ready:
                self._media.describe(message)
        receive_call = self._calls.receive
        receive_sink = self._sink.message
        for message in told:
            receive_call(message)
            receive_sink(message)
        if self._analysis is not None:
            analyse = self._analysis.message
            for message in ready:
                analyse(message)

    def _session_ended(self, report: SessionReport) -> None:
        self.summary.sessions += 1
        self.summary.decrypted_sessions += report.verdict is Verdict.DECRYPTED
        self.summary.dark_sessions += not MEANINGS[report.verdict].clear
        if self._mask is not None:
            report = self._mask.session(report)
        self._sink.session(report)
        if self._analysis is not None:
            self._analysis.session(report)

    def _call_ended(self, call: Call) -> None:
        self.summary.calls += 1
        self._sink.call(call)
