"""Digits in INFO requests, as gateways and telephones sent them before telephone events, and still do.

``application/dtmf-relay`` has a line for the key and one for its duration, ``application/dtmf`` the key
alone; neither was ever specified, RFC 6086 (INFO) merely leaves room for them.  Which key it was is not kept.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.calls.call import Party
from tqdecrypt.sip.address import uri_of
from tqdecrypt.sip.headers import header

if TYPE_CHECKING:
    from tqdecrypt.sip import Message

__all__ = ["InfoDigit", "InfoDigits"]

MOST_KEPT = 10_000
"""Digits that are remembered until the end, some 200 bytes each; the earliest go."""
_TYPES = frozenset({"application/dtmf-relay", "application/dtmf"})
_DURATION = re.compile(rb"(?im)^\s*duration\s*[=:]\s*(\d{1,5})\s*$")
MILLISECOND = 1_000_000


class InfoDigit(NamedTuple):
    """A key that was pressed."""

    time: int
    """Of the first request that says so, ns since 1970-01-01 UTC."""
    frame: int
    sender: str
    """URI in From."""
    duration: int | None
    """As it says, ns; ``None`` when it does not."""

    def by(self, caller: str) -> Party:
        """Return who pressed it, when *caller* is the URI of the caller."""
        return Party.CALLER if self.sender == caller else Party.CALLEE


class InfoDigits:
    """Remembers digits by Call-ID.

    :ivar counters: ``info_digits``, ``info_digits_not_kept``.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._found: OrderedDict[tuple[str, bytes, int], InfoDigit] = OrderedDict()
        """By what tells requests apart on all hops and however often they are sent: Call-ID, From, CSeq."""

    def receive(self, info: Message) -> None:
        """Take an INFO request."""
        kind = (header(info, "Content-Type") or "").partition(";")[0].strip().lower()
        key = info.call_id, info.from_, info.cseq
        if kind not in _TYPES or key in self._found:
            return
        said = _DURATION.search(info.raw, info.body_start)
        duration = None if said is None else int(said[1]) * MILLISECOND
        self._found[key] = InfoDigit(info.time, info.frame, uri_of(info.from_), duration)
        self.counters["info_digits"] += 1
        if len(self._found) > MOST_KEPT:
            self._found.popitem(last=False)
            self.counters["info_digits_not_kept"] += 1

    def by_call_id(self) -> dict[str, list[InfoDigit]]:
        """Return the digits of each call, in their order."""
        found: dict[str, list[InfoDigit]] = {}
        for (call_id, _, _), digit in self._found.items():
            found.setdefault(call_id, []).append(digit)
        return found
