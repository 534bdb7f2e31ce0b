"""Types of fields: how a value is written, which operators it takes, and how it compares.

Each makes of an operator and its literals a function that takes what a field holds.  ``None``, nothing in
the field, compares with nothing; lists compare when any of their elements does.
"""

from __future__ import annotations

import ipaddress
import operator as operators
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tqdecrypt.query.syntax import Value

__all__ = [
    "ADDRESS",
    "BOOLEAN",
    "DURATION",
    "NUMBER",
    "TEXT",
    "TIME",
    "Choice",
    "Fault",
    "FieldType",
    "moment",
]

Test = Callable[[Any], bool]
MOST_REGEX = 200
"""Characters of a regular expression."""
MOST_REPEATS = 3
"""Things that it may repeat: each may multiply the time by the length of the text."""
MOST_SEARCHED = 20_000
"""Characters in which a regular expression looks: a message is hardly longer."""
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

_SLOW = re.compile(r"\)[*+{]|\\[1-9]|\(\?P=")
"""A group that is repeated, a reference to a group."""
_REPEATS = re.compile(r"(?<!\\)[*+]|\{\d*,\d*\}")

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


class Fault(Exception):  # noqa: N818 - becomes a QueryError where the expression is known
    """A literal that the type cannot read: what is wrong with it, and which one."""

    def __init__(self, sentence: str, value: Value | None = None) -> None:
        self.value = value
        super().__init__(sentence)


class FieldType:
    """What all types share."""

    name = ""
    operators: tuple[str, ...] = ("=", "!=", "<", "<=", ">", ">=", "in")
    example = ""
    choices: tuple[str, ...] = ()
    """What the field may hold, when that is a closed list."""

    def read(self, value: Value) -> Any:
        """Return what a literal means.  Raises :class:`Fault`."""
        return value.text

    def check(self, operator: str, values: Sequence[Value]) -> None:
        """Raise :class:`Fault` for an operator that the type does not take."""
        if operator not in self.operators:
            possible = " ".join(self.operators)
            raise Fault(f"{operator} does not work with {self.name}; use {possible}")
        for value in values:
            if value.form == "regex" and operator not in ("~", "!~"):
                raise Fault("a regular expression goes with ~ or !~", value)

    def test(self, operator: str, values: Sequence[Value]) -> Test:
        """Return what compares the content of a field.  Raises :class:`Fault`."""
        self.check(operator, values)
        if operator == "in":
            wanted = [self.read(value) for value in values]
            return lambda content: any(content == one for one in wanted)
        compare, wanted_one = _ORDER[operator], self.read(values[0])
        return lambda content: compare(content, wanted_one)


class _Text(FieldType):
    name = "text"
    operators = ("=", "!=", "~", "!~", "in")
    example = "+4420"

    def read(self, value: Value) -> str:
        return value.text.lower()

    def test(self, operator: str, values: Sequence[Value]) -> Test:
        if operator in ("~", "!~"):
            contains = self._contains(values[0])
            return contains if operator == "~" else lambda content: not contains(content)
        test = super().test(operator, values)
        return lambda content: test(str(content).lower())

    def _contains(self, value: Value) -> Test:
        if value.form == "regex":
            search = _regex(value).search
            return lambda content: search(str(content)[:MOST_SEARCHED]) is not None
        wanted = value.text.lower()
        return lambda content: wanted in str(content).lower()


class _Number(FieldType):
    name = "a number"
    example = "500"

    def read(self, value: Value) -> float:
        try:
            return float(value.text.replace("_", "")) if "." in value.text else int(value.text)
        except ValueError:
            raise Fault(f"{value.text!r} is no number", value) from None


class _Duration(FieldType):
    name = "a duration"
    example = "5s"
    _units: Mapping[str, float] = {"ms": 0.001, "s": 1, "": 1, "m": 60, "min": 60, "h": 3600}

    def read(self, value: Value) -> float:
        """Return nanoseconds."""
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|min|m|h|)", value.text, re.ASCII)
        if match is None:
            sentence = f"{value.text!r} is no duration; write 200ms, 5s, 3m or 1.5h"
            raise Fault(sentence, value)
        return float(match[1]) * self._units[match[2]] * SECOND


class _Time(FieldType):
    name = "a time"
    operators = ("=", "!=", "<", "<=", ">", ">=")
    example = "14:05"

    def test(self, operator: str, values: Sequence[Value]) -> Test:
        self.check(operator, values)
        span = _time_of_day(values[0].text)
        of: Callable[[int], int] = _since_midnight  # of whichever day
        if span is None:
            span = moment(values[0])
            of = int
        begin, end = span
        if operator in ("=", "!="):
            inside = operator == "="
            return lambda content: (begin <= of(content) < end) is inside
        compare, limit = _LIMITS[operator], end if operator in ("<=", ">") else begin
        return lambda content: compare(of(content), limit)


class _Address(FieldType):
    name = "an address"
    operators = ("=", "!=", "in", "~", "!~")
    example = "10.0.0.0/8"

    def read(self, value: Value) -> Callable[[str], bool]:
        text = value.text
        try:
            network = ipaddress.ip_network(text.strip("[]"), strict=False)
        except ValueError:
            host, colon, port = text.rpartition(":")
            if not colon or not port.isdecimal():
                sentence = f"{text!r} is no address; write 192.0.2.1, 192.0.2.1:5061 or 10.0.0.0/8"
                raise Fault(sentence, value) from None
            if host:
                return lambda content: content == text
            return lambda content: content.rpartition(":")[2] == port
        return lambda content: _in_network(content, network)

    def test(self, operator: str, values: Sequence[Value]) -> Test:
        if operator in ("~", "!~"):
            return TEXT.test(operator, values)
        self.check(operator, values)
        tests = [self.read(value) for value in values]
        if operator == "!=":
            return lambda content: not any(test(str(content)) for test in tests)
        return lambda content: any(test(str(content)) for test in tests)


class _Boolean(FieldType):
    name = "yes or no"
    operators = ("=", "!=")
    example = "yes"
    choices = ("yes", "no")

    def read(self, value: Value) -> bool:
        try:
            return {"yes": True, "true": True, "no": False, "false": False}[value.text.lower()]
        except KeyError:
            raise Fault(f"{value.text!r} is neither yes nor no", value) from None


class Choice(FieldType):
    """One of a closed list; *ordered* ones can be compared, the first is the least."""

    def __init__(self, name: str, choices: Iterable[str], *, ordered: bool = False) -> None:
        self.name = name
        self.choices = tuple(choices)
        self.example = self.choices[0]
        self.operators = FieldType.operators if ordered else ("=", "!=", "in", "~", "!~")
        self._places = {choice.lower(): place for place, choice in enumerate(self.choices)}

    def read(self, value: Value) -> int:
        """Return the place in the list."""
        place = self._places.get(value.text.lower())
        if place is None:
            near = nearest(value.text, self.choices)
            sentence = f"{value.text!r} is no {self.name}; " + (
                f"did you mean {near}?" if near else f"there are {', '.join(self.choices)}"
            )
            raise Fault(sentence, value)
        return place

    def test(self, operator: str, values: Sequence[Value]) -> Test:
        """See :meth:`FieldType.test`."""
        if operator in ("~", "!~") and operator in self.operators:
            return TEXT.test(operator, values)
        test = super().test(operator, values)
        places = self._places
        return lambda content: test(places.get(str(content).lower(), -1))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the one of *known* that *word* may have been meant to be; empty when none is near."""
    import difflib

    found = difflib.get_close_matches(word.lower(), [*known], n=1, cutoff=0.6)
    return found[0] if found else ""


def _regex(value: Value) -> re.Pattern[str]:
    if len(value.text) > MOST_REGEX:
        raise Fault(f"a regular expression has at most {MOST_REGEX} characters", value)
    if _SLOW.search(value.text) or len(_REPEATS.findall(value.text)) > MOST_REPEATS:
        sentence = (
            f"it could take for ever: repeat no group, and at most {MOST_REPEATS} other things"
        )
        raise Fault(sentence, value)
    try:
        return re.compile(value.text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise Fault(f"no regular expression: {error}", value) from None


def _since_midnight(time: int) -> int:
    return time % DAY


_LIMITS = {"<": operators.lt, "<=": operators.lt, ">": operators.ge, ">=": operators.ge}
"""How a time compares with the begin of a span (``<``, ``>=``), or with its end (``<=``, ``>``)."""


def _time_of_day(text: str) -> tuple[int, int] | None:
    """Return begin and end of ``14:05``, a minute, or ``14:05:30``, a second, in nanoseconds."""
    match = re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d)(\.\d{1,9})?)?", text, re.ASCII)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 60:
        return None
    begin = (int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)) * SECOND
    if match[4]:
        begin += round(float(match[4]) * SECOND)
        return begin, begin + SECOND // 10 ** (len(match[4]) - 1)
    return begin, begin + (SECOND if match[3] else 60 * SECOND)


def moment(value: Value) -> tuple[int, int]:
    """Return begin and end of a day, a minute or a second of RFC 3339, in nanoseconds.

    :raises Fault: when it is none.
    """
    text = value.text.strip().upper()
    try:
        date = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        elapsed = date - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        sentence = (
            f"{value.text!r} is no time; write 14:05, 14:05:30, 2026-03-09 or 2026-03-09T14:05Z"
        )
        raise Fault(sentence, value) from None
    begin = elapsed // timedelta(microseconds=1) * 1000
    if "T" not in text and ":" not in text:
        return begin, begin + DAY
    colons = text.partition("T")[2].partition("+")[0].count(":")
    if "." in text:
        return begin, begin + 1000
    return begin, begin + (SECOND if colons > 1 else 60 * SECOND)


def _in_network(content: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    host = content.strip("[]")
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        host = content.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


TEXT = _Text()
NUMBER = _Number()
DURATION = _Duration()
TIME = _Time()
ADDRESS = _Address()
BOOLEAN = _Boolean()
