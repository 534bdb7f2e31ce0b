"""What is different between two messages: the same one before and after a proxy or an SBC.

Header fields are compared by their meaning, not as text: the order of different fields means nothing
(RFC 3261 section 7.3.1), nor does that of parameters or of the values of Allow; Via, Route and their
like are lists that proxies put elements on, so they are aligned and compared one by one.  A change
that every proxy or every back-to-back user agent makes (a Via on top, one hop less, other tags) is
*usual*; the others are what somebody configured.

Keys of media and digest responses are compared, but never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from tqdecrypt.calls.fields import session_description, split_values
from tqdecrypt.sip import Message
from tqdecrypt.sip.grammar import pull_fields, text
from tqdecrypt.views.description_difference import compare_descriptions
from tqdecrypt.views.values import Value, pull_digest, pull_value

__all__ = ["Change", "Difference", "compare"]

Kind = Literal["changed", "added", "removed", "moved"]

MOST_ELEMENTS = 64
"""Elements of a list that are aligned; longer ones, which nobody needs, are compared place by place."""

_SIGNIFICANT = frozenset(
    b"via route record-route path service-route history-info diversion".split()
)
"""Lists whose order means something."""
_SETS = frozenset(
    b"allow supported require proxy-require unsupported accept accept-encoding accept-language "
    b"allow-events in-reply-to security-client security-server security-verify contact "
    b"p-asserted-identity p-preferred-identity call-info alert-info error-info geolocation".split()
)
"""Lists whose order means nothing (or only preference)."""
_DIGESTS = frozenset(
    b"authorization proxy-authorization www-authenticate proxy-authenticate "
    b"authentication-info".split()
)
_OPAQUE = frozenset(
    b"call-id cseq user-agent server subject date organization max-forwards content-length "
    b"mime-version priority timestamp retry-after".split()
)
"""Fields without parameters: the value is compared whole."""
_USUAL = frozenset(
    b"via record-route route max-forwards content-length call-id cseq contact timestamp "
    b"date".split()
)
_USUAL_PARTS = frozenset({("from", "tag"), ("to", "tag")})


class Change(NamedTuple):
    """One thing that is different."""

    where: str
    """``Request-URI``, the name of a header field, ``Via 2``, ``SDP``, ``SDP audio`` …"""
    part: str
    """What of it: ``tag``, ``URI``, ``port`` …; empty when all of it."""
    kind: Kind
    before: str
    """Empty when it was not there.  As the peer sent it: to be cleaned before it is shown."""
    after: str
    usual: bool = False
    """Whether relaying alone explains it."""


class Difference(NamedTuple):
    """Two messages compared."""

    before: Message
    after: Message
    changes: tuple[Change, ...]
    same: int
    """Header fields, and descriptions, that mean the same in both."""


def compare(before: Message, after: Message) -> Difference:
    """Return what is different between two messages, in the order of the first one."""
    changes = list(_start_lines(before, after))
    fields, others = _fields(before), _fields(after)
    same = 0
    for key in dict.fromkeys([*fields, *others]):
        one, other = fields.get(key), others.get(key)
        found = list(_field(key, one, other))
        same += not found
        changes += found
    bodies = list(_bodies(before, after))
    same += bool(not bodies and before.raw[before.body_start :])
    return Difference(before, after, (*changes, *bodies), same)


class _Field(NamedTuple):
    """All values of one header field."""

    name: str
    values: list[bytes]


def _fields(message: Message) -> dict[bytes, _Field]:
    found: dict[bytes, _Field] = {}
    for field in pull_fields(message.raw, message.body_start)[1]:
        key = field.key
        is_list = key in _SIGNIFICANT or key in _SETS
        values = split_values(field.value) if is_list else [field.value]
        found.setdefault(key, _Field(text(field.name), [])).values.extend(values)
    return found


def _start_lines(before: Message, after: Message) -> Iterator[Change]:
    pairs = [
        ("Method", before.method or "", after.method or ""),
        ("Request-URI", before.request_uri or "", after.request_uri or ""),
        ("Status", _number(before.status), _number(after.status)),
        ("Reason phrase", before.reason or "", after.reason or ""),
    ]
    for where, one, other in pairs:
        yield from _changed(where, "", one, other)


def _number(status: int | None) -> str:
    return "" if status is None else str(status)


def _field(key: bytes, one: _Field | None, other: _Field | None) -> Iterator[Change]:
    name = (one or other or _Field("", [])).name
    usual = key in _USUAL
    if one is None or other is None:
        present = one or other
        for value in present.values if present else ():
            shown = _shown(key, value)
            yield (
                Change(name, "", "removed", shown, "", usual)
                if other is None
                else Change(name, "", "added", "", shown, usual)
            )
    elif key in _SETS:
        yield from _sets(key, name, one.values, other.values)
    elif key in _SIGNIFICANT:
        yield from _lists(key, name, one.values, other.values)
    else:
        yield from _places(key, name, one.values, other.values, numbered=False)


def _places(
    key: bytes, name: str, one: Sequence[bytes], other: Sequence[bytes], *, numbered: bool
) -> Iterator[Change]:
    """Compare values place by place."""
    usual = key in _USUAL
    several = numbered or max(len(one), len(other)) > 1
    for number in range(max(len(one), len(other))):
        where = f"{name} {number + 1}" if several else name
        if number >= len(one):
            yield Change(where, "", "added", "", _shown(key, other[number]), usual)
        elif number >= len(other):
            yield Change(where, "", "removed", _shown(key, one[number]), "", usual)
        else:
            yield from _values(key, where, one[number], other[number])


def _lists(key: bytes, name: str, one: Sequence[bytes], other: Sequence[bytes]) -> Iterator[Change]:
    """Align lists by what names their elements: a proxy puts its own on top of those it got."""
    if max(len(one), len(other)) > MOST_ELEMENTS:
        yield from _places(key, name, one, other, numbered=True)
        return
    usual = key in _USUAL
    names = [pull_value(value).main for value in one]
    other_names = [pull_value(value).main for value in other]
    matcher = SequenceMatcher(None, names, other_names, autojunk=False)
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        ours, theirs = one[start:end], other[other_start:other_end]
        shared = min(len(ours), len(theirs))
        for at in range(shared):
            yield from _values(key, f"{name} {start + at + 1}", ours[at], theirs[at])
        for value in ours[shared:]:
            yield Change(name, "", "removed", text(value), "", usual)
        for value in theirs[shared:]:
            yield Change(name, "", "added", "", text(value), usual)


def _sets(key: bytes, name: str, one: Sequence[bytes], other: Sequence[bytes]) -> Iterator[Change]:
    usual = key in _USUAL
    kept, new = set(one), set(other)
    gone = [value for value in dict.fromkeys(one) if value not in new]
    come = [value for value in dict.fromkeys(other) if value not in kept]
    if len(one) == len(other) == 1 and gone and come:
        yield from _values(key, name, gone[0], come[0])
        return
    for value in gone:
        yield Change(name, "", "removed", text(value), "", usual)
    for value in come:
        yield Change(name, "", "added", "", text(value), usual)


def _values(key: bytes, where: str, one: bytes, other: bytes) -> Iterator[Change]:
    """Compare one value with another one, part by part."""
    if one == other:
        return
    if key in _OPAQUE:
        usual = key in _USUAL and (key != b"max-forwards" or _one_less(one, other))
        yield Change(where, "", "changed", text(one), text(other), usual)
        return
    pull = pull_digest if key in _DIGESTS else pull_value
    yield from _parts(key, where, pull(one), pull(other))


def _parts(key: bytes, where: str, one: Value, other: Value) -> Iterator[Change]:
    usual = key in _USUAL
    field = key.decode("ascii", "replace")
    named = bool(one.display or other.display)
    yield from _changed(where, "display name", one.display, other.display, usual)
    what = "URI" if one.bracketed or other.bracketed or named else ""
    yield from _changed(where, what, one.main, other.main, usual)
    for prefix, ours, theirs in (
        ("URI parameter ", one.uri_parameters, other.uri_parameters),
        ("", one.parameters, other.parameters),
    ):
        for name in dict.fromkeys([*ours, *theirs]):
            part = prefix + name
            yield from _parameter(
                where,
                part,
                ours.get(name),
                theirs.get(name),
                usual or (field, part) in _USUAL_PARTS,
                secret=key in _DIGESTS and name in _SECRET,
            )


_SECRET = frozenset({"response", "rspauth"})
"""What passwords can be guessed from."""


def _parameter(
    where: str, part: str, one: str | None, other: str | None, usual: bool, *, secret: bool
) -> Iterator[Change]:
    if one == other:
        return
    before, after = one or "", other or ""
    if secret:
        before, after = before and "(not shown)", after and "(not shown, another one)"
    if one is None:
        yield Change(where, part, "added", "", after or "(present)", usual)
    elif other is None:
        yield Change(where, part, "removed", before or "(present)", "", usual)
    else:
        yield Change(where, part, "changed", before, after, usual)


def _changed(where: str, part: str, one: str, other: str, usual: bool = False) -> Iterator[Change]:
    if one == other:
        return
    kind: Kind = "changed" if one and other else "removed" if one else "added"
    yield Change(where, part, kind, one, other, usual)


def _one_less(one: bytes, other: bytes) -> bool:
    digits = one.isdigit() and other.isdigit() and len(one) < 10 and len(other) < 10
    return digits and int(one) - 1 == int(other)


def _shown(key: bytes, value: bytes) -> str:
    """Return a value as text, without what passwords can be guessed from."""
    if key not in _DIGESTS:
        return text(value)
    digest = pull_digest(value)
    parameters = [
        f"{name}={'(not shown)' if name in _SECRET else content}"
        for name, content in digest.parameters.items()
    ]
    return f"{digest.main} {', '.join(parameters)}".rstrip()


def _bodies(before: Message, after: Message) -> Iterator[Change]:
    one, other = session_description(before), session_description(after)
    if one and other:
        for change in compare_descriptions(one, other):
            yield Change(*change)
        return
    bodies = before.raw[before.body_start :], after.raw[after.body_start :]
    if bodies[0] != bodies[1]:
        ours, theirs = (f"{len(body):,} bytes" if body else "" for body in bodies)
        if ours == theirs:
            theirs += ", other content"
        yield from _changed("Body", "", ours, theirs)
