"""``sips:`` over a clear transport, and TLS callers whose Contact leads off TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.facts import InviteFacts
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "transport_mismatch"]

MEANING = Meaning(
    "transport-mismatch",
    Severity.WARNING,
    "A URI and the transport do not fit: sips over a clear one, or TLS with a Contact that is not.",
)
_SECURE = ("TLS", "WSS")


@on_leg_with(Trait.OTHER_TRANSPORT)
def transport_mismatch(leg: Leg, context: Context) -> Iterator[Finding]:
    """Look at Request-URI and Contact of the INVITE, and at the Contact of the answer."""
    for facts in (leg.invite, leg.answer):
        if facts is None:
            continue
        secure = facts.flow.transport in _SECURE
        source, other = address_of(facts.flow.source), address_of(facts.flow.destination)
        for sentence, advice in _said(facts, source, other, secure=secure):
            yield Finding(
                MEANING.name,
                MEANING.severity,
                facts.time,
                sentence,
                (advice,),
                frames=frames_of((facts.frame,)),
                call_ids=(leg.call_id,),
                sessions=leg.sessions[:4],
                hosts=(source, other),
                key=(advice, source, other),
            )


def _said(
    facts: InviteFacts, source: str, other: str, *, secure: bool
) -> Iterator[tuple[str, str]]:
    uri, contact = facts.request_uri.lower(), facts.contact.lower()
    if uri.startswith("sips:") and not secure:
        yield (
            f"{source} sent a request for a sips: URI over {facts.flow.transport} to {other}.",
            "sips: asks for TLS on every hop (RFC 3261 section 26.2.2): set the route to that host to TLS.",
        )
    if not contact or facts.record_routes:  # then requests follow the route, not the Contact
        return
    if uri.startswith("sips:") and contact.startswith("sip:"):
        yield (
            f"{source} answers a sips: URI with a sip: Contact.",
            "A request to sips: needs a sips: Contact (RFC 3261 section 8.1.1.8).",
        )
    elif secure and contact.startswith("sip:") and not _says_tls(contact):
        yield (
            f"{source} talks TLS to {other}, but its Contact ({facts.contact}) does not say so: requests "
            "in the dialog may come over UDP, or not at all.",
            "Add ;transport=tls to the Contact, with the port on which the device takes TLS.",
        )
    elif not secure and ";transport=tls" in contact:
        yield (
            f"{source} talks {facts.flow.transport} to {other}, but its Contact asks for TLS.",
            "Set one transport for both directions of the trunk.",
        )


def _says_tls(contact: str) -> bool:
    host = contact.partition("@")[2] or contact[4:]
    where, _, parameters = host.partition(";")
    return (
        "transport=tls" in parameters
        or "transport=ws" in parameters
        or where.endswith(":5061")
        or ".invalid" in where  # WebSocket clients (RFC 7118 section 5)
    )
