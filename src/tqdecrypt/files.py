"""Writing files so that a partial one never stands where a whole one is expected.

What is written grows beside its place under another name, and takes the place when it is whole.  Whatever
goes wrong before (a full disk, Ctrl-C, a bug), the old file stays as it was and nothing is left behind.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tqdecrypt.errors import OutputError, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["PRIVATE", "STANDARD_OUTPUT", "check_free", "whole_file"]

STANDARD_OUTPUT = "-"
PRIVATE = 0o600
"""Mode of files with secrets: nobody but their owner reads them."""


def check_free(path: str, *, replace: bool = False) -> os.stat_result | None:
    """Return the status of what is at *path*, ``None`` when nothing is.

    :raises UsageError: as :func:`whole_file` does.
    """
    before = _status(path)
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise UsageError(f"{path} is a directory; name a file in it.")
    if before is not None and stat.S_ISREG(before.st_mode) and not replace:
        raise UsageError(f"{path} is there already; name another file, or add --force.")
    return before


@contextmanager
def whole_file(
    path: str, *, replace: bool = False, private: bool = False, what: str = "output"
) -> Iterator[BinaryIO]:
    """Open *path* for writing; it is there, whole, when the block ends without an error.

    ``-`` is standard output.  A pipe or a device is written to as it is.

    :param replace: whether a file that is there may be replaced.
    :param private: whether the file gets mode 0600, also where it replaces one with another mode; else
        what the umask leaves of 0666, or the mode of the file that it replaces.
    :param what: the file's kind, for messages.
    :raises UsageError: when there is a file, and it may not be replaced; or when it is a directory.
    :raises OutputError: when it cannot be written; a file that was there stays.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    before = check_free(path, replace=replace)
    refusal = _Refusal(path, what, replaces=before is not None)
    if before is not None and not stat.S_ISREG(before.st_mode):
        with refusal.told():
            raw = _Raw(path, refusal)
        with io.BufferedWriter(raw) as stream:
            yield cast("BinaryIO", stream)
        return
    from tempfile import mkstemp

    # Where path is a link, what it points at is replaced, not the link.
    place = os.path.realpath(path)
    with refusal.told():
        descriptor, beside = mkstemp(
            prefix=f".{os.path.basename(place)[:64]}.", suffix=".part", dir=os.path.dirname(place)
        )
    try:
        with io.BufferedWriter(_Raw(descriptor, refusal), 1 << 16) as stream:
            yield cast("BinaryIO", stream)
            stream.flush()
            with refusal.told():
                os.fchmod(descriptor, PRIVATE if private else _mode(before))
                os.fsync(descriptor)
        with refusal.told():
            os.replace(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(beside).unlink(missing_ok=True)
        raise


class _Refusal:
    """Says in one sentence that the operating system refused to write."""

    def __init__(self, path: str, what: str, *, replaces: bool) -> None:
        self._path = path
        self._what = what
        self._old = "; the file that was there is as it was" if replaces else ""

    def error(self, cause: OSError) -> OutputError:
        """Return what is raised instead of *cause*."""
        return OutputError(
            f"The {self._what} {self._path} cannot be written ({cause.strerror}){self._old}; make "
            "room, or name a file in a directory that you may write to."
        )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn an ``OSError`` into that."""
        try:
            yield
        except OSError as error:
            raise self.error(error) from error


class _Raw(io.FileIO):
    """A file whose own errors are told apart from all others that happen while it is open."""

    def __init__(self, file: str | int, refusal: _Refusal) -> None:
        super().__init__(file, "wb")
        self._refusal = refusal

    def write(self, data: ReadableBuffer, /) -> int:
        """See :class:`io.RawIOBase`.  A reader that went away stays a ``BrokenPipeError``."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._refusal.error(error) from error


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _mode(before: os.stat_result | None) -> int:
    if before is not None:
        return stat.S_IMODE(before.st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
