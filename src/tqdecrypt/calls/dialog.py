"""Dialogs (RFC 3261 sections 12 to 15): one caller and one of those who answered.

An INVITE may be answered by several, each with a To tag of its own (forking, section 12.1); each of
them makes a dialog.  The same message may be seen on several hops and counts once.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.offer import Offer
from tqdecrypt.sip.message import Flow

__all__ = [
    "Dialog",
    "DialogEnd",
    "DialogState",
    "Hangup",
    "HoldChange",
    "SessionTimer",
    "Transfer",
]

MOST_MARKS = 16
"""Requests and responses that a dialog remembers, to tell those of other hops by."""


class DialogState(enum.Enum):
    """How far a dialog came; the value is the word in JSON."""

    EARLY = "early"
    """Made by a provisional response."""
    CONFIRMED = "confirmed"
    """Made, or confirmed, by a 2xx."""
    TERMINATED = "terminated"


class DialogEnd(enum.Enum):
    """What ended a dialog; the value is the word in JSON."""

    BYE = "BYE"
    FAILURE = "failure"
    """A final response of 300-699 to the INVITE ended all early dialogs (section 12.3)."""
    OTHER_ANSWERED = "other answered"
    """An early dialog that never was confirmed, while another fork's was (section 13.2.2.4)."""
    EXPIRED = "expired"
    """Neither side refreshed the session in time, or ended it, as far as captured (RFC 4028)."""
    GONE = "gone"
    """A request in it was answered 481 or 408 (section 12.2.1.2)."""


class Hangup(NamedTuple):
    """A BYE."""

    time: int
    frame: int
    by: Party
    reason_header: str
    """Value of Reason (RFC 3326), several joined by ``, ``; empty when there is none."""
    flow: Flow


class SessionTimer(NamedTuple):
    """What the two agreed on in the last 2xx with Session-Expires (RFC 4028)."""

    interval: int
    """Seconds."""
    refresher: Party | None
    """Who has to refresh; ``None`` when the 2xx does not say."""
    refreshed: int
    """Time of that 2xx."""
    frame: int
    refreshes: int
    """How often it was refreshed since the session began."""

    @property
    def expires(self) -> int:
        """When the session is over unless somebody refreshes it before."""
        return self.refreshed + self.interval * 1_000_000_000


class HoldChange(NamedTuple):
    """An answered offer put the other on hold, or took it back (RFC 3264 section 8.4)."""

    time: int
    frame: int
    by: Party
    """Whose side it is."""
    held: bool
    """Whether that side now does not want to hear the other."""


class Transfer:
    """A REFER in the dialog and what was heard of it (RFC 3515, RFC 5589)."""

    __slots__ = (
        "by",
        "cseq",
        "frame",
        "notified",
        "refer_to",
        "referred_by",
        "replaces",
        "status",
        "time",
    )

    def __init__(
        self,
        time: int,
        frame: int,
        cseq: int,
        by: Party,
        refer_to: str,
        referred_by: str,
        replaces: str,
    ) -> None:
        self.time = time
        self.frame = frame
        self.cseq = cseq
        """Of the REFER."""
        self.by = by
        """Who sent the REFER: the transferor."""
        self.refer_to = refer_to
        """URI of Refer-To."""
        self.referred_by = referred_by
        """URI of Referred-By (RFC 3892); empty when there is none."""
        self.replaces = replaces
        """Replaces in that URI, unescaped (RFC 3891): ``Call-ID;to-tag=…;from-tag=…``.  Not empty:
        a transfer with consultation."""
        self.status: int | None = None
        """Status of the final response to REFER."""
        self.notified: tuple[tuple[int, int, int], ...] = ()
        """What NOTIFY told with a status line in its body: (time, frame, status)."""

    @property
    def succeeded(self) -> bool | None:
        """Whether the other reached the target; ``None`` while it is not known."""
        last = self.notified[-1][2] if self.notified else None
        if last is not None and last >= 200:
            return last < 300
        return False if self.status is not None and self.status >= 300 else None


class Dialog:
    """One dialog.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "_marks",
        "bye",
        "call_id",
        "callee_contact",
        "callee_holds",
        "callee_tag",
        "caller_contact",
        "caller_holds",
        "caller_tag",
        "confirmed",
        "end",
        "ended",
        "frame",
        "holds",
        "offers",
        "other_bye",
        "roles_known",
        "route_set",
        "session_timer",
        "started",
        "state",
        "transfers",
    )

    def __init__(
        self, call_id: str, caller_tag: str, callee_tag: str, time: int, frame: int
    ) -> None:
        self.call_id = call_id
        self.caller_tag = caller_tag
        self.callee_tag = callee_tag
        self.roles_known = True
        """Whether the INVITE was seen; otherwise who sent the first request counts as caller."""
        self.state = DialogState.EARLY
        self.started = time
        """Time of the response that made it (of the first request when the capture began later)."""
        self.frame = frame
        self.confirmed: int | None = None
        """Time of the 2xx."""
        self.ended: int | None = None
        self.end: DialogEnd | None = None
        self.caller_contact = ""
        """The caller's remote target: URI of the last Contact that it sent (section 12.2)."""
        self.callee_contact = ""
        self.route_set: tuple[str, ...] = ()
        """Record-Route URIs of the response that made the dialog, as it was seen first."""
        self.offers: list[Offer] = []
        """In the order in which they were seen; see :class:`~tqdecrypt.calls.leg.Leg`."""
        self.caller_holds = False
        """Whether the caller has put the callee on hold."""
        self.callee_holds = False
        self.holds: tuple[HoldChange, ...] = ()
        self.session_timer: SessionTimer | None = None
        self.bye: Hangup | None = None
        """The first BYE."""
        self.other_bye: Hangup | None = None
        """That of the other side, where both hung up and the two crossed."""
        self.transfers: tuple[Transfer, ...] = ()
        self._marks: tuple[tuple[str, int, bool], ...] = ()

    def is_new(self, kind: str, cseq: int, by_caller: bool) -> bool:
        """Return whether no other hop has shown this before: what it is, and CSeq of whose."""
        mark = kind, cseq, by_caller
        if mark in self._marks:
            return False
        self._marks = (*self._marks[-MOST_MARKS + 1 :], mark)
        return True

    @property
    def id(self) -> tuple[str, str, str]:
        """Call-ID, caller's tag, callee's tag."""
        return self.call_id, self.caller_tag, self.callee_tag

    @property
    def hung_up_by(self) -> Party | None:
        """Whose BYE ended it."""
        return self.bye.by if self.bye else None

    def __repr__(self) -> str:
        return f"<dialog {self.caller_tag}/{self.callee_tag} {self.state.value}>"
