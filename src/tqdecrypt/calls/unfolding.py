"""What the machines would have made of a leg that went the ordinary course so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Call, Party
from tqdecrypt.calls.course import Course, Stage
from tqdecrypt.calls.dialog import Dialog, DialogState
from tqdecrypt.calls.facts import short_uri
from tqdecrypt.calls.fields import contact_of
from tqdecrypt.calls.following import end_by, hangup_of, routes_of
from tqdecrypt.calls.offer import Offer
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.calls.transaction_state import TransactionState
from tqdecrypt.calls.transaction_table import LINGER
from tqdecrypt.sip.message import Flow, Message

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["unfold"]


def unfold(leg: Leg, course: Course) -> None:
    """Set the call, transactions, dialogs and offers of *leg*."""
    invite = _invite_transaction(course, leg.call_id)
    offer = _offer(course, invite)
    leg.call = _call(course, leg.call_id)
    leg.transactions = [invite]
    leg.dialogs = []
    leg.offers = [offer]
    if course.stage >= Stage.ENDING:
        leg.transactions.append(_bye_transaction(course))
    if course.stage >= Stage.RINGING:
        dialog = _dialog(course, leg)
        leg.dialogs = [dialog]
        if offer.callee_tag:
            dialog.offers = [offer]
    for transaction in leg.transactions:
        final = transaction.final
        if final is not None and final.time + LINGER <= course.concluded:
            transaction.state = TransactionState.TERMINATED


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
    ringing = course.ringing[0].to if course.ringing else b""
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
        yield course.bye
    if stage >= Stage.ENDED:
        yield course.bye_answer


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
        transaction._hashes = tuple(hash(message.raw) for message in course.ringing)
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


def _bye_transaction(course: Course) -> Transaction:
    bye = course.bye
    transaction = Transaction("BYE", bye, bye.flow)
    transaction.take_request(bye)
    transaction.messages = 1
    if course.stage >= Stage.ENDED:
        answer = course.bye_answer
        transaction.take_response(answer, answer.status or 0)
        transaction.last_time = answer.time
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
    contact = contact_of(course.ringing[0]) if course.ringing else None
    if contact:
        dialog.callee_contact = short_uri(contact)
    if course.stage >= Stage.ANSWERED and leg.answer is not None:
        dialog.state = DialogState.CONFIRMED
        dialog.confirmed = course.final.time
        dialog.callee_contact = leg.answer.contact
        dialog.route_set = routes_of(course.record_route)
        dialog.session_timer = course.session_timer
    if course.stage >= Stage.ENDING:
        by = Party.CALLER if course.bye.flow is course.there else Party.CALLEE
        end_by(dialog, hangup_of(course.bye, by, course.bye_reason))
    return dialog


def _callee_tag(course: Course) -> str:
    return next((at.to_tag for at in course.provisionals if at.to_tag), "")
