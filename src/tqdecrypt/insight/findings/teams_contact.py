"""Contacts that Teams refuses: an address instead of the SBC's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import uri_host
from tqdecrypt.insight.evidence import address_of, frames_of, is_address
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg
from tqdecrypt.insight.teams import is_teams_address

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "teams_contact"]

MEANING = Meaning(
    "teams-contact",
    Severity.ERROR,
    "An SBC sent Microsoft Teams a Contact with an address: Teams refuses it with 403 Forbidden.",
)


@on_leg
def teams_contact(leg: Leg, context: Context) -> Iterator[Finding]:
    """Look at Contacts on their way to Teams."""
    for facts in (leg.invite, leg.answer):
        if facts is None or not is_teams_address(address_of(facts.flow.destination)):
            continue
        name = uri_host(facts.contact)
        if not name or not is_address(name):
            continue
        host = address_of(facts.flow.source)
        sessions = () if facts.flow.session is None else (facts.flow.session,)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            facts.time,
            f"{host} sent Teams the Contact {name}, an address.",
            (
                f"Let {host} put its FQDN into Contact, the one that is set up in Teams and that its "
                "certificate names; an address is refused with 403.",
            ),
            frames=frames_of((facts.frame,)),
            call_ids=(leg.call_id,),
            sessions=sessions,
            hosts=(host,),
            key=(host, name),
        )
