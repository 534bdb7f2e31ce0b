"""From a leg of the analysis to what it says of its media."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.media.association import LegMedia
from tqdecrypt.media.lines import lines_of
from tqdecrypt.media.srtp.legs import keys_of_leg

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["leg_media"]


def leg_media(leg: Leg) -> LegMedia:
    """Return what a leg says of its media so far; nothing is changed in it."""
    offers = leg.offers_so_far
    lines, dropped = lines_of(offers, leg.ended)
    course = leg.course
    if course is None:
        call = leg.call
        caller, callee, started = call.from_uri, call.to_uri, call.started
    else:
        invite = course.invite
        caller, callee, started = invite.from_uri, invite.to_uri, invite.time
    return LegMedia(
        call_id=leg.call_id,
        number=leg.number,
        caller=caller,
        callee=callee,
        started=started,
        answered=leg.answered,
        ended=leg.ended,
        last_time=leg.last_time,
        failed=leg.failed,
        sessions=leg.sessions,
        lines=tuple(lines),
        lines_dropped=dropped,
        keys=keys_of_leg(offers),
    )
