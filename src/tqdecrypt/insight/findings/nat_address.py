"""Contact and Via with addresses that only the sender's own network knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import uri_host
from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of, reaches_public
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with, on_registration

if TYPE_CHECKING:
    from tqdecrypt.calls.facts import InviteFacts
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "in_calls", "in_registrations"]

MEANING = Meaning(
    "nat-address",
    Severity.WARNING,
    "A Contact or Via has a private address although the packets came from a public one (NAT).",
)
_CONTACT_ADVICE = (
    "Turn on NAT support where the request arrives: keep the connection, and answer to where it came from "
    "(RFC 3581 rport, RFC 5626 outbound).",
    "On the device itself, set its public address, or STUN.",
)


@on_leg_with(Trait.CONTACT_ELSEWHERE)
def in_calls(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield INVITEs and answers whose Contact or Via nobody outside can reach."""
    if leg.invite is not None:
        yield from _contact(leg, leg.invite)
        yield from _via(leg, leg.invite)
    if leg.answer is not None:
        yield from _contact(leg, leg.answer)


@on_registration
def in_registrations(registration: Registration, context: Context) -> Iterator[Finding]:
    """Yield bindings to a private address: calls to them are lost unless the registrar knows NAT."""
    source, contact = address_of(registration.source), uri_host(registration.contact)
    if not reaches_public(contact, source) or not registration.refreshes:
        return
    yield Finding(
        MEANING.name,
        Severity.NOTICE,
        registration.first_time,
        f"{source} registered the private Contact {contact}.",
        _CONTACT_ADVICE,
        frames=frames_of((registration.first_frame,)),
        call_ids=(registration.call_id,),
        sessions=registration.sessions[:4],
        hosts=(source, address_of(registration.registrar)),
        key=("registration", source),
    )


def _contact(leg: Leg, facts: InviteFacts) -> Iterator[Finding]:
    source, contact = address_of(facts.flow.source), uri_host(facts.contact)
    if not reaches_public(contact, source) or facts.record_routes or len(facts.via) > 1:
        return
    other = address_of(facts.flow.destination)
    yield Finding(
        MEANING.name,
        MEANING.severity,
        facts.time,
        f"{source} names the private address {contact} in Contact: {other} cannot send ACK, BYE or "
        "re-INVITE there.",
        _CONTACT_ADVICE,
        frames=frames_of((facts.frame,)),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(source, other),
        key=("contact", source, other),
    )


def _via(leg: Leg, facts: InviteFacts) -> Iterator[Finding]:
    """The topmost Via says where responses go, over UDP, unless rport says otherwise."""
    if not facts.via or facts.flow.transport != "UDP":
        return
    sent_by = facts.via[0].sent_by.rpartition(":")[0] or facts.via[0].sent_by
    source = address_of(facts.flow.source)
    responded = any(at.responses for at in leg.transactions if at.flow.source == facts.flow.source)
    if not reaches_public(sent_by.strip("[]"), source) or responded:
        return
    yield Finding(
        MEANING.name,
        MEANING.severity,
        facts.time,
        f"{source} names the private address {sent_by} in Via, and no response was seen on the way back.",
        ("Add rport to Via (RFC 3581), or answer to the address that the request came from.",),
        frames=frames_of((facts.frame,)),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(source, address_of(facts.flow.destination)),
        key=("via", source),
    )
