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
"""Digits that are remembered until their call is over, some 200 bytes each; those of the call that had the
first ones go."""
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
        self._found: OrderedDict[str, dict[tuple[bytes, int], InfoDigit]] = OrderedDict()
        """Call-ID → From and CSeq, which tell requests apart however often they are sent → the digit."""
        self._number = 0

    def receive(self, info: Message) -> None:
        """Take an INFO request."""
        kind = (header(info, "Content-Type") or "").partition(";")[0].strip().lower()
        key = info.from_, info.cseq
        known = self._found.get(info.call_id, {})
        if kind not in _TYPES or key in known:
            return
        said = _DURATION.search(info.raw, info.body_start)
        duration = None if said is None else int(said[1]) * MILLISECOND
        digit = InfoDigit(info.time, info.frame, uri_of(info.from_), duration)
        self._found.setdefault(info.call_id, known)[key] = digit
        self._number += 1
        self.counters["info_digits"] += 1
        while self._number > MOST_KEPT:
            self.counters["info_digits_not_kept"] += len(self.take(next(iter(self._found))))

    def take(self, call_id: str) -> list[InfoDigit]:
        """Return the digits of a call, in their order; they are kept no longer."""
        digits = list(self._found.pop(call_id, {}).values())
        self._number -= len(digits)
        return digits
