"""Which session description is an offer, which an answer, and who is on hold (RFC 3264, RFC 6337).

The rules run on each hop by itself, since whoever relays media changes descriptions on the way: an
offer and its answer belong together by their transaction, and a transaction is on one hop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.dialog import Dialog, HoldChange
from tqdecrypt.calls.offer import Offer
from tqdecrypt.calls.transaction import Response, Transaction, on_hop
from tqdecrypt.sip.message import Message

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = [
    "answer_in_ack",
    "answer_in_prack",
    "description_in_response",
    "direction_of",
    "offer_in_request",
    "refuse_offers",
]

MOST_OFFERS = 32
"""Offers kept of a leg; those in the middle go first."""
MOST_HOLDS = 32
"""Changes of hold kept of a dialog."""

_DIRECTIONS = frozenset({b"sendrecv", b"sendonly", b"recvonly", b"inactive"})
_HOLDING = frozenset({"sendonly", "inactive"})


def offer_in_request(
    leg: Leg,
    dialog: Dialog | None,
    message: Message,
    transaction: Transaction,
    by_caller: bool,
    body: bytes,
) -> None:
    """INVITE, UPDATE, or a PRACK that answers nothing."""
    _add(leg, dialog, message, transaction, by_caller, body, message.method or "")


def description_in_response(
    leg: Leg,
    dialog: Dialog | None,
    message: Message,
    transaction: Transaction,
    response: Response,
    by_caller: bool,
    body: bytes,
) -> None:
    """A provisional response or 2xx; *by_caller*: whose it is."""
    callee_tag = dialog.callee_tag if dialog else response.to_tag
    offer: Offer | None = None
    for known in leg.offers:
        if known.transaction is transaction:
            if known.callee_tag == callee_tag:
                offer = known
                break
            if known.carrier[0].isalpha():  # it stood in the request: each fork answers it
                offer = known
    is_final = response.status >= 200
    if offer is None:
        if transaction.method == "INVITE" and (is_final or response.rseq):
            _add(leg, dialog, message, transaction, by_caller, body, str(response.status))
        return
    if offer.carrier[0].isdigit():
        return  # the offer of an earlier reliable response, once more
    if offer.callee_tag != callee_tag:
        offer = _adopt(leg, dialog, offer, callee_tag)
    if is_final or response.rseq:
        _answer(leg, dialog, offer, message, body, str(response.status))
    elif offer.early is None and offer.answer is None:
        offer.early, offer.early_time = _shared(leg, body), message.time
        offer.early_frame = message.frame


def answer_in_ack(
    leg: Leg, dialog: Dialog | None, message: Message, transaction: Transaction, body: bytes
) -> None:
    """An ACK to a 2xx with an offer; in any other it means nothing."""
    for offer in leg.offers:
        if offer.transaction is transaction and offer.carrier[0] == "2":
            _answer(leg, dialog, offer, message, body, "ACK")
            return


def answer_in_prack(leg: Leg, dialog: Dialog, message: Message, body: bytes) -> bool:
    """Return whether the PRACK answers an offer in a reliable provisional response."""
    pending = [
        offer
        for offer in leg.offers
        if offer.carrier[0] == "1" and offer.pending and offer.callee_tag == dialog.callee_tag
    ]
    here = on_hop([offer.transaction for offer in pending], message.flow)
    for offer in reversed(pending):
        if offer.transaction in here:
            _answer(leg, dialog, offer, message, body, "PRACK")
            return True
    return False


def refuse_offers(leg: Leg, transaction: Transaction, status: int) -> None:
    """300-699 refused the request: its offer is void, the session stays as it was."""
    for offer in leg.offers:
        if offer.transaction is transaction and offer.pending:
            offer.rejected = status


def direction_of(body: bytes) -> str:
    """Return the direction of the first medium that is in use: ``sendrecv`` unless told otherwise.

    An address of 0.0.0.0 is the hold of RFC 2543 and reads ``sendonly``.
    """
    if not (
        b"a=sendonly" in body
        or b"a=recvonly" in body
        or b"a=inactive" in body
        or b" 0.0.0.0" in body
    ):
        return "sendrecv"
    session = medium = b"sendrecv"
    session_zero = zero = False
    in_use = False
    for line in body.splitlines():
        if line[:2] == b"m=":
            if in_use:
                break
            words = line.split()
            in_use = len(words) > 1 and words[1].partition(b"/")[0] != b"0"
            medium, zero = session, session_zero
        elif line[:2] == b"a=" and line[2:].strip() in _DIRECTIONS:
            medium = line[2:].strip()
            session = session if in_use else medium
        elif line[:2] == b"c=":
            zero = line.rstrip().endswith(b" 0.0.0.0")
            session_zero = session_zero if in_use else zero
    if zero and medium == b"sendrecv":
        return "sendonly"
    return medium.decode()


def _add(
    leg: Leg,
    dialog: Dialog | None,
    message: Message,
    transaction: Transaction,
    by_caller: bool,
    body: bytes,
    carrier: str,
) -> None:
    repeats = any(
        known.cseq == transaction.cseq
        and known.by_caller == by_caller
        and known.carrier == carrier
        and known.transaction is not transaction
        and (dialog is None or known.callee_tag in ("", dialog.callee_tag))
        for known in leg.offers
    )
    offer = Offer(
        message.time,
        message.frame,
        by_caller,
        _shared(leg, body),
        carrier,
        transaction,
        message.flow,
        repeats,
    )
    _keep(leg, dialog, offer)


def _keep(leg: Leg, dialog: Dialog | None, offer: Offer) -> None:
    offers = leg.offers
    if len(offers) >= MOST_OFFERS:
        gone = offers.pop(MOST_OFFERS // 2)
        leg.offers_dropped += 1
        for other in leg.dialogs:
            if gone in other.offers:
                other.offers.remove(gone)
    if offers:
        offers.append(offer)
    else:
        leg.offers = [offer]  # a list that was appended to has room for four
    if dialog is not None:
        offer.callee_tag = dialog.callee_tag
        _keep_in(dialog, offer)


def _keep_in(dialog: Dialog, offer: Offer) -> None:
    if dialog.offers:
        dialog.offers.append(offer)
    else:
        dialog.offers = [offer]


def _adopt(leg: Leg, dialog: Dialog | None, offer: Offer, callee_tag: str) -> Offer:
    """Return the offer for the dialog that answers it: itself for the first, else a copy."""
    if offer.callee_tag:
        copy = Offer(
            offer.time,
            offer.frame,
            offer.by_caller,
            offer.body,
            offer.carrier,
            offer.transaction,
            offer.flow,
            offer.repeats,
        )
        _keep(leg, dialog, copy)
        copy.callee_tag = callee_tag
        return copy
    offer.callee_tag = callee_tag
    if dialog is not None:
        _keep_in(dialog, offer)
    return offer


def _answer(
    leg: Leg, dialog: Dialog | None, offer: Offer, message: Message, body: bytes, carrier: str
) -> None:
    if offer.answer is not None:
        return  # the 2xx repeats what the reliable 1xx said
    offer.answer = offer.early if offer.early == body else _shared(leg, body)
    offer.answer_carrier = carrier
    offer.answer_time, offer.answer_frame = message.time, message.frame
    offer.rejected = None
    if dialog is not None and not offer.repeats:
        _note_hold(dialog, offer, offer.answer)


def _note_hold(dialog: Dialog, offer: Offer, answer: bytes) -> None:
    """Who does not want to hear the other: who says ``sendonly`` or ``inactive`` of himself.

    An answer of ``inactive`` to ``inactive`` had no choice (RFC 3264 section 6.1): it says nothing
    of whoever answers, and that of ``sendonly`` or ``inactive`` to ``recvonly`` likewise.
    """
    offered = direction_of(offer.body)
    _set_hold(dialog, offer.by_caller, offered in _HOLDING, offer.time, offer.frame)
    if offered in ("sendrecv", "sendonly"):
        time, frame = offer.answer_time or offer.time, offer.answer_frame or offer.frame
        _set_hold(dialog, not offer.by_caller, direction_of(answer) in _HOLDING, time, frame)


def _set_hold(dialog: Dialog, of_caller: bool, held: bool, time: int, frame: int) -> None:
    if held == (dialog.caller_holds if of_caller else dialog.callee_holds):
        return
    if of_caller:
        dialog.caller_holds = held
    else:
        dialog.callee_holds = held
    change = HoldChange(time, frame, Party.CALLER if of_caller else Party.CALLEE, held)
    dialog.holds = (*dialog.holds[: MOST_HOLDS - 1], change)


def _shared(leg: Leg, body: bytes) -> bytes:
    """Return the same description as another hop's object, which keeps it once."""
    for offer in leg.offers:
        if offer.body == body:
            return offer.body
        if offer.answer == body:
            return offer.answer
    return body
