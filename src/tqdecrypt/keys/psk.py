"""Pre-shared keys as a user writes them: ``[IDENTITY:]HEX`` (RFC 4279, RFC 8446 section 4.2.11)."""

from __future__ import annotations

from binascii import unhexlify
from dataclasses import dataclass, field

from tqdecrypt.errors import SecretsError

__all__ = ["PreSharedKey", "parse_psk"]

_MOST_BYTES = 0xFFFF
"""RFC 4279 section 2: the key stands in an ``opaque<0..2^16-1>``."""


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """A key that client and server were given beforehand."""

    identity: bytes | None
    """The name that the client sends for it; ``None``: try it for every identity."""
    key: bytes = field(repr=False)
    """The secret."""


def parse_psk(text: str) -> PreSharedKey:
    """Return the pre-shared key in *text*.  The last colon separates: identities may hold colons.

    Raises :class:`SecretsError`, which repeats nothing of *text*: the parts may be swapped.

    >>> parse_psk("sbc1:00112233").identity
    b'sbc1'
    """
    name, colon, digits = text.strip().rpartition(":")
    wanted = "write it as [IDENTITY:]HEX, for example sbc1:00112233445566778899aabbccddeeff"
    if not digits:
        raise SecretsError(f"A pre-shared key has no key; {wanted}.")
    try:
        key = unhexlify(digits)
    except ValueError:
        what = (
            "has an odd number of hexadecimal digits"
            if all(digit in "0123456789abcdefABCDEF" for digit in digits)
            else "is not hexadecimal"
        )
        # "from None": the codec's own exception would carry the text along.
        raise SecretsError(f"A pre-shared key {what}; {wanted}.") from None
    if len(key) > _MOST_BYTES:
        raise SecretsError(f"A pre-shared key has {len(key)} bytes; TLS allows {_MOST_BYTES}.")
    return PreSharedKey(name.encode("utf-8", "surrogateescape") if colon else None, key)
