"""From names of files to what the pipeline takes: keys, key logs, pre-shared keys, the secrets store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.errors import SecretsError

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyLog, KeyLogFile, KeyRing, PreSharedKey, SecretsStore

__all__ = ["Given", "open_keys", "open_store"]


@dataclass(slots=True)
class Given:
    """Keys and secrets that were opened."""

    ring: KeyRing
    keylog_files: list[KeyLogFile] = field(default_factory=list)
    """What the ring's key log grows from."""
    problems: list[str] = field(default_factory=list)
    """One sentence for each input that could not be used."""
    notes: list[str] = field(default_factory=list)
    """One sentence for each thing to know though nothing failed."""


def open_keys(
    keys: Sequence[str] = (),
    keylogs: Iterable[str] = (),
    psks: Iterable[str] = (),
    *,
    passphrase: bytes | None = None,
    ask: Callable[[str], bytes | None] | None = None,
    follow: bool = False,
) -> Given:
    """Open what decrypts; what cannot be used is a problem, and the rest is used.

    :param passphrase: of encrypted private keys.
    :param ask: asks somebody for the passphrase of a file.
    :param follow: whether key logs may grow while captures are read.
    """
    from tqdecrypt.keys import KeyLog, KeyRing, load_private_keys

    loaded = load_private_keys(keys, passphrase=passphrase, ask=ask)
    problems = list(loaded.problems)
    keylog = KeyLog()
    files = _open_keylogs(keylogs, keylog, problems, follow=follow)
    ring = KeyRing(loaded.keys, keylog, _parse_psks(psks, problems))
    return Given(ring, files, problems, list(loaded.notes))


def open_store(path: str, passphrase: bytes | None) -> SecretsStore:
    """Open the secrets store, or begin one.

    :raises SecretsError: when it cannot be read.
    """
    from tqdecrypt.keys import SecretsStore

    store = SecretsStore(path, passphrase)
    store.load()
    return store


def _open_keylogs(
    paths: Iterable[str], keylog: KeyLog, problems: list[str], *, follow: bool
) -> list[KeyLogFile]:
    from tqdecrypt.keys import KeyLogFile

    files = []
    for path in paths:
        try:
            file = KeyLogFile(path, keylog, follow=follow)
        except SecretsError as error:
            problems.append(str(error))
            continue
        problem = None if follow else file.problem()
        if problem:
            problems.append(problem)
        files.append(file)
    return files


def _parse_psks(texts: Iterable[str], problems: list[str]) -> list[PreSharedKey]:
    from tqdecrypt.keys import parse_psk

    psks = []
    for text in texts:
        try:
            psks.append(parse_psk(text))
        except SecretsError as error:
            problems.append(str(error))
    return psks
