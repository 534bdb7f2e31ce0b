"""What can be wrong with a message or a session description, by name.

Reading never stops at a problem: the value that was meant is kept as far as it can be told, and the
problem says what the specification wanted.  A reader takes a :data:`Note` and calls it with a name
of :data:`SECTIONS` and a sentence; who called the reader knows where in the message that was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["SECTIONS", "Note", "Notes", "Problem", "ignore"]

Note = Callable[[str, str], None]
"""Takes the name of a problem and a sentence about it."""

SECTIONS: dict[str, str] = {
    # The start line
    "status-code": "RFC 3261 section 7.2",
    "version": "RFC 3261 section 7.1",
    "start-line-blanks": "RFC 3261 section 7.1",
    "request-uri": "RFC 3261 section 7.1",
    "request-uri-headers": "RFC 3261 section 19.1.1",
    # The shape of the header
    "line-ends": "RFC 3261 section 7",
    "stray-line": "RFC 3261 section 7.3",
    "field-name": "RFC 3261 section 25.1",
    "control-character": "RFC 3261 section 25.1",
    "encoding": "RFC 3261 section 7.3.1",
    "header-cut": "RFC 3261 section 7",
    # Which fields stand there
    "field-missing": "RFC 3261 section 8.1.1",
    "field-repeated": "RFC 3261 section 7.3.1",
    "tag-missing": "RFC 3261 section 19.3",
    "contact-missing": "RFC 3261 section 8.1.1.8",
    "contact-count": "RFC 3261 section 8.1.1.8",
    "method-mismatch": "RFC 3261 section 8.1.1.5",
    "branch": "RFC 3261 section 8.1.1.7",
    "broadcast": "RFC 4475 section 3.3.10",
    # Body
    "content-length": "RFC 3261 section 20.14",
    "content-length-missing": "RFC 3261 section 18.3",
    "content-type-missing": "RFC 3261 section 20.15",
    "body-cut": "RFC 3261 section 18.3",
    "boundary": "RFC 2046 section 5.1.1",
    "multipart": "RFC 2046 section 5.1.1",
    # Values
    "value": "RFC 3261 section 25.1",
    "number": "RFC 3261 section 25.1",
    "number-too-large": "RFC 4475 section 3.1.2.4",
    "empty-element": "RFC 3261 section 25.1",
    "parameter": "RFC 3261 section 25.1",
    "quotation": "RFC 3261 section 25.1",
    "display-name": "RFC 3261 section 25.1",
    "brackets": "RFC 3261 section 20.10",
    "date": "RFC 3261 section 20.17",
    "uri": "RFC 3261 section 19.1.1",
    "uri-blank": "RFC 3261 section 19.1.1",
    "uri-characters": "RFC 3261 section 19.1.2",
    "host": "RFC 3261 section 25.1",
    "port": "RFC 3261 section 25.1",
    "ipv6-brackets": "RFC 3261 section 19.1.1",
    "ipv6-colons": "RFC 5954 section 4.1",
    "tel": "RFC 3966 section 3",
    "uuid": "RFC 7989 section 5",
    # Session descriptions
    "sdp-line": "RFC 8866 section 5",
    "sdp-missing": "RFC 8866 section 5",
    "sdp-version": "RFC 8866 section 5.1",
    "sdp-origin": "RFC 8866 section 5.2",
    "sdp-connection": "RFC 8866 section 5.7",
    "sdp-address": "RFC 8866 section 5.7",
    "sdp-bandwidth": "RFC 8866 section 5.8",
    "sdp-time": "RFC 8866 section 5.9",
    "sdp-media": "RFC 8866 section 5.14",
    "sdp-format": "RFC 8866 section 5.14",
    "sdp-attribute": "RFC 8866 section 5.13",
    "sdp-crypto": "RFC 4568 section 4",
    "sdp-candidate": "RFC 8839 section 5.1",
    "sdp-too-long": "RFC 8866 section 5",
    # None of them
    "more": "",
}
"""Name of a problem → what says how it should be."""


class Problem(NamedTuple):
    """One thing that is not as the specification wants it."""

    name: str
    """A key of :data:`SECTIONS`."""
    sentence: str
    """What stands there and what should."""
    offset: int
    """Where the line begins that it is about, in bytes from the start of what was parsed."""
    section: str
    """Where the specification says so: ``RFC 3261 section 7.1``; empty when it says nothing."""


MOST_PROBLEMS = 100
"""Problems kept of one message: hostile ones have thousands, and nobody reads so many."""


class Notes:
    """Collects problems; :attr:`offset` is where the line begins that is being read."""

    __slots__ = ("dropped", "found", "offset")

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.offset = 0
        self.dropped = 0
        """How many more there were than :data:`MOST_PROBLEMS`."""

    def __call__(self, name: str, sentence: str) -> None:
        """Take a problem; the same one is kept once a line."""
        problem = Problem(name, sentence, self.offset, SECTIONS[name])
        if len(self.found) >= MOST_PROBLEMS:
            self.dropped += 1
        elif problem not in self.found:
            self.found.append(problem)

    def all(self) -> tuple[Problem, ...]:
        """Return the problems, and behind them one that says how many more there were."""
        if not self.dropped:
            return tuple(self.found)
        more = Problem("more", f"And {self.dropped} more problems.", self.offset, SECTIONS["more"])
        return (*self.found, more)


def ignore(name: str, sentence: str) -> None:
    """Take no note."""
