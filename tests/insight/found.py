"""What the rules find in a script, and in reports of TLS sessions written down."""

from __future__ import annotations

from typing import Any

from calls.script import watch
from tqdecrypt.insight import Finding
from tqdecrypt.insight.assessor import Assessor
from tqdecrypt.sip.message import Transport
from tqdecrypt.tls import SessionReport, Verdict

__all__ = ["found", "report"]


def report(
    number: int, client: str, server: str, begin: int = 0, end: int = 0, **more: Any
) -> SessionReport:
    """A session that was decrypted, unless *more* says otherwise."""
    values: dict[str, Any] = {
        "verdict": Verdict.DECRYPTED,
        "ending": "no close_notify; capture ended",
    } | more
    return SessionReport(number, client, server, begin, end or begin, 1, 2, **values)


def found(
    script: str,
    *reports: SessionReport,
    name: str | None = None,
    transport: Transport = "UDP",
) -> list[Finding]:
    """Everything that is found, or what has that name."""
    watched = watch(script, transport)
    assessor = Assessor()
    for one in reports:
        assessor.session(one)
    for leg in watched.legs:
        assessor.leg(leg)
    for call in watched.calls:
        assessor.call(call)
    for registration in watched.registrations:
        assessor.registration(registration)
    for series in watched.pings:
        assessor.ping(series)
    return [one for one in assessor.finish() if name in (None, one.name)]
