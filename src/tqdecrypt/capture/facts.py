"""What captures say besides packets: interfaces, names, secrets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tqdecrypt.capture.block import Interface
from tqdecrypt.errors import Malformed

__all__ = ["MAX_INTERFACES", "MAX_NAME", "CapturedSecrets", "Facts"]

MAX_INTERFACES = 1 << 16
"""As many as the column of interface numbers can name."""
MAX_SECRETS = 1 << 26
"""Bytes of secrets kept: a hundred thousand sessions and more."""
MAX_NAMES = 100_000
"""Names that are kept, of all addresses together."""
MAX_NAME = 255
"""Bytes of the longest name that is kept (RFC 1035 section 2.3.4); an interface's is cut there."""


@dataclass(frozen=True, slots=True)
class CapturedSecrets:
    """The content of a Decryption Secrets Block."""

    kind: int
    """0x544C534B: a TLS key log."""
    data: bytes = field(repr=False)
    source: str
    """File that held it."""


class Facts:
    """Collects the facts of all sources that are read together.

    :ivar interfaces: all of them; a packet's interface is an index into this list, which only grows.
    :ivar names: address -> its names.
    :ivar secrets: in the order in which they were met; the list only grows.
    :ivar may_bring_secrets: whether a source is of a format that can hold secrets, even behind the
        packets that need them.
    :ivar counters: what was passed over, dropped or bent, by name.
    """

    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self.names: dict[str, set[str]] = {}
        self.secrets: list[CapturedSecrets] = []
        self.may_bring_secrets = False
        self.counters: Counter[str] = Counter()
        self._numbers: dict[Interface, int] = {}
        self._secret_bytes = 0
        self._name_count = 0

    def interface_number(self, interface: Interface) -> int:
        """Return the index of an interface, which is the same for equal ones."""
        number = self._numbers.get(interface)
        if number is None:
            number = len(self.interfaces)
            if number >= MAX_INTERFACES:
                raise Malformed(f"at most {MAX_INTERFACES:,} different interfaces")
            self._numbers[interface] = number
            self.interfaces.append(interface)
        return number

    def add_names(self, address: str, names: list[bytes]) -> None:
        """Keep the names of an address, as long as there is room."""
        for name in names:
            if self._name_count >= MAX_NAMES or len(name) > MAX_NAME:
                self.counters["captured_names_dropped"] += 1
                continue
            known = self.names.setdefault(address, set())
            before = len(known)
            known.add(name.decode("utf-8", "backslashreplace"))
            self._name_count += len(known) - before

    def add_secrets(self, secrets: CapturedSecrets) -> None:
        """Keep secrets, as long as there is room."""
        if self._secret_bytes + len(secrets.data) > MAX_SECRETS:
            self.counters["captured_secrets_dropped"] += 1
            return
        self._secret_bytes += len(secrets.data)
        self.secrets.append(secrets)
