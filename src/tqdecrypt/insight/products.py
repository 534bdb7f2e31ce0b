"""Which product is at an address, by what it calls itself in User-Agent and Server header fields."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.vendors import recognise

if TYPE_CHECKING:
    from tqdecrypt.sip import Message

__all__ = ["ProductTable"]

MOST_HOSTS = 20_000
"""Addresses that are told apart, some 200 bytes each; further ones are counted."""
MOST_LOOKS = 32
"""Messages of an address that are looked at: a box does not change its name every minute."""

_NAMES = re.compile(rb"\n(?:User-Agent|Server)[ \t]*:[ \t]*([^\r\n]{1,200})", re.IGNORECASE)


class ProductTable:
    """Collects what addresses call themselves.

    A proxy passes on what telephones behind it call themselves.  So an address that is heard under the names
    of several products has none.

    :ivar counters: what was not kept.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._looks: Counter[str] = Counter()
        self._heard: dict[str, set[str]] = {}

    def add(self, message: Message) -> None:
        """Look at a message."""
        host = message.flow.source.rpartition(":")[0]
        looks = self._looks[host]
        if looks >= MOST_LOOKS:
            return
        if not looks and len(self._looks) > MOST_HOSTS:
            del self._looks[host]
            self.counters["addresses_whose_product_is_not_kept"] += 1
            return
        self._looks[host] = looks + 1
        found = _NAMES.search(message.raw, 0, message.body_start)
        if found is None:
            return
        vendor = recognise(found[1].decode("utf-8", "replace").strip())
        self._heard.setdefault(host, set()).add(vendor or "")

    def product_at(self, host: str) -> str | None:
        """Return the vendor's name for an address; ``None`` when it is not known, or not one alone."""
        heard = self._heard.get(host, set())
        if len(heard) != 1:
            return None
        return next(iter(heard)) or None
