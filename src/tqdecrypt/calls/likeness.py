"""What legs of one call may have in common, read from their facts and session descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tqdecrypt.calls.facts import InviteFacts
from tqdecrypt.calls.joint_call import Reason
from tqdecrypt.calls.leg import Leg
from tqdecrypt.sip.grammar import text

__all__ = ["Likeness", "called_number", "calling_numbers", "descriptions_of", "identifiers_of"]

NULL_UUID = "0" * 32
"""Session-ID of somebody who is not known yet (RFC 7989 section 5)."""
MOST_DIGITS = 9
"""Digits at the end of a number that are compared: what stands before them, gateways change."""
LEAST_DIGITS = 3
"""Shorter ones are no numbers."""
MOST_TEXT = 200

_NOT_DIGITS = re.compile(r"[\s().-]")
_ORIGIN = re.compile(rb"(?:^|\n)o=(\S* \S+ \S+ \S+ \S+ \S+)")
_CONNECTION = re.compile(rb"(?:^|\n)c=\S+ \S+ ([^\s/]+)")
_MEDIA = re.compile(rb"\nm=\S+ (\d+)")
_NO_ADDRESS = frozenset({b"0.0.0.0", b"::", b"127.0.0.1", b"::1"})


class Likeness(NamedTuple):
    """One thing that two legs may share."""

    reason: Reason
    value: str
    """What has to be the same."""
    evidence: str
    """In words for a person."""

    @property
    def key(self) -> tuple[Reason, str]:
        """For an index."""
        return self[:2]


def identifiers_of(facts: InviteFacts) -> Iterator[Likeness]:
    """Yield what is made to identify a call, in the order of trust."""
    if facts.session_id:
        uuid = facts.session_id[0].lower()
        if uuid and uuid != NULL_UUID:
            yield Likeness(Reason.SESSION_ID, uuid, uuid)
    if facts.icid:
        yield Likeness(Reason.ICID, facts.icid, facts.icid[:MOST_TEXT])
    for name, value in facts.correlation.items():
        if value:
            yield Likeness(Reason.HEADER, value, f"{name} {value[:MOST_TEXT]}")


def descriptions_of(leg: Leg) -> Iterator[Likeness]:
    """Yield origin and media endpoint of the session description with which the call began."""
    first = leg.first_description
    if first is not None:
        yield from _description(first[0])


def called_number(facts: InviteFacts) -> str:
    """Return whom the INVITE is for: the end of the number, or the user as it stands; or nothing.

    The Request-URI says it (RFC 3261 section 8.1.1.1), To where that has no user.
    """
    return _number(facts.request_uri) or _number(facts.to_uri)


def calling_numbers(facts: InviteFacts) -> frozenset[str]:
    """Return who calls, as :func:`called_number` does: From, and P-Asserted-Identity (RFC 3325)."""
    numbers = map(_number, (facts.from_uri, *facts.p_asserted_identity))
    return frozenset(number for number in numbers if number and number != "anonymous")


def _description(body: bytes) -> Iterator[Likeness]:
    origin = _ORIGIN.search(body)
    if origin is not None:
        value = text(origin[1][:MOST_TEXT])
        yield Likeness(Reason.DESCRIPTION, value, f"o={value}")
    connection, media = _CONNECTION.search(body), _MEDIA.search(body)
    if connection is None or media is None:
        return
    address, port = connection[1], media[1]
    if address not in _NO_ADDRESS and port not in (b"0", b"9"):
        where = text(address[:MOST_TEXT])
        value = f"[{where}]:{text(port)}" if ":" in where else f"{where}:{text(port[:8])}"
        yield Likeness(Reason.MEDIA, value, value)


def _number(uri: str) -> str:
    scheme, colon, rest = uri.partition(":")
    if not colon:
        return ""
    user = rest.rpartition("@")[0] if scheme.lower() != "tel" else rest
    user = user.partition(";")[0].partition("?")[0].partition(":")[0]
    digits = user.removeprefix("+")
    if not digits.isdecimal():
        digits = _NOT_DIGITS.sub("", digits)
    if digits.isdecimal():
        return digits[-MOST_DIGITS:] if len(digits) >= LEAST_DIGITS else ""
    return user.lower()[:MOST_TEXT]
