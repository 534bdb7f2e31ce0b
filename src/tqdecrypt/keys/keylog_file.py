"""A key log on disk: read once, or followed while an application writes it."""

from __future__ import annotations

import os
from io import FileIO

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys.keylog import KeyLog
from tqdecrypt.keys.recognise import CAPTURE_MAGIC

__all__ = ["KeyLogFile"]

_CHUNK = 1 << 20


class KeyLogFile:
    """Feeds a key log file into a :class:`KeyLog`.

    Reads the file when it is made.  With *follow*, call :meth:`poll` for what is appended later;
    a log that was rotated (another file under the same name) or truncated is read from its start.
    Without *follow* the file counts as complete: its last line needs no end.

    Pipes (``--keylog <(ssh sbc cat keys.log)``) are read to their end when the object is made.

    Raises :class:`SecretsError` when the file cannot be read.

    :ivar source: its path as given; :meth:`KeyLog.source_of` returns it.
    :ivar keylog: where the secrets go.
    :ivar secrets: new secrets that this file has given so far.
    :ivar usable: lines that held a secret, also one that was known before.
    """

    __slots__ = ("_file", "_head", "_identity", "keylog", "secrets", "source", "usable")

    def __init__(
        self, path: str | os.PathLike[str], keylog: KeyLog | None = None, *, follow: bool = False
    ) -> None:
        self.source = os.fspath(path)
        self.keylog = KeyLog() if keylog is None else keylog
        self.secrets = 0
        self.usable = 0
        self._head = b""
        self._identity = (0, 0)
        self._file: FileIO | None = None
        try:
            self._open()
            self._read()
        except OSError as error:
            self.close()
            raise SecretsError(_sentence(self.source, error)) from None
        if not follow:
            self.close()

    def __repr__(self) -> str:
        return f"<KeyLogFile {self.source}: {self.secrets} secrets>"

    def __enter__(self) -> KeyLogFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop following; an unfinished last line is read as it stands."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._feed(None)

    def poll(self) -> int:
        """Read what was written since; return the number of new secrets.

        A file that is missing for now (between the two steps of a rotation) or cannot be read any
        more gives nothing: the capture goes on, and the next call tries again.
        """
        if self._file is None:
            return 0
        before = self.secrets
        try:
            if os.fstat(self._file.fileno()).st_size < self._file.tell():
                self.keylog.restart(self.source)
                self._file.seek(0)
            self._read()
            current = os.stat(self.source)
            if (current.st_dev, current.st_ino) != self._identity:
                # The old file was read to its end above; nothing of it is lost.
                old = self._file
                self._open()
                old.close()
                self._feed(None)
                self._read()
        except OSError:
            pass
        return self.secrets - before

    def problem(self) -> str | None:
        """Return a sentence when no line of the file held a secret, else ``None``."""
        if self.usable:
            return None
        if not self._head:
            return f"{self.source} is empty: nothing wrote session secrets to it."
        if b"-----BEGIN" in self._head:
            return f"{self.source} is a PEM file, not a key log; give a private key with -k."
        if self._head.startswith(CAPTURE_MAGIC):
            return f"{self.source} is a capture, not a key log; give it as CAPTURE."
        return (
            f"{self.source} holds no session secret; a key log has lines such as"
            " CLIENT_RANDOM …, written to the file that SSLKEYLOGFILE names."
        )

    def _open(self) -> None:
        file = FileIO(self.source, "r")
        status = os.fstat(file.fileno())
        self._file = file
        self._identity = status.st_dev, status.st_ino

    def _read(self) -> None:
        while self._file is not None and (chunk := self._file.read(_CHUNK)):
            self._head = self._head or chunk[:4_096]
            self._feed(chunk)

    def _feed(self, chunk: bytes | None) -> None:
        """Give *chunk* to the key log, or (``None``) the end of the file; count what came of it."""
        keylog = self.keylog
        version, known = keylog.version, keylog.counters.duplicates
        if chunk is None:
            keylog.finish(self.source)
        else:
            keylog.feed(chunk, self.source)
        new = keylog.version - version
        self.secrets += new
        self.usable += new + keylog.counters.duplicates - known


def _sentence(source: str, error: OSError) -> str:
    """Say why a key log cannot be read and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"There is no key log {source}; check the path."
    if isinstance(error, PermissionError):
        return f"No permission to read the key log {source}; run as its owner or change its mode."
    if isinstance(error, IsADirectoryError):
        return f"{source} is a directory; give the key log file itself."
    return f"The key log {source} cannot be read: {error.strerror or 'unknown error'}."
