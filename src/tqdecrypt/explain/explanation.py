"""Puts the explanation of one session together."""

from __future__ import annotations

from tqdecrypt.explain.derivation import derivations_of
from tqdecrypt.explain.model import Explanation, Shown
from tqdecrypt.explain.needs import needs_of, useless_for
from tqdecrypt.explain.phases import phases_of
from tqdecrypt.explain.reading import read_rounds
from tqdecrypt.explain.steps import steps_of
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.recording import Recording
from tqdecrypt.tls.report import SessionReport

__all__ = ["explain"]


def explain(
    report: SessionReport,
    recording: Recording | None,
    ring: KeyRing,
    *,
    show_secrets: bool = False,
) -> Explanation:
    """Return the explanation of a session that ended.

    :param recording: what was recorded of it; ``None`` when it is no TLS.
    :param ring: the keys that were given.
    :param show_secrets: whether secrets stand in it as they are; else fingerprints do.
    """
    recording = recording if recording is not None else Recording(report.session)
    rounds = read_rounds(recording)
    steps = steps_of(recording, report, ring, rounds)
    notes = list(report.notes)
    if recording.unkept:
        notes.append(f"{recording.unkept:,} further messages and records are not shown")
    return Explanation(
        report=report,
        steps=steps,
        phases=phases_of(steps),
        derivations=derivations_of(recording, rounds, ring, Shown(secrets=show_secrets)),
        needs=tuple(needs_of(report, recording, rounds)),
        useless=tuple(useless_for(report, rounds)),
        notes=tuple(notes),
        secrets_shown=show_secrets,
    )
