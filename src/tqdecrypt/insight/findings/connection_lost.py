"""Calls that were cut off by the end of the connection that carried them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context, SessionNote

__all__ = ["MEANING", "connection_lost"]

MEANING = Meaning(
    "connection-lost",
    Severity.ERROR,
    "A TLS connection ended while calls were going on over it, and they were not heard of again.",
)


@on_leg_with(Trait.GOES_ON)
def connection_lost(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield calls without a BYE whose last connection ended before the capture did."""
    if leg.ended is not None or not leg.sessions:
        return
    note = context.session(leg.sessions[-1])
    if note is None or not _ended_by_itself(note) or note.ended < leg.last_time:
        return
    state = "was answered" if leg.answered is not None else "was not answered yet"
    yield Finding(
        MEANING.name,
        MEANING.severity,
        note.ended,
        f"TLS session {note.session} between {note.client} and {note.server} ended "
        f"({note.ending}) while a call over it {state}.",
        (
            f"See which side closed it and why: {address_of(note.server)} was restarted, its idle time "
            "ran out, or a firewall between the two cut it.",
            "Keep connections alive (RFC 5626 section 4.4.1) and let both sides open a new one for "
            "requests in a dialog.",
        ),
        frames=frames_of((leg.last_frame, note.last_frame)),
        call_ids=(leg.call_id,),
        sessions=(note.session,),
        hosts=(address_of(note.server), address_of(note.client)),
        key=(note.session,),
    )


def _ended_by_itself(note: SessionNote) -> bool:
    return bool(note.ending) and not note.ending.endswith(("capture ended", "evicted"))
