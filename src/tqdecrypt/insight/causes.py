"""What a Reason header field says (RFC 3326): Q.850 causes and SIP statuses in words."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Cause", "causes_of", "explain"]

Q850 = {
    1: "unallocated number",
    2: "no route to the transit network",
    3: "no route to the destination",
    4: "send special information tone",
    5: "misdialled trunk prefix",
    6: "channel unacceptable",
    7: "call awarded in an established channel",
    8: "preemption",
    9: "preemption, circuit reserved for reuse",
    14: "query on release, number ported",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from the user, who was alerted",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    23: "redirection to a new destination",
    24: "call rejected by a feature at the destination",
    25: "exchange routing error",
    26: "non-selected user clearing",
    27: "destination out of order",
    28: "invalid number format, or address incomplete",
    29: "facility rejected",
    30: "response to a status enquiry",
    31: "normal, unspecified",
    34: "no circuit or channel available",
    38: "network out of order",
    39: "permanent frame mode connection out of service",
    40: "permanent frame mode connection operational",
    41: "temporary failure",
    42: "switching equipment congestion",
    43: "access information discarded",
    44: "requested circuit or channel not available",
    46: "precedence call blocked",
    47: "resource unavailable, unspecified",
    49: "quality of service not available",
    50: "requested facility not subscribed",
    53: "outgoing calls barred within the closed user group",
    55: "incoming calls barred within the closed user group",
    57: "bearer capability not authorized",
    58: "bearer capability not presently available",
    62: "outgoing access information and subscriber class do not fit",
    63: "service or option not available, unspecified",
    65: "bearer capability not implemented",
    66: "channel type not implemented",
    69: "requested facility not implemented",
    70: "only restricted digital information is available",
    79: "service or option not implemented, unspecified",
    81: "invalid call reference value",
    82: "identified channel does not exist",
    83: "a suspended call exists, but this call identity does not",
    84: "call identity in use",
    85: "no call suspended",
    86: "call with this identity has been cleared",
    87: "user not member of the closed user group",
    88: "incompatible destination",
    90: "closed user group does not exist",
    91: "invalid transit network selection",
    95: "invalid message, unspecified",
    96: "mandatory information element is missing",
    97: "message type non-existent or not implemented",
    98: "message not compatible with the call state",
    99: "information element non-existent or not implemented",
    100: "invalid information element contents",
    101: "message not compatible with the call state",
    102: "recovery on timer expiry",
    103: "parameter non-existent or not implemented, passed on",
    110: "message with unrecognized parameter discarded",
    111: "protocol error, unspecified",
    127: "interworking, unspecified",
}
"""ITU-T Q.850 (10/2018) table 1, in our words."""
NORMAL = frozenset({16, 17, 18, 19, 21, 22, 23, 26, 31})
"""What people do."""

_VALUE = re.compile(
    r"(?P<protocol>[A-Za-z0-9.\-]+)\s*(?P<parameters>(?:;\s*(?:[^\",;]|\"(?:[^\"\\]|\\.)*\")*)*)"
)
_CAUSE = re.compile(r";\s*cause\s*=\s*(\d{1,3})\b", re.IGNORECASE)
_TEXT = re.compile(r';\s*text\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,\s]+))', re.IGNORECASE)


class Cause(NamedTuple):
    """One value of a Reason header field."""

    protocol: str
    """``Q.850``, ``SIP`` …"""
    number: int | None
    """``None`` when it has no cause parameter."""
    text: str
    """What the sender says; empty when nothing."""

    @property
    def meaning(self) -> str:
        """In words, where the number is known."""
        if self.protocol.upper() in ("Q.850", "Q850") and self.number is not None:
            return Q850.get(self.number, "")
        return ""

    @property
    def is_normal(self) -> bool:
        """Whether it is nothing but what people do."""
        return bool(self.meaning) and self.number in NORMAL

    def __str__(self) -> str:
        number = "" if self.number is None else f" cause {self.number}"
        words = self.meaning or self.text
        return f"{self.protocol}{number}" + (f" ({words})" if words else "")


def causes_of(value: str) -> tuple[Cause, ...]:
    """Return the values of a Reason header field; what cannot be read is left out."""
    found = []
    for match in _VALUE.finditer(value):
        parameters = match["parameters"] or ""
        if not parameters:
            continue
        cause, text = _CAUSE.search(parameters), _TEXT.search(parameters)
        words = (text[1] or text[2] or "") if text else ""
        found.append(Cause(match["protocol"], int(cause[1]) if cause else None, words))
        if len(found) >= 8:
            break
    return tuple(found)


def explain(value: str) -> str:
    """Return a Reason header field in words: ``Q.850 cause 34 (no circuit or channel available)``."""
    return ", ".join(map(str, causes_of(value))) or value
