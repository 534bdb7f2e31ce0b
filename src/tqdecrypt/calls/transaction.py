"""Transactions by the tables of RFC 3261 section 17 and RFC 6026, as a passive observer sees them.

A transaction is one request and its responses on one hop.  Sections 17.1.3 and 17.2.3 say what
belongs together: the branch of the topmost Via and the method, where the branch begins with the
magic cookie; else Call-ID, CSeq, tags and Via.  Since somebody who watches several hops may see the
same branch on both sides of a load balancer, the hosts of the hop count, too.

How far it came, and by which table: :mod:`~tqdecrypt.calls.transaction_state`.

An ACK to 300-699 belongs to the INVITE's transaction.  That to a 2xx is end-to-end and has a branch
of its own (section 13.2.2.4); it is told here by Call-ID, CSeq and hop, and marks that transaction.
A CANCEL is a transaction of its own with the INVITE's branch (section 9.1), and marks it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tqdecrypt.calls.fields import maybe_field, same_ends, same_hosts, tag_in
from tqdecrypt.calls.transaction_state import INVITE, OTHERS, Event, TransactionState
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Flow, Message

__all__ = [
    "Cancellation",
    "Response",
    "Transaction",
    "TransactionState",
    "max_forwards_of",
    "on_hop",
    "response_of",
]

MOST_PROVISIONALS = 12
"""Provisional responses kept of one transaction; each fork may send some."""
MOST_TEXT = 512
"""Characters kept of reasons."""
MOST_FINALS = 8
"""Further final responses kept: forks that answered, too."""

_EVENTS = (Event.FAILURE, Event.PROVISIONAL, Event.SUCCESS, Event.FAILURE)
"""By the first digit of the status."""


class Response(NamedTuple):
    """One response, as it was seen first on its hop."""

    status: int
    reason: str
    """Reason phrase, often empty."""
    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    frame: int
    reason_header: str
    """Value of Reason (RFC 3326, RFC 6432), several joined by ``, ``; empty when there is none.
    Not looked for in 100 and 2xx."""
    to_tag: str
    """Tells forks apart; empty in most 100."""
    rseq: int = 0
    """RSeq of a reliable provisional response (RFC 3262); 0: not reliable."""


class Cancellation(NamedTuple):
    """The CANCEL of an INVITE."""

    time: int
    frame: int
    reason_header: str
    """Value of Reason, such as ``SIP;cause=200;text="Call completed elsewhere"``."""


class Transaction:
    """One request and its responses on one hop.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "_due",
        "_hashes",
        "_next",
        "_next_accepted",
        "ack_retransmissions",
        "acknowledged",
        "acknowledged_frame",
        "branch",
        "call_id",
        "cancelled",
        "context",
        "cseq",
        "final",
        "finals_dropped",
        "flow",
        "frame",
        "from_tag",
        "last_time",
        "max_forwards",
        "messages",
        "method",
        "other_finals",
        "pracked",
        "provisionals",
        "provisionals_dropped",
        "request_retransmissions",
        "response_retransmissions",
        "retransmitted_reliably",
        "started",
        "state",
        "to_tag",
    )

    def __init__(self, method: str, message: Message, flow: Flow) -> None:
        self.method = method
        self.branch = message.branch
        self.cseq = message.cseq
        self.call_id = message.call_id
        self.flow = flow
        """Flow of the request.  When only responses were captured, made up from theirs."""
        self.started = message.time
        """Time of the first request; of the first message when no request was captured."""
        self.frame = 0
        """Frame of the first request; 0 when none was captured."""
        self.last_time = message.time
        self.from_tag = ""
        self.to_tag = ""
        """Of the request: empty outside of dialogs."""
        self.max_forwards: int | None = None
        """Of the first request; ``None`` without a readable one."""
        self.state = TransactionState.CALLING if method == "INVITE" else TransactionState.TRYING
        self.provisionals: tuple[Response, ...] = ()
        """In their order, without retransmissions; the first :data:`MOST_PROVISIONALS`."""
        self.provisionals_dropped = 0
        """Provisional responses above that number."""
        self.final: Response | None = None
        """The first final response; for INVITE, a 2xx outweighs others."""
        self.other_finals: tuple[Response, ...] = ()
        """Final responses besides: 2xx of other forks, or what a 2xx outweighed."""
        self.finals_dropped = 0
        """Final responses above :data:`MOST_FINALS`."""
        self.acknowledged: int | None = None
        """When the first ACK was seen; INVITE only.  That to a 2xx counts if it took this hop, or
        if none of the hops on which the 2xx was seen (no Record-Route)."""
        self.acknowledged_frame: int | None = None
        self.cancelled: Cancellation | None = None
        """INVITE only."""
        self.pracked: tuple[int, ...] = ()
        """RSeq of the provisional responses whose PRACK was seen."""
        self.request_retransmissions = 0
        self.response_retransmissions = 0
        self.ack_retransmissions = 0
        self.retransmitted_reliably = False
        """Whether anything was retransmitted over TCP, TLS or WebSocket, where section 17 has no
        retransmission but that of the 2xx to INVITE and its ACK."""
        self.messages = 0
        """Messages in it, retransmissions and ACK included."""
        self.context: object = None
        """What the analysis hangs on to it."""
        self._next: Transaction | None = None
        self._next_accepted: Transaction | None = None
        self._hashes: tuple[int, ...] = ()
        self._due = 0  # the second in which the table looks at its timer

    @property
    def responses(self) -> tuple[Response, ...]:
        """All responses that were kept, provisional ones first."""
        finals = (self.final, *self.other_finals) if self.final else self.other_finals
        return (*self.provisionals, *finals)

    @property
    def request_seen(self) -> bool:
        """Whether the request was captured."""
        return self.frame > 0

    @property
    def crossed_cancel(self) -> bool:
        """Whether a 2xx came in spite of a CANCEL (RFC 3261 section 9.1)."""
        return self.cancelled is not None and self.final is not None and self.final.status < 300

    def __repr__(self) -> str:
        status = self.final.status if self.final else "no final response"
        return f"<{self.cseq} {self.method} {self.branch} {self.state.value}: {status}>"

    def take_request(self, message: Message) -> None:
        """Take the first request."""
        self.frame = message.frame
        self.started = min(self.started, message.time)
        self.from_tag = tag_in(message.from_)
        self.to_tag = tag_in(message.to)
        self.max_forwards = max_forwards_of(message)

    def take_response(self, message: Message, status: int) -> Response | None:
        """Take a response and return it; ``None`` when it is a retransmission."""
        to_tag = tag_in(message.to)
        take = self._take_final if status >= 200 else self._take_provisional
        response = take(message, status, to_tag)
        if response is not None:
            event = _EVENTS[min(status // 100, 3)]
            table = INVITE if self.method == "INVITE" else OTHERS
            self.state = table[self.state].get(event, self.state)
            return response
        self.response_retransmissions += 1
        answered = self.method == "INVITE" and 200 <= status < 300
        self.retransmitted_reliably |= message.flow.transport != "UDP" and not answered
        return None

    def _take_provisional(self, message: Message, status: int, to_tag: str) -> Response | None:
        known = [at for at in self.provisionals if at.status == status and at.to_tag == to_tag]
        mark = 0 if status == 100 else hash(message.raw)
        if known and (mark == 0 or mark in self._hashes or self.final is not None):
            return None
        response = response_of(message, status, to_tag)
        if len(self.provisionals) >= MOST_PROVISIONALS:
            self.provisionals_dropped += 1
            return response
        self.provisionals = (*self.provisionals, response)
        if mark and self.final is None:
            self._hashes = (*self._hashes, mark)
        return response

    def _take_final(self, message: Message, status: int, to_tag: str) -> Response | None:
        final = self.final
        if final is None:
            self.final = final = response_of(message, status, to_tag)
            self._hashes = ()
            return final
        if final.status == status and final.to_tag == to_tag:
            return None
        for other in self.other_finals:
            if other.status == status and other.to_tag == to_tag:
                return None
        response = response_of(message, status, to_tag)
        if final.status >= 300 > status and self.method == "INVITE":
            self.final, other = response, final
        else:
            other = response
        if len(self.other_finals) < MOST_FINALS:
            self.other_finals = (*self.other_finals, other)
        else:
            self.finals_dropped += 1
        return response


def max_forwards_of(message: Message) -> int | None:
    """Return the number in Max-Forwards; ``None`` without a readable one."""
    raw = message.raw
    at = raw.find(b"\r\nMax-Forwards: ", 0, message.body_start)
    digits = raw[at + 16 : raw.find(b"\r", at + 16)] if at >= 0 else None
    if digits is None or not digits.isdigit():
        digits = maybe_field(message, b"max-forwards")
    return int(digits) if digits and digits.isdigit() and len(digits) < 6 else None


def on_hop(transactions: Iterable[Transaction], flow: Flow) -> list[Transaction]:
    """Return those whose request took the hop of *flow*: by address and port, or else by host.

    Ports differ when a connection was renewed; hosts are the same where all run on one machine.
    """
    near = [one for one in transactions if same_hosts(one.flow, flow)]
    return [one for one in near if same_ends(one.flow, flow)] or near


def response_of(message: Message, status: int, to_tag: str) -> Response:
    """Return what a response says, with its Reason and RSeq where it may have them."""
    reason_header = None
    rseq = 0
    if 100 < status < 200:
        head = message.raw[: message.body_start].lower()
        if b"\nrseq" in head:
            value = maybe_field(message, b"rseq")
            rseq = int(value) if value and value.isdigit() and len(value) <= 10 else 0
        if b"\nreason" in head:
            reason_header = maybe_field(message, b"reason")
    elif status >= 300:
        reason_header = maybe_field(message, b"reason")
    return Response(
        status,
        (message.reason or "")[:MOST_TEXT],
        message.time,
        message.frame,
        text(reason_header)[:MOST_TEXT] if reason_header else "",
        to_tag,
        rseq,
    )
