"""What is known of one RTP stream: packets of one SSRC from one address and port to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tqdecrypt.media.jitter_buffer import Played

__all__ = ["Change", "Event", "LossAt", "Pause", "SecondOf", "Stream"]


class Change(NamedTuple):
    """Something that every packet has changed from one packet to the next."""

    time: int
    frame: int
    before: int
    after: int


class Pause(NamedTuple):
    """Nothing came for a while."""

    time: int
    """Of the last packet before it."""
    duration: int
    """Nanoseconds."""
    lost: int
    """Packets that are missing there by their numbers; 0 when nobody sent any."""


class LossAt(NamedTuple):
    """Packets missing in front of one that came."""

    time: int
    """When that one came."""
    lost: int


class Event(NamedTuple):
    """One telephone event (RFC 4733): which digit it is, is not looked at."""

    time: int
    frame: int
    duration: int
    """Nanoseconds between its first and last packet in one block: at least so long."""


class SecondOf(NamedTuple):
    """One piece of a stream's course."""

    packets: int
    lost: int
    jitter: float
    """The highest estimate in it, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream.  Times in nanoseconds since 1970-01-01 UTC, durations in milliseconds."""

    number: int
    """From 1, in the order in which streams began."""
    source: str
    """``ip:port``."""
    destination: str
    ssrc: int
    started: int
    ended: int
    first_frame: int
    last_frame: int
    packets: int
    """That were captured."""
    payload_bytes: int
    """Behind the headers, on the wire; SRTP's tag and padding included."""
    expected: int
    """Highest number - lowest number + 1 (RFC 3550 appendix A.3)."""
    duplicates: int
    reordered: int
    restarts: int
    """How often the numbers began anew."""
    jitter: float | None
    """The last estimate (RFC 3550 appendix A.8); ``None`` when the clock rate is not known."""
    jitter_mean: float | None
    """Mean of the estimates after each packet."""
    jitter_max: float | None
    spacing_min: float | None
    """Shortest time from packet to packet; ``None`` with only one.  Where a talkspurt begins (marker) and
    around comfort noise nothing is counted: nobody sent meanwhile."""
    spacing_mean: float | None
    spacing_max: float | None
    spacing_95: float | None
    """95 of a hundred were shorter; to about a fifth."""
    spacing_99: float | None
    bursts: int
    """Of loss (RFC 3611 section 4.7.2)."""
    burst_lost: int
    """Packets lost in bursts."""
    burst_length: int
    """Packets, lost or not, from the first to the last lost one of each burst."""
    gap_lost: int
    """Packets lost one by one."""
    payload_types: dict[int, int]
    """Payload type → packets, most first."""
    payload_type: int
    """The one that most packets have, telephone events and comfort noise apart."""
    clock_rate: int | None
    """In hertz, of the payload type that most packets have."""
    clock_rate_inferred: bool
    """Whether timestamps and arrival show it, and neither SDP nor RFC 3551 says it."""
    ptime: float | None
    """Milliseconds of media in a packet, by the timestamps."""
    markers: int
    padded: int
    extended: int
    """Packets with a header extension."""
    cut: int
    """Packets whose payload the snap length cut."""
    events: int
    """Packets that look like telephone events (RFC 4733)."""
    timestamp_jumps: int
    """Packets whose timestamp has nothing to do with when they came; left out of jitter."""
    dscp: int
    """Of the first packet."""
    relayed: bool
    """Whether it came in TURN, by a channel or in indications."""
    type_changes: tuple[Change, ...] = ()
    """Changes of the payload type, telephone events apart; at most some dozen."""
    ptime_changes: tuple[Change, ...] = ()
    """In timestamp units."""
    dscp_changes: tuple[Change, ...] = ()
    pauses: tuple[Pause, ...] = ()
    """Of more than a second."""
    digits: tuple[Event, ...] = ()
    """Telephone events, the first ones."""
    digit_count: int = 0
    """All of them."""
    changes_dropped: int = 0
    """Changes and pauses beyond those that are kept."""
    course_step: float = 1.0
    """Seconds in each piece of :attr:`course`."""
    course: tuple[SecondOf, ...] = field(default=(), repr=False)
    """From the first packet on."""
    suppressed: float = 0.0
    """Milliseconds in which nothing was sent though none is missing: silence suppression, with comfort noise
    (RFC 3389) or without, or a sender that stopped for a while."""
    capture_lost: int = 0
    """Lost packets that the capture lost: other streams lack them at the same moment, too, or it says so."""
    capture_told: int = 0
    """Those among them of which the capture file says that they were dropped."""
    losses: tuple[LossAt, ...] = field(default=(), repr=False)
    """The first ones."""
    loss_runs: int = 0
    """Places at which packets are missing, one or many in a row."""
    amr_modes: Mapping[int, int] = field(default_factory=dict)
    """Bit rate → packets whose frames are of that mode of AMR, as far as they were in clear."""
    played: Played | None = field(default=None, repr=False)
    """What a jitter buffer would have made of it, when one was asked for."""

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return max(self.expected - (self.packets - self.duplicates), 0)

    @property
    def network_lost(self) -> int:
        """Packets that never came although nothing shows that the capture lost them."""
        return max(self.lost - self.capture_lost, 0)

    @property
    def loss_share(self) -> float:
        """Lost packets among those expected."""
        return self.lost / self.expected if self.expected else 0.0

    @property
    def duration(self) -> int:
        """Nanoseconds from the first to the last packet."""
        return self.ended - self.started
