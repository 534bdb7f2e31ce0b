"""What the machines would have made of a leg that went the ordinary course so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Call, Party
from tqdecrypt.calls.course import Course, Stage
from tqdecrypt.calls.dialog import Dialog, DialogState, Hangup
from tqdecrypt.calls.facts import short_uri
from tqdecrypt.calls.following import end_by, routes_of, settle
from tqdecrypt.calls.offer import Offer
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.calls.transaction_state import TransactionState
from tqdecrypt.calls.transaction_table import LINGER
from tqdecrypt.sip.message import Flow, Message

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["offer_of", "unfold"]


def unfold(leg: Leg, course: Course) -> None:
    """Set the call, transactions, dialogs and offers of *leg*."""
    invite = _invite_transaction(course, leg.call_id)
    offer = _offer(course, invite)
    leg.call = _call(course, leg.call_id)
    leg.transactions = [invite]
    leg.dialogs = []
    leg.offers = [offer]
    if course.stage >= Stage.ENDING:
        leg.transactions.append(_bye_transaction(course, leg.call_id))
    if course.stage >= Stage.RINGING:
        dialog = _dialog(course, leg)
        leg.dialogs = [dialog]
        if offer.callee_tag:
            dialog.offers = [offer]
    now = course.concluded
    if now is not None:
        for transaction in leg.transactions:
            final = transaction.final
            if final is not None and final.time + LINGER <= now:
                transaction.state = TransactionState.TERMINATED
        leg.call.conclude(now)
        settle(leg, now)


def offer_of(course: Course, call_id: str) -> Offer:
    """Return the offer of a course as it is now, which stays as it is when the course goes on."""
    return _offer(course, _invite_transaction(course, call_id))


def _call(course: Course, call_id: str) -> Call:
    """Return the call, which takes what it needs of each message once more."""
    facts = course.invite
    messages = _messages(course, call_id)
    first = next(messages)
    call = Call(first)
    call.receive(first)
    call.from_uri, call.to_uri, call._caller_tag = facts.from_uri, facts.to_uri, facts.from_tag
    for message in messages:
        call.receive(message)
    return call


def _messages(course: Course, call_id: str) -> Iterator[Message]:
    """Yield the messages so far, without their text and From."""
    facts, stage = course.invite, course.stage

    def response(one: Response, to: bytes) -> Message:
        message = _message(course, call_id, course.back, one.time, one.frame, to)
        message.status, message.reason = one.status, one.reason
        return message

    yield _message(course, call_id, course.there, facts.time, facts.frame, facts.to)
    ringing = course.ringing.to if course.ringing is not None else b""
    to = course.accepted.to if stage >= Stage.ANSWERED else ringing
    for one in course.provisionals:
        yield response(one, facts.to if one.status == 100 else to)
    if stage >= Stage.ANSWERED:
        yield response(course.final, to)
    if stage >= Stage.ESTABLISHED:
        time, frame = course.acknowledged, course.acknowledged_frame
        acknowledgment = _message(course, call_id, course.there, time, frame, to)
        acknowledgment.method = acknowledgment.cseq_method = "ACK"
        acknowledgment.branch = course.acknowledged_branch
        yield acknowledgment
    if stage >= Stage.ENDING:
        yield _bye_message(course, call_id)
    if stage >= Stage.ENDED:
        final, back = course.bye.final, course.back if course.bye.by_caller else course.there
        answer = _message(course, call_id, back, final.time, final.frame, course.bye.final_to)
        answer.status, answer.reason = final.status, final.reason
        answer.cseq, answer.cseq_method = course.bye.cseq, "BYE"
        answer.branch = course.bye.branch
        yield answer


def _message(course: Course, call_id: str, flow: Flow, time: int, frame: int, to: bytes) -> Message:
    """Return a message of the INVITE's transaction: the INVITE, unless it is changed."""
    message = Message()
    message.raw = message.from_ = b""
    message.body_start = 0
    message.flow, message.time, message.frame = flow, time, frame
    message.method = message.cseq_method = "INVITE"
    message.request_uri = message.status = message.reason = None
    message.call_id, message.cseq, message.branch = call_id, course.invite.cseq, course.branch
    message.to = to
    return message


def _bye_message(course: Course, call_id: str) -> Message:
    bye = course.bye
    flow = course.there if bye.by_caller else course.back
    message = _message(course, call_id, flow, bye.time, bye.frame, bye.to)
    # As far as anybody asks: whose it is.
    message.from_ = course.invite.from_ if bye.by_caller else course.accepted.to
    message.method = message.cseq_method = "BYE"
    message.cseq, message.branch = bye.cseq, bye.branch
    return message


def _invite_transaction(course: Course, call_id: str) -> Transaction:
    facts = course.invite
    invite = _message(course, call_id, course.there, facts.time, facts.frame, facts.to)
    transaction = Transaction("INVITE", invite, course.there)
    transaction.frame = facts.frame
    transaction.from_tag, transaction.max_forwards = facts.from_tag, facts.max_forwards
    transaction.messages = 1 + len(course.provisionals)
    transaction.provisionals = course.provisionals
    if course.provisionals:
        transaction.state = TransactionState.PROCEEDING
        transaction.last_time = course.provisionals[-1].time
        transaction._hashes = course.ringing.hashes if course.ringing else ()
    if course.stage >= Stage.ANSWERED:
        transaction.state = TransactionState.ACCEPTED
        transaction.final = course.final
        transaction.last_time = course.final.time
        transaction.messages += 1
    if course.stage >= Stage.ESTABLISHED:
        transaction.acknowledged = transaction.last_time = course.acknowledged
        transaction.acknowledged_frame = course.acknowledged_frame
        transaction.messages += 1
    return transaction


def _bye_transaction(course: Course, call_id: str) -> Transaction:
    bye, caller_tag, callee_tag = course.bye, course.invite.from_tag, course.final.to_tag
    message = _bye_message(course, call_id)
    transaction = Transaction("BYE", message, message.flow)
    tags = (caller_tag, callee_tag) if bye.by_caller else (callee_tag, caller_tag)
    transaction.from_tag, transaction.to_tag = tags
    transaction.frame, transaction.max_forwards = bye.frame, bye.max_forwards
    transaction.messages = 1
    if course.stage >= Stage.ENDED:
        transaction.state = TransactionState.COMPLETED
        transaction.final = bye.final
        transaction.last_time = bye.final.time
        transaction.messages = 2
    return transaction


def _offer(course: Course, invite: Transaction) -> Offer:
    facts = course.invite
    offer = Offer(facts.time, facts.frame, True, course.offer, "INVITE", invite, course.there)
    if course.early is not None:
        offer.early, offer.early_time, offer.early_frame = course.early
        offer.callee_tag = _callee_tag(course)
    if course.stage >= Stage.ANSWERED:
        final = course.final
        offer.callee_tag = final.to_tag
        offer.answer, offer.answer_carrier = course.answer, str(final.status)
        offer.answer_time, offer.answer_frame = final.time, final.frame
    return offer


def _dialog(course: Course, leg: Leg) -> Dialog:
    facts = course.invite
    tagged = (at for at in course.provisionals if at.to_tag)
    made = next(tagged, None) or course.final
    dialog = Dialog(leg.call_id, facts.from_tag, made.to_tag, made.time, made.frame)
    dialog.caller_contact = facts.contact
    if course.ringing is not None and course.ringing.contact:
        dialog.callee_contact = short_uri(course.ringing.contact)
    if course.stage >= Stage.ANSWERED and leg.answer is not None:
        dialog.state = DialogState.CONFIRMED
        dialog.confirmed = course.final.time
        dialog.callee_contact = leg.answer.contact
        dialog.route_set = routes_of(course.record_route)
        dialog.session_timer = course.session_timer
    if course.stage >= Stage.ENDING:
        bye = course.bye
        by, flow = (Party.CALLER, course.there) if bye.by_caller else (Party.CALLEE, course.back)
        end_by(dialog, Hangup(bye.time, bye.frame, by, bye.reason, flow))
    return dialog


def _callee_tag(course: Course) -> str:
    return next((at.to_tag for at in course.provisionals if at.to_tag), "")
