"""What a message means for the dialogs of its leg (RFC 3261 sections 12 to 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.dialog import (
    Dialog,
    DialogEnd,
    DialogState,
    Hangup,
    SessionTimer,
    Transfer,
)
from tqdecrypt.calls.facts import FactFields, facts_of, seconds_of, short_uri
from tqdecrypt.calls.fields import (
    contact_of,
    fields_of,
    maybe_field,
    session_description,
    split_values,
    tag_in,
)
from tqdecrypt.calls.negotiation import (
    answer_in_ack,
    answer_in_prack,
    description_in_response,
    offer_in_request,
    refuse_offers,
)
from tqdecrypt.calls.transaction import Response, Transaction, on_hop
from tqdecrypt.errors import Malformed
from tqdecrypt.sip.address import parameter
from tqdecrypt.sip.grammar import parse_cseq, parse_status_line, text
from tqdecrypt.sip.message import Message

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["end_by", "follow", "reason_in", "routes_of", "session_timer_of", "settle"]

MOST_DIALOGS = 32
"""Forks of one leg that are told apart."""
MOST_ROUTES = 32
MOST_TRANSFERS = 16
MOST_NOTIFIED = 16
MOST_TEXT = 512
"""Characters kept of values that a peer chooses."""
MOST_DESCRIPTION = 1 << 16
"""Longest session description kept; longer ones are counted and not looked at."""

_GONE = frozenset({408, 481})


def follow(
    leg: Leg,
    message: Message,
    transaction: Transaction,
    response: Response | None,
    wanted: FactFields,
) -> None:
    """Take a message that is no retransmission on its hop; it may be known from another one."""
    if response is None:
        handle = _REQUESTS.get(message.method or "")
        if handle is not None:
            handle(leg, message, transaction, wanted)
    elif transaction.method == "INVITE":
        if response.status > 100:
            _handle_invite_response(leg, message, transaction, response, wanted)
    elif response.status >= 200:
        _handle_other_response(leg, message, transaction, response)


def settle(leg: Leg, now: int) -> None:
    """The leg is handed over at capture time *now*.

    Early dialogs are over when somebody else answered, sessions when nobody refreshed them.
    """
    for dialog in leg.dialogs:
        timer = dialog.session_timer
        if dialog.state is DialogState.CONFIRMED and timer is not None and timer.expires < now:
            _end(dialog, timer.expires, DialogEnd.EXPIRED)
    if any(dialog.confirmed is not None for dialog in leg.dialogs):
        for dialog in leg.dialogs:
            if dialog.state is DialogState.EARLY:
                _end(dialog, None, DialogEnd.OTHER_ANSWERED)


def _handle_invite(
    leg: Leg, message: Message, transaction: Transaction, wanted: FactFields
) -> None:
    body = _description(leg, message)
    if not transaction.to_tag:
        if leg.invite is None:
            leg.invite = facts_of(
                message, fields_of(message, wanted.names), (transaction.from_tag, ""), wanted
            )
            leg.invites = 1
        elif message.cseq > leg.newest_invite:
            leg.invites += 1
        leg.newest_invite = max(leg.newest_invite, message.cseq)
        if body:
            offer_in_request(leg, None, message, transaction, True, body)
        return
    _handle_in_dialog(leg, message, transaction, body)


def _handle_update(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    _handle_in_dialog(leg, message, transaction, _description(leg, message))


def _handle_in_dialog(leg: Leg, message: Message, transaction: Transaction, body: bytes) -> None:
    """Re-INVITE or UPDATE: a new target perhaps (section 12.2), and an offer perhaps."""
    dialog = _find_dialog(leg, message, transaction.from_tag, transaction.to_tag)
    if dialog is None:
        return
    by_caller = transaction.from_tag == dialog.caller_tag
    if dialog.is_new(transaction.method, message.cseq, by_caller):
        _set_target(dialog, message, by_caller)
    if body:
        offer_in_request(leg, dialog, message, transaction, by_caller, body)


def _handle_ack(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    final = transaction.final
    if final is not None and final.status >= 300:
        return
    body = _description(leg, message)
    if body:
        dialog = _known_dialog(leg, tag_in(message.from_), tag_in(message.to))
        answer_in_ack(leg, dialog, message, transaction, body)


def _handle_bye(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    dialog = _find_dialog(leg, message, transaction.from_tag, transaction.to_tag)
    if dialog is None:
        return
    by = Party.CALLER if transaction.from_tag == dialog.caller_tag else Party.CALLEE
    if dialog.bye is not None and (dialog.bye.by is by or dialog.other_bye is not None):
        return
    hangup = Hangup(message.time, message.frame, by, reason_in(message), message.flow)
    if dialog.bye is not None:
        dialog.other_bye = hangup
    else:
        end_by(dialog, hangup)


def reason_in(message: Message) -> str:
    """Return the value of Reason (RFC 3326); empty when there is none."""
    reason = maybe_field(message, b"reason")
    return text(reason)[:MOST_TEXT] if reason else ""


def end_by(dialog: Dialog, hangup: Hangup) -> None:
    """The first BYE ends the dialog."""
    dialog.bye = hangup
    _end(dialog, hangup.time, DialogEnd.BYE)


def _handle_prack(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    rseq, _space, rest = (maybe_field(message, b"rack") or b"").strip().partition(b" ")
    cseq, _method = parse_cseq(rest.strip())
    if rseq.isdigit() and len(rseq) <= 10:
        invites = [at for at in leg.transactions if at.method == "INVITE" and at.cseq == cseq]
        for invite in on_hop(invites, message.flow):
            if int(rseq) not in invite.pracked:
                invite.pracked = (*invite.pracked[-15:], int(rseq))
    body = _description(leg, message)
    if not body:
        return
    dialog = _find_dialog(leg, message, transaction.from_tag, transaction.to_tag)
    if dialog is not None and not answer_in_prack(leg, dialog, message, body):
        by_caller = transaction.from_tag == dialog.caller_tag
        offer_in_request(leg, dialog, message, transaction, by_caller, body)


def _handle_refer(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    dialog = _find_dialog(leg, message, transaction.from_tag, transaction.to_tag)
    if dialog is None:
        return
    by_caller = transaction.from_tag == dialog.caller_tag
    if not dialog.is_new("REFER", message.cseq, by_caller):
        return
    fields = fields_of(message)
    target = short_uri(fields.get(b"refer-to", b""))
    uri, _mark, inner = target.partition("?")
    replaces = next((part[9:] for part in inner.split("&") if part[:9].lower() == "replaces="), "")
    referred_by = fields.get(b"referred-by")
    transfer = Transfer(
        message.time,
        message.frame,
        message.cseq,
        Party.CALLER if by_caller else Party.CALLEE,
        uri,
        short_uri(referred_by) if referred_by else "",
        unquote(replaces)[:MOST_TEXT],
    )
    dialog.transfers = (*dialog.transfers[-MOST_TRANSFERS + 1 :], transfer)


def _handle_notify(leg: Leg, message: Message, transaction: Transaction, _: FactFields) -> None:
    """A NOTIFY of the subscription that a REFER made tells how the transfer goes on."""
    dialog = _find_dialog(leg, message, transaction.from_tag, transaction.to_tag)
    if dialog is None or not dialog.transfers:
        return
    by_caller = transaction.from_tag == dialog.caller_tag
    event = maybe_field(message, b"event") or b""
    if event.partition(b";")[0].strip().lower() != b"refer":
        return
    line = message.raw[message.body_start :].lstrip().partition(b"\n")[0].strip()
    try:
        status, _reason = parse_status_line(line)
    except Malformed:
        return
    number = parameter(event, b"id")
    by = Party.CALLEE if by_caller else Party.CALLER
    for transfer in reversed(dialog.transfers):
        if transfer.by is by and (not number or number == b"%d" % transfer.cseq):
            if dialog.is_new("NOTIFY", message.cseq, by_caller):
                told = (message.time, message.frame, status)
                transfer.notified = (*transfer.notified[-MOST_NOTIFIED + 1 :], told)
            return


_REQUESTS = {
    "INVITE": _handle_invite,
    "ACK": _handle_ack,
    "BYE": _handle_bye,
    "PRACK": _handle_prack,
    "UPDATE": _handle_update,
    "REFER": _handle_refer,
    "NOTIFY": _handle_notify,
}


def _handle_invite_response(
    leg: Leg,
    message: Message,
    transaction: Transaction,
    response: Response,
    wanted: FactFields,
) -> None:
    status = response.status
    if status >= 300:
        _handle_refusal(leg, transaction, response)
        return
    if not response.to_tag:
        return
    if transaction.to_tag:
        dialog = _find_dialog(leg, message, transaction.from_tag, response.to_tag)
    else:
        dialog = _fork(leg, message, transaction, response)
    if dialog is None:
        return
    by_caller = transaction.from_tag != dialog.caller_tag
    if status >= 200:
        if not transaction.to_tag and dialog.confirmed is None:
            _confirm(leg, dialog, message, transaction, response, wanted)
        elif transaction.to_tag and dialog.is_new("2xx", message.cseq, by_caller):
            fields = fields_of(message)
            _set_target(dialog, message, by_caller)
            timer = session_timer_of(message, fields, by_caller, dialog.session_timer)
            dialog.session_timer = timer
    body = _description(leg, message)
    if body:
        description_in_response(leg, dialog, message, transaction, response, by_caller, body)


def _confirm(
    leg: Leg,
    dialog: Dialog,
    message: Message,
    transaction: Transaction,
    response: Response,
    wanted: FactFields,
) -> None:
    """The first 2xx of a dialog."""
    fields = fields_of(message, wanted.names)
    if leg.answer is None:
        leg.answer = facts_of(message, fields, (transaction.from_tag, response.to_tag), wanted)
    dialog.confirmed = message.time
    if dialog.state is DialogState.EARLY:
        dialog.state = DialogState.CONFIRMED
    contact = fields.get(b"contact")
    if contact:
        same = leg.answer.to_tag == dialog.callee_tag
        dialog.callee_contact = leg.answer.contact if same else short_uri(contact)
    dialog.route_set = routes_of(fields.get(b"record-route", b""))
    dialog.session_timer = session_timer_of(message, fields, False, dialog.session_timer)


def routes_of(value: bytes) -> tuple[str, ...]:
    """Return the URIs of Record-Route."""
    return tuple(short_uri(route) for route in split_values(value)[:MOST_ROUTES])


def _handle_refusal(leg: Leg, transaction: Transaction, response: Response) -> None:
    """300-699 to an INVITE."""
    refuse_offers(leg, transaction, response.status)
    if transaction.to_tag:
        if response.status in _GONE:
            _mark_gone(leg, transaction, response)
        return
    # On the first hop it ends what the INVITE began; behind it, a proxy may still try others.
    same = (at for at in leg.transactions if at.method == "INVITE" and at.cseq == transaction.cseq)
    on_first_hop = next(same, None) is transaction
    for dialog in leg.dialogs:
        if dialog.state is DialogState.EARLY and (
            on_first_hop or dialog.callee_tag == response.to_tag
        ):
            _end(dialog, response.time, DialogEnd.FAILURE)


def _handle_other_response(
    leg: Leg, message: Message, transaction: Transaction, response: Response
) -> None:
    """The final response to UPDATE, PRACK, REFER …"""
    status = response.status
    method = transaction.method
    if status in _GONE and method not in ("BYE", "CANCEL"):
        _mark_gone(leg, transaction, response)
    if method == "REFER":
        for transfer in (transfer for at in leg.dialogs for transfer in at.transfers):
            if transfer.cseq == transaction.cseq and transfer.status is None:
                transfer.status = status
    if method not in ("UPDATE", "PRACK"):
        return
    if status >= 300:
        refuse_offers(leg, transaction, status)
        return
    dialog = _find_dialog(leg, message, transaction.from_tag, response.to_tag)
    if dialog is None:
        return
    by_caller = transaction.from_tag != dialog.caller_tag
    if method == "UPDATE" and dialog.is_new("UPDATE 2xx", message.cseq, by_caller):
        _set_target(dialog, message, by_caller)
        fields = fields_of(message)
        timer = session_timer_of(message, fields, by_caller, dialog.session_timer)
        dialog.session_timer = timer
    body = _description(leg, message)
    if body:
        description_in_response(leg, dialog, message, transaction, response, by_caller, body)


def _fork(
    leg: Leg, message: Message, transaction: Transaction, response: Response
) -> Dialog | None:
    """Return the dialog that a response to an INVITE outside of a dialog makes or confirms."""
    known = _known_dialog(leg, transaction.from_tag, response.to_tag)
    if known is not None:
        return known
    dialog = _begin(leg, message, transaction.from_tag, response.to_tag)
    if dialog is None:
        return None
    dialog.roles_known = transaction.request_seen
    if leg.invite is not None:
        dialog.caller_contact = leg.invite.contact
    contact = contact_of(message) if response.status < 200 else None
    if contact:
        dialog.callee_contact = short_uri(contact)
    return dialog


def _find_dialog(leg: Leg, message: Message, from_tag: str, to_tag: str) -> Dialog | None:
    """Return the dialog of these tags, whoever is who; a new one when the capture began later."""
    known = _known_dialog(leg, from_tag, to_tag)
    if known is not None or not from_tag or not to_tag:
        return known
    by_callee = leg.invite is not None and leg.invite.from_tag == to_tag
    tags = (to_tag, from_tag) if by_callee else (from_tag, to_tag)
    dialog = _begin(leg, message, *tags)
    if dialog is not None:
        dialog.roles_known = leg.invite is not None and leg.invite.from_tag in tags
        dialog.state = DialogState.CONFIRMED
    return dialog


def _known_dialog(leg: Leg, from_tag: str, to_tag: str) -> Dialog | None:
    for dialog in leg.dialogs:
        if dialog.callee_tag == to_tag and dialog.caller_tag == from_tag:
            return dialog
        if dialog.caller_tag == to_tag and dialog.callee_tag == from_tag:
            return dialog
    return None


def _begin(leg: Leg, message: Message, caller_tag: str, callee_tag: str) -> Dialog | None:
    if len(leg.dialogs) >= MOST_DIALOGS:
        leg.dialogs_dropped += 1
        return None
    dialog = Dialog(leg.call_id, caller_tag, callee_tag, message.time, message.frame)
    if leg.dialogs:
        leg.dialogs.append(dialog)
    else:
        leg.dialogs = [dialog]  # a list that was appended to has room for four
    return dialog


def _end(dialog: Dialog, time: int | None, end: DialogEnd) -> None:
    dialog.state, dialog.end, dialog.ended = DialogState.TERMINATED, end, time


def _mark_gone(leg: Leg, transaction: Transaction, response: Response) -> None:
    for dialog in leg.dialogs:
        if dialog.state is not DialogState.TERMINATED and {
            dialog.caller_tag,
            dialog.callee_tag,
        } == {transaction.from_tag, transaction.to_tag}:
            _end(dialog, response.time, DialogEnd.GONE)


def _set_target(dialog: Dialog, message: Message, by_caller: bool) -> None:
    contact = contact_of(message)
    if contact and by_caller:
        dialog.caller_contact = short_uri(contact)
    elif contact:
        dialog.callee_contact = short_uri(contact)


def session_timer_of(
    message: Message, fields: dict[bytes, bytes], by_caller: bool, before: SessionTimer | None
) -> SessionTimer | None:
    """Return what Session-Expires of a 2xx says (RFC 4028 section 7.2).

    :param by_caller: whose 2xx it is.
    :param before: what was agreed on before.
    """
    value = fields.get(b"session-expires")
    interval = seconds_of(value)
    if value is None or interval is None:
        return None
    refresher = parameter(value, b"refresher").lower()
    requester, responder = Party.CALLER, Party.CALLEE
    if by_caller:
        requester, responder = responder, requester
    return SessionTimer(
        interval,
        requester if refresher == b"uac" else responder if refresher == b"uas" else None,
        message.time,
        message.frame,
        before.refreshes + 1 if before else 0,
    )


def _description(leg: Leg, message: Message) -> bytes:
    if message.body_start >= len(message.raw):
        return b""
    body = session_description(message)
    if len(body) > MOST_DESCRIPTION:
        leg.descriptions_dropped += 1
        return b""
    return body
