"""How much is masked."""

from __future__ import annotations

import enum

__all__ = ["Profile"]


class Profile(enum.StrEnum):
    """What leaves, and what does not; each has all of those before it."""

    NONE = "none"
    """Everything as it was captured."""
    KEYS = "keys"
    """No keys of media, passwords, or what passwords can be guessed from; no dialled digits."""
    PEOPLE = "people"
    """No telephone numbers, names or texts of people either: pseudonyms stand for them."""
