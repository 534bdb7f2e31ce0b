"""The table of media streams: whose they are, what was lost, how evenly they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from types import MappingProxyType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.calls.call import Party
from tqdecrypt.media.association import Assigned, CallMedia, How, LegMedia, SourceIs
from tqdecrypt.media.emodel import Rating
from tqdecrypt.media.rating import rate_stream, rated_behind_buffer
from tqdecrypt.media.reports import Reported
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.suppression import COMFORT_NOISE
from tqdecrypt.media.verdict import MEANINGS, MediaVerdict
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Grid, Row, draw
from tqdecrypt.views.media_words import heard_text
from tqdecrypt.views.timeline_drawing import length
from tqdecrypt.views.words import count, duration

__all__ = ["MediaLines", "MediaRows", "MediaTableView"]

_COLUMNS = (
    Column("Call", least=10, most=24, yields=4),
    Column("To", least=6),
    Column("From > to", least=20, most=64, yields=1),
    Column("Codec", least=5, most=24, yields=2, dispensable=True),
    Column("Time", right=True, least=0, yields=5),
    Column("Packets", right=True, least=7),
    Column("Lost", right=True, least=6),
    Column("Jitter ms", right=True, least=9, dispensable=True),
    Column("MOS", right=True),
    Column("R", right=True, least=0, yields=7),
    Column("Gap ms", right=True, least=0, yields=4),
    Column("DSCP", right=True, least=0, yields=6),
    Column("Media", least=11, most=30, yields=3),
)
_USUAL_WIDTHS = (16, 6, 41, 10, 6, 7, 8, 9, 4, 3, 6, 4, 14)
"""Cells that columns take while it is not known what is to come."""
_TO = {Party.CALLER: "caller", Party.CALLEE: "callee"}
_BAD_LOSS = 0.02
_BAD_JITTER = 40.0
_SUPPRESSED = 200.0
"""Milliseconds; less is a packet late, and no pause."""
_BAD_R, _FAIR_R = 60, 70
"""Below 60 nearly all users are dissatisfied, below 70 many are (ITU-T G.107 annex B)."""


class MediaRows:
    """Takes calls and streams of nobody, and makes rows of them; at most *most* of a kind are kept.

    :param ascii_only: whether the rows have no Unicode.
    :ivar streams: how many the calls have.
    :ivar calls: how many there were.
    :ivar unassigned: streams that no session description announces.
    :ivar left_out: rows that are not kept.
    """

    def __init__(self, most: int, *, ascii_only: bool) -> None:
        self.streams = self.calls = self.unassigned = self.left_out = 0
        self._most = most
        self._marks = theme.ASCII if ascii_only else theme.UNICODE
        self._heard: list[tuple[int, list[Row]]] = []
        self._silent: list[tuple[bool, Row]] = []
        self._loose: list[Row] = []
        self._kept = 0
        """Rows of streams of calls."""

    def call(self, call: CallMedia, place: int) -> list[Row]:
        """Take a call; return its rows.

        :param place: by what calls are ordered in the table.
        """
        self.calls += 1
        self.streams += sum(len(leg.streams) for leg in call.legs)
        heard = [row for leg in call.legs for row in _leg_rows(leg, self._marks)]
        if heard:
            room = max(self._most - self._kept, 0)
            self.left_out += max(len(heard) - room, 0)
            self._kept += min(len(heard), room)
            if room:
                self._heard.append((place, heard[:room]))
        silent = [
            (not leg.usually_seen, _silent_row(leg))
            for leg in call.legs
            if not leg.streams and not leg.faxes and any(not line.refused for line in leg.lines)
        ]
        room = max(self._most - len(self._silent), 0)
        self.left_out += max(len(silent) - room, 0)
        self._silent += silent[:room]
        return [*heard, *(row for _, row in silent)]

    def stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> Row:
        """Take a stream that no session description announces; return its row.

        :param call_id: of the call that it belonged to until that had settled; mostly empty.
        """
        self.unassigned += 1
        codec, rating = _codec_of(stream), _rating(stream, "", None)
        remark = f"goes on after the call {call_id} and a minute of silence" if call_id else ""
        row = Row(
            [
                Text("unassigned", theme.DIM),
                Text(""),
                *_cells(stream, codec, self._marks, rating),
                _verdict(verdict, self._marks),
            ],
            theme.said(remark, theme.DIM) if remark else None,
        )
        if len(self._loose) < self._most:
            self._loose.append(row)
        else:
            self.left_out += 1
        return row

    def heading(self) -> Text:
        """Return how many there are of what."""
        heading = Text(count(self.streams + self.unassigned, "media stream"), theme.HEADING)
        heading.append(f"  {self.streams:,} of {count(self.calls, 'call')}", theme.DIM)
        if self.unassigned:
            left = f", {self.unassigned:,} that no session description announces"
            heading.append(left, theme.DIM)
        return heading

    def rows(self) -> list[Row]:
        """Return the rows: streams of calls, calls without media, streams of nobody."""
        heard = [row for _, rows in sorted(self._heard, key=itemgetter(0)) for row in rows]
        silent = [row for _, row in sorted(self._silent, key=itemgetter(0))]
        return [*heard, *silent, *self._loose][: self._most]

    @property
    def more(self) -> int:
        """How many rows there are beyond those of :meth:`rows`."""
        kept = self._kept + len(self._silent) + len(self._loose)
        return self.left_out + max(kept - self._most, 0)


class MediaTableView:
    """The rows as a table."""

    def __init__(self, rows: MediaRows) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._rows.heading()
        rows = self._rows.rows()
        if rows:
            yield from draw(_COLUMNS, rows, options.max_width)
        if self._rows.more:
            left = count(self._rows.more, "more row")
            yield Text(f"{left}; --most N or --json shows them.", theme.DIM)


class MediaLines:
    """Rows as lines that stand below each other although nobody knows yet what comes."""

    def __init__(self) -> None:
        self._headed = False
        self._rows: list[Row] = []

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows for the next time that it is printed."""
        self._rows += rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows, self._rows = self._rows, []
        grid = Grid(_COLUMNS, _USUAL_WIDTHS, options.max_width)
        if not self._headed:
            self._headed = True
            yield grid.heading()
        for row in rows:
            yield from grid.lines(row)


def _leg_rows(leg: LegMedia, marks: theme.Glyphs) -> Iterator[Row]:
    for place, one in enumerate(leg.streams):
        name = theme.said(leg.call_id if not place else "")
        notes = list(_notes(one))
        yield Row(
            [
                name,
                Text(_TO[one.to]),
                *_cells(
                    one.stream,
                    one.encoding or _codec_of(one.stream),
                    marks,
                    _rating(one.stream, one.encoding, one.reported, one.amr_modes),
                ),
                _verdict(one.verdict, marks),
            ],
            theme.said("; ".join(notes), theme.DIM) if notes else None,
        )
    for line, packets, first, last in leg.faxes:
        yield Row(
            [
                theme.said(leg.call_id if not leg.streams else ""),
                Text(_TO[line.party]),
                theme.said(f"> {line.endpoint}"),
                Text("T.38"),
                Text(duration(last - first)),
                Text(f"{packets:,}"),
                *(Text("") for _ in range(len(_COLUMNS) - 6)),
            ]
        )


def _silent_row(leg: LegMedia) -> Row:
    """Return the row of a leg that announced media of which nothing was seen."""
    if leg.answered is None:
        words = Text("no media, not answered", theme.DIM)  # nobody wonders why
    elif leg.usually_seen:
        words = Text("no media", theme.FAILURE)
    else:
        words = Text("no media passes here", theme.DIM)
    rest = (Text("") for _ in range(len(_COLUMNS) - 3))
    return Row([theme.said(leg.call_id), Text(""), words, *rest])


def _rating(
    stream: Stream,
    encoding: str = "",
    reported: Reported | None = None,
    modes: Mapping[int, int] = MappingProxyType({}),
) -> Rating | None:
    """Return the rating behind the jitter buffer that was asked for, or as the stream passed here."""
    if stream.played is not None:
        return rated_behind_buffer(stream, encoding, reported, modes)
    return rate_stream(stream, encoding, reported, modes)


def _cells(stream: Stream, codec: str, marks: theme.Glyphs, rating: Rating | None) -> list[Text]:
    share = stream.network_lost / stream.expected if stream.expected else 0.0
    lost = f"{stream.network_lost:,} {share:.1%}" if stream.network_lost else "0"
    jitter = stream.jitter_max
    return [
        theme.said(f"{stream.source} {marks.to} {stream.destination}"),
        theme.said(codec),
        Text(duration(stream.duration)),
        Text(f"{stream.packets:,}"),
        Text(lost, theme.FAILURE if share > _BAD_LOSS else theme.NOTICE if share else ""),
        Text(
            "" if jitter is None else f"{jitter:.1f}",
            theme.FAILURE if jitter is not None and jitter > _BAD_JITTER else "",
        ),
        *_rating_cells(rating),
        Text("" if stream.spacing_max is None else f"{stream.spacing_max:.0f}"),
        Text(str(stream.dscp) if stream.dscp else ""),
    ]


def _rating_cells(rating: Rating | None) -> list[Text]:
    """Return MOS and R; with figures of another codec, or such as nothing confirms, about so much."""
    if rating is None:
        return [Text(""), Text("")]
    about = "~" if rating.impairment.estimated else ""
    style = theme.FAILURE if rating.r < _BAD_R else theme.NOTICE if rating.r < _FAIR_R else ""
    return [Text(f"{about}{rating.mos:.2f}", style), Text(f"{about}{rating.r:.0f}", style)]


def _codec_of(stream: Stream) -> str:
    number = stream.payload_type
    return STATIC_TYPES.get(str(number), f"type {number}")


def _verdict(verdict: MediaVerdict, marks: theme.Glyphs) -> Text:
    meaning = MEANINGS[verdict]
    if meaning.clear:
        return Text(f"{marks.tick} {meaning.title}", theme.SUCCESS)
    if verdict in (MediaVerdict.PROTECTED, MediaVerdict.UNASSIGNED):
        return Text(f"{marks.separator} {meaning.title}", theme.NOTICE)
    return Text(f"{marks.cross} {meaning.title}", theme.FAILURE)


def _notes(one: Assigned) -> Iterator[str]:
    """Yield what is to be said of a stream beside its figures."""
    stream = one.stream
    if one.before_answer:
        yield "early media"
    if one.how is How.LATCHED:
        yield "its destination stands in no SDP: sent back to where the other direction comes from"
    elif one.how is How.SOURCE:
        yield f"only its source stands in an SDP; {one.line.party.value} announced it"
    elif one.how is How.CANDIDATE:
        yield "to an ICE candidate"
    if one.source_is is SourceIs.OTHER_HOST and one.sender is not None:
        yield f"announced as {one.sender.endpoint or 'refused'}: NAT or a relay in between"
    elif one.source_is is SourceIs.OTHER_PORT and one.sender is not None:
        yield f"announced as {one.sender.endpoint or 'refused'}: sent from another port"
    if one.follows is not None:
        yield f"takes the place of SSRC {one.follows.ssrc:#010x}"
    if one.beside is not None:
        yield f"beside SSRC {one.beside.ssrc:#010x} between the same endpoints"
    if stream.relayed:
        yield "relayed by TURN"
    if one.amr_modes:
        yield f"{'modes' if len(one.amr_modes) > 1 else 'mode'} {_modes(one.amr_modes)}"
    if stream.capture_lost:
        yield f"{count(stream.capture_lost, 'more packet')} lost by the capture itself"
    if stream.bursts:
        yield f"{count(stream.bursts, 'burst')} of loss, {stream.burst_lost:,} packets in them"
    if stream.duplicates:
        yield f"{stream.duplicates:,} duplicates"
    if stream.reordered:
        yield f"{stream.reordered:,} out of order"
    if stream.restarts:
        yield f"numbers began anew {count(stream.restarts, 'time')}"
    if one.line.kind == "audio" and stream.suppressed >= _SUPPRESSED:
        noise = " (comfort noise)" if COMFORT_NOISE in stream.payload_types else ""
        yield f"silence not sent for {length(round(stream.suppressed * 1e6))}{noise}"
    if one.heard is not None:
        yield heard_text(one.heard)
    if stream.digit_count:
        yield count(stream.digit_count, "telephone event")
    if stream.type_changes:
        yield f"payload type changed {count(len(stream.type_changes), 'time')}"
    if stream.ptime_changes:
        yield f"packet time changed {count(len(stream.ptime_changes), 'time')}"
    if stream.dscp_changes:
        yield f"DSCP changed {count(len(stream.dscp_changes), 'time')}"
    if stream.clock_rate_inferred:
        yield f"clock rate inferred: {stream.clock_rate} Hz"
    yield from _opened(one)
    if stream.played is not None and stream.played.discarded:
        size = f"{stream.played.size:.0f} ms"
        yield f"{count(stream.played.discarded, 'packet')} too late for a jitter buffer of {size}"
    yield from _heard(one)


def _modes(packets: Mapping[int, int]) -> str:
    """Return bit rates, the most common first, with their shares."""
    total = sum(packets.values())
    ranked = sorted(packets, key=lambda rate: -packets[rate])
    if len(ranked) == 1:
        return f"{ranked[0] / 1000:g} kbit/s"
    return ", ".join(f"{rate / 1000:g} kbit/s {packets[rate] / total:.0%}" for rate in ranked)


def _opened(one: Assigned) -> Iterator[str]:
    """Yield what came of opening SRTP."""
    for source in one.srtp.sources if one.srtp is not None else ():
        if source.rtcp or not source.opened:
            continue
        key = source.keys[0]
        yield f"{source.authenticated:,} packets authenticated: {key.suite_name}, {key.origin}"
        if source.unproven:
            yield f"{source.unproven:,} decrypted without proof"
        if source.dark:
            yield f"{source.dark:,} stay dark"
        if len(source.keys) > 1:
            yield f"{count(len(source.keys) - 1, 'new key')} on the way"
        if source.first_rollovers:
            yield f"begins at roll-over counter {source.first_rollovers}"
        if source.outlived:
            yield "more packets than its key's lifetime allows"


def _heard(one: Assigned) -> Iterator[str]:
    """Yield what the receiver said."""
    reported = one.reported
    if reported is None:
        return
    words = []
    if reported.block is not None:
        words.append(f"{reported.block.lost:,} lost")
        if one.stream.clock_rate:
            words.append(f"jitter {1000 * reported.jitter_max / one.stream.clock_rate:.1f} ms")
    if reported.round_trips:
        words.append(f"round trip {reported.round_trips[1] / 1e6:.0f} ms from here")
    if reported.voip is not None and reported.voip.mos_listening is not None:
        words.append(f"MOS-LQ {reported.voip.mos_listening}")
    if words:
        yield f"its receiver says: {', '.join(words)}"
