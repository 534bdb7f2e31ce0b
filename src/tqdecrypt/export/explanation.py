"""An explained session as one JSON object: the same that a person reads."""

from __future__ import annotations

import json
from typing import Any

from tqdecrypt.explain import Derived, Explanation, Fact, Step
from tqdecrypt.export.jsonlines import format_time
from tqdecrypt.export.session_line import SessionLines

__all__ = ["explanation_json"]


def explanation_json(explanation: Explanation) -> str:
    """Return an explanation as one line of JSON.

    Times are RFC 3339 in UTC, durations seconds.  Everything outside ASCII is escaped, as in JSON lines.
    """
    return json.dumps(
        {
            **json.loads(SessionLines(format_time).line(explanation.report)),
            "type": "explanation",
            "steps": [_step(step) for step in explanation.steps],
            "phases": [
                {
                    "name": phase.name,
                    "side": phase.side,
                    "seconds": phase.nanoseconds / 1e9,
                    "note": phase.note,
                }
                for phase in explanation.phases
            ],
            "derivations": [
                [_derived(derived) for derived in derivation]
                for derivation in explanation.derivations
            ],
            "needs": [
                {
                    "what": need.what,
                    "given": need.given,
                    "key_log_line": need.literally or None,
                }
                for need in explanation.needs
            ],
            "does_not_help": list(explanation.useless),
            "notes": list(explanation.notes),
            "secrets_shown": explanation.secrets_shown,
        },
        separators=(",", ":"),
    )


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "handshake": step.handshake,
        "sender": None if step.sender == "nobody" else step.sender,
        "frame": step.frame,
        "time": format_time(step.time),
        "since_start": step.since_start / 1e9,
        "since_before": None if step.since_before is None else step.since_before / 1e9,
        "encrypted": step.encrypted,
        "readable": step.readable,
        "says": step.says,
        "facts": [_fact(fact) for fact in step.facts],
        "cipher_suites": [
            {
                "number": suite.number,
                "name": suite.name,
                "kind": suite.kind,
                "chosen": suite.chosen,
            }
            for suite in step.suites
        ],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {"name": fact.name.strip(), "values": list(fact.values)}


def _derived(derived: Derived) -> dict[str, Any]:
    return {
        "name": derived.name,
        "bytes": derived.length,
        "how": derived.how,
        "known": derived.known,
        "public": derived.public,
        "shown": derived.shown or None,
        "note": derived.note,
        "depth": derived.depth,
        "parts": [
            {
                "name": part.name.strip('"'),
                "offset": part.offset,
                "bytes": part.length,
                "shown": part.shown or None,
            }
            for part in derived.parts
        ],
    }
