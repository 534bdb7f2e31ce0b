"""What a telephone number looks like that was masked (:mod:`tqdecrypt.masking`).

Letters stand for the digits in the middle, so that it is nobody's number.  Whoever reads numbers takes it for
one: a number that we masked is no mistake of its sender.
"""

from __future__ import annotations

import re

__all__ = ["DIGIT_LETTERS", "masked_end"]

DIGIT_LETTERS = "GHJKMNPQRT"
"""Letters that stand for digits: none that is a hexadecimal or a DTMF digit."""
MOST_COMPARED = 7
"""Characters at the end that are compared: in front of them, one spelling of a number may show digits of
its country code where another one has letters."""

_MASKED = re.compile(rf"[0-9]*([{DIGIT_LETTERS}]+[0-9]{{2}})")


def masked_end(number: str) -> str:
    """Return by what a masked number is compared; empty when *number* is none.

    :param number: without plus sign and visual separators.
    """
    match = _MASKED.fullmatch(number)
    return match[1][-MOST_COMPARED:] if match else ""
