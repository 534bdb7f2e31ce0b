"""What happened to the TLS sessions of a call, as marks for its ladder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tqdecrypt.insight.dark_legs import DarkLeg
from tqdecrypt.sip import Message
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.views.ladder import Mark

__all__ = ["dark_marks", "session_marks"]

NEAR = 2_000_000_000
"""Nanoseconds before and after the messages within which an event belongs to the picture."""


def session_marks(messages: Sequence[Message], reports: Mapping[int, SessionReport]) -> list[Mark]:
    """Return when sessions that carried *messages* began and ended, as far as it was near them.

    A trunk's connection is open for days: when it began so long ago, nothing is shown.
    """
    if not messages:
        return []
    times = [message.time for message in messages]
    first, last = min(times) - NEAR, max(times) + NEAR
    used = sorted({m.flow.session for m in messages if m.flow.session is not None})
    marks = [
        mark
        for number in used
        if number in reports
        for mark in _marks(reports[number])
        if first <= mark.time <= last
    ]
    return sorted(marks, key=lambda mark: mark.time)


def dark_marks(legs: Sequence[DarkLeg]) -> list[Mark]:
    """Return the records of dark legs where the messages of the clear one say what they may be."""
    marks = [
        Mark(
            message.record.time,
            f"{message.label}, {message.record.size} bytes",
            message.source,
            message.destination,
            directed=True,
            inferred=True,
            session=leg.session,
            frame=message.record.frame,
        )
        for leg in legs
        for message in leg.messages
    ]
    return sorted(marks, key=lambda mark: mark.time)


def _marks(report: SessionReport) -> Iterator[Mark]:
    """Yield what has a time: the first record, and the last one with how it ended.

    Warnings and gaps have none in the report, so that nothing says where they would stand.
    """
    ends = (report.client, report.server)
    number = report.session
    if report.roles_known:
        resumed = "" if report.resumed == "no" else f", resumed ({report.resumed})"
        words = f"{report.version or 'TLS'} handshake{resumed}"
        yield Mark(report.started, words, *ends, session=number, frame=report.first_frame)
    if report.alert is not None and "(fatal)" in report.alert:
        words = f"alert {report.alert}"
        yield Mark(report.ended, words, *ends, session=number, tone="bad")
    if report.ending:
        yield Mark(report.ended, report.ending, *ends, session=number, frame=report.last_frame)
