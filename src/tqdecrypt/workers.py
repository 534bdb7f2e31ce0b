"""Private-key operations beside the reader: a few threads, results handed back in the reader's own.

An RSA operation releases the interpreter's lock for a third of a millisecond, so that threads really
run beside Python code.  The interpreter lets a thread wait for the lock up to its switch interval, 5 ms
by default, which would cost more than the operation; while operations are under way the interval is
shortened.  A plain queue replaces :mod:`concurrent.futures`, whose futures cost as much as a quarter of
an operation.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.tls.secrets import Decrypted

__all__ = ["Workers"]

SWITCH_INTERVAL = 0.0005
"""Seconds; some twenty bytecode loops, and about one RSA-2048 operation."""


class _Task:
    """One operation."""

    __slots__ = ("done", "error", "frame", "ready", "result", "work")

    def __init__(
        self,
        frame: int,
        work: Callable[[], list[Decrypted]],
        done: Callable[[list[Decrypted]], None],
    ) -> None:
        self.frame = frame
        self.work = work
        self.done = done
        self.result: list[Decrypted] = []
        self.error: BaseException | None = None
        self.ready = False


class Workers:
    """Threads that run what is submitted, in order.  A context manager.

    :ivar frame: first frame of the block that is being read; tasks remember it.
    """

    def __init__(self) -> None:
        self._count = max(1, len(os.sched_getaffinity(0)))
        self._threads: list[threading.Thread] = []
        self._todo: SimpleQueue[_Task | None] = SimpleQueue()
        self._finished: SimpleQueue[None] = SimpleQueue()
        self._running: deque[_Task] = deque()
        self._interval = sys.getswitchinterval()
        self.frame = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        self._running.clear()
        sys.setswitchinterval(self._interval)
        while not self._todo.empty():
            self._todo.get()
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def oldest_frame(self) -> int | None:
        """First frame of the oldest block whose secrets are still being computed."""
        return self._running[0].frame if self._running else None

    def submit(
        self, work: Callable[[], list[Decrypted]], done: Callable[[list[Decrypted]], None]
    ) -> None:
        """See :data:`tqdecrypt.tls.secrets.Submit`."""
        if not self._running:
            sys.setswitchinterval(SWITCH_INTERVAL)
        if not self._threads:
            self._start()
        task = _Task(self.frame, work, done)
        self._running.append(task)
        self._todo.put(task)

    def collect(self, wait_before: int | None) -> None:
        """Hand back results, in order; wait for those asked for before frame *wait_before*.

        ``None`` waits for all.
        """
        running = self._running
        if not running:
            return
        while running:
            task = running[0]
            if not task.ready:
                if wait_before is not None and task.frame >= wait_before:
                    return
                self._finished.get()
                continue
            running.popleft()
            if task.error is not None:
                raise task.error
            task.done(task.result)
        sys.setswitchinterval(self._interval)

    def _start(self) -> None:
        for number in range(self._count):
            thread = threading.Thread(target=self._run, name=f"private-key-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while (task := self._todo.get()) is not None:
            try:
                task.result = task.work()
            except BaseException as error:
                task.error = error
            task.ready = True
            self._finished.put(None)
