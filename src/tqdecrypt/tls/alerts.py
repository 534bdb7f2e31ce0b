"""Alerts (RFC 5246 section 7.2, RFC 8446 section 6) and what they say to a person."""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.tls.constants import AlertDescription

__all__ = ["ADVICE", "Alert"]


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
        return _NAMES.get(self.description) or f"alert {self.description}"

    @property
    def closes(self) -> bool:
        """Whether it is close_notify: an orderly end (RFC 5246 section 7.2.1)."""
        return self.description == _CLOSE_NOTIFY

    @property
    def fatal(self) -> bool:
        """Whether it ended the connection; TLS 1.3 calls all but close_notify fatal."""
        return self.level == 2

    def __str__(self) -> str:
        level = "fatal" if self.fatal else "warning"
        sender = ("client", "server")[self.role]
        return f"{self.name} ({level}) from the {sender}, frame {self.frame}"


_CLOSE_NOTIFY = AlertDescription.close_notify.value
_NAMES = {description.value: description.name for description in AlertDescription}

ADVICE: dict[str, str] = {
    "handshake_failure": "The {sender} accepts none of what the {other} offers: compare the cipher "
    "suites offered with the {sender}'s list, and check whether it demands a client certificate.",
    "protocol_version": "The {sender} does not speak the {other}'s TLS versions: allow a common one.",
    "insufficient_security": "The {sender} wants stronger suites than the {other} offers.",
    "unknown_ca": "The {sender} does not trust the issuer of the {other}'s certificate: import the "
    "issuing CA (with its intermediates) on the {sender}, or send the whole chain from the {other}.",
    "bad_certificate": "The {sender} could not use the {other}'s certificate: check that it is "
    "whole, signed and fit for its purpose.",
    "unsupported_certificate": "The {sender} does not take the kind of certificate the {other} has.",
    "certificate_expired": "The {other}'s certificate is out of its validity, or the {sender}'s "
    "clock is wrong.",
    "certificate_revoked": "The {other}'s certificate was revoked: replace it.",
    "certificate_unknown": "The {sender} refused the {other}'s certificate for a reason of its own "
    "(often its name): look at the {sender}'s log.",
    "certificate_required": "The {sender} demands a certificate of the {other}: configure one.",
    "access_denied": "The {sender} knows the {other}'s certificate but does not allow it in.",
    "unrecognized_name": "The {sender} knows no server of the name that the {other} asked for (SNI).",
    "decrypt_error": "A signature or Finished did not verify at the {sender}.",
    "no_application_protocol": "No common ALPN protocol.",
    "unknown_psk_identity": "The {sender} does not know the {other}'s pre-shared key identity.",
}
"""What to do about an alert; {sender} and {other} stand for client and server."""
