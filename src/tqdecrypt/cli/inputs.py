"""From switches to what the pipeline takes: keys, key logs, pre-shared keys, the secrets store."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.cli.switches import (
    HEP_LISTEN_VARIABLE,
    PASSPHRASE_VARIABLE,
    SECRETS_PASSPHRASE_VARIABLE,
    Switches,
)
from tqdecrypt.errors import InputError, PrivateKeyError, SecretsError, UsageError
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.keys import SecretsStore
    from tqdecrypt.masking import Masker
    from tqdecrypt.mirror import HepListener
    from tqdecrypt.pipeline import ReadOptions

__all__ = [
    "Inputs",
    "has_pipe",
    "is_live",
    "open_inputs",
    "open_masker",
    "open_trunks",
    "read_secret",
]


@dataclass(slots=True)
class Inputs:
    """What the switches opened."""

    options: ReadOptions
    problems: list[str] = field(default_factory=list)
    """One sentence for each input that could not be used."""
    notes: list[str] = field(default_factory=list)
    """One sentence for each thing to know though nothing failed."""
    masker: Masker | None = None
    """``None`` when nothing is masked."""


def open_inputs(switches: Switches, *, without_captures: bool = False) -> Inputs:
    """Open everything but the captures.

    :param without_captures: whether there may be nothing to read.
    :raises UsageError: when standard input is a terminal, or nothing is to be read.
    :raises InputError: when a passphrase file or the secrets store cannot be read; other inputs
        that fail are problems, and the rest is used.
    """
    if not (switches.captures or switches.hep_listen or without_captures):
        raise UsageError("No CAPTURE is named: name a file, - for a pipe, or give --hep-listen.")
    if "-" in switches.captures and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError(
            "standard input is the keyboard; pipe a capture into it, as in: "
            "tcpdump -s 0 -U -w - | tqdecrypt read -"
        )
    from tqdecrypt.inputs import open_keys
    from tqdecrypt.keys import KeyLogListener
    from tqdecrypt.pipeline import ReadOptions

    live = is_live(switches)
    given = open_keys(
        switches.keys,
        switches.keylogs,
        switches.psks,
        passphrase=read_secret(switches.key_passphrase_file, PASSPHRASE_VARIABLE, PrivateKeyError),
        ask=_asker(),
        follow=live,
    )
    ring = given.ring
    options = ReadOptions(ring=ring, ports=frozenset(switches.ports), store=_open_store(switches))
    listeners = [KeyLogListener(place, ring.keylog) for place in switches.keylog_listen]
    options.keylog_sources = [*(given.keylog_files if live else ()), *listeners]
    options.message_sources = mirrors = _open_mirrors(switches)
    warnings = [*(one.warning for one in listeners), *(one.warning for one in mirrors)]
    notes = [*given.notes, *filter(None, warnings)]
    return Inputs(options, given.problems, notes, open_masker(switches))


def open_masker(switches: Switches) -> Masker | None:
    """Return what masks; ``None`` when nothing is to be masked.

    :raises UsageError: for a key of pseudonyms where there are none.
    :raises InputError: when its file cannot be read.
    """
    profile = switches.mask_profile
    if profile is Profile.NONE:
        if switches.mask_key_file is not None:
            raise UsageError("--mask-key-file goes with --mask people or --mask keys.")
        return None
    from tqdecrypt.masking import Masker, read_mask_key

    path = switches.mask_key_file
    return Masker(profile, None if path is None else read_mask_key(path))


def open_trunks(switches: Switches) -> Trunks | None:
    """Return what the file of trunks says; ``None`` without one.

    :raises InputError: when it cannot be read.
    """
    if switches.trunks is None:
        return None
    from tqdecrypt.insight.trunks import read_trunks

    return read_trunks(switches.trunks)


def is_live(switches: Switches) -> bool:
    """Return whether messages may come while they are said: from a pipe or a server, not from a file."""
    return bool(switches.hep_listen) or has_pipe(switches)


def has_pipe(switches: Switches) -> bool:
    """Return whether a capture is a pipe."""
    for capture in switches.captures:
        try:
            mode = (
                os.fstat(sys.stdin.fileno()).st_mode if capture == "-" else os.stat(capture).st_mode
            )
        except (OSError, ValueError):
            continue
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (capture == "-" and stat.S_ISCHR(mode)):
            return True
    return False


def _open_mirrors(switches: Switches) -> list[HepListener]:
    if not switches.hep_listen:
        return []
    from tqdecrypt.mirror import HepListener

    key = read_secret(switches.hep_password_file, HEP_LISTEN_VARIABLE, InputError, "password")
    return [HepListener(place, key) for place in switches.hep_listen]


def _open_store(switches: Switches) -> SecretsStore | None:
    if switches.secrets_store is None:
        return None
    from tqdecrypt.inputs import open_store

    passphrase = read_secret(
        switches.secrets_passphrase_file, SECRETS_PASSPHRASE_VARIABLE, SecretsError
    )
    return open_store(switches.secrets_store, passphrase)


def read_secret(
    file: str | None, variable: str, error: type[InputError], what: str = "passphrase"
) -> bytes | None:
    """Return the first line of *file*, else the environment's *variable*."""
    if file is None:
        value = os.environb.get(variable.encode())
        return value or None
    try:
        with open(file, "rb") as stream:
            return stream.readline(1 << 16).rstrip(b"\r\n")
    except OSError as reason:
        raise error(
            f"The {what} file {file} cannot be read ({reason.strerror}); check its path."
        ) from None


def _asker() -> Callable[[str], bytes | None] | None:
    """Return what asks a person for a passphrase; ``None`` when nobody is there to be asked.

    The terminal is asked, not standard input, which may be the capture.
    """
    if not sys.stderr.isatty():
        return None
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None

    def ask(file: str) -> bytes | None:
        from getpass import getpass

        return os.fsencode(getpass(f"Passphrase of {file}: ")) or None

    return ask
