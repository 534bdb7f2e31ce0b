"""Key logs, written (RFC 9850): what :mod:`tqdecrypt.keys.keylog` reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["KeyLogLine", "render_key_log"]


@dataclass(frozen=True, slots=True)
class KeyLogLine:
    """One secret of one handshake.  It does not show in its repr."""

    label: str
    """``CLIENT_RANDOM``, ``CLIENT_TRAFFIC_SECRET_0`` …"""
    client_random: bytes
    secret: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.label} of {self.client_random[:4].hex()}…"


def render_key_log(lines: Iterable[KeyLogLine], comment: str = "") -> bytes:
    """Return *lines* as text, each secret once, behind a comment that other programs pass over."""
    text = f"# {comment}\n" if comment else ""
    rows = (f"{one.label} {one.client_random.hex()} {one.secret.hex()}\n" for one in lines)
    return (text + "".join(dict.fromkeys(rows))).encode()
