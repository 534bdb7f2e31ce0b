"""What a message means for the dialogs of its leg (RFC 3261 sections 12 to 15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.dialog import Dialog, DialogEnd, DialogState, Hangup
from tqdecrypt.calls.facts import facts_of
from tqdecrypt.calls.fields import maybe_field
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Message

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["follow", "settle"]

MOST_DIALOGS = 32
"""Forks of one leg that are told apart."""


def follow(
    leg: Leg,
    message: Message,
    transaction: Transaction,
    response: Response | None,
    correlation: Sequence[tuple[bytes, str]],
) -> None:
    """Take a message that is no retransmission on its hop; it may be known from another one."""
    if response is not None:
        if response.status > 100:
            _follow_response(leg, message, transaction, response, correlation)
        return
    method = message.method
    if method == "INVITE" and not transaction.to_tag:
        _follow_first_invite(leg, message, transaction, correlation)
    elif method == "BYE":
        _follow_bye(leg, message, transaction)


def settle(leg: Leg) -> None:
    """The leg is handed over: early dialogs that nobody confirmed are over."""
    answered = any(dialog.confirmed is not None for dialog in leg.dialogs)
    for dialog in leg.dialogs:
        if answered and dialog.state is DialogState.EARLY:
            dialog.state, dialog.end = DialogState.TERMINATED, DialogEnd.OTHER_ANSWERED


def _follow_first_invite(
    leg: Leg, message: Message, transaction: Transaction, correlation: Sequence[tuple[bytes, str]]
) -> None:
    if leg.invite is None:
        leg.invite = facts_of(message, correlation)
        leg.invites = 1


def _follow_response(
    leg: Leg,
    message: Message,
    transaction: Transaction,
    response: Response,
    correlation: Sequence[tuple[bytes, str]],
) -> None:
    status = response.status
    if transaction.method != "INVITE" or transaction.to_tag or not response.to_tag or status >= 300:
        return
    dialog = next((at for at in leg.dialogs if at.callee_tag == response.to_tag), None)
    if dialog is None:
        if len(leg.dialogs) >= MOST_DIALOGS:
            return
        dialog = Dialog(
            leg.call_id, transaction.from_tag, response.to_tag, response.time, response.frame
        )
        if leg.invite is not None:
            dialog.caller_contact = leg.invite.contact
        leg.dialogs.append(dialog)
    if status >= 200:
        if leg.answer is None:
            leg.answer = facts_of(message, correlation)
        if dialog.confirmed is None:
            dialog.confirmed = response.time
            dialog.state = DialogState.CONFIRMED


def _follow_bye(leg: Leg, message: Message, transaction: Transaction) -> None:
    tags = {transaction.from_tag, transaction.to_tag}
    for dialog in leg.dialogs:
        if {dialog.caller_tag, dialog.callee_tag} != tags or dialog.bye is not None:
            continue
        by = Party.CALLER if transaction.from_tag == dialog.caller_tag else Party.CALLEE
        reason = text(maybe_field(message, b"reason") or b"")
        dialog.bye = Hangup(message.time, message.frame, by, reason, message.flow)
        dialog.ended = message.time
        dialog.state, dialog.end = DialogState.TERMINATED, DialogEnd.BYE
