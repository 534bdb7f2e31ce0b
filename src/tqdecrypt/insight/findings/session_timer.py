"""Sessions that nobody refreshed in time (RFC 4028)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.dialog import DialogEnd
from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.dialog import Dialog
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "session_timer"]

MEANING = Meaning(
    "session-timer",
    Severity.ERROR,
    "The session timer of a call ran out without a refresh, or ended the call.",
)
SECOND = 1_000_000_000
LATE = 10
"""A BYE later than a tenth of the interval behind its end has another reason.  Before, section 10 has
it sent a third of the interval early, 32 seconds at the most."""


@on_leg_with(Trait.SESSION_TIMER)
def session_timer(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield dialogs whose agreed interval passed, and those that a BYE ended just then."""
    for dialog in leg.dialogs:
        timer = dialog.session_timer
        if timer is None:
            continue
        if dialog.end is DialogEnd.EXPIRED:
            said = f"neither side refreshed the session within the {timer.interval} s agreed on"
        elif dialog.bye is not None and _is_timers(dialog):
            after = seconds_text(dialog.bye.time - timer.refreshed)
            said = (
                f"the call was ended {after} after the last refresh, as its session timer ran out"
            )
        else:
            continue
        who = f"the {timer.refresher} was to" if timer.refresher else "nobody was named to"
        hosts = tuple(address_of(end) for end in (leg.call.caller, leg.call.callee))
        yield Finding(
            MEANING.name,
            MEANING.severity,
            dialog.ended or timer.expires,
            f"{said[0].upper()}{said[1:]}; {who} refresh it.",
            (
                "Look for the re-INVITE or UPDATE that should have come after half of the interval, and for "
                "what became of it: an SBC or firewall may drop it.",
                "Check that the Contact, to which it goes, can be reached from the refresher.",
            ),
            frames=frames_of((timer.frame, dialog.bye.frame if dialog.bye else None)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=hosts,
            key=(timer.interval, timer.refresher, *hosts),
        )


def _is_timers(dialog: Dialog) -> bool:
    """Return whether the BYE came when the session was over, or just before (section 10)."""
    timer, bye = dialog.session_timer, dialog.bye
    if timer is None or bye is None:
        return False
    interval = timer.interval * SECOND
    early = min(interval // 3, 32 * SECOND) + SECOND
    return -early <= bye.time - timer.expires <= interval // LATE
