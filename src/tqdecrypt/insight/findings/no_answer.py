"""INVITEs that nobody answered: no response at all, or ringing for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import TIMER_B, CallState
from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, attempts_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "no_answer"]

MEANING = Meaning(
    "no-answer",
    Severity.ERROR,
    "An INVITE got no response, or no final one, until its timer ran out.",
)


@on_leg_with(Trait.UNUSUAL)
def no_answer(leg: Leg, context: Context) -> Iterator[Finding]:
    """Name the host that the INVITE reached last and that said nothing."""
    if leg.call.state is not CallState.UNANSWERED:
        return
    silent = [at for at in attempts_of(leg) if at.final is None and at.request_seen]
    if not silent:
        return
    last = silent[-1]
    host = address_of(last.flow.destination)
    waited = leg.last_time - last.started
    advice: tuple[str, ...]
    if last.provisionals:
        heard = last.provisionals[-1]
        sentence = f"{host} sent {heard.status} to an INVITE, and then no final response."
        advice = (
            f"See whether {host} still rings somebody, or lost the call: its log for this Call-ID "
            "says more.",
        )
        kind = "no final response"
    else:
        sentence = f"{host} did not respond to an INVITE at all, not even with 100 Trying."
        advice = (
            f"Check that {host} listens there and that no firewall drops what is sent to it.",
            f"When the INVITE is larger than the path's packets, UDP loses its fragments: it was "
            f"sent over {last.flow.transport}.",
        )
        kind = "no response"
    if last.request_retransmissions:
        sentence = f"{sentence[:-1]}; it was sent {last.request_retransmissions + 1} times."
    elif waited > TIMER_B:
        sentence = f"{sentence[:-1]}, for {seconds_text(waited)}."
    yield Finding(
        MEANING.name,
        MEANING.severity,
        last.started,
        sentence,
        advice,
        frames=frames_of((last.frame, *(at.frame for at in last.provisionals[-1:]))),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(host,),
        key=(kind, host, last.flow.transport),
    )
