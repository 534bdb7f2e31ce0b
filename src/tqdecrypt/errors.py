"""Every exception that tqdecrypt raises on purpose.

::

    TqdecryptError
    ├── UsageError              what was asked for does not fit together        exit status 2
    ├── InputError              an input cannot be read                         exit status 1
    │   ├── CaptureError        … a capture file or interface
    │   ├── PrivateKeyError     … a private key, certificate bundle or passphrase
    │   └── SecretsError        … a key log, pre-shared key or secrets store
    ├── OutputError             an output cannot be written                     exit status 1
    └── Malformed               bytes are not what the protocol says; never leaves its stage

The message of an :class:`InputError` is one sentence for the user: what is wrong, where, and what
to do about it.  Any other exception that reaches the user is a bug of ours.
"""

from __future__ import annotations

__all__ = [
    "CaptureError",
    "InputError",
    "Malformed",
    "OutputError",
    "PrivateKeyError",
    "SecretsError",
    "TqdecryptError",
    "UsageError",
]


class TqdecryptError(Exception):
    """The root of the tree."""


class UsageError(TqdecryptError):
    """What was asked for does not fit together."""

    picture = ""
    """Lines that show where, when a sentence cannot: they are printed below it as they are."""


class InputError(TqdecryptError):
    """An input cannot be read; the message says what to do."""


class CaptureError(InputError):
    """A capture file or interface cannot be read."""


class PrivateKeyError(InputError):
    """A private key cannot be used: unreadable, wrong passphrase, or not an RSA key."""


class SecretsError(InputError):
    """A key log, pre-shared key or secrets store cannot be used."""


class OutputError(TqdecryptError):
    """An output cannot be written."""


class Malformed(TqdecryptError):  # noqa: N818 - a state of the peer's bytes, not an error of ours
    """Bytes are not what the specification says.

    Parsers raise it; the stage that called the parser counts it, reports it as an event and goes
    on behind the damage.

    :ivar expected: what the specification wants, in words.
    :ivar got: what stands there instead.
    :ivar offset: where, counted in bytes from the start of what was parsed; ``None`` if unknown.
    """

    def __init__(self, expected: str, got: object = None, offset: int | None = None) -> None:
        self.expected = expected
        self.got = got
        self.offset = offset
        where = "" if offset is None else f" at offset {offset}"
        what = "" if got is None else f", got {got!r}"
        super().__init__(f"expected {expected}{what}{where}")
