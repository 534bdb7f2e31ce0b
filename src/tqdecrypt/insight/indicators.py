"""Performance indicators of SIP telephony (RFC 6076), by peer, trunk and time.

``docs/reference/indicators.md`` defines each of them and works an example by hand.

The RFC measures at the originating user agent.  An observer measures on the first hop on which it saw a
call, which is nearest to that; delays are shorter by what lies in front of it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.evidence import address_of, attempts_of
from tqdecrypt.insight.trunks import Trunks

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.calls.transaction import Transaction

__all__ = ["IndicatorTable", "Indicators", "Key"]

MOST_ROWS = 20_000
"""Pairs of peers and slices of time that are kept, some five kilobytes each; further ones are only counted
in the total."""
CHALLENGES = frozenset({401, 402, 407})
"""Sections 4.3.2, 4.6, 4.7: no failures, the client tries again by itself."""
EFFECTIVE = frozenset({480, 486, 600, 603})
"""Section 4.7: what the called person decided."""
INEFFECTIVE = frozenset({408, 500, 503, 504})
"""Section 4.8."""

Key = tuple[str, str, int]
"""Who asked, who was asked (trunk or address), begin of the slice of time in nanoseconds."""


class Indicators:
    """One row.  Ratios are in per cent, ``None`` without anything to count."""

    __slots__ = (
        "answered",
        "challenged",
        "completed",
        "disconnect_delay",
        "disconnect_delay_failed",
        "duration",
        "duration_failed",
        "effective",
        "ineffective",
        "redirected",
        "registration_delay",
        "registrations",
        "registrations_failed",
        "request_delay",
        "request_delay_failed",
        "requests",
        "sessions",
    )

    def __init__(self) -> None:
        self.requests = 0
        """INVITEs outside of a dialog, retransmissions not counted."""
        self.answered = 0
        """Those that a 2xx answered."""
        self.redirected = 0
        """Those that got 3xx."""
        self.challenged = 0
        """Those that got 401, 402 or 407."""
        self.effective = 0
        """Those that got 480, 486, 600 or 603."""
        self.ineffective = 0
        """Those that got 408, 500, 503 or 504, or nothing in time."""
        self.sessions = 0
        """Sessions asked for: a call, however often it was challenged."""
        self.completed = 0
        """Those among them that did not fail for want of a response (section 4.9)."""
        self.request_delay = Delays()
        """SRD of successful requests (4.3.1)."""
        self.request_delay_failed = Delays()
        """SRD of those that failed (4.3.2)."""
        self.disconnect_delay = Delays()
        """SDD, where the BYE was answered 2xx (4.4)."""
        self.disconnect_delay_failed = Delays()
        """SDD, where it was not."""
        self.duration = Delays()
        """SDT of sessions that ended with an answered BYE (4.5.1)."""
        self.duration_failed = Delays()
        """SDT of those whose BYE nobody answered (4.5.2)."""
        self.registrations = 0
        """Attempts to register."""
        self.registrations_failed = 0
        """Those that were refused or not answered; challenges and 3xx do not count (4.2)."""
        self.registration_delay = Delays()
        """RRD (4.1)."""

    @property
    def session_establishment_ratio(self) -> float | None:
        """SER (4.6)."""
        return _percent(self.answered, self.requests - self.redirected - self.challenged)

    @property
    def session_establishment_effectiveness_ratio(self) -> float | None:
        """SEER (4.7)."""
        asked = self.requests - self.redirected - self.challenged
        return _percent(self.answered + self.effective, asked)

    @property
    def ineffective_session_attempts(self) -> float | None:
        """ISA (4.8)."""
        return _percent(self.ineffective, self.sessions)

    @property
    def session_completion_ratio(self) -> float | None:
        """SCR (4.9)."""
        return _percent(self.completed, self.sessions)

    @property
    def ineffective_registration_attempts(self) -> float | None:
        """IRA (4.2)."""
        return _percent(self.registrations_failed, self.registrations)


class IndicatorTable:
    """Adds up legs and registrations.

    :param trunks: names of peers.
    :param slice_length: nanoseconds of capture time a row is about; 0: one row for all of it.
    :ivar total: everything, whatever its row.
    :ivar counters: ``indicator_rows_only_in_the_total``.
    """

    def __init__(
        self,
        trunks: Trunks | None = None,
        slice_length: int = 0,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self.total = Indicators()
        self.rows: dict[Key, Indicators] = {}
        self.counters: Counter[str] = Counter()
        self._name_of = (trunks or Trunks()).name_of
        self._slice = slice_length
        self._most = most_rows

    def add_leg(self, leg: Leg) -> None:
        """Take a leg that is over; what has no INVITE that was captured says nothing."""
        attempts = _first_hop(leg)
        if not attempts:
            return
        flow = attempts[0].flow
        for row in self._rows_of(flow.source, flow.destination, attempts[0].started):
            _add_leg(row, leg, attempts)

    def add_registration(self, registration: Registration) -> None:
        """Take a registration."""
        failed = [one for one in registration.failures if not 300 <= one.status < 400]
        number = len(failed) + registration.failures_dropped + len(registration.timeouts)
        source, registrar = registration.source, registration.registrar
        for row in self._rows_of(source, registrar, registration.first_time):
            row.registrations += registration.attempts
            row.registrations_failed += min(number, registration.attempts)
            row.registration_delay.merge(registration.delays)

    def _rows_of(self, source: str, destination: str, time: int) -> list[Indicators]:
        ends = [address_of(source), address_of(destination)]
        names = [self._name_of(end) or end for end in ends]
        begin = time - time % self._slice if self._slice else 0
        key = names[0], names[1], begin
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= self._most:
                self.counters["indicator_rows_only_in_the_total"] += 1
                return [self.total]
            row = self.rows[key] = Indicators()
        return [self.total, row]


def _first_hop(leg: Leg) -> list[Transaction]:
    """Return the INVITEs on the hop nearest to the caller, one a CSeq, that have come to an end."""
    attempts: dict[int, Transaction] = {}
    for attempt in attempts_of(leg):
        if attempt.request_seen:
            attempts.setdefault(attempt.cseq, attempt)
    return list(attempts.values())


def _add_leg(row: Indicators, leg: Leg, attempts: list[Transaction]) -> None:
    row.sessions += 1
    ineffective = 0
    for attempt in attempts:
        final = attempt.final
        status = final.status if final is not None else 0
        row.requests += 1
        row.answered += 200 <= status < 300
        row.redirected += 300 <= status < 400
        row.challenged += status in CHALLENGES
        row.effective += status in EFFECTIVE
        ineffective = int(status in INEFFECTIVE or (not status and attempt.state.timed_out))
        _add_request_delay(row, attempt)
    row.ineffective += ineffective
    last = attempts[-1]
    answered = last.final is not None and last.final.status < 300
    silent = last.state.timed_out if last.final is None else last.final.status == 408
    row.completed += not silent and _add_disconnect(row, leg, last if answered else None)


def _add_request_delay(row: Indicators, attempt: Transaction) -> None:
    ringing = next((one for one in attempt.provisionals if one.status > 100), None)
    final = attempt.final
    if ringing is not None:
        row.request_delay.add(ringing.time - attempt.started)
    elif final is not None and final.status < 300:
        row.request_delay.add(final.time - attempt.started)
    elif final is not None and final.status >= 400 and final.status not in CHALLENGES:
        row.request_delay_failed.add(final.time - attempt.started)


def _add_disconnect(row: Indicators, leg: Leg, answered: Transaction | None) -> bool:
    """Add what the BYE of an answered call says; return whether it, if there was one, was answered."""
    byes = [at for at in leg.transactions if at.method == "BYE" and at.request_seen]
    if answered is None or answered.final is None or not byes:
        return True
    bye = byes[0]
    talked = bye.started - answered.final.time
    if bye.final is not None and bye.final.status < 300:
        row.disconnect_delay.add(bye.final.time - bye.started)
        row.duration.add(talked)
        return True
    if bye.final is not None:
        row.disconnect_delay_failed.add(bye.final.time - bye.started)
    elif not bye.state.timed_out:
        return True  # the capture ended
    row.duration_failed.add(talked)
    return bye.final is not None


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole > 0 else None
