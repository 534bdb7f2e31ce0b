"""``tqdecrypt export parquet`` and ``tqdecrypt export arrow``: tables for data frames and databases."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from tqdecrypt.cli.choice import Choice
from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import reading
from tqdecrypt.errors import OutputError, UsageError
from tqdecrypt.files import STANDARD_OUTPUT, whole_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from tqdecrypt.cli.run import Outcome
    from tqdecrypt.export.tables import TableRows

__all__ = ["arrow", "parquet"]


class Table(enum.StrEnum):
    """Which of the tables."""

    MESSAGES = "messages"
    CALLS = "calls"
    SESSIONS = "sessions"
    FINDINGS = "findings"


Raw = Annotated[bool, typer.Option("--raw", help="The bytes of each message, too.")]


@reading
def parquet(
    switches: ExportSwitches,
    *,
    table: Annotated[
        Table | None,
        typer.Option(
            "--table",
            metavar="TABLE",
            help="Only this one, OUT is a file: messages, calls, sessions or findings.",
            show_default=False,
        ),
    ] = None,
    raw: Raw = False,
) -> int:
    """Write Parquet files: OUT is a directory for messages, calls, sessions and findings.

    With --table, OUT is one file.
    """
    from tqdecrypt.export.frames import ParquetTables
    from tqdecrypt.export.tables import arrow as load_arrow

    load_arrow()
    if table is None and switches.output == STANDARD_OUTPUT:
        raise UsageError("four tables do not fit into standard output; say which one with --table.")
    choice = switches.choose()
    tables = list(Table) if table is None else [table]
    with (
        _streams(switches, tables, one_file=table is not None) as streams,
        ParquetTables(streams, raw=raw) as rows,
    ):
        outcome = _fill(switches, choice, rows)
    _say(switches, rows, outcome)
    return outcome.status


@reading
def arrow(
    switches: ExportSwitches,
    *,
    table: Annotated[
        Table,
        typer.Option("--table", metavar="TABLE", help="messages, calls, sessions or findings."),
    ] = Table.CALLS,
    raw: Raw = False,
) -> int:
    """Write one table as an Arrow stream (the interprocess format), which a pipe can carry."""
    from tqdecrypt.export.frames import ArrowStream
    from tqdecrypt.export.tables import arrow as load_arrow

    load_arrow()
    choice = switches.choose()
    with (
        whole_file(switches.output, replace=switches.force) as file,
        ArrowStream(table.value, file, raw=raw) as rows,
    ):
        outcome = _fill(switches, choice, rows, on_idle=rows.flush)
    _say(switches, rows, outcome)
    return outcome.status


def _fill(
    switches: ExportSwitches,
    choice: Choice,
    rows: TableRows,
    on_idle: Callable[[], None] | None = None,
) -> Outcome:
    """Read, and put what is in into the tables.

    :raises UsageError: when nothing was chosen, though something was asked for.
    """
    analysis = choice.analysis() if "findings" in rows.rows else None
    outcome = choice.read(switches, rows, analysis=analysis, on_idle=on_idle)
    for finding in choice.findings(analysis.findings) if analysis is not None else ():
        rows.finding(finding)
    if not choice.wanted.everything and not any(rows.rows.values()):
        raise UsageError("nothing was chosen: no row is left of any table; nothing was written.")
    return outcome


def _say(switches: ExportSwitches, rows: TableRows, outcome: Outcome) -> None:
    """Say what was written where, and what was left out."""
    written = ", ".join(f"{count:,} {name}" for name, count in rows.rows.items())
    withheld = 0
    if outcome.summary is not None:
        withheld = outcome.summary.counters.get("messages_withheld_by_mask", 0)
    left_out = f"; {withheld:,} messages that cannot be masked were left out" if withheld else ""
    place = "standard output" if switches.output == STANDARD_OUTPUT else switches.output
    complain(f"{written} written to {place}{left_out}.")


@contextmanager
def _streams(
    switches: ExportSwitches, tables: list[Table], *, one_file: bool
) -> Iterator[dict[str, BinaryIO]]:
    """Open a file for each table; all are there, whole, when the block ends without an error."""
    if one_file:
        with whole_file(switches.output, replace=switches.force) as file:
            yield {tables[0].value: file}
        return
    directory = switches.output
    made = _make_directory(directory)
    try:
        with ExitStack() as stack:
            yield {
                table.value: stack.enter_context(
                    whole_file(os.path.join(directory, f"{table}.parquet"), replace=switches.force)
                )
                for table in tables
            }
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        raise


def _make_directory(path: str) -> bool:
    """Make a directory where there is none; return whether there was none."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise UsageError(
                f"{path} is a file; name a directory for the tables, or one table with --table."
            ) from None
        return False
    except OSError as error:
        raise OutputError(
            f"The directory {path} cannot be made ({error.strerror}); name one that can."
        ) from None
    return True
