"""What is different between two session descriptions (RFC 8866): addresses, ports, codecs, keys.

Media descriptions are compared in their order, which has meaning (RFC 3264 section 5.1).  Codecs are
compared by name, since payload type numbers are only local names.  Keys (``crypto`` of RFC 4568,
``k=``, MIKEY, the password of ICE) are compared, but never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from tqdecrypt.sip.grammar import text

__all__ = ["compare_descriptions"]

_Kind = Literal["changed", "added", "removed", "moved"]
_Found = tuple[str, _Kind, str, str]
"""Part, kind, before and after."""
_ORIGIN = ("user name", "session id", "version", "network type", "address type", "address")
_USUAL_PARTS = frozenset({"o= session id", "o= version"})
_SECRET = frozenset({"crypto", "key-mgmt", "ice-pwd"})
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_STATIC = {"0": "PCMU/8000", "3": "GSM/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000"}
"""Payload types that need no rtpmap (RFC 3551 section 6), as far as telephones use them."""
_NOT_SHOWN = "(key not shown)"


class _Section(NamedTuple):
    """The lines of the session, or of one medium."""

    name: str
    lines: list[tuple[str, str]]
    """Kind and value."""

    def first(self, kind: str) -> str:
        """Return the value of the first line of a kind; empty when there is none."""
        return next((value for one, value in self.lines if one == kind), "")

    def attributes(self) -> list[tuple[str, str]]:
        """Return names and values of the attributes."""
        found = (value.partition(":") for kind, value in self.lines if kind == "a")
        return [(name.strip(), value.strip()) for name, _, value in found]


def compare_descriptions(
    one: bytes, other: bytes
) -> Iterator[tuple[str, str, _Kind, str, str, bool]]:
    """Yield changes as the fields of :class:`~tqdecrypt.views.difference.Change`."""
    ours, theirs = _sections(one), _sections(other)
    several = max(len(ours), len(theirs)) > 2
    for number in range(max(len(ours), len(theirs))):
        if number >= len(ours):
            yield f"SDP {theirs[number].name}", "", "added", "", theirs[number].first("m"), False
        elif number >= len(theirs):
            yield f"SDP {ours[number].name}", "", "removed", ours[number].first("m"), "", False
        else:
            name = ours[number].name
            where = f"SDP {name} {number}" if several and number else f"SDP {name}".rstrip()
            for part, kind, before, after in _section(ours[number], theirs[number]):
                yield where, part, kind, before, after, part in _USUAL_PARTS


def _sections(body: bytes) -> list[_Section]:
    sections = [_Section("", [])]
    for line in text(body).splitlines():
        kind, equals, value = line.partition("=")
        if not equals:
            continue
        if kind == "m":
            sections.append(_Section(value.split(" ", 1)[0], []))
        sections[-1].lines.append((kind, value.strip()))
    return sections


def _section(one: _Section, other: _Section) -> Iterator[_Found]:
    yield from _words("o=", _ORIGIN, one.first("o"), other.first("o"))
    yield from _pair("c=", one.first("c"), other.first("c"))
    if one.first("m") or other.first("m"):
        yield from _media(one, other)
    yield from _directions(one, other)
    for kind in dict.fromkeys(kind for kind, _ in (*one.lines, *other.lines)):
        if kind not in "ocmavk":
            yield from _sets(f"{kind}=", _values(one, kind), _values(other, kind))
    yield from _keys("k=", _values(one, "k"), _values(other, "k"))
    yield from _attributes(one, other)


def _values(section: _Section, kind: str) -> list[str]:
    return [value for one, value in section.lines if one == kind]


def _words(kind: str, names: Sequence[str], one: str, other: str) -> Iterator[_Found]:
    ours, theirs = one.split(), other.split()
    if len(ours) != len(names) or len(theirs) != len(names):
        yield from _pair(kind, one, other)
        return
    for name, before, after in zip(names, ours, theirs, strict=True):
        yield from _pair(f"{kind} {name}", before, after)


def _pair(part: str, one: str, other: str) -> Iterator[_Found]:
    if one != other:
        yield part, ("changed" if one and other else "removed" if one else "added"), one, other


def _media(one: _Section, other: _Section) -> Iterator[_Found]:
    ours, theirs = one.first("m").split(), other.first("m").split()
    names = ("kind", "port", "protocol")
    for place, name in enumerate(names):
        before = ours[place] if place < len(ours) else ""
        after = theirs[place] if place < len(theirs) else ""
        yield from _pair(name, before, after)
    codecs, others = _codecs(one, ours[3:]), _codecs(other, theirs[3:])
    for name, (number, parameters) in codecs.items():
        if name not in others:
            yield "codec", "removed", f"{name} ({number})", ""
            continue
        yield from _pair(f"{name} payload type", number, others[name][0])
        yield from _pair(f"{name} fmtp", parameters, others[name][1])
    for name in others:
        if name not in codecs:
            yield "codec", "added", "", f"{name} ({others[name][0]})"
    order = [name for name in codecs if name in others]
    if order != [name for name in others if name in codecs]:
        yield "codec order", "moved", " ".join(codecs), " ".join(others)


def _codecs(section: _Section, formats: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return name -> (payload type, its fmtp), in the order of preference."""
    names, parameters = dict(_STATIC), {}
    for name, value in section.attributes():
        number, _, content = value.partition(" ")
        if name == "rtpmap":
            names[number] = content.strip().removesuffix("/1")
        elif name == "fmtp":
            parameters[number] = content.strip()
    found: dict[str, tuple[str, str]] = {}
    for number in formats:
        name = names.get(number, number)
        if name in found:  # the same codec in another mode
            name = f"{name} {number}"
        found.setdefault(name, (number, parameters.get(number, "")))
    return found


def _directions(one: _Section, other: _Section) -> Iterator[_Found]:
    """Compare directions; without one it is ``sendrecv`` (RFC 8866 section 6.7)."""
    ours, theirs = _direction(one), _direction(other)
    if (ours or "sendrecv") != (theirs or "sendrecv"):
        yield "direction", "changed", ours or "sendrecv", theirs or "sendrecv"


def _direction(section: _Section) -> str:
    return next((name for name, _ in section.attributes() if name in _DIRECTIONS), "")


def _attributes(one: _Section, other: _Section) -> Iterator[_Found]:
    ours, theirs = _others(one), _others(other)
    for name in dict.fromkeys([*ours, *theirs]):
        before, after = ours.get(name, []), theirs.get(name, [])
        if name in _SECRET:
            yield from _keys(f"a={name}", before, after)
        else:
            yield from _sets(f"a={name}", before, after)


def _others(section: _Section) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in section.attributes():
        if name not in _DIRECTIONS and name not in ("rtpmap", "fmtp"):
            found.setdefault(name, []).append(value)
    return found


def _sets(part: str, one: Sequence[str], other: Sequence[str]) -> Iterator[_Found]:
    kept, new = set(one), set(other)
    gone = [value for value in one if value not in new]
    come = [value for value in other if value not in kept]
    if len(gone) == len(come) == 1:
        yield from _pair(part, gone[0], come[0])
        return
    for value in gone:
        yield part, "removed", value or "(present)", ""
    for value in come:
        yield part, "added", "", value or "(present)"


def _keys(part: str, one: Sequence[str], other: Sequence[str]) -> Iterator[_Found]:
    """Compare lines with keys in them: their tag and suite are shown, the keys are not."""
    for before, after in zip(one, other, strict=False):
        if before != after:
            yield (
                part,
                "changed",
                _without_key(part, before),
                f"{_without_key(part, after)}, another",
            )
    for before in one[len(other) :]:
        yield part, "removed", _without_key(part, before), ""
    for after in other[len(one) :]:
        yield part, "added", "", _without_key(part, after)


def _without_key(part: str, value: str) -> str:
    """Return ``1 AES_CM_128_HMAC_SHA1_80 (key not shown)``."""
    public = value.split()[:2] if part == "a=crypto" else []
    return " ".join([*(word for word in public if ":" not in word), _NOT_SHOWN])
