"""Offers and answers of session descriptions (RFC 3264, RFC 6337): which body is which.

One :class:`Offer` is one exchange on one hop.  Where offers and answers may stand (RFC 6337 section 2):

    offer in            answer in
    INVITE              2xx, or a reliable 1xx before it
    2xx to INVITE       ACK
    reliable 1xx        PRACK
    PRACK               2xx to PRACK
    UPDATE              2xx to UPDATE

A description in a 1xx that is not reliable is no answer, only a copy of the one in the 2xx that is to
come (RFC 3261 section 13.2.1); it is kept as :attr:`Offer.early`, since media begins with it.
"""

from __future__ import annotations

from tqdecrypt.calls.transaction import Transaction
from tqdecrypt.sip.message import Flow

__all__ = ["Offer"]


class Offer:
    """An offer and what became of it.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "answer",
        "answer_carrier",
        "answer_frame",
        "answer_time",
        "body",
        "by_caller",
        "callee_tag",
        "carrier",
        "early",
        "early_frame",
        "early_time",
        "flow",
        "frame",
        "rejected",
        "repeats",
        "time",
        "transaction",
    )

    def __init__(
        self,
        time: int,
        frame: int,
        by_caller: bool,
        body: bytes,
        carrier: str,
        transaction: Transaction,
        flow: Flow,
        repeats: bool = False,
    ) -> None:
        self.time = time
        self.frame = frame
        self.by_caller = by_caller
        """Whether the caller of the dialog offered."""
        self.body = body
        """The session description as it stands, out of a multipart body, too."""
        self.carrier = carrier
        """What it stood in: ``INVITE``, ``UPDATE``, ``PRACK``, or a status such as ``200``."""
        self.transaction = transaction
        """Of the request, or of that which the response answers."""
        self.flow = flow
        """Flow of the message that it stood in."""
        self.repeats = repeats
        """Whether the same message was seen before, on another hop.  Its body may still differ:
        whoever relays media changes it."""
        self.callee_tag = ""
        """Of the dialog: forks answer one by one.  Empty while nobody answered."""
        self.answer: bytes | None = None
        self.answer_carrier = ""
        """What the answer stood in: ``ACK``, ``PRACK``, or a status."""
        self.answer_time: int | None = None
        self.answer_frame: int | None = None
        self.early: bytes | None = None
        """Description in a provisional response that was not reliable."""
        self.early_time: int | None = None
        self.early_frame: int | None = None
        self.rejected: int | None = None
        """Status of 300-699 that refused the request with the offer: 488, or 491 for glare."""

    @property
    def cseq(self) -> int:
        """CSeq of the request, or of that which the response answers."""
        return self.transaction.cseq

    @property
    def pending(self) -> bool:
        """Whether neither an answer nor a refusal was seen."""
        return self.answer is None and self.rejected is None

    def __repr__(self) -> str:
        who = "caller" if self.by_caller else "callee"
        return f"<offer of the {who} in {self.cseq} {self.carrier}, frame {self.frame}>"
