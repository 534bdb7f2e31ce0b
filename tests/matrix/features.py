"""What happens inside a conversation besides lines: commands to the programs, early data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["EARLY_DATA", "FEATURES", "Feature", "Step"]

EARLY_DATA = b"REGISTER sip:example.com SIP/2.0\n"
HELLO_RETRY = hashlib.sha256(b"HelloRetryRequest").digest()
"""The server random of a HelloRetryRequest (RFC 8446 section 4.1.3)."""
LARGE = b"NOTIFY sip:bob@example.com SIP/2.0; " + b"0123456789abcdef" * 2500


@dataclass(frozen=True, slots=True)
class Step:
    """A command that one program is given on its standard input."""

    before: int
    """The number of the line that follows it."""
    by_client: bool
    command: bytes
    pause: float = 0.3
    """Seconds that it takes: nothing tells when it is done."""


@dataclass(frozen=True, slots=True)
class Feature:
    """See the module's text."""

    steps: tuple[Step, ...] = ()
    lines: tuple[bytes, ...] = ()
    """More lines at the end."""
    early_data: bytes = b""
    """What the second connection says before its handshake is complete."""
    handshakes: int = 1
    only: int | None = None
    """How many of the usual lines are said."""
    answer: bytes = b""
    """What a server that is told its answers says besides."""
    contains: bytes = b""
    """What must stand in the bytes of the server in clear."""
    largest: int | None = None
    """How long the server's longest record of application data may be."""
    mutual: bool = False
    """Whether the client shows its certificate in the end."""


FEATURES: dict[str, Feature] = {
    "large": Feature(lines=(LARGE,)),
    "client renegotiates": Feature((Step(1, True, b"R\n"),), handshakes=2),
    "server renegotiates": Feature((Step(1, False, b"r\n"),), handshakes=2),
    "renegotiation asks for a certificate": Feature(
        (Step(1, False, b"R\n"),), handshakes=2, mutual=True
    ),
    "key update": Feature((Step(1, True, b"K\n"), Step(2, False, b"K\n"), Step(2, True, b"k\n"))),
    "post-handshake authentication": Feature((Step(1, False, b"c\n"),), mutual=True),
    "hello retry": Feature(contains=HELLO_RETRY),
    "early data": Feature(early_data=EARLY_DATA),
    "record size limit": Feature(only=1, answer=LARGE, largest=1100),
    "max fragment length": Feature(lines=(LARGE[:9000],), largest=1100),
    "external PSK": Feature(),
    "PSK alone": Feature(),
    "record padding": Feature(),
    "small records": Feature(largest=600),
    "rehandshake": Feature(handshakes=2),
}
