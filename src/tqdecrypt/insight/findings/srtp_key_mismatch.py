"""SRTP that the keys in the signalling do not open: whoever receives it hears silence or noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, other, who
from tqdecrypt.insight.rules import on_media
from tqdecrypt.media.verdict import MediaVerdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import Assigned, CallMedia

__all__ = ["MEANING", "srtp_key_mismatch"]

MEANING = Meaning(
    "srtp-key-mismatch",
    Severity.ERROR,
    "SRTP does not authenticate with the key that its sender announced: the other side hears nothing.",
)
_ADVICE = (
    "Compare a=crypto in the last offer and answer on each side of the SBC with what the device uses; a "
    "re-INVITE or a fork may have changed it.",
    "See that the suite and its tag length are the same on both sides.",
)
FEWEST = 10
"""Packets from which on it is worth a word."""


@on_media
def srtp_key_mismatch(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams whose packets the announced keys do not open, or only some of them."""
    for leg, one in media.streams:
        told = _reason(one)
        if told is not None:
            severity, reason = told
            sender = who(other(one.to))
            yield media_finding(
                MEANING,
                leg,
                one,
                one.stream.started,
                f"SRTP that {sender} sends from {one.stream.source}: {reason}.",
                _ADVICE,
                severity=severity,
            )


def _reason(one: Assigned) -> tuple[Severity, str] | None:
    sources = [source for source in one.srtp.sources if not source.rtcp] if one.srtp else []
    packets = sum(source.packets for source in sources)
    if packets < FEWEST:
        return None
    dark = sum(source.dark for source in sources)
    if one.verdict is MediaVerdict.OTHER_DIRECTION:
        return Severity.ERROR, (
            f"its {packets:,} packets authenticate with the key of {who(one.to)}, not with its own"
        )
    if one.verdict is MediaVerdict.AUTHENTICATION_FAILED:
        return Severity.ERROR, f"none of {packets:,} packets authenticates with the key in its SDP"
    if one.verdict is MediaVerdict.PARTLY_DECRYPTED:
        return (
            Severity.WARNING,
            f"{dark:,} of {packets:,} packets authenticate with no key in the SDP",
        )
    refused = [key for source in sources for key in source.keys if "not chosen" in key.origin]
    if refused:
        return Severity.ERROR, (
            f"it uses the key of {refused[0].origin}: the answer took another line ({refused[0].suite_name})"
        )
    return None
