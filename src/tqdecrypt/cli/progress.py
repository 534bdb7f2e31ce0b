"""How far reading has come, on standard error, for whoever waits at a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]

PATIENCE = 1.0
"""Seconds after which a bar appears; what is quicker needs none."""


class ProgressBar:
    """A bar that appears when it takes long; call it with the bytes read and the bytes in all."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._since = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is; *total* is 0 when nobody knows."""
        if not self._wanted or time.monotonic() - self._since < PATIENCE:
            return
        if self._bar is None:
            self._bar = _make_bar()
            self._task = self._bar.add_task("Reading", total=total or None)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, completed=min(done, total) if total else done)


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
