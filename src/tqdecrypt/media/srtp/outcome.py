"""What became of the packets that were given to an opener: counted per sender, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tqdecrypt.media.srtp.keys import MasterKey, Unusable
from tqdecrypt.media.verdict import MediaVerdict

__all__ = ["Opened", "SourceReport", "SrtpReport", "judge"]

_PARTLY = 20
"""From a twentieth on that stays dark, a stream is decrypted in part; less is damage or forgery."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came out of a batch of packets."""

    clear: list[bytes | None]
    """By position in the batch: clear RTP or RTCP, or ``None``."""
    unproven: list[int]
    """Positions whose clear text nothing authenticates: the SDP has UNAUTHENTICATED_SRTP."""
    repeated: list[int]
    """Positions of authentic packets that came before: captured twice, or replayed."""


@dataclass(slots=True)
class SourceReport:
    """One SSRC, either its SRTP or its SRTCP."""

    ssrc: int
    rtcp: bool
    packets: int = 0
    """All of them."""
    authenticated: int = 0
    """Opened with proof, those that came again included."""
    repeated: int = 0
    """Authentic, and seen before."""
    unproven: int = 0
    """Decrypted under UNAUTHENTICATED_SRTP."""
    too_short: int = 0
    """Dark, and shorter than anything that is protected."""
    in_clear: int = 0
    """Dark, and built like RTCP without protection: some send their first or last reports so."""
    other_direction: int = 0
    """Packets for which the key of the other direction, only tried now and then, was right."""
    searches: int = 0
    """Searches through all roll-over counters."""
    searches_cut: int = 0
    """Likewise, that were cut short for want of trials."""
    first_rollovers: int | None = None
    """Roll-over counter of the first packet that was opened."""
    keys: list[MasterKey] = field(default_factory=list)
    """Those that opened packets, in the order of their first use."""
    outlived: bool = False
    """Whether more packets came under a key than its lifetime allows."""

    @property
    def dark(self) -> int:
        """Packets that stay dark."""
        return self.packets - self.authenticated - self.unproven

    @property
    def opened(self) -> int:
        """Packets that came out."""
        return self.authenticated + self.unproven


@dataclass(frozen=True, slots=True)
class SrtpReport:
    """What an opener has to say at the end, or so far."""

    verdict: MediaVerdict
    """Of the SRTP packets; of the SRTCP packets when there are no others."""
    sources: tuple[SourceReport, ...]
    """Those of the senders that were not given up, by first packet."""
    foreign: int
    """Packets that are neither RTP nor RTCP."""
    evicted: int
    """Senders given up because there were too many; their packets stand in no report."""
    evicted_packets: int
    """Packets of those."""
    unused_keys: int
    """Keys beyond those that are tried."""


def judge(
    sources: Sequence[SourceReport], keys: Sequence[MasterKey], known: Sequence[SourceReport]
) -> MediaVerdict:
    """Return the verdict on *sources*, for which *keys* were tried.

    :param known: all senders, whose SRTCP tells whether a key is right.
    """
    packets = sum(source.packets for source in sources)
    opened = sum(source.opened for source in sources)
    if opened:
        if (packets - opened) * _PARTLY > packets:
            return MediaVerdict.PARTLY_DECRYPTED
        if any(source.unproven for source in sources):
            return MediaVerdict.UNAUTHENTICATED
        used = [key for source in sources for key in source.keys]
        clear = used and not any(key.encrypts for key in used)
        return MediaVerdict.AUTHENTICATED if clear else MediaVerdict.DECRYPTED
    if any(source.other_direction for source in sources):
        return MediaVerdict.OTHER_DIRECTION
    usable = [key for key in keys if key.unusable is None]
    if not usable:
        return _unusable(keys)
    cut = any(source.searches_cut and not source.searches for source in sources)
    if cut or _only_rtcp_opened(sources, known):
        return MediaVerdict.ROLLOVER_UNKNOWN
    if all(key.derivation_rate for key in usable):
        return MediaVerdict.UNSUPPORTED_SUITE
    return MediaVerdict.AUTHENTICATION_FAILED


def _unusable(keys: Sequence[MasterKey]) -> MediaVerdict:
    reasons = {key.unusable for key in keys}
    if Unusable.SUITE in reasons:
        return MediaVerdict.UNSUPPORTED_SUITE
    if Unusable.UNREADABLE in reasons:
        return MediaVerdict.KEY_MASKED
    return MediaVerdict.AUTHENTICATION_FAILED if reasons else MediaVerdict.NO_KEY_IN_SDP


def _only_rtcp_opened(sources: Sequence[SourceReport], known: Sequence[SourceReport]) -> bool:
    """Whether SRTCP, which carries its whole index, proves the key that no SRTP opens with."""
    senders = {source.ssrc for source in sources if not source.rtcp}
    return any(one.rtcp and one.ssrc in senders and one.authenticated for one in known)
