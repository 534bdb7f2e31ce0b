"""The only module that knows the order of the stages: from packets to calls.

One block at a time: packets are decoded as columns, TCP segments go through the connections to TLS
and SIP, UDP datagrams to SIP.  The messages that a block yields are put back into frame order and
given to the calls and to the sink.

RSA operations run in processes of their own while the next blocks are read; what comes behind a session that
still waits for its secrets is held back, so that the order stays true.
"""

from __future__ import annotations

import gc
import os
import select
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from tqdecrypt.calls import Call, CallTable
from tqdecrypt.capture import IDLE, Interface, PacketBlock, open_captures
from tqdecrypt.dispatch import Dispatcher, Tap
from tqdecrypt.endings import EndQueue
from tqdecrypt.hep import looks_like_hep
from tqdecrypt.mirror import Merger, Mirror
from tqdecrypt.mirror.merger import HOLD
from tqdecrypt.packet import PacketDecoder, Wanted, endpoint_text
from tqdecrypt.sip import Flow, Message, parse_datagram
from tqdecrypt.tcp import ConnectionTable
from tqdecrypt.tls import MEANINGS, SecretFinder, SessionReport, Verdict
from tqdecrypt.tls.derivation import derive
from tqdecrypt.tls.dtls import looks_like_dtls
from tqdecrypt.workers import Workers

if TYPE_CHECKING:
    from tqdecrypt.capture import CapturedSecrets
    from tqdecrypt.endings import EndListener
    from tqdecrypt.insight import Analysis
    from tqdecrypt.keys import KeyRing, SecretsStore
    from tqdecrypt.observing import Observer
    from tqdecrypt.packet.transport import TransportColumns
    from tqdecrypt.tls.watching import Watch

__all__ = [
    "Mask",
    "ReadOptions",
    "Sink",
    "Summary",
    "patient_collector",
    "read_by_block",
    "read_captures",
]

TLS_KEY_LOG = 0x544C534B
"""pcapng: the secrets type of a TLS key log in a Decryption Secrets Block."""
MAX_HELD = 200_000
"""Most messages held back for the sake of their order: some 400 MB at the very most."""
MAX_BLOCKS_AHEAD = 4
"""How many blocks are read on while a private-key operation runs."""
MOST_BEFORE_MIRROR = 1024
"""Messages in front of the first mirrored one that it may be a copy of: mirrors are quick."""
MAX_UDP_FLOWS = 100_000
"""Most UDP directions remembered; the table is emptied when it is full, and filled anew."""

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class ReadOptions:
    """What a reader is given."""

    ring: KeyRing
    """Keys and secrets."""
    ports: frozenset[int] = frozenset()
    """Only TCP connections and UDP datagrams with one of these ports; empty: any."""
    tap: Tap | None = None
    """Takes the verified plaintext of every TLS session as it comes."""
    observer: Observer | None = None
    """Is told of the records and handshakes of every TLS session, decrypted or not."""
    store: SecretsStore | None = None
    """Session secrets of earlier runs; those of this one are added."""
    analysis: Analysis | None = None
    """Takes every message and session report, too, when somebody wants answers."""
    watch: Watch | None = None
    """Records the handshakes of sessions that are to be explained."""
    keylog_sources: Sequence[KeyLogSource] = ()
    """What the ring's key log grows from while the capture is read."""
    end_listener: EndListener | None = None
    """Is told of each connection that is over, behind the messages that came on it."""
    message_sources: Sequence[MessageSource] = ()
    """Where messages come from besides packets.  Without captures, they are waited for without end."""
    mask: Mask | None = None
    """Rewrites messages and reports before the calls, the analysis and the sink see them."""


class KeyLogSource(Protocol):
    """A key log that may grow: a file, a socket."""

    def poll(self) -> int:
        """Take what is new, without waiting; return how many secrets that were."""


class MessageSource(Protocol):
    """Messages that come by themselves, while they happen: from a socket."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What was dropped so far, by name."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when messages may have come."""

    def poll(self) -> Sequence[Message]:
        """Return what has come, without waiting."""


class Mask(Protocol):
    """Puts pseudonyms in the place of what is not to be seen."""

    @property
    def profile(self) -> str:
        """How much it masks, in a word."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How many messages were changed, and how many withheld."""

    def message(self, message: Message) -> Message | None:
        """Return the message as it may be seen; ``None``: not at all."""

    def session(self, report: SessionReport) -> SessionReport:
        """Return the report as it may be seen."""


class Sink(Protocol):
    """Takes the results while captures are read.  Messages come in frame order."""

    def message(self, message: Message) -> None:
        """One SIP message."""

    def session(self, report: SessionReport) -> None:
        """A TLS session ended, or the capture did."""

    def call(self, call: Call) -> None:
        """A call ended, or the capture did."""


@dataclass(slots=True)
class Summary:
    """What was read in all."""

    packets: int = 0
    bytes: int = 0
    """Captured bytes of packets."""
    sessions: int = 0
    decrypted_sessions: int = 0
    dark_sessions: int = 0
    """Sessions with something in them that stayed unreadable."""
    messages: int = 0
    calls: int = 0
    started: int | None = None
    """Earliest time of a packet, ns since 1970-01-01 UTC; ``None`` without any."""
    ended: int | None = None
    """Latest time of one."""
    interfaces: list[Interface] = field(default_factory=list)
    """Where packets were captured, as far as the captures say."""
    others: dict[str, int] = field(default_factory=dict)
    """Call-IDs that are no calls, by what they are for: registrations, options, …."""
    mask: str = "none"
    """Profile by which messages and reports were masked; then they are not what was sent."""
    problems: list[str] = field(default_factory=list)
    """One sentence each: what could not be read, with file and offset."""
    counters: dict[str, int] = field(default_factory=dict)
    """Everything that was dropped, evicted or cut, by name; zeros left out."""


def read_captures(
    paths: Sequence[str],
    options: ReadOptions,
    sink: Sink,
    *,
    on_progress: Progress | None = None,
    on_idle: Callable[[], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Read captures to their end; several are one capture in time order.

    :param on_progress: called now and then with the bytes read and the bytes in all.
    :param on_idle: called after each block of a live source, when everything that could be said so
        far has been given to the sink.
    :param stop: asked after each block; when it answers yes, the rest is left unread, and what was
        read is concluded as at its end.
    """
    steps = read_by_block(paths, options, sink, on_progress=on_progress, stop=stop)
    with closing(steps), patient_collector():
        while True:
            try:
                live = next(steps)
            except StopIteration as end:
                summary: Summary = end.value
                return summary
            if on_idle is not None and live:
                on_idle()


def read_by_block(
    paths: Sequence[str],
    options: ReadOptions,
    sink: Sink,
    *,
    on_progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[bool, None, Summary]:
    """Do what :func:`read_captures` does, and pause after each block of packets.

    Whatever can be said so far has been given to the sink then.  Yields whether more packets may come while
    they are captured; returns the summary.  When it is closed, child processes end.
    """
    with (
        open_captures(paths, on_progress=on_progress) as reader,
        Workers(options.ring.keys, derive) as workers,
    ):
        live = reader.live or bool(options.message_sources)
        run = _Run(options, sink, workers, live=live)
        for block in reader if paths else _waiting(options.message_sources):
            run.take_secrets(reader.secrets, more=reader.may_bring_secrets)
            run.receive(block)
            yield live
            if stop():
                break
        run.take_secrets(reader.secrets, more=False)
        run.finish()
        run.count(reader.counters)
        run.summary.problems.extend(reader.problems)
        run.summary.interfaces.extend(reader.interfaces)
        return run.summary


def _waiting(sources: Sequence[MessageSource]) -> Iterator[PacketBlock]:
    """Yield an empty block whenever something has come from a source, or nothing for a while."""
    poll = select.poll()
    for source in sources:
        poll.register(source.fileno(), select.POLLIN)
    while sources:
        poll.poll(IDLE * 1000)
        yield PacketBlock.empty()


@contextmanager
def patient_collector() -> Iterator[None]:
    """Let the garbage collector run seldom meanwhile.

    Messages, lines and records are freed by their reference counts; only sessions and connections
    that ended are cycles, and a few thousand of those can wait.  With the interpreter's threshold of
    700 objects the collector takes a quarter of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Run:
    """Reading one capture."""

    def __init__(self, options: ReadOptions, sink: Sink, workers: Workers, *, live: bool) -> None:
        self.summary = Summary()
        self._sink = sink
        self._workers = workers
        self._live = live
        self._analysis = options.analysis
        self._mask = options.mask
        self._messages: list[Message] = []
        self._keylog = options.ring.keylog
        self._keylog_sources = options.keylog_sources
        self._secrets_taken = 0
        self._finder = SecretFinder(
            options.ring, workers.submit, options.store, hurry=lambda: workers.collect(None)
        )
        self._finder.expect_late = bool(options.keylog_sources)
        self._mirror = Mirror()
        self._sources = options.message_sources
        self._merger = Merger() if self._sources else None
        self._latest: deque[Message] = deque(maxlen=MOST_BEFORE_MIRROR)
        self._now = 0
        """Time of the last packet, ns."""
        self._dispatcher = Dispatcher(
            self._finder,
            options.ring.describe(),
            self._messages,
            self._session_ended,
            options.ports,
            options.tap,
            None if options.analysis is None else options.analysis.dark_data,
            options.observer,
            self._mirror,
            options.watch,
        )
        self._ends: EndQueue | None = None
        if options.end_listener is not None:
            self._ends = EndQueue(options.end_listener)
            self._dispatcher.on_end = self._ends.add
            self._dispatcher.wants_secrets = options.end_listener.wants_secrets
        wanted = Wanted.SIGNALLING | Wanted.DTLS | Wanted.HEP
        self._decoder = PacketDecoder(wanted, options.ports)
        # Results are taken while a block is gone through: what they open keeps the threads company.
        self._connections = ConnectionTable(
            self._dispatcher.accept, pause=lambda: workers.collect(0)
        )
        self._calls = CallTable(self._call_ended)
        self._udp_flows: dict[tuple[int, ...], Flow] = {}
        self._counters: Counter[str] = Counter()
        self._block_frames: deque[int] = deque(maxlen=MAX_BLOCKS_AHEAD)

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
            self._note_times(int(block.time.min()), int(block.time.max()))
            self._now = int(block.time[-1])
            workers.frame = block.first_frame
            self._block_frames.append(block.first_frame)
            decoded = self._decoder.decode(block)
            if len(decoded.udp):
                self._receive_udp(decoded.udp, block)
            self._connections.receive(decoded.tcp, block)
        self._finder.expire(self._connections.now)
        workers.collect(None if self._live else self._block_frames[0])
        self._dispatcher.report_settled()
        self._hand_on(self._watermark())
        self._dispatcher.tidy(self._connections.now)

    def _note_times(self, first: int, last: int) -> None:
        summary = self.summary
        summary.started = first if summary.started is None else min(first, summary.started)
        summary.ended = last if summary.ended is None else max(last, summary.ended)

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
        if self._analysis is not None:
            self._analysis.finish()
            self.count(self._analysis.counters)
        if self._mask is not None:
            self.summary.mask = self._mask.profile
            self.count(self._mask.counters)
        self.summary.others = {kind.value: number for kind, number in self._calls.kinds.items()}
        for counters in (
            self._decoder.counters,
            self._connections.counters,
            self._dispatcher.counters,
            self._counters,
            self._calls.counters,
            self._mirror.counters,
            {} if self._merger is None else self._merger.counters,
            *(source.counters for source in self._sources),
            {
                "resumable_sessions_evicted": self._finder.resumable_evicted,
                "sessions_given_up_waiting_for_secrets": self._finder.late_given_up,
            },
        ):
            self.count(counters)

    def _watermark(self) -> int | None:
        """Return the frame from which on messages may still come; ``None``: none are missing."""
        if self._live or len(self._messages) > MAX_HELD:
            return None
        frames = (self._workers.oldest_frame, self._connections.oldest_waiting_frame)
        return min((frame for frame in frames if frame is not None), default=None)

    def _hand_on(self, before: int | None, *, last: bool = False) -> None:
        """Give the messages in front of frame *before* to the calls and the sink, in order.

        As soon as something was mirrored, that order is the one of time.
        """
        messages = self._messages
        messages.sort(key=_FRAME)
        ready: Sequence[Message] = messages[:]
        if before is not None:
            ready = [message for message in messages if message.frame < before]
        del messages[: len(ready)]
        if self._merger is None and self._mirror.used:
            self._merger = Merger()
            self._merger.remember(self._latest)
        if self._merger is not None:
            now = time.time_ns() if self._live else self._now
            self._merger.add(ready, now)
            for source in self._sources:
                self._merger.add(source.poll(), now)
            ready = self._merger.take(None if last else now)
        else:
            self._latest.extend(ready)
        self.summary.messages += len(ready)
        if self._mask is not None:
            masked = map(self._mask.message, ready)
            ready = [message for message in masked if message is not None]
        ends = self._ends
        if ends is None:
            self._hand_on_messages(ready, ready)
        elif self._merger is None:
            self._hand_on_messages(ready, ends.among(ready))
            ends.tell(before)
        else:
            self._hand_on_messages(ready, ready)
            now = time.time_ns() if self._live else self._now
            ends.tell_ripe(None if last else now - HOLD, now)

    def _hand_on_messages(self, ready: Sequence[Message], told: Iterable[Message]) -> None:
        """Give messages to the calls and the sink, then to the analysis.

        :param told: yields *ready*, and does something in between.
        """
        receive_call = self._calls.receive
        receive_sink = self._sink.message
        for message in told:
            receive_call(message)
            receive_sink(message)
        if self._analysis is not None:
            analyse = self._analysis.message
            for message in ready:
                analyse(message)

    def _receive_udp(self, columns: TransportColumns, block: PacketBlock) -> None:
        buffer = memoryview(block.buffer)
        rows = zip(
            columns.packet.tolist(),
            columns.version.tolist(),
            columns.source.tolist(),
            columns.source_port.tolist(),
            columns.destination.tolist(),
            columns.destination_port.tolist(),
            columns.payload_offset.tolist(),
            columns.payload_length.tolist(),
            block.time[columns.packet].tolist(),
            strict=True,
        )
        for row, (
            packet,
            version,
            source,
            sport,
            destination,
            dport,
            offset,
            length,
            moment,
        ) in enumerate(rows):
            data = columns.detached.get(row)
            if data is None:
                data = bytes(buffer[offset : offset + length])
            key = (*source, sport, *destination, dport)
            flow = self._udp_flows.get(key)
            if flow is None:
                if len(self._udp_flows) >= MAX_UDP_FLOWS:
                    self._udp_flows.clear()
                flow = self._udp_flows[key] = Flow(
                    endpoint_text(version, source[0], source[1], sport),
                    endpoint_text(version, destination[0], destination[1], dport),
                    "UDP",
                    "clear",
                )
            frame = block.first_frame + packet
            if looks_like_hep(data):
                message = self._mirror.receive(data, frame, moment)
                if message is not None:
                    self._messages.append(message)
                continue
            if looks_like_dtls(data):
                self._dispatcher.receive_dtls(flow.source, flow.destination, data, frame, moment)
                continue
            message = parse_datagram(data, flow, frame, moment, self._counters)
            if message is None:
                self._counters["other_udp_datagrams"] += 1
            else:
                self._messages.append(message)

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

    def count(self, counters: Mapping[str, int]) -> None:
        """Add counters to the summary; zeros are left out."""
        total = self.summary.counters
        for name, count in counters.items():
            if count:
                total[name] = total.get(name, 0) + count


_FRAME = attrgetter("frame")
