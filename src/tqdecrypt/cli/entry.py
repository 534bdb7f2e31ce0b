"""Runs a command and turns whatever ends it into an exit status and one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

import typer

from tqdecrypt.cli.app import command_line
from tqdecrypt.cli.run import Status
from tqdecrypt.cli.screen import complain
from tqdecrypt.errors import TqdecryptError, UsageError

__all__ = ["run"]

# Which click typer brings differs between its versions; its exceptions are found by inheritance.
_WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
_OUTPUT_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status, whatever happens."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _dispatch(given or ["--help"])
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _forget_output()
        return Status.PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        return Status.INTERRUPTED
    except UsageError as error:
        complain(str(error))
        if error.picture:
            sys.stderr.write(error.picture + "\n")
        return Status.USAGE
    except TqdecryptError as error:
        complain(str(error))
        return Status.INPUT
    except OSError as error:
        if error.errno not in _OUTPUT_FULL:
            return _internal_error(error, given)
        _forget_output()
        complain(f"The output cannot be written: {error.strerror}.")
        return Status.INPUT
    except Exception as error:
        return _internal_error(error, given)


def _dispatch(arguments: list[str]) -> int:
    command = typer.main.get_command(command_line(arguments))
    try:
        # Not command.main(): it would take closed pipes and Ctrl-C for itself.
        with command.make_context("tqdecrypt", arguments) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as leaving:
        return leaving.exit_code
    except _WRONG_USAGE as error:
        where = getattr(error, "ctx", None)
        path = where.command_path if where is not None else "tqdecrypt"
        message = error.format_message().rstrip(".").replace("Value error, ", "")  # type: ignore[attr-defined]
        raise UsageError(f"{message}; {path} --help explains.") from None


def _forget_output() -> None:
    """Let Python's own flush at exit go nowhere."""
    with contextlib.suppress(OSError, ValueError):  # standard output may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _internal_error(error: Exception, arguments: list[str]) -> int:
    """Say that it is our bug.  The text of the error stays out: it may quote what was read."""
    import traceback

    if "--debug" in arguments:
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" in {os.path.basename(last[0].filename)}:{last[0].lineno}" if last else ""
    complain(
        f"internal error, {type(error).__name__}{where}: this is a bug in tqdecrypt; "
        "--debug shows the traceback for a report."
    )
    return Status.BUG
