"""What stands between two columns of a ladder: the transport, and for TLS session and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views import theme
from tqdecrypt.views.ladder import Hop
from tqdecrypt.views.words import clean, listed

__all__ = ["Caption", "captions", "wording"]

MOST_NUMBERS = 6
"""Session numbers that are named; a trunk that reconnects has any number."""


class Caption(NamedTuple):
    """Words between two columns."""

    left: int
    right: int
    wordings: tuple[str, ...]
    """The same, ever shorter."""
    tone: theme.Tone


def captions(hops: Sequence[Hop], marks: theme.Glyphs) -> list[Caption]:
    """Return a caption for all hops between the same columns that came out alike."""
    groups: dict[tuple[int, int, str, str | None, Verdict | None], list[Hop]] = {}
    for hop in hops:
        if hop.left != hop.right:
            version = hop.report.version if hop.report else None
            verdict = hop.report.verdict if hop.report else None
            key = (hop.left, hop.right, hop.transport, version, verdict)
            groups.setdefault(key, []).append(hop)
    return [_caption(group, marks) for group in groups.values()]


def wording(hop: Hop, marks: theme.Glyphs) -> str:
    """Return what there is to say of one hop."""
    return _caption([hop], marks).wordings[0]


def _caption(hops: Sequence[Hop], marks: theme.Glyphs) -> Caption:
    first = hops[0]
    numbers = sorted(hop.session for hop in hops if hop.session is not None)
    if not numbers:
        return Caption(first.left, first.right, (first.transport,), "dim")
    shown = listed(numbers[:MOST_NUMBERS]) + (marks.more if len(numbers) > MOST_NUMBERS else "")
    short = f"{first.transport} {shown}"
    report = first.report
    if report is None:
        return Caption(first.left, first.right, (short, first.transport), "dim")
    noun = "session" if len(numbers) == 1 else "sessions"
    sign = theme.sign(report.verdict, marks)
    came_out = _came_out(report.verdict)
    version = clean(report.version or first.transport)
    wordings = (
        f"{version} {noun} {shown} {sign} {came_out}",
        f"{short} {sign} {came_out}",
        f"{short} {sign}",
        f"{first.transport} {sign}",
    )
    return Caption(first.left, first.right, wordings, theme.tone_of(report.verdict))


def _came_out(verdict: Verdict) -> str:
    """Return ``decrypted``, ``dark: forward-secrecy``, or the code of what had nothing to decrypt."""
    if verdict is Verdict.DECRYPTED or MEANINGS[verdict].clear:
        return verdict.value
    return f"dark: {verdict.value}"
