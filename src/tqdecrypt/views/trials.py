"""The table of a selftest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw
from tqdecrypt.views.words import clean, count

if TYPE_CHECKING:
    from tqdecrypt.selftest import Trial

__all__ = ["TrialsTable"]

_COLUMNS = (
    Column("Version", least=7),
    Column("Suite", least=20, most=48),
    Column("Opened with", least=0, yields=1),
    Column("SIP", least=3, right=True),
    Column("Result", least=10),
)


class TrialsTable:
    """Every suite that was tried; below a failure, why."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = trials

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        passed = sum(trial.passed for trial in self._trials)
        failed = len(self._trials) - passed
        yield Text(
            f"{count(len(self._trials), 'suite')} tried  {passed} decrypted, {failed} not",
            theme.SUCCESS if not failed else theme.FAILURE,
        )
        rows = [_row(trial) for trial in self._trials]
        yield from draw(_COLUMNS, rows, options.max_width)


def _row(trial: Trial) -> Row:
    result = Text("✓ decrypted", theme.SUCCESS) if trial.passed else Text("✗ failed", theme.FAILURE)
    return Row(
        (
            Text(clean(trial.version)),
            Text(clean(trial.suite)),
            Text(trial.secrets),
            Text(str(trial.messages)),
            result,
        ),
        None if trial.passed else Text(clean(trial.why), theme.DIM),
    )
