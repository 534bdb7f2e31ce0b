"""Collects the media of a run: streams as they end, what calls announced, and at the end whose is whose."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import CallState, Party
from tqdecrypt.calls.fields import host_of
from tqdecrypt.media.association import Assigned, CallMedia, LegMedia, assign, note_successors
from tqdecrypt.media.capture_loss import LossMoments
from tqdecrypt.media.columns import Kind
from tqdecrypt.media.info_digits import InfoDigits
from tqdecrypt.media.lines import MediaLine, Protection, formats_of, lines_of
from tqdecrypt.media.srtp.dtls import DtlsTable
from tqdecrypt.media.srtp.legs import keys_of_leg
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.table import DatagramFlow, MediaTable
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.media.vq_report import CONTENT_TYPE, QualityReport, read_report
from tqdecrypt.sip.headers import header

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.capture.block import PacketBlock
    from tqdecrypt.media.jitter_buffer import JitterBuffer
    from tqdecrypt.media.reports import ReportTable
    from tqdecrypt.packet.transport import TransportColumns
    from tqdecrypt.sip import Message
    from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["MediaCollector"]

MOST_STREAMS = 20_000
"""Streams that are over and kept for the end, some six kilobytes each; the ones that began first go."""
MOST_SHORT = 2_000
"""Streams of one or two packets that are kept besides, so that what is none drives out none."""
MOST_CALLS = 20_000
"""Calls whose media lines are kept, likewise."""
MOST_PORTS = 20_000
"""Ports of which the latest descriptions are remembered, for what payload types are."""
MOST_REPORTS = 10_000
"""Quality reports (RFC 6035) kept, a kilobyte each."""
MOST_DESCRIPTION = 1 << 16
"""Bytes of a description that is remembered."""
FEWEST_PACKETS = 3
"""Packets in a row of numbers that make a stream of what no SDP announces; one or two look like RTP by
chance."""
MOST_DARK_HOSTS = 10_000
"""Hosts remembered that had TLS sessions which stayed dark."""


class MediaCollector:
    """The media sink of a run (:class:`~tqdecrypt.pipeline.MediaSink`).

    Legs come from the analysis: :meth:`call` is its *on_call*.  :meth:`calls` may be asked when everything
    was read.

    :param opening: called once when streams are assigned, and before anybody judges them: opens SRTP.
    :param buffers: makes the jitter buffer that each stream passes; without, there is none.
    :ivar unassigned: after that, streams that no SDP announces.
    """

    def __init__(
        self,
        opening: Callable[[MediaCollector], None] | None = None,
        *,
        buffers: Callable[[], JitterBuffer] | None = None,
    ) -> None:
        self._opening = opening
        self.unassigned: list[tuple[Stream, MediaVerdict]] = []
        self._counters: Counter[str] = Counter()
        self._losses = LossMoments()
        self.table = MediaTable(self._take, self._formats, self._losses.receive, buffers=buffers)
        self._streams: deque[Stream] = deque()
        self._short: deque[Stream] = deque()
        self._calls: deque[CallMedia] = deque()
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        """Port → the latest description that names it."""
        self._reports: deque[QualityReport] = deque(maxlen=MOST_REPORTS)
        self._digits = InfoDigits()
        self._dark_hosts: dict[str, None] = {}
        self.dtls = DtlsTable()
        self.srtp_agreed = self.dtls.srtp_agreed
        """See :class:`~tqdecrypt.observing.KeyingObserver`."""
        self._result: list[CallMedia] | None = None

    # As the pipeline's media sink.

    @property
    def counters(self) -> Mapping[str, int]:
        """What there was, and what was given up, by name."""
        counters = self._counters + self.table.counters + self._digits.counters
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
            self._remember(raw[message.body_start :])
        elif message.method == "PUBLISH" or raw.find(b"VQSessionReport", message.body_start) >= 0:
            self._take_report(message)
        elif message.method == "INFO":
            self._digits.receive(message)

    def settle(self, before: int | None) -> None:
        """All messages in front of frame *before* were given."""
        self.table.settle(before)

    def finish(self) -> None:
        """Everything was read."""
        self.table.finish()

    # From the analysis and the sink.

    def call(self, call: JointCall) -> None:
        """Take a call that is over, with all its legs."""
        legs = [leg_media(leg) for leg in call.legs]
        if len(self._calls) >= MOST_CALLS:
            self._calls.popleft()
            self._counters["media_calls_evicted"] += 1
        self._calls.append(CallMedia(legs))

    def dark_session(self, client: str, server: str) -> None:
        """A TLS session between these endpoints stayed dark."""
        for endpoint in (client, server):
            if len(self._dark_hosts) < MOST_DARK_HOSTS:
                self._dark_hosts[host_of(endpoint)] = None

    # The result.

    def calls(self) -> list[CallMedia]:
        """Return the media of every call, streams assigned; asked again, the same."""
        if self._result is None:
            self._result = self._assign()
            if self._opening is not None:
                self._opening(self)
        return self._result

    @property
    def flows(self) -> list[DatagramFlow]:
        """Flows of what is no RTP."""
        return list(self.table.flows.values())

    def _assign(self) -> list[CallMedia]:
        blamed = self._losses.judge(self._streams)
        streams = [
            blamed[one.number].on(one) if one.number in blamed else one
            for one in (*self._streams, *self._short)
        ]
        calls = list(self._calls)
        left = assign(streams, calls)
        self._note_usual(calls)
        by_call_id = {leg.call_id: leg for call in calls for leg in call.legs}
        for call in calls:
            for _, one in call.streams:
                one.verdict = _verdict_of(one)
                one.reported = self.rtcp.about(one.stream.ssrc, one.stream.destination)
            for leg in call.legs:
                leg.streams.sort(key=lambda one: one.stream.number)
                note_successors(leg)
                self._find_faxes(leg)
        for report in self._reports:
            about = by_call_id.get(report.call_id)
            if about is not None:
                about.reports.append(report)
        for call_id, digits in self._digits.by_call_id().items():
            about = by_call_id.get(call_id)
            if about is not None:
                about.info_digits = digits
        self._show_unassigned(left)
        return calls

    def _note_usual(self, calls: list[CallMedia]) -> None:
        """Find out between which hosts media passes the capture point: that of many calls does not."""
        answered: Counter[frozenset[str]] = Counter()
        seen: Counter[frozenset[str]] = Counter()
        legs = [leg for call in calls for leg in call.legs if leg.answered is not None]
        for leg in legs:
            answered[leg.media_hosts] += 1
            seen[leg.media_hosts] += bool(leg.streams)
        for leg in legs:
            leg.usually_seen = 2 * seen[leg.media_hosts] >= answered[leg.media_hosts]

    def _show_unassigned(self, streams: list[Stream]) -> None:
        for stream in sorted(streams, key=lambda one: one.number):
            numbers = min(stream.expected, stream.packets - stream.duplicates)
            if numbers - stream.restarts < FEWEST_PACKETS:
                self._counters["rtp_like_datagrams"] += stream.packets
                continue
            hosts = {host_of(stream.source), host_of(stream.destination)}
            dark = not hosts.isdisjoint(self._dark_hosts)
            verdict = MediaVerdict.SIGNALLING_DARK if dark else MediaVerdict.UNASSIGNED
            self.unassigned.append((stream, verdict))

    def _find_faxes(self, leg: LegMedia) -> None:
        """Note T.38 where an SDP announces it: nothing in its packets says that they are."""
        for line in leg.lines:
            if not line.fax:
                continue
            for flow in self.table.flows.values():
                if flow.kind is Kind.OTHER and flow.destination == line.endpoint:
                    leg.faxes.append((line, flow.packets, flow.started, flow.ended))

    def _take(self, stream: Stream) -> None:
        if stream.packets < FEWEST_PACKETS:
            if len(self._short) >= MOST_SHORT:
                self._counters["rtp_like_datagrams"] += self._short.popleft().packets
            self._short.append(stream)
            return
        if len(self._streams) >= MOST_STREAMS:
            self._streams.popleft()
            self._counters["media_streams_not_kept"] += 1
        self._streams.append(stream)

    def _take_report(self, message: Message) -> None:
        kind = (header(message, "Content-Type") or "").partition(";")[0].strip().lower()
        if kind != CONTENT_TYPE:
            return
        report = read_report(
            message.raw[message.body_start :], message.time, message.frame, message.flow.source
        )
        if report is None:
            self._counters["quality_reports_unreadable"] += 1
            return
        self._counters["quality_reports"] += 1
        self._reports.append(report)

    def _remember(self, body: bytes) -> None:
        at = body.find(b"v=0")
        if at < 0 or len(body) > MOST_DESCRIPTION:
            return
        body = body[at:]
        place = body.find(b"\nm=")
        while place >= 0:
            words = body[place + 3 : place + 40].split()
            if len(words) > 1 and words[1].isdigit():
                port = words[1].decode()
                self._bodies[port] = body
                self._bodies.move_to_end(port)
                if len(self._bodies) > MOST_PORTS:
                    self._bodies.popitem(last=False)
            place = body.find(b"\nm=", place + 3)

    def _formats(self, source: str, destination: str) -> Mapping[int, Codec]:
        """Return payload types as whoever receives announced them, else as whoever sends did."""
        for endpoint in (destination, source):
            body = self._bodies.get(endpoint.rpartition(":")[2])
            if body is None:
                continue
            formats = formats_of(body)
            if endpoint in formats:
                return formats[endpoint]
            # NAT: the port is the same, the address is not.
            port = ":" + endpoint.rpartition(":")[2]
            for announced, found in formats.items():
                if announced.endswith(port):
                    return found
        return {}


def leg_media(leg: Leg) -> LegMedia:
    """Return what a leg says of its media."""
    lines, dropped = lines_of(leg)
    call = leg.call
    return LegMedia(
        call_id=leg.call_id,
        number=leg.number,
        caller=call.from_uri,
        callee=call.to_uri,
        started=call.started,
        answered=leg.answered,
        ended=leg.ended,
        last_time=leg.last_time,
        failed=call.state in (CallState.FAILED, CallState.REDIRECTED, CallState.CANCELLED),
        sessions=leg.sessions,
        lines=tuple(lines),
        lines_dropped=dropped,
        keys=keys_of_leg(leg),
    )


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
