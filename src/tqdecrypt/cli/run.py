"""Reading captures for a command: inputs, progress, interruption, problems, exit status."""

from __future__ import annotations

import enum
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from tqdecrypt.cli.inputs import Inputs, has_pipe, open_inputs
from tqdecrypt.cli.progress import ProgressBar
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.insight import Analysis
    from tqdecrypt.masking import Masker
    from tqdecrypt.observing import Observer
    from tqdecrypt.pipeline import Mask, Sink, Summary
    from tqdecrypt.tls.watching import Watch

__all__ = ["Outcome", "Status", "read_for"]


class Status(enum.IntEnum):
    """Exit status of every command."""

    DONE = 0
    INPUT = 1
    """An input could not be read, or an output not be written; the rest was done."""
    USAGE = 2
    DARK = 3
    """With --strict: a TLS session stayed dark."""
    BUG = 70
    """An internal error."""
    INTERRUPTED = 130
    """Ctrl-C."""
    PIPE_CLOSED = 141
    """Whoever read the output went away."""


@dataclass(slots=True)
class Outcome:
    """What came of reading."""

    summary: Summary | None
    """``None`` when it was interrupted."""
    status: Status
    inputs: Inputs
    """Keys and secrets, for whoever reads the same captures once more."""


def read_for(
    switches: Switches,
    sink: Sink,
    *,
    analysis: Analysis | None = None,
    observers: Sequence[Observer] = (),
    watch: Watch | None = None,
    again: Outcome | None = None,
    inputs: Inputs | None = None,
    on_idle: Callable[[], None] | None = None,
    on_block: Callable[[], None] | None = None,
    progress: bool = True,
    notes: bool = True,
    without_captures: bool = False,
    masked: bool = True,
    deciding: Callable[[Masker], Mask] = lambda masker: masker,
) -> Outcome:
    """Read the captures into *sink*; say on standard error what could not be read.

    Ctrl-C ends reading, and the caller shows what there is; the second one ends it at once.

    :param analysis: is fed beside the sink.
    :param observers: are told what goes on beside; see :mod:`tqdecrypt.observing`.
    :param watch: records the handshakes of sessions that are to be explained.
    :param again: what came of reading the same captures before; then nothing is opened, asked or said
        twice.
    :param inputs: what the switches opened, when somebody had to look at it before.
    :param on_block: called after each block of packets, a few thousand of them.
    :param progress: whether a progress bar would not be in the way.
    :param notes: whether to say what is worth knowing of the keys.
    :param without_captures: whether there may be nothing to read.
    :param masked: whether what --mask hides is hidden; only what shows nothing may do without.
    :param deciding: puts something in front of the mask that sees what was captured.
    """
    from tqdecrypt.pipeline import read_captures

    if again is not None:
        inputs = again.inputs
    elif inputs is None:
        inputs = open_inputs(switches, without_captures=without_captures)
    inputs.options.analysis = analysis
    inputs.options.observers = observers
    inputs.options.mask = None
    if masked and inputs.masker is not None:
        inputs.masker.counters.clear()
        inputs.options.mask = deciding(inputs.masker)
    inputs.options.watch = watch
    for sentence in (*inputs.problems, *(inputs.notes if notes else ())) if again is None else ():
        complain(sentence)
    interrupted = False
    live = has_pipe(switches)
    try:
        with ProgressBar(wanted=progress) as bar, _patience(live=live) as asked:
            summary = read_captures(
                switches.captures,
                inputs.options,
                sink,
                on_progress=_both(bar, on_block),
                on_idle=on_idle,
                stop=lambda: not live and asked.is_set(),
            )
            interrupted = asked.is_set()
    except KeyboardInterrupt:
        return Outcome(None, Status.INTERRUPTED, inputs)
    finally:
        if inputs.options.store is not None:
            inputs.options.store.save()
    for sentence in summary.problems if again is None else ():
        complain(sentence)
    summary.problems[:0] = inputs.problems
    if interrupted:
        return Outcome(summary, Status.INTERRUPTED, inputs)
    return Outcome(summary, _status(switches, summary), inputs)


def _both(bar: ProgressBar, on_block: Callable[[], None] | None) -> Callable[[int, int], None]:
    if on_block is None:
        return bar

    def progressed(done: int, total: int) -> None:
        bar(done, total)
        on_block()

    return progressed


def _status(switches: Switches, summary: Summary) -> Status:
    if summary.problems:
        return Status.INPUT
    return Status.DARK if switches.strict and summary.dark_sessions else Status.DONE


@contextmanager
def _patience(*, live: bool) -> Iterator[threading.Event]:
    """Let the first Ctrl-C end reading in an orderly way; it sets the event.

    A terminal sends it to all of ``tcpdump … | tqdecrypt read -``: tcpdump ends, the pipe is read to
    its end, and nothing that was captured is lost.  A file is left after the block that is being
    read.  Either way, calls and sessions that are going on are shown as far as they came.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if live:
            complain("reading what is left in the pipe; press Ctrl-C again to stop at once.")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
