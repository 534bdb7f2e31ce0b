"""The verdict on a session: rules in order, the first that applies decides.

A rule looks at the facts and returns the verdict with its sentence and advice, or ``None``.  Every
sentence names what proves it: frames, suites, fingerprints.  The rules stand in ``judging``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdecrypt.tls.facts import collect_facts, decisive_exchange
from tqdecrypt.tls.judging.case import Case, Judgement
from tqdecrypt.tls.judging.handshakes import (
    damaged_handshake,
    failed_handshake,
    incomplete,
    no_handshake,
)
from tqdecrypt.tls.judging.records import opened
from tqdecrypt.tls.judging.refusals import no_data, refused
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import MEANINGS, Verdict

if TYPE_CHECKING:
    from tqdecrypt.tls.session import Session

__all__ = ["report_session"]


def report_session(
    session: Session,
    number: int,
    ends: tuple[str, str],
    initiator: int | None,
    given: tuple[str, ...] = (),
    how_ended: str = "capture ended",
) -> SessionReport:
    """Return the report on a session that ended.

    :param ends: ``ip:port`` of side 0 and 1.
    :param initiator: the side that opened the TCP connection, if that was seen.
    :param given: what keys were given, in words.
    :param how_ended: how the TCP connection ended, in words.
    """
    report = collect_facts(session, number, ends, initiator, how_ended)
    exchange = decisive_exchange(session)
    case = Case(session, report, exchange, given, how_ended)
    for rule in _RULES:
        judgement = rule(case)
        if judgement is not None:
            report.verdict = judgement.verdict
            report.why = judgement.why
            report.advice = list(judgement.advice)
            if report.verdict is Verdict.HANDSHAKE_FAILED:
                report.mutual_tls = None  # what the client sent was not accepted
            report.side = (judgement.side or MEANINGS[judgement.verdict].side).value
            break
    return report


_RULES: tuple[Callable[[Case], Judgement | None], ...] = (
    no_handshake,
    failed_handshake,
    damaged_handshake,
    no_data,
    refused,
    opened,
    incomplete,
)
