"""Collects the media of a run, and hands over what has settled: calls, and streams of nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.media.announcements import Announcements
from tqdecrypt.media.association import Assigned, CallMedia, LegMedia, note_successors
from tqdecrypt.media.capture_loss import LossMoments
from tqdecrypt.media.columns import Kind
from tqdecrypt.media.dark_hosts import DarkHosts
from tqdecrypt.media.description import Protection
from tqdecrypt.media.info_digits import InfoDigits
from tqdecrypt.media.leg_media import leg_media
from tqdecrypt.media.lines import MediaLine
from tqdecrypt.media.settling import Settling
from tqdecrypt.media.srtp.dtls import DtlsTable
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.streams import Running
from tqdecrypt.media.table import MediaTable
from tqdecrypt.media.usually import Undecided
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.media.vq_report import QualityReports

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.capture.block import PacketBlock
    from tqdecrypt.media.jitter_buffer import JitterBuffer
    from tqdecrypt.media.reports import ReportTable
    from tqdecrypt.packet.transport import TransportColumns
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["LooseStream", "MediaCollector"]

LooseStream = Callable[[Stream, MediaVerdict, str], None]
"""Takes a stream that no session description announces, and the Call-ID of the call that it belonged to until
that had settled, or nothing."""


class MediaCollector:
    """The media sink of a run (:class:`~tqdecrypt.pipeline.MediaSink`).

    Calls come from the :class:`~tqdecrypt.insight.Analysis` that it is given to.  Each is handed over when it
    has settled (:mod:`tqdecrypt.media.settling`), or at the end.

    :param on_call: takes each call with its streams.
    :param on_stream: takes each stream that no session description announces.
    :param on_end: called when everything was handed over, before findings are added up.
    :param patient: whether calls without media wait until others show whether it passes here at all.
    :param buffers: makes the jitter buffer that each stream passes; without, there is none.
    """

    def __init__(
        self,
        on_call: Callable[[CallMedia], object],
        on_stream: LooseStream = lambda stream, verdict, call_id: None,
        on_end: Callable[[], None] = lambda: None,
        *,
        patient: bool = True,
        buffers: Callable[[], JitterBuffer] | None = None,
    ) -> None:
        self._on_stream = on_stream
        self._on_end = on_end
        self._losses = LossMoments()
        self._announcements = Announcements()
        self.table = MediaTable(
            self._given_up,
            self._announcements.formats,
            self._losses.receive,
            on_begin=self._begun,
            buffers=buffers,
        )
        self._settling = Settling(
            self.table.streams, self._announcements, self._losses, self._settled, self._left
        )
        self._undecided = Undecided(on_call, patient=patient)
        self._reports = QualityReports()
        self._digits = InfoDigits()
        self._dark_hosts = DarkHosts()
        self._concluded = False
        self._pass_time: Callable[[int], None] = lambda now: None
        self.dtls = DtlsTable()
        self.srtp_agreed = self.dtls.srtp_agreed
        """See :class:`~tqdecrypt.observing.KeyingObserver`."""

    # As the pipeline's media sink.

    @property
    def counters(self) -> Mapping[str, int]:
        """What there was, and what was given up, by name."""
        counters: Counter[str] = Counter()
        for part in (
            *(self.table, self._announcements, self._settling, self._undecided),
            *(self._reports, self._digits),
        ):
            counters.update(part.counters)
        counters["media_loss_moments_dropped"] = self._losses.dropped
        counters["dtls_srtp_handshakes_dark"] = self.dtls.dark
        counters["dtls_srtp_sessions_evicted"] = self.dtls.evicted
        return counters

    @property
    def rtcp(self) -> ReportTable:
        """What RTCP says."""
        return self.table.reports

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams."""
        if block.dropped is not None:
            self._losses.dropped_in_front(block.time, block.dropped)
        self.table.receive(rows, block)

    def describe(self, message: Message) -> None:
        """Take a message: its session description, a quality report, or a digit."""
        raw = message.raw
        if raw.find(b"\nm=", message.body_start) >= 0:
            self._announcements.receive(message)
        elif message.method == "PUBLISH" or raw.find(b"VQSessionReport", message.body_start) >= 0:
            self._reports.receive(message)
        elif message.method == "INFO":
            self._digits.receive(message)

    def settle(self, before: int | None, now: int) -> None:
        """All messages in front of frame *before*, at capture time *now*, were given."""
        self._pass_time(now)
        self.table.settle(before, self._settling.settle)
        self._settling.settle(now)

    def finish(self) -> None:
        """Everything was read; calls that go on are still to come."""
        self.table.settle(None)

    # From the analysis.

    def follow(self, leg_of: Callable[[str], Leg | None], pass_time: Callable[[int], None]) -> None:
        """Take whom to ask for the leg with a Call-ID that goes on, and whom to tell the time."""
        self._settling.leg_of = leg_of
        self._pass_time = pass_time

    def call(self, call: JointCall) -> None:
        """Take a call that is over, with all its legs."""
        self._settling.over(CallMedia([leg_media(leg) for leg in call.legs]))

    def dark_so_far(self, session: int, client: str, server: str) -> None:
        """A TLS session that goes on has records that stay dark."""
        self._dark_hosts.dark_so_far(session, client, server)

    def session(self, report: SessionReport) -> None:
        """A TLS session is over."""
        self._dark_hosts.over(report)

    def conclude(self) -> None:
        """All calls were given: hand over what is left.  Asked again, nothing is left."""
        if not self._concluded:
            self._concluded = True
            self._settling.finish()
            self._undecided.finish()
            self._on_end()

    # From the table.

    def _given_up(self, stream: Stream) -> None:
        self._settling.given_up(stream)

    def _begun(self, stream: Running) -> None:
        self._settling.begun(stream)

    # What has settled.

    def _settled(self, call: CallMedia) -> None:
        self._announcements.over(call.call_ids)
        for _, one in call.streams:
            one.verdict = _verdict_of(one)
            one.reported = self.rtcp.about(one.stream.ssrc, one.stream.destination)
        for _, one in call.streams:
            if one.verdict is MediaVerdict.CLEAR:  # in SRTCP there may be more
                self.rtcp.forget(one.stream.ssrc, one.stream.destination)
        for leg in call.legs:
            leg.streams.sort(key=lambda one: one.stream.number)
            note_successors(leg)
            leg.reports += self._reports.take(leg.call_id)
            leg.info_digits += self._digits.take(leg.call_id)
            if any(line.fax for line in leg.lines):
                self._find_faxes(leg)
        self._undecided.receive(call)

    def _left(self, stream: Stream, call_id: str) -> None:
        self.rtcp.forget(stream.ssrc, stream.destination)
        dark = self._dark_hosts.any_of((stream.source, stream.destination))
        verdict = MediaVerdict.SIGNALLING_DARK if dark else MediaVerdict.UNASSIGNED
        self._on_stream(stream, verdict, call_id)

    def _find_faxes(self, leg: LegMedia) -> None:
        """Note T.38 where an SDP announces it: nothing in its packets says that they are."""
        for line in leg.lines:
            if not line.fax:
                continue
            for flow in self.table.flows.values():
                if flow.kind is Kind.OTHER and flow.destination == line.endpoint:
                    leg.faxes.append((line, flow.packets, flow.started, flow.ended))


def _verdict_of(one: Assigned) -> MediaVerdict:
    """Return what the SDP says of a stream's protection; its sender's key counts (RFC 4568 section 5.1).

    An offer that the answer on the same hop leaves without protection protects nothing.
    """
    lines: list[MediaLine] = [one.line] if one.sender is None else [one.sender, one.line]
    found = [line.protection for line in lines]
    if len({line.hop for line in lines}) == 1 and Protection.NONE in found:
        return MediaVerdict.CLEAR
    protection = next((kind for kind in found if kind is not Protection.NONE), Protection.NONE)
    if protection is Protection.NONE:
        return MediaVerdict.CLEAR
    if protection is Protection.DTLS:
        return MediaVerdict.DTLS_DARK
    if protection is Protection.UNKNOWN:
        return MediaVerdict.NO_KEY_IN_SDP
    sending = Party.CALLEE if one.to is Party.CALLER else Party.CALLER
    keyed = one.sender is not None and one.sender.party is sending
    if keyed and one.sender is not None and one.sender.protection is Protection.SDES:
        return MediaVerdict.PROTECTED
    return MediaVerdict.OTHER_DIRECTION
