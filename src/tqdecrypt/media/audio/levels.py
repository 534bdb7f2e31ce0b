"""How loud streams were and how long they were silent, without keeping a sound of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from tqdecrypt.errors import UsageError
from tqdecrypt.media.association import Assigned, CallMedia
from tqdecrypt.media.audio.hearing import hearing_of
from tqdecrypt.media.audio.listening import Listener, Listening
from tqdecrypt.media.audio.track import RtpPayload, Track
from tqdecrypt.media.heard import Heard
from tqdecrypt.media.picking import StreamKey
from tqdecrypt.media.srtp.decryption import SrtpDecryption, decrypt, span_of
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.sip.sdp_attributes import Codec

if TYPE_CHECKING:
    from tqdecrypt.capture.block import PacketBlock
    from tqdecrypt.media.reports import ReportTable
    from tqdecrypt.media.srtp import DtlsTable, TrialBudget
    from tqdecrypt.packet.transport import TransportColumns

__all__ = ["hear"]

RATE = 8_000
"""Samples a second; loudness needs no more."""
LINGER = 2_000_000_000
"""Nanoseconds after the last packet of a stream in which one that was captured out of order may come."""


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        """Forget it."""
        return len(data)


@dataclass(slots=True)
class _Ear:
    """Listens to one stream; when that is over, only figures are left."""

    codecs: Mapping[int, Codec]
    ended: int = 0
    """When the last packet comes, ns."""
    streams: list[Assigned] = field(default_factory=list)
    """Several, when one was given up and began anew."""
    track: Track | None = None

    def hear(self, payload: RtpPayload) -> None:
        """Listen on.

        :raises UsageError: when it takes a package that is not installed, once a format.
        """
        if self.track is None:
            self.track = Track(self.codecs, RATE, cast("BinaryIO", _Nowhere()))
        self.track.receive(payload)

    def finish(self) -> None:
        """Tell what was heard, and forget the rest."""
        track, self.track = self.track, None
        if track is None:
            return
        track.finish()
        heard = _figures(track)
        for one in self.streams:
            one.heard = heard


def _figures(track: Track) -> Heard | None:
    """Return what a track came to; ``None`` when nothing of it was decoded, and no comfort noise came."""
    if track.start is None or not track.counters["decoded"] + track.counters["comfort_noise"]:
        return None
    start, rate, silence = track.start, track.rate, track.silence

    def time(sample: int) -> int:
        return start + sample * 1_000_000_000 // rate

    begin, length = silence.longest or (0, 0)
    return Heard(
        started=start,
        seconds=track.level.seconds,
        level=silence.level,
        decoded=silence.decoded / rate,
        silent=silence.silent / rate,
        missing=silence.missing / rate,
        longest=length / rate,
        longest_at=time(begin) if length else None,
        silent_since=None if silence.silent_since is None else time(silence.silent_since),
    )


class _Ears:
    """Listens to many streams, each from its first packet to its last.

    :param on_trouble: told in a sentence what takes a package that is not installed; once.
    """

    def __init__(self, calls: Iterable[CallMedia], on_trouble: Callable[[str], None]) -> None:
        self._on_trouble: Callable[[str], None] | None = on_trouble
        ears: dict[StreamKey, _Ear] = {}
        protected: list[StreamKey] = []
        for call in calls:
            for leg in call.legs:
                hearing = hearing_of(leg)
                for key, (one, channel) in hearing.streams.items():
                    ear = ears.setdefault(key, _Ear(hearing.codecs[channel]))
                    ear.ended = max(ear.ended, one.stream.ended)
                    ear.streams.append(one)
                    if one.verdict is not MediaVerdict.CLEAR:
                        protected.append(key)
        self._ears = list(ears.values())
        self._going = deque(sorted(self._ears, key=lambda ear: ear.ended))
        self.listener = Listener(
            {key: number for number, key in enumerate(ears)}, self._hear, protected
        )

    def let_go(self, now: int) -> None:
        """Finish what is over: decoders are large, and there may be as many as streams."""
        while self._going and self._going[0].ended < now - LINGER:
            self._going.popleft().finish()

    def finish(self) -> None:
        """Nothing more comes."""
        while self._going:
            self._going.popleft().finish()

    def _hear(self, number: int, payload: RtpPayload) -> None:
        try:
            self._ears[number].hear(payload)
        except UsageError as error:  # from now on, the track counts what it cannot decode
            if self._on_trouble is not None:
                self._on_trouble(str(error))
                self._on_trouble = None


class _Hearing:
    """A second reading for the figures alone."""

    def __init__(self, ears: _Ears, listening: Listening) -> None:
        self._ears = ears
        self._listening = listening

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.SecondReading`."""
        self._listening.receive(rows, block)
        self._ears.let_go(int(block.time.min()))

    def finish(self) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.SecondReading`."""
        self._listening.finish()
        self._ears.finish()


def hear(
    captures: Sequence[str],
    calls: Sequence[CallMedia],
    dtls: DtlsTable,
    *,
    reports: ReportTable | None = None,
    budget: TrialBudget | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_trouble: Callable[[str], None],
) -> None:
    """Read *captures* once more, decode the audio of calls, and note what was heard of each stream.

    What is protected is opened on the way, and gets its verdict.  Streams that cannot be opened or decoded
    have not been heard (:attr:`~tqdecrypt.media.association.Assigned.heard`).

    :param reports: takes the RTCP that was protected.
    :param budget: of searches for roll-over counters, also those of other readings.
    :param on_trouble: told in a sentence what takes a package that is not installed, and is left out.
    """
    ears = _Ears(calls, on_trouble)
    try:
        decryption = SrtpDecryption(calls, dtls, ears.listener, reports, budget)
    except UsageError as error:
        on_trouble(str(error))
        decryption = SrtpDecryption((), dtls)
    hearing = _Hearing(ears, Listening(ears.listener, decryption))
    decrypt(captures, hearing, on_progress=on_progress, span=span_of(calls))
