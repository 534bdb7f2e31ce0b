"""One call: what the messages of one INVITE dialog set say about it (RFC 3261 sections 12 to 17).

The observer sits anywhere between caller and callee, so the same message may pass it on several
hops, one hop may be all it sees, and messages may come slightly out of order.  Therefore nothing
here is a strict state machine of one user agent: each message is evidence, and evidence of an
answer outweighs evidence of a failure, which outweighs that of ringing.

The *leg of the caller* is the hop on which the INVITE was seen first; its transaction is known by
the branch of its Via (section 17.1.3).  A failure on that leg is final.  On a leg behind it, a proxy
may still try somebody else (section 16.7).
"""

from __future__ import annotations

import enum

from tqdecrypt.sip.address import tag_of, uri_of
from tqdecrypt.sip.message import Message

__all__ = ["Call", "CallState", "Party"]

SECOND = 1_000_000_000
"""Nanoseconds."""
TIMER_B = 32 * SECOND
"""64*T1: when an INVITE without any response, or a 2xx without ACK, is given up."""
TIMER_C = 180 * SECOND
"""How long an INVITE may ring before proxies give it up."""

MOST_SEEN = 24
"""Messages that a new one is compared with to recognise retransmissions; older ones are forgotten.

A list, not a set: at this length it takes a third of the memory and as little time."""
MOST_SESSIONS = 64
"""TLS sessions that a call remembers: more than hops and reconnections make."""
MOST_NOTES = 16
"""Most findings that a call collects while it runs: a peer shall not fill the memory."""


class CallState(enum.StrEnum):
    """How far a call came; the value is the word in JSON."""

    TRYING = "trying"
    """INVITE was sent, nobody is rung yet."""
    RINGING = "ringing"
    """A provisional response other than 100 came."""
    ESTABLISHED = "established"
    """A 2xx answered the INVITE, and no BYE was seen."""
    ENDED = "ended"
    """A BYE ended it."""
    CANCELLED = "cancelled"
    """CANCEL, or 487: the caller gave up before an answer."""
    FAILED = "failed"
    """A 4xx, 5xx or 6xx answered the INVITE, a challenge that nobody met included."""
    REDIRECTED = "redirected"
    """A 3xx answered the INVITE, and no further INVITE followed."""
    UNANSWERED = "unanswered"
    """No final response came, for longer than the timers of RFC 3261 allow."""


class Party(enum.StrEnum):
    """Who of the two did it."""

    CALLER = "caller"
    CALLEE = "callee"


_CHALLENGES = (401, 407)


class Call:
    """A call as far as it was captured.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "_ack_cseq",
        "_answer_cseq",
        "_branch",
        "_bye_status",
        "_callee_tag",
        "_caller_tag",
        "_cancel_branch",
        "_cseq",
        "_final",
        "_outcome_source",
        "_provisional",
        "_seen",
        "_sessions",
        "answered",
        "call_id",
        "callee",
        "caller",
        "ended",
        "ends_queued",
        "final_status",
        "findings",
        "from_uri",
        "hung_up_by",
        "last_time",
        "messages",
        "reason",
        "retransmissions",
        "started",
        "state",
        "to_uri",
    )

    def __init__(self, message: Message) -> None:
        self.call_id = message.call_id
        self.started = message.time
        """When the first INVITE was sent (the first message that was captured, without INVITE)."""
        self.answered: int | None = None
        """When the first 2xx to it was seen."""
        self.ended: int | None = None
        """When it was over: the BYE, or the final response that was no 2xx."""
        self.state = CallState.TRYING
        self.from_uri = uri_of(message.from_)
        self.to_uri = uri_of(message.to)
        self.caller = message.flow.source
        """``ip:port`` that sent the first INVITE, on the first hop that was captured."""
        self.callee = message.flow.destination
        """``ip:port`` that it was sent to."""
        self.final_status: int | None = None
        self.reason: str | None = None
        """Reason phrase of the final response."""
        self.hung_up_by: Party | None = None
        """Whose BYE it was."""
        self.messages = 0
        self.retransmissions = 0
        """Messages among them that had been seen on the same hop before."""
        self.findings: list[str] = []
        """What is worth knowing, in words; complete when the call is handed over."""
        self.last_time = message.time
        """Time of the last message."""
        self.ends_queued = False
        """Whether the table has it on its list of ended calls."""
        self._cseq: int | None = None  # of the newest INVITE without To tag
        self._branch = ""  # of that INVITE on the caller's leg
        self._caller_tag = ""
        self._callee_tag = ""  # of the dialog that was answered first
        self._answer_cseq = -1
        self._ack_cseq = -1
        self._provisional = False
        self._final = False  # whether the caller's leg has its final response
        self._outcome_source = ""
        self._cancel_branch: str | None = None
        self._bye_status: str | None = None
        self._seen: list[int] = []
        self._sessions: tuple[int, ...] = ()

    @property
    def sessions(self) -> frozenset[int]:
        """Numbers of the TLS sessions that carried it (the last ones, if there are many)."""
        return frozenset(self._sessions)

    def receive(self, message: Message) -> None:
        """Take one message with this Call-ID."""
        self.messages += 1
        self.last_time = message.time
        flow = message.flow
        session = flow.session
        if session is not None and session not in self._sessions:
            self._sessions = (*self._sessions[-MOST_SESSIONS + 1 :], session)
        method = message.cseq_method
        status = message.status
        # To tells responses of forks apart, the flow tells hops apart: neither is a retransmission.
        identity = hash((flow, message.branch, status, message.cseq, method, message.to))
        seen = self._seen
        if identity in seen:
            self.retransmissions += 1
            return
        if len(seen) >= MOST_SEEN:
            del seen[: MOST_SEEN // 2]
        seen.append(identity)
        if status is None:
            handle = _REQUESTS.get(method)
            if handle is not None:
                handle(self, message)
        elif method == "INVITE":
            if status < 200:
                self._handle_provisional(status)
            elif status < 300:
                self._handle_answer(message)
            else:
                self._handle_failure(message, status)
        elif method == "BYE" and status >= 300 and status not in _CHALLENGES:
            self._bye_status = f"{status} {message.reason}".rstrip() + f" from {flow.source}"

    def conclude(self, now: int) -> None:
        """Write the findings; *now* is the capture time at which the call is given up or over."""
        findings = self.findings
        if self._cseq is None:
            findings.append("INVITE not captured")
        if self.answered is not None:
            over = self.ended is not None or now - self.answered >= TIMER_B
            if over and self._ack_cseq < self._answer_cseq:
                findings.append(f"no ACK for the {self.final_status} from {self._outcome_source}")
        elif self._cancel_branch is not None and self.state is not CallState.FAILED:
            by_caller = self._cancel_branch == self._branch
            findings.append("cancelled by the caller" if by_caller else "cancelled by a proxy")
            if self.final_status is None:
                self.state = CallState.CANCELLED
                findings.append("no final response to INVITE")
        elif self.final_status is not None:
            outcome = f"{self.final_status} {self.reason}".rstrip()
            findings.append(f"{outcome} from {self._outcome_source}")
            if self.final_status in _CHALLENGES:
                findings.append("no INVITE with credentials followed")
        elif self.state in (CallState.TRYING, CallState.RINGING):
            heard = self._provisional
            findings.append("no final response to INVITE" if heard else "no response to INVITE")
            if now - self.last_time >= (TIMER_C if heard else TIMER_B):
                self.state = CallState.UNANSWERED
        if self._bye_status is not None:
            findings.append(f"BYE answered {self._bye_status}")

    def _handle_invite(self, message: Message) -> None:
        if b"tag" in message.to and tag_of(message.to):
            if self._cseq is None and self.answered is None and self.state is CallState.TRYING:
                self.state = CallState.ESTABLISHED  # the capture began in mid-call
            return
        tag = tag_of(message.from_)
        if self._cseq is None:
            if self.messages > 1:  # something else came first, and may have come from the callee
                self.started = min(self.started, message.time)
                self.from_uri, self.to_uri = uri_of(message.from_), uri_of(message.to)
                self.caller, self.callee = message.flow.source, message.flow.destination
            self._cseq, self._branch, self._caller_tag = message.cseq, message.branch, tag
        elif self.answered is not None:
            return
        elif message.cseq > self._cseq and tag == self._caller_tag:
            # With credentials (section 22.2), to another target (8.1.3.4), or otherwise improved.
            self._cseq, self._branch = message.cseq, message.branch
            self._reopen()
        elif message.cseq == self._cseq and self.final_status is not None and not self._final:
            self._reopen()  # a proxy tries the next one

    def _reopen(self) -> None:
        """An attempt failed and another one follows."""
        self.state = CallState.TRYING
        self.final_status = self.reason = self.ended = None
        self._final = self._provisional = False

    def _handle_cancel(self, message: Message) -> None:
        if self._cancel_branch is None or message.branch == self._branch:
            self._cancel_branch = message.branch

    def _handle_ack(self, message: Message) -> None:
        self._ack_cseq = max(self._ack_cseq, message.cseq)

    def _handle_bye(self, message: Message) -> None:
        sender = tag_of(message.from_)
        if self._callee_tag and self._callee_tag not in (sender, tag_of(message.to)):
            return  # another branch answered, too, and is let go (section 13.2.2.4)
        if self.ended is None or self.state is CallState.ENDED:
            self.ended = message.time if self.ended is None else min(self.ended, message.time)
            self.state = CallState.ENDED
            if self._caller_tag:
                by_caller = sender == self._caller_tag
                self.hung_up_by = Party.CALLER if by_caller else Party.CALLEE

    def _handle_provisional(self, status: int) -> None:
        self._provisional = True
        if status > 100 and self.state is CallState.TRYING:
            self.state = CallState.RINGING

    def _handle_answer(self, message: Message) -> None:
        tag = tag_of(message.to)
        if self.answered is not None:
            if message.cseq == self._answer_cseq and tag != self._callee_tag:
                self._note(f"answered by {message.flow.source}, too")
            else:
                self.answered = min(self.answered, message.time)
            return
        self.answered = message.time
        self.final_status, self.reason = message.status, message.reason
        self._callee_tag, self._answer_cseq = tag, message.cseq
        self._outcome_source = message.flow.source
        self._caller_tag = self._caller_tag or tag_of(message.from_)
        if self.state is not CallState.ENDED:
            self.state = CallState.ESTABLISHED
            self.ended = None

    def _handle_failure(self, message: Message, status: int) -> None:
        if self.answered is not None:
            if message.cseq != self._answer_cseq and status not in _CHALLENGES:
                outcome = f"{status} {message.reason}".rstrip()
                self._note(f"re-INVITE answered {outcome} from {message.flow.source}")
            return
        if self._cseq is not None and message.cseq < self._cseq:
            return  # of an attempt that was followed by another
        on_callers_leg = self._cseq is None or message.branch == self._branch
        if self._final and not on_callers_leg:
            return
        if status != self.final_status:  # else it was seen nearer to where it comes from
            self._outcome_source = message.flow.source
        self._final = on_callers_leg
        self.final_status, self.reason = status, message.reason
        self.ended = message.time
        if status == 487:
            self.state = CallState.CANCELLED
        else:
            self.state = CallState.REDIRECTED if status < 400 else CallState.FAILED

    def _note(self, finding: str) -> None:
        if finding not in self.findings and len(self.findings) < MOST_NOTES:
            self.findings.append(finding)


_REQUESTS = {
    "INVITE": Call._handle_invite,
    "ACK": Call._handle_ack,
    "BYE": Call._handle_bye,
    "CANCEL": Call._handle_cancel,
}
