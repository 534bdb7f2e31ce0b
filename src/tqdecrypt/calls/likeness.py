"""What legs of one call may have in common, read from their facts and session descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tqdecrypt.calls.facts import InviteFacts
from tqdecrypt.calls.joint_call import Reason
from tqdecrypt.calls.leg import Leg
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.masked import masked_end

__all__ = [
    "Likeness",
    "Mark",
    "called_number",
    "calling_numbers",
    "description_of",
    "description_text",
    "identifiers_of",
    "reason_of",
]

NULL_UUID = "0" * 32
"""Session-ID of somebody who is not known yet (RFC 7989 section 5)."""
MOST_DIGITS = 9
"""Digits at the end of a number that are compared: what stands before them, gateways change."""
LEAST_DIGITS = 3
"""Shorter ones are no numbers."""
MOST_TEXT = 200
MOST_PORT = 8
"""Digits of a port that are compared."""

_NOT_DIGITS = re.compile(r"[\s().-]")
_ORIGIN = re.compile(rb"\n(o=\S* \S+ \S+ \S+ \S+ \S+)")
_CONNECTION = re.compile(rb"\nc=\S+ \S+ ([^\s/]+)")
_MEDIA = re.compile(rb"\nm=\S+ (\d+)")
_USUAL = re.compile(
    rb"v=\S*\r\n(o=\S* \S+ \S+ \S+ \S+ \S+)\r\ns=[^\r\n]*\r\nc=\S+ \S+ ([^\s/]+)[^\r\n]*\r\n"
    rb"(?:[bkt]=[^\r\n]*\r\n)*m=\S+ (\d+)"
)
"""The same three at once, in a description with its lines in their order (RFC 8866 section 9) and with
one connection for all media, as nearly all are."""
_NO_PORT = frozenset({b"0", b"9"})
_NO_ADDRESS = frozenset({b"0.0.0.0", b"::", b"127.0.0.1", b"::1"})


Likeness = tuple[Reason, str]
"""What identifies a call: what it is, and the value."""
Mark = bytes | str
"""What two legs of one call may share besides: origin (``o=…``) or media endpoint (``m=…``) of a session
description, as bytes, or a number."""


def identifiers_of(facts: InviteFacts) -> Iterator[tuple[Likeness, str]]:
    """Yield what is made to identify a call, in the order of trust, and in words for a person."""
    if facts.session_id:
        uuid = facts.session_id[0].lower()
        if uuid and uuid != NULL_UUID:
            yield (Reason.SESSION_ID, uuid), uuid
    if facts.icid:
        yield (Reason.ICID, facts.icid), facts.icid[:MOST_TEXT]
    for name, value in facts.correlation.items():
        if value:
            yield (Reason.HEADER, value), f"{name} {value[:MOST_TEXT]}"


def description_of(leg: Leg) -> list[Mark]:
    """Return origin and media endpoint of the session description with which the call began."""
    first = leg.first_description
    if first is None:
        return []
    body, _ = first
    origin, address, port = in_usual_order(body) or in_any_order(body)
    found: list[Mark] = [origin[:MOST_TEXT]] if origin else []
    if address and port and address not in _NO_ADDRESS and port not in _NO_PORT:
        found.append(b"m=%s:%s" % (address[:MOST_TEXT], port[:MOST_PORT]))
    return found


def reason_of(mark: Mark) -> Reason:
    """Return what a mark is."""
    if isinstance(mark, str):
        return Reason.NUMBERS
    return Reason.DESCRIPTION if mark[:2] == b"o=" else Reason.MEDIA


def description_text(mark: bytes) -> str:
    """Return one of :func:`description_of` in words for a person."""
    if mark[:2] == b"o=":
        return text(mark)
    address, _, port = text(mark[2:]).rpartition(":")
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def called_number(facts: InviteFacts) -> str:
    """Return whom the INVITE is for: the end of the number, or the user as it stands; or nothing.

    The Request-URI says it (RFC 3261 section 8.1.1.1), To where that has no user.
    """
    return _number(facts.request_uri) or _number(facts.to_uri)


def calling_numbers(facts: InviteFacts) -> frozenset[str]:
    """Return who calls, as :func:`called_number` does: From, and P-Asserted-Identity (RFC 3325)."""
    numbers = map(_number, (facts.from_uri, *facts.p_asserted_identity))
    return frozenset(number for number in numbers if number and number != "anonymous")


def in_usual_order(body: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return what :func:`in_any_order` does of a description as nearly all are; ``None``: this one is not."""
    usual = _USUAL.match(body)
    return (usual[1], usual[2], usual[3]) if usual is not None else None


def in_any_order(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Return origin, connection address and media port; empty where there is none."""
    return (
        _first(_ORIGIN, b"\no=", body),
        _first(_CONNECTION, b"\nc=", body),
        _first(_MEDIA, b"\nm=", body),
    )


def _first(line: re.Pattern[bytes], beginning: bytes, body: bytes) -> bytes:
    """Return what the first line of a description has that reads so; nothing when there is none.

    Descriptions begin with their version (RFC 8866 section 5), so that others have a line before them.
    """
    at = body.find(beginning)
    while at >= 0:
        found = line.match(body, at)
        if found is not None:
            return found[1]
        at = body.find(beginning, at + 1)
    return b""


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
    masked = masked_end(digits)
    if masked:
        return masked
    return user.lower()[:MOST_TEXT]
