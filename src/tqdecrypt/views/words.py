"""Words and numbers as every view writes them, and the one function that makes text safe to show.

Whatever comes from a peer (names, URIs, headers, certificates, reasons) goes through :func:`clean`
before it gets near a terminal: no control character, no change of direction, no look-alike of
nothing survives it.  Views then put it into :class:`rich.text.Text`, which reads no markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

__all__ = [
    "clean",
    "count",
    "date_of",
    "delta",
    "duration",
    "host_of",
    "listed",
    "plural",
    "ports_of",
    "time_of_day",
    "user_of",
]

SECOND = 1_000_000_000
"""Nanoseconds."""


def clean(text: str) -> str:
    r"""Return *text* with everything that is not plainly visible as an escape.

    Control characters, bidirectional and zero-width characters, exotic blanks, private and
    unassigned code points: all that Unicode calls not printable.

    >>> clean("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    if text.isprintable():  # nearly always
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def time_of_day(time: int, digits: int = 3) -> str:
    """Return nanoseconds since 1970-01-01 UTC as ``10:15:02.123``, cut (not rounded).

    :param digits: behind the second; with 0 there is no point either.
    """
    second, nanoseconds = divmod(time, SECOND)
    minutes, seconds = divmod(second % 86_400, 60)
    fraction = f".{nanoseconds:09d}"[: digits + 1] if digits else ""
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{fraction}"


def date_of(time: int) -> str:
    """Return the UTC date of a time in nanoseconds: ``2026-03-09``."""
    try:
        return datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return "an impossible date"  # damaged captures have them


def duration(nanoseconds: int) -> str:
    """Return ``0:07`` or ``1:02:03``: minutes and seconds, as telephone bills write them."""
    minutes, seconds = divmod(max(nanoseconds, 0) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def delta(nanoseconds: int, digits: int) -> str:
    """Return ``+0.012``, rounded to so many digits; minutes when there are a thousand seconds."""
    sign = "-" if nanoseconds < 0 else "+"
    if abs(nanoseconds) >= 1000 * SECOND:
        return sign + duration(abs(nanoseconds))
    unit = 10 ** (9 - digits)
    seconds, fraction = divmod((abs(nanoseconds) + unit // 2) // unit, 10**digits)
    return f"{sign}{seconds}.{fraction:0{digits}d}"


def count(number: int, noun: str, nouns: str = "") -> str:
    """Return ``1 call`` or ``2,000 calls``."""
    return f"{number:,} {plural(number, noun, nouns)}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Return the noun in the number that fits."""
    return noun if number == 1 else nouns or noun + "s"


def listed(numbers: Sequence[int], total: int | None = None) -> str:
    """Return numbers with runs joined: ``1-4, 7 … (2,000)`` when *total* says that there are more.

    *numbers* ascend.
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ", ".join(
        str(first) if first == last else f"{first}{'-' if last > first + 1 else ', '}{last}"
        for first, last in runs
    )
    return text if total is None or total <= len(numbers) else f"{text} …"


def host_of(endpoint: str) -> str:
    """Return the host of ``ip:port`` or ``[ip]:port``."""
    return endpoint.rpartition(":")[0]


def ports_of(ports: Sequence[str]) -> str:
    """Return ``:5061``, or ``:40001,5061`` when there are several; nothing without any."""
    if not ports:
        return ""
    shown = ",".join(ports[:2]) + (",+" if len(ports) > 2 else "")
    return f":{shown}"


def user_of(uri: str) -> str:
    """Return what a person recognises in a URI: its user, or its host when it has none."""
    _, colon, rest = uri.partition(":")
    address = (rest if colon else uri).partition(";")[0]
    user, at, host = address.rpartition("@")
    return user.partition(":")[0] if at and user else host
