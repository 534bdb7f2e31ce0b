"""What private keys are asked, beside the reader: processes of our own, answers handed back in order.

An RSA-2048 operation takes a third of a millisecond, as long as everything else about a handshake.
In threads it would run beside Python code, too, but each time one ends the reader has to give the
interpreter's lock away and to get it back, which costs nearly as much again.  So the reader forks
itself once there is enough to do: a child knows the keys, takes questions from a pipe and answers them.
It does nothing else, ignores Ctrl-C, and ends when the pipe does.

Where there is one core, or no ``fork`` that can be trusted, the reader does everything itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from tqdecrypt.keys import PrivateKey

__all__ = ["Workers"]

MOST_CHILDREN = 8
WORTH_A_CHILD = 32
"""Operations that must wait before a child is started, which takes some ten milliseconds."""
SENT_TOGETHER = 16
"""Operations that are sent in one piece while blocks are read: a write wakes the child."""
MOST_UNDER_WAY = 192
"""Operations that one child has not answered while blocks are read: enough for some sixty milliseconds,
in which the reader may be busy with something else."""
MOST_WHILE_WAITING = 24
"""How many are sent ahead once the reader waits: it does some itself, and both should end together."""
MOST_BYTES_UNDER_WAY = 48 << 10
"""Bytes of those: less than a pipe holds, so that writing never blocks."""
WANTED_PIPE = 512 << 10
"""Bytes that a pipe for questions with whole handshakes in them should hold; Linux gives them."""
MOST_READ = 1 << 16

_REQUEST = struct.Struct("<IHI")
"""Number of the operation, index of the key, length of the question that follows."""
_ANSWER = struct.Struct("<II")
"""Number of the operation, length of the answer that follows, or :data:`_NOTHING`."""
_NOTHING = 0xFFFFFFFF


Answer = Callable[["PrivateKey", bytes], "bytes | None"]
"""Asks a key a question: bytes that say what is wanted; ``None`` when it has no answer."""


class _Task:
    """The operations of one handshake: one question, a key or several."""

    __slots__ = ("done", "frame", "keys", "lacking", "question", "results")

    def __init__(
        self,
        frame: int,
        keys: Sequence[PrivateKey],
        question: bytes,
        done: Callable[[list[bytes | None]], None],
    ) -> None:
        self.frame = frame
        self.keys = keys
        self.question = question
        self.done = done
        self.results: list[bytes | None] = [None] * len(keys)
        self.lacking = len(keys)
        """How many results have not come."""


class _Child:
    """One process."""

    def __init__(self, pid: int, requests: int, answers: int, most_bytes: int) -> None:
        self.pid = pid
        self.requests = requests
        self.answers = answers
        self.most_bytes = most_bytes
        """Bytes that may be under way."""
        self.rest = b""
        """The beginning of an answer."""
        self.under_way: dict[int, tuple[_Task, int]] = {}
        """Task and place of the key, by number."""
        self.bytes_under_way = 0

    def has_room_for(self, size: int, most: int) -> bool:
        """Return whether a question of *size* bytes may be sent: any, to a child that has nothing else.

        :param most: how many it may have.
        """
        room = self.bytes_under_way + size <= self.most_bytes
        return not self.under_way or (room and len(self.under_way) < most)


class Workers:
    """Runs what is submitted and hands results back in order.  A context manager.

    :param keys: every key that may be asked; others are asked in this process.
    :param answer: what to do with a key and a question.
    :ivar frame: first frame of the block that is being read; tasks remember it.
    """

    def __init__(self, keys: Sequence[PrivateKey], answer: Answer) -> None:
        self._keys = tuple(keys)
        self._answer = answer
        self._index = {id(key): index for index, key in enumerate(self._keys)}
        can_fork = hasattr(os, "fork") and sys.platform != "darwin"
        self._most_children = min(_cores() - 1, MOST_CHILDREN) if can_fork else 0
        self._children: list[_Child] = []
        self._leaving: list[_Child] = []
        """Those that were told to end."""
        self._tasks: deque[_Task] = deque()
        """In the order in which they were submitted."""
        self._unsent: deque[tuple[_Task, int]] = deque()
        """What no process has taken: task and place of the key."""
        self._number = 0
        self.frame = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.dismiss()
        self._tasks.clear()
        self._unsent.clear()
        for child in self._leaving:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
        self._leaving.clear()

    def dismiss(self) -> None:
        """Let the children end, while the reader goes on; what is still submitted is done here."""
        for child in self._children:
            os.close(child.requests)
            os.close(child.answers)
            self._unsent.extendleft(reversed(child.under_way.values()))
        self._leaving += self._children
        self._children = []
        self._most_children = 0

    @property
    def oldest_frame(self) -> int | None:
        """First frame of the oldest block whose secrets are still being computed."""
        return self._tasks[0].frame if self._tasks else None

    def submit(
        self,
        keys: Sequence[PrivateKey],
        question: bytes,
        done: Callable[[list[bytes | None]], None],
    ) -> None:
        """See :data:`tqdecrypt.tls.premaster.Submit`."""
        task = _Task(self.frame, keys, question, done)
        self._tasks.append(task)
        self._unsent.extend((task, place) for place in range(len(keys)))
        if len(self._unsent) >= (SENT_TOGETHER if self._children else WORTH_A_CHILD):
            self._send()

    def collect(self, wait_before: int | None) -> None:
        """Hand back results, in order; wait for those asked for before frame *wait_before*.

        ``None`` waits for all.
        """
        tasks = self._tasks
        if not tasks:
            return
        self._receive(wait=False)
        if not self._children and len(self._unsent) < WORTH_A_CHILD:
            while self._do_one():
                pass
        most = MOST_WHILE_WAITING if wait_before is None else MOST_UNDER_WAY
        handed = 0
        while tasks:
            task = tasks[0]
            if task.lacking:
                if wait_before is not None and task.frame >= wait_before:
                    break
                self._send(most)
                if not self._do_one():
                    self._receive(wait=True)
                continue
            tasks.popleft()
            task.done(task.results)
            handed += 1
            if not handed % SENT_TOGETHER:  # that took a while: children may have nothing to do
                self._receive(wait=False)
                self._send(most)
        self._send(most)

    # Between the processes.

    def _do_one(self) -> bool:
        """Do one operation that no child has taken; return whether there was one."""
        if not self._unsent:
            return False
        task, place = self._unsent.popleft()
        _finish(task, place, self._answer(task.keys[place], task.question))
        if self._children:
            self._receive(wait=False)
        return True

    def _send(self, most: int = MOST_UNDER_WAY) -> None:
        """Give the children what they can take, *most* operations each."""
        unsent = self._unsent
        if len(unsent) >= WORTH_A_CHILD and len(self._children) < self._most_children:
            self._start()
        for child in self._children:
            parts: list[bytes] = []
            while unsent:
                task, place = unsent[0]
                question = task.question
                index = self._index.get(id(task.keys[place]))
                if index is None or not child.has_room_for(len(question), most):
                    break  # it waits, or stays for this process
                unsent.popleft()
                self._number = number = (self._number + 1) & 0xFFFFFFFF
                child.under_way[number] = task, place
                child.bytes_under_way += len(question)
                parts += (_REQUEST.pack(number, index, len(question)), question)
            if parts:
                with contextlib.suppress(BrokenPipeError):  # its end shows when answers are read
                    _write_all(child.requests, b"".join(parts))

    def _receive(self, *, wait: bool) -> None:
        """Take the answers that are there; with *wait*, at least one."""
        busy = {child.answers: child for child in self._children if child.under_way}
        if not busy:
            return
        ready, _, _ = select.select(list(busy), [], [], None if wait else 0)
        for file in ready:
            child = busy[file]
            data = os.read(file, MOST_READ)
            if data:
                self._take(child, data)
            else:
                self._lose(child)

    def _take(self, child: _Child, data: bytes) -> None:
        data = child.rest + data
        position = 0
        while len(data) - position >= _ANSWER.size:
            number, length = _ANSWER.unpack_from(data, position)
            start = position + _ANSWER.size
            stop = start + (0 if length == _NOTHING else length)
            if stop > len(data):
                break
            task, place = child.under_way.pop(number)
            child.bytes_under_way -= len(task.question)
            _finish(task, place, None if length == _NOTHING else data[start:stop])
            position = stop
        child.rest = data[position:]

    def _lose(self, child: _Child) -> None:
        """A child is gone (killed, out of memory): do its work here."""
        self._children.remove(child)
        self._most_children = len(self._children)
        os.close(child.requests)
        os.close(child.answers)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
        self._unsent.extendleft(reversed(child.under_way.values()))

    def _start(self) -> None:
        request_end, requests = os.pipe()
        answers, answer_end = os.pipe()
        with warnings.catch_warnings():
            # Python warns of locks that other threads may hold: a child takes none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                pid = os.fork()
            except OSError:  # no more processes: it goes without
                self._most_children = 0
                for file in (request_end, requests, answers, answer_end):
                    os.close(file)
                return
        if pid == 0:
            ours = [file for child in self._children for file in (child.requests, child.answers)]
            _serve(self._keys, self._answer, request_end, answer_end, (requests, answers, *ours))
        os.close(request_end)
        os.close(answer_end)
        self._children.append(_Child(pid, requests, answers, _widen(requests)))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _widen(pipe: int) -> int:
    """Let a pipe hold more, where that can be; return how much may be under way in it."""
    try:
        held = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, WANTED_PIPE)
    except (AttributeError, OSError):  # not on Linux, or too much for one user
        return MOST_BYTES_UNDER_WAY
    return max(held * 3 // 4, MOST_BYTES_UNDER_WAY)


def _finish(task: _Task, place: int, result: bytes | None) -> None:
    task.results[place] = result
    task.lacking -= 1


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _serve(
    keys: Sequence[PrivateKey],
    answer: Answer,
    requests: int,
    answers: int,
    others: Sequence[int],
) -> None:  # pragma: no cover - in a process of its own
    """Answer requests until their pipe ends, then end without ado: nothing here is to be flushed."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for file in others:
            os.close(file)
        with open(requests, "rb") as stream:
            while _answer_one(keys, answer, stream, answers):
                pass
    finally:
        os._exit(0)


def _answer_one(keys: Sequence[PrivateKey], answer: Answer, stream: BinaryIO, answers: int) -> bool:
    header = stream.read(_REQUEST.size)
    if len(header) < _REQUEST.size:
        return False
    number, index, length = _REQUEST.unpack(header)
    text = answer(keys[index], stream.read(length))
    size = _NOTHING if text is None else len(text)
    _write_all(answers, _ANSWER.pack(number, size) + (text or b""))
    return True
