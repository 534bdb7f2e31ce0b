"""Pseudonyms for what may not leave: the same for the same within one output, and meaningless outside."""

from __future__ import annotations

import hmac
import secrets

__all__ = ["Pseudonyms"]

MOST_NAMED = 200_000
"""Addresses, and names, that get a pseudonym of their own, 200 bytes each; further ones share one."""
DIGITS = 16
"""Hexadecimal digits of a hash: enough that two of a million differ."""


class Pseudonyms:
    """Addresses become ``A1``, ``A2`` …, names ``N1`` …, identifiers a hash.

    :param key: of the hashes; drawn anew unless given, and never written.  Without it nobody can tell
        whether a guess is right.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Pseudonyms of {len(self._addresses)} addresses, {len(self._names)} names>"

    @property
    def addresses(self) -> int:
        """How many there are."""
        return len(self._addresses)

    def address(self, host: str) -> str:
        """Return the pseudonym of an address, with or without brackets."""
        return _number(self._addresses, host.strip("[]"), "A")

    def endpoint(self, endpoint: str) -> str:
        """Return ``A1:5061`` for ``ip:port``."""
        host, _, port = endpoint.rpartition(":")
        return f"{self.address(host)}:{port}"

    def name(self, name: str | None) -> str | None:
        """Return the pseudonym of a name; ``None`` for none."""
        return None if name is None else _number(self._names, name, "N")

    def hash(self, value: str | bytes | None) -> str | None:
        """Return the keyed hash of an identifier; ``None`` for none."""
        if value is None:
            return None
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        return hmac.new(self._key, data, "sha256").hexdigest()[:DIGITS]


def _number(known: dict[str, str], value: str, letter: str) -> str:
    pseudonym = known.get(value)
    if pseudonym is None:
        if len(known) >= MOST_NAMED:
            return f"{letter}other"
        pseudonym = known[value] = f"{letter}{len(known) + 1}"
    return pseudonym
