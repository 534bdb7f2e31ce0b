"""The states of transactions, and what leads from one to the next (RFC 3261 section 17, RFC 6026).

The observer sees what the client's machine and the server's machine say to each other and neither
of the two; it can only say how far the transaction came.  So there is one table for both:

    INVITE                                       other methods

    Calling ─ 1xx ─> Proceeding                  Trying ─ 1xx ─> Proceeding
    Calling ─ Timer B ─> timed out               Trying, Proceeding ─ Timer F ─> timed out
    Proceeding ─ Timer C ─> timed out            Trying, Proceeding ─ final ─> Completed
    both ─ 2xx ─> Accepted                       Completed ─ Timer J, K ─> Terminated
    both ─ 300-699 ─> Completed
    Accepted ─ Timer L, M ─> Terminated
    Completed ─ ACK, Timer D, I ─> Terminated
    Completed ─ no ACK, Timer H ─> timed out

Evidence outweighs timers: a response that comes when the timer was over leads on from there.
"""

from __future__ import annotations

import enum

__all__ = ["INVITE", "OTHERS", "UNANSWERED", "Event", "TransactionState"]


class TransactionState(enum.Enum):
    """How far a transaction came; the value is the word in JSON."""

    CALLING = "calling"
    """INVITE was sent, no response seen."""
    TRYING = "trying"
    """Another request was sent, no response seen."""
    PROCEEDING = "proceeding"
    """A provisional response was seen, no final one."""
    ACCEPTED = "accepted"
    """A 2xx answered the INVITE (RFC 6026)."""
    COMPLETED = "completed"
    """A final response was seen: 300-699 for INVITE, any for other methods."""
    TERMINATED = "terminated"
    """It ended as it should, and its timers are over."""
    TIMED_OUT_B = "timed out, timer B"
    """INVITE without any response for 64*T1."""
    TIMED_OUT_C = "timed out, timer C"
    """INVITE without a final response for three minutes after the last provisional one."""
    TIMED_OUT_F = "timed out, timer F"
    """Another request without a final response for 64*T1."""
    TIMED_OUT_H = "timed out, timer H"
    """300-699 to INVITE without ACK for 64*T1."""

    __hash__ = object.__hash__  # that of Enum is written in Python, and these are keys of tables

    @property
    def timed_out(self) -> bool:
        """Whether a timer ended it for lack of a message."""
        return self in _TIMED_OUT


class Event(enum.Enum):
    """What happens to a transaction."""

    PROVISIONAL = enum.auto()
    SUCCESS = enum.auto()
    """2xx."""
    FAILURE = enum.auto()
    """300-699."""
    TIMER = enum.auto()
    """The one that runs in this state."""

    __hash__ = object.__hash__


_S = TransactionState
_TIMED_OUT = frozenset({_S.TIMED_OUT_B, _S.TIMED_OUT_C, _S.TIMED_OUT_F, _S.TIMED_OUT_H})
Table = dict[TransactionState, dict[Event, TransactionState]]


def _answers(success: TransactionState, failure: TransactionState) -> dict[Event, _S]:
    return {
        Event.PROVISIONAL: _S.PROCEEDING,
        Event.SUCCESS: success,
        Event.FAILURE: failure,
    }


INVITE: Table = {
    _S.CALLING: {**_answers(_S.ACCEPTED, _S.COMPLETED), Event.TIMER: _S.TIMED_OUT_B},
    _S.PROCEEDING: {**_answers(_S.ACCEPTED, _S.COMPLETED), Event.TIMER: _S.TIMED_OUT_C},
    # A proxy forwards a 2xx even behind another final response (section 16.7, step 5).
    _S.COMPLETED: {Event.SUCCESS: _S.ACCEPTED, Event.TIMER: _S.TERMINATED},
    _S.ACCEPTED: {Event.TIMER: _S.TERMINATED},
    _S.TERMINATED: {Event.SUCCESS: _S.ACCEPTED},
    _S.TIMED_OUT_B: _answers(_S.ACCEPTED, _S.COMPLETED),
    _S.TIMED_OUT_C: _answers(_S.ACCEPTED, _S.COMPLETED),
    _S.TIMED_OUT_H: {Event.SUCCESS: _S.ACCEPTED},
}
"""State and event → state; what is not there changes nothing.  Completed without ACK ends in
``TIMED_OUT_H`` instead."""
OTHERS: Table = {
    _S.TRYING: {**_answers(_S.COMPLETED, _S.COMPLETED), Event.TIMER: _S.TIMED_OUT_F},
    _S.PROCEEDING: {**_answers(_S.COMPLETED, _S.COMPLETED), Event.TIMER: _S.TIMED_OUT_F},
    _S.COMPLETED: {Event.TIMER: _S.TERMINATED},
    _S.TERMINATED: {},
    _S.TIMED_OUT_F: _answers(_S.COMPLETED, _S.COMPLETED),
}

UNANSWERED = frozenset({_S.CALLING, _S.TRYING, _S.PROCEEDING})
"""No final response yet."""
