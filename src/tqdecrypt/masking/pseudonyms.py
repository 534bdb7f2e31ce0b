"""Pseudonyms: made from a key, the same for the same original, and as long as it is.

A number or a word goes through a permutation of all numbers or words of its length (a Feistel network, as
format-preserving encryption has it: NIST SP 800-38G), so that two of them do not become one, and no table
has to remember which was which.  Whoever has the key can tell; nobody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import blake2b

from tqdecrypt.sip.masked import DIGIT_LETTERS, LETTERS_BEHIND_CODE

__all__ = ["BASE64", "BASE64_URL", "HEXADECIMAL", "KEY_SIZE", "Pseudonyms"]

KEY_SIZE = 32
"""Bytes of a key."""
LEAST_DIGITS = 4
"""Shorter numbers are those of services, such as 112, and stay."""
MOST_REMEMBERED = 1 << 16
"""Pseudonyms remembered of each kind, some 200 bytes each; a full table is emptied: they are made anew."""
LONGEST_REMEMBERED = 64
MOST_PERMUTED = 40
"""Letters or digits of the longest word or number that is permuted; longer ones are hashed."""

HEXADECIMAL = "0123456789abcdef"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE64_URL = BASE64[:-2] + "-_"

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = frozenset("0123456789")
_ROUNDS = 10
_COMPARED = 9
"""Digits at the end of a number that are masked as one: those by which legs of a call are joined."""
_SHORT_CODES_NAMES = """
1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81
82 84 86 90 91 92 93 94 95 98
"""
_SHORT_CODES = frozenset(_SHORT_CODES_NAMES.split())
"""Country codes of one and two digits (ITU-T E.164); all others have three."""
_NETWORKS = {"881": 4, "882": 5, "883": 5}
"""Codes that networks share, with the digits that tell these apart (ITU-T E.164.1)."""


class Pseudonyms:
    """Makes pseudonyms under one key.

    :param key: :data:`KEY_SIZE` random bytes; without it, new ones.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(KEY_SIZE)
        self._numbers: dict[str, str] = {}
        self._words: dict[str, str] = {}

    def __repr__(self) -> str:
        return "<pseudonyms under a key>"

    def number(self, text: str) -> str:
        """Return *text*, a telephone number with or without visual separators, masked.

        Country code (behind ``+`` or ``00``), a leading zero and the last two digits stay.
        """
        known = self._numbers.get(text)
        return known or self._remember(self._numbers, text, self._number)

    def word(self, text: str) -> str:
        """Return another word for *text*, letters only; capitals stay capitals."""
        known = self._words.get(text)
        return known or self._remember(self._words, text, self._word)

    def secret(self, text: str, alphabet: str) -> str:
        """Return as many characters of *alphabet* as *text* has."""
        stream = self._stream(b"secret", text.encode("latin-1"), 2 * len(text))
        size = len(alphabet)
        return "".join(
            alphabet[(stream[at] << 8 | stream[at + 1]) % size] for at in range(0, len(stream), 2)
        )

    def _remember(self, table: dict[str, str], text: str, make: Callable[[str], str]) -> str:
        made = make(text)
        if len(text) <= LONGEST_REMEMBERED:
            if len(table) >= MOST_REMEMBERED:
                table.clear()
            table[text] = made
        return made

    def _number(self, text: str) -> str:
        escaped = text[:3].upper() == "%2B"  # a plus sign, as some write it into a URI
        prefix, rest = (text[:3], text[3:]) if escaped else ("", text)
        digits = "".join(character for character in rest if character in _DIGITS)
        if len(digits) < LEAST_DIGITS:
            return text
        masked = iter(self._digits(digits, plus=escaped or rest[:1] == "+"))
        return prefix + "".join(
            next(masked) if character in _DIGITS else character for character in rest
        )

    def _digits(self, digits: str, *, plus: bool) -> str:
        end = digits[-2:]
        if len(digits) > MOST_PERMUTED:  # not a telephone number, but maybe several in a row
            return self.secret(digits[:-2], DIGIT_LETTERS) + end
        middle = digits[-_COMPARED:-2]
        front = digits[:-_COMPARED]
        places = self._permuted([int(one) for one in middle], end, 10)
        letters = [DIGIT_LETTERS[place] for place in reversed(places)]
        # Counted from the end, so that +44 20…, 0044 20… and 020… look alike as far as they are.
        for place, digit in enumerate(reversed(front)):
            shift = self._value("front", place, digits[-_COMPARED:])
            letters.append(DIGIT_LETTERS[(int(digit) + shift) % 10])
        letters.reverse()
        shown = min(_shown(digits, plus=plus), len(digits) - LEAST_DIGITS)
        if plus:
            place = DIGIT_LETTERS.index(letters[shown]) % len(LETTERS_BEHIND_CODE)
            letters[shown] = LETTERS_BEHIND_CODE[place]
        return digits[:shown] + "".join(letters[shown:]) + end

    def _word(self, text: str) -> str:
        lower = text.lower() if text.isascii() else text
        if text.isascii() and len(text) <= MOST_PERMUTED:
            places = self._permuted([_LETTERS.index(one) for one in lower], "", len(_LETTERS))
        else:
            stream = self._stream(b"word", lower.encode("latin-1"), len(text))
            places = [one % len(_LETTERS) for one in stream]
        return "".join(
            _LETTERS[place].upper() if "A" <= old <= "Z" else _LETTERS[place]
            for old, place in zip(text, places, strict=True)
        )

    def _permuted(self, places: list[int], tweak: str, base: int) -> list[int]:
        """Return another list of as many numbers below *base*: ten rounds over two halves."""
        half = len(places) // 2
        counts = (half, len(places) - half)
        values = [_joined(places[:half], base), _joined(places[half:], base)]
        for turn in range(_ROUNDS):
            side = turn % 2
            added = self._value(f"{base}:{turn}:{len(places)}:{tweak}", values[1 - side], "")
            values[side] = (values[side] + added) % base ** counts[side]
        return _parted(values[0], base, counts[0]) + _parted(values[1], base, counts[1])

    def _value(self, label: str, number: int, text: str) -> int:
        digest = blake2b(f"{label}|{number}|{text}".encode(), key=self._key, digest_size=32)
        return int.from_bytes(digest.digest())

    def _stream(self, label: bytes, text: bytes, size: int) -> bytes:
        seed = blake2b(label + b"|" + text, key=self._key).digest()
        blocks = (
            blake2b(seed + number.to_bytes(8), key=self._key).digest()
            for number in range(-(-size // 64))
        )
        return b"".join(blocks)[:size]


def _shown(digits: str, *, plus: bool) -> int:
    """Return how many digits at the beginning say nothing of the subscriber."""
    if plus:
        return _code_length(digits)
    if digits.startswith("00"):
        return 2 + _code_length(digits[2:])
    return int(digits.startswith("0"))


def _code_length(digits: str) -> int:
    short = next((size for size in (1, 2) if digits[:size] in _SHORT_CODES), 3)
    return _NETWORKS.get(digits[:3], short)


def _joined(places: list[int], base: int) -> int:
    value = 0
    for place in places:
        value = value * base + place
    return value


def _parted(value: int, base: int, count: int) -> list[int]:
    places = []
    for _ in range(count):
        value, place = divmod(value, base)
        places.append(place)
    return places[::-1]
