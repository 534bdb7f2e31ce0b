"""Reads captures block by block, to their end or until somebody says stop."""

from __future__ import annotations

import gc
import select
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tqdecrypt.capture import IDLE, PacketBlock, open_captures
from tqdecrypt.pipeline.run import Run
from tqdecrypt.tls.derivation import derive
from tqdecrypt.workers import Workers

if TYPE_CHECKING:
    from tqdecrypt.pipeline.contracts import MessageSource, Progress, ReadOptions, Sink
    from tqdecrypt.pipeline.summary import Summary

__all__ = ["patient_collector", "read_by_block", "read_captures"]


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
        run = Run(options, sink, workers, live=live)
        for block in reader if paths else _waiting(options.message_sources):
            run.take_secrets(reader.secrets, more=reader.may_bring_secrets)
            run.receive(block)
            yield live
            if stop():
                break
        run.take_secrets(reader.secrets, more=False)
        run.finish()
        run.summary.count(reader.counters)
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
