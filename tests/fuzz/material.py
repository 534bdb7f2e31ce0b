"""Sessions that the fuzzer starts from, always the same: recorded with throw-away keys.

``python -m fuzz.record`` (in ``tests``) makes them anew with OpenSSL.  Each is a text file in
``material``: ``said-client HEX``, ``said-server HEX``, key log lines, and ``> HEX`` or ``< HEX`` for
what the client or the server sent.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

from tqdecrypt.keys import KeyLog, KeyRing, load_private_keys

__all__ = ["FOLDER", "Session", "key_ring", "sessions"]

FOLDER = Path(__file__).parent / "material"


class Session(NamedTuple):
    """One recorded connection."""

    name: str
    said: tuple[bytes, bytes]
    keylog: tuple[str, ...]
    sent: tuple[tuple[int, bytes], ...]
    """Side (0: the client) and bytes."""

    def text(self) -> str:
        """Return it as the file has it."""
        lines = [f"said-client {self.said[0].hex()}", f"said-server {self.said[1].hex()}"]
        lines += self.keylog
        lines += [f"{'><'[side]} {data.hex()}" for side, data in self.sent]
        return "".join(f"{line}\n" for line in lines)


def _parse(name: str, text: str) -> Session:
    said = [b"", b""]
    keylog, sent = [], []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in (">", "<"):
            sent.append(("><".index(word), bytes.fromhex(rest)))
        elif word.startswith("said-"):
            said[word == "said-server"] = bytes.fromhex(rest)
        else:
            keylog.append(line)
    return Session(name, (said[0], said[1]), tuple(keylog), tuple(sent))


@functools.cache
def sessions() -> dict[str, Session]:
    """Return the recorded sessions by name."""
    return {path.stem: _parse(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.txt"))}


@functools.cache
def key_ring() -> KeyRing:
    """Return what opens them all."""
    log = KeyLog()
    for session in sessions().values():
        for line in session.keylog:
            log.feed(line.encode() + b"\n", "fuzz")
    return KeyRing(load_private_keys([FOLDER / "server.key"]).keys, log)
