"""What of a leg may be worth a closer look: told cheaply, so that most rules need not look at most legs.

A leg that left the ordinary course may have anything.  One that did not has what is found here: nothing
failed, nothing was sent twice, nobody was put on hold; what is left to look at are addresses,
descriptions and what the BYE says.  A trait says that something *may* be there, and never misses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import host_of, uri_host

if TYPE_CHECKING:
    from tqdecrypt.calls.facts import InviteFacts
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.sip.message import Flow

__all__ = ["FEW_HOPS_AT_MOST", "Trait", "first_formats", "traits_of"]

FEW_HOPS_AT_MOST = 32
"""Max-Forwards from which on :attr:`Trait.FEW_HOPS` does not say so; 70 is the start."""
MOST_REMEMBERED = 1 << 14
"""Contacts, without their users, whose traits are remembered; a full table is emptied."""


class Trait:
    """Bits, since they are put together for each leg."""

    UNUSUAL = 1
    """It left the ordinary course, or never was on it."""
    CONTACT_ELSEWHERE = 2
    """A Contact names another host than the address that it came from."""
    OTHER_TRANSPORT = 4
    """``sips:``, or a Contact that does not say the transport by which it came, without Record-Route."""
    FEW_HOPS = 8
    """Max-Forwards is :data:`FEW_HOPS_AT_MOST` or less."""
    REASON = 16
    """The BYE has a Reason."""
    SESSION_TIMER = 32
    """More than half of the interval agreed on (RFC 4028) had passed when it ended, or it goes on."""
    MEDIA_ELSEWHERE = 64
    """A description asks for media to another address than the one that it came from."""
    SECURE_MEDIA = 128
    """A description asks for SRTP."""
    OTHER_CODECS = 256
    """The first format of the answer's audio is not in the offer."""
    GOES_ON = 512
    """It was answered, and nobody ended it."""
    ANY = 1024
    """Not told of a leg: every one has it."""


_SECURE = ("TLS", "WSS")
_Sent = tuple[str, str, str, str, str, bool]
_contacts: dict[_Sent, int] = {}
_connections: dict[str, bytes] = {}
"""By endpoint, the connection line of a description that asks for media to the same address."""


def traits_of(leg: Leg) -> int:
    """Return what a leg that is over may have, as bits."""
    course = leg.course
    if course is None:
        return Trait.UNUSUAL
    if course.ended is not None:
        return course.traits
    timer = Trait.SESSION_TIMER if course.session_timer is not None else 0
    return course.traits | Trait.GOES_ON | timer


def first_formats(body: bytes) -> list[bytes]:
    """Return port and payload types of the first audio line of a session description."""
    at = body.find(b"m=audio ")
    words = body[at + 8 : body.find(b"\n", at)].split() if at >= 0 else []
    return [words[0], *words[2:]] if len(words) > 2 else []


def traits_of_facts(facts: InviteFacts) -> int:
    """Return what Contact, Request-URI and Max-Forwards have."""
    contact = facts.contact
    user, at, host = contact.partition("@")
    if not at or user[:4] != "sip:" or ";" in user:
        at, host = "", contact
    flow = facts.flow
    # Contacts of all users of a host are alike.
    sent = at, host, facts.request_uri[:5], flow.source, flow.transport, facts.record_routes > 0
    traits = _contacts.get(sent)
    if traits is None:
        if len(_contacts) >= MOST_REMEMBERED:
            _contacts.clear()
        traits = _contacts[sent] = _of_contact(contact, facts)
    hops = facts.max_forwards
    if hops is not None and hops <= FEW_HOPS_AT_MOST:
        traits |= Trait.FEW_HOPS
    return traits


def traits_of_offer(offer: bytes, flow: Flow) -> int:
    """Return what an offer in a message on *flow* has."""
    return _of_description(offer, flow.source)


def traits_of_answer(answer: bytes, offer: bytes, flow: Flow) -> int:
    """Return what the answer to an offer on *flow* has."""
    traits = _of_description(answer, flow.destination)
    formats = _formats(answer)
    if len(formats.split()) < 2 or formats != _formats(offer) or b"m=audio 0" in answer:
        offered, answered = first_formats(offer), first_formats(answer)
        if len(answered) < 2 or answered[0] == b"0" or answered[1] not in offered[1:]:
            traits |= Trait.OTHER_CODECS
    return traits


def _of_contact(contact: str, facts: InviteFacts) -> int:
    flow = facts.flow
    traits = 0
    host = uri_host(contact)
    if host and host != host_of(flow.source).strip("[]"):
        traits |= Trait.CONTACT_ELSEWHERE
    says_tls = ";transport=tls" in contact.partition("@")[2].lower()
    secure = flow.transport in _SECURE
    is_sips = "sips:" in (facts.request_uri[:5].lower(), contact[:5].lower())
    if is_sips or (contact and not facts.record_routes and says_tls != secure):
        traits |= Trait.OTHER_TRANSPORT
    return traits


def _of_description(body: bytes, endpoint: str) -> int:
    here = _connections.get(endpoint)
    if here is None:
        if len(_connections) >= MOST_REMEMBERED:
            _connections.clear()
        here = _connections[endpoint] = b"c=IN IP4 %s\r\n" % host_of(endpoint).encode()
    traits = 0
    if body.count(b"c=IN IP") != body.count(here):
        traits |= Trait.MEDIA_ELSEWHERE
    if b"SAVP" in body or b"a=crypto" in body:
        traits |= Trait.SECURE_MEDIA
    return traits


def _formats(body: bytes) -> bytes:
    """Return what stands behind the port in the first audio line; nothing when there is none."""
    audio = body.find(b"m=audio ")
    at = body.find(b" ", audio + 8)
    return body[at : body.find(b"\n", at)] if audio >= 0 and at >= 0 else b""
