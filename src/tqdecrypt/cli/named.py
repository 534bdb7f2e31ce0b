"""Calls that the user names: by the whole Call-ID, by its beginning, or by a part that no other has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from tqdecrypt.pipeline import Summary

__all__ = ["ambiguous", "missing", "named_calls"]

MOST_NAMED = 10
"""Call-IDs that are listed when several fit."""


def named_calls(
    wanted: Sequence[str], known: Collection[str], summary: Summary | None
) -> list[str]:
    """Return the Call-ID that each name means.

    The whole Call-ID counts before its beginning, and that before any part of it.

    :raises UsageError: when a name fits none or several.
    """
    found = []
    for name in wanted:
        if name in known:
            found.append(name)
            continue
        fitting = [call_id for call_id in known if name in call_id]
        best = [call_id for call_id in fitting if call_id.startswith(name)] or fitting
        if not best:
            raise UsageError(missing(name, summary))
        if len(best) > 1:
            raise UsageError(ambiguous(name, best))
        found.append(best[0])
    return found


def ambiguous(wanted: str, call_ids: Iterable[str], *, at_least: bool = False) -> str:
    """Return the sentence for a name that fits several Call-IDs.

    :param at_least: whether further ones were not kept.
    """
    names = list(call_ids)
    more = len(names) - MOST_NAMED
    some = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    least = "at least " if at_least else ""
    return f"{least}{len(names)} Call-IDs have {wanted!r} in them, name one: {some}."


def missing(wanted: str, summary: Summary | None) -> str:
    """Return the sentence for a name that fits none."""
    sentence = f"no message has a Call-ID with {wanted!r} in it; read lists the Call-IDs."
    if summary is not None and summary.dark_sessions:
        sessions = "session" if summary.dark_sessions == 1 else "sessions"
        sentence += f" {summary.dark_sessions} TLS {sessions} stayed dark: it may be in there."
    return sentence
