"""Hosts that call themselves by a name that is not in their certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import uri_host
from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of, is_address
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.facts import InviteFacts
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "certificate_name", "covers"]

MEANING = Meaning(
    "certificate-name",
    Severity.WARNING,
    "The name in Contact is not in the certificate of the host that sent it: peers that compare refuse it.",
)


@on_leg_with(Trait.CONTACT_ELSEWHERE)
def certificate_name(leg: Leg, context: Context) -> Iterator[Finding]:
    """Compare the name in Contact with the certificate that its sender showed."""
    for facts in (leg.invite, leg.answer):
        if facts is None or facts.flow.session is None or len(facts.via) > 1:
            continue  # behind a proxy, the Contact is somebody else's
        note = context.session(facts.flow.session)
        name = uri_host(facts.contact)
        if note is None or not name or is_address(name) or name.endswith(".invalid"):
            continue
        is_client = _is_client(facts, note.client)
        names = note.client_names if is_client else note.server_names
        if not names or any(covers(pattern, name) for pattern in names):
            continue
        host = address_of(facts.flow.source)
        shown = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        yield Finding(
            MEANING.name,
            MEANING.severity,
            facts.time,
            f"{host} calls itself {name} in Contact, and its certificate is for {shown}.",
            (
                f"Put {name} into the certificate's subjectAltName, or one of its names into Contact "
                "(RFC 5922 section 7).",
                "Microsoft Teams knows a trunk by the name in Contact and refuses one that the certificate "
                "does not have.",
            ),
            frames=frames_of((facts.frame, *note.hello_frames)),
            call_ids=(leg.call_id,),
            sessions=(note.session,),
            hosts=(host,),
            key=(host, name, names),
        )


def _is_client(facts: InviteFacts, client: str) -> bool:
    return facts.flow.source == client


def covers(pattern: str, name: str) -> bool:
    """Return whether a certificate's name covers *name* (lower case).

    A wildcard stands for one label, as web PKI has it (RFC 9525 section 6.3); RFC 5922 section 7.2
    forbids it in SIP, but providers use it.
    """
    pattern = pattern.lower().removeprefix("sip:").removeprefix("sips:")
    if pattern.startswith("*."):
        label, dot, rest = name.partition(".")
        return bool(label and dot) and rest == pattern[2:]
    return pattern == name
