"""Alerts (RFC 5246 section 7.2, RFC 8446 section 6) and what they say to a person."""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.tls.constants import AlertDescription

__all__ = ["Alert"]


class Alert(NamedTuple):
    """One alert that could be read."""

    role: int
    """0: sent by the client, 1: by the server."""
    level: int
    """1 warning, 2 fatal."""
    description: int
    frame: int

    @property
    def name(self) -> str:
        """The registry's name: ``unknown_ca``."""
        try:
            return AlertDescription(self.description).name
        except ValueError:
            return f"alert {self.description}"

    @property
    def fatal(self) -> bool:
        """Whether it ended the connection; TLS 1.3 calls all but close_notify fatal."""
        return self.level == 2

    def __str__(self) -> str:
        level = "fatal" if self.fatal else "warning"
        sender = ("client", "server")[self.role]
        return f"{self.name} ({level}) from the {sender}, frame {self.frame}"
