"""What is wrong with a message, ready to stand below the lines that it is about."""

from __future__ import annotations

from tqdecrypt.errors import Malformed
from tqdecrypt.sip import Message, parse_message

__all__ = ["problems_by_line"]


def problems_by_line(message: Message) -> dict[int, str]:
    """Return the number of each line, from 0, that something is wrong with, and what it is."""
    try:
        problems = parse_message(message.raw).problems
    except Malformed:  # the index pass took it, so that this is somebody else's Message
        return {}
    raw = message.raw
    last = max(raw.count(b"\n") - raw.endswith(b"\n"), 0)
    found: dict[int, str] = {}
    for problem in problems:
        line = min(raw.count(b"\n", 0, problem.offset), last)
        words = f"{problem.sentence} ({problem.section})" if problem.section else problem.sentence
        found[line] = f"{found[line]} {words}" if line in found else words
    return found
