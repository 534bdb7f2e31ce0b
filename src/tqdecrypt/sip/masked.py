"""What a telephone number looks like that was masked (:mod:`tqdecrypt.masking`).

Letters stand for the digits in the middle, so that it is nobody's number.  Whoever reads numbers takes it for
one: a number that we masked is no mistake of its sender.
"""

from __future__ import annotations

import re

__all__ = ["DIGIT_LETTERS", "LETTERS_BEHIND_CODE", "masked_end"]

DIGIT_LETTERS = "GHJKLMNPQR"
"""Letters that stand for digits: none that is a hexadecimal or a DTMF digit."""
LETTERS_BEHIND_CODE = "ABCDEFGHI"
"""Letters of which one stands behind a country code: Wireshark takes what stands behind the plus sign for
decimal digits, whatever it is, and calls other letters malformed."""
MOST_COMPARED = 6
"""Characters at the end that are compared: in front of them, one spelling of a number may show digits of
its country code where another one has letters."""

_MASKED = re.compile(rf"[0-9]*([{LETTERS_BEHIND_CODE}]?[{DIGIT_LETTERS}]+[0-9]{{2}})")


def masked_end(number: str) -> str:
    """Return by what a masked number is compared; empty when *number* is none.

    :param number: without plus sign and visual separators.
    """
    match = _MASKED.fullmatch(number)
    return match[1][-MOST_COMPARED:] if match else ""
