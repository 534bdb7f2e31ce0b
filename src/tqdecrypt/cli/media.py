"""``tqdecrypt media``: the media streams of calls, their quality, and what is wrong with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.inputs import is_live, open_inputs, open_trunks
from tqdecrypt.cli.media_shown import JsonShown, LinesShown, Shown, TableShown
from tqdecrypt.cli.run import Status, read_for
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.cli.srtp import WaitingCalls
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tqdecrypt.insight import Analysis, Finding
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.jitter_buffer import JitterBuffer
    from tqdecrypt.media.stream import Stream
    from tqdecrypt.media.verdict import MediaVerdict

__all__ = ["media"]

MOST_BUFFER = 2_000
"""Milliseconds; nobody waits longer in a conversation."""


@reading
def media(
    switches: Switches,
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines: media, finding and summary objects."),
    ] = False,
    call: Annotated[
        list[str] | None,
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="Only this call: its Call-ID or a part of it. Repeatable.",
            show_default=False,
        ),
    ] = None,
    jitter_buffer: Annotated[
        str,
        typer.Option(
            "--jitter-buffer",
            metavar="MS",
            help="Rate streams behind a jitter buffer of so many ms; 20-200 for one that adapts.",
            show_default=False,
        ),
    ] = "",
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="Most streams that the table lists.")
    ] = 200,
    sound: Annotated[
        bool,
        typer.Option(
            "--audio",
            help="Decode the audio of calls, for how loud and how silent it was; nothing of what is said is "
            "kept.",
        ),
    ] = False,
) -> int:
    """List the media streams of calls: RTP and SRTP by call, leg and direction, and how they fared.

    Loss, bursts, jitter and spacing are measured from headers, which SRTP leaves clear; RTCP and quality
    reports (RFC 6035) stand beside what was measured.  Loss that the capture has itself is told apart.
    Streams that no session description announces are listed, too.  R and MOS are those of the E-model
    (docs/reference/quality.md).  With --call, loss and jitter are drawn over time.

    SRTP is opened with the keys in the session descriptions (SDES) and those of DTLS handshakes that the
    server's RSA key or a key log opens; each packet is authenticated (pip install 'tqdecrypt[media]').

    With --audio, the share of silence, its longest stretch and the level stand beside each stream, and a
    party that was sent packets with nothing in them is a finding (docs/reference/audio.md).

    From a pipe, a call is listed a minute after it and its media are over:

    tcpdump -i eth0 -s 0 -U -w - | tqdecrypt media - -k server.key
    """
    from tqdecrypt.cli.collect import Nothing
    from tqdecrypt.insight import Analysis

    live = is_live(switches)
    shown: Shown = JsonShown() if as_json else _screen(switches, most, live=live, drawn=bool(call))
    listing = _Listing(shown, tuple(call or ()), WaitingCalls(switches, sound=sound))
    collector = listing.collect(_buffers(jitter_buffer), patient=not live)
    listing.analysis = Analysis(media=collector, trunks=open_trunks(switches))
    inputs = open_inputs(switches)
    inputs.options.media = collector
    outcome = read_for(
        switches, Nothing(), analysis=listing.analysis, inputs=inputs, on_idle=shown.flush
    )
    collector.conclude()
    if call and not listing.shown:
        complain(f"no call has {' or '.join(call)} in its Call-ID; tqdecrypt read lists them.")
        return outcome.status or Status.USAGE
    if outcome.summary is not None:
        outcome.summary.counters.update(
            {name: count for name, count in listing.counters.items() if count}
        )
    shown.finish(_of_media(listing.analysis), outcome.summary)
    return outcome.status


def _screen(switches: Switches, most: int, *, live: bool, drawn: bool) -> Shown:
    """Return what shows media to a person."""
    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    return (LinesShown if live else TableShown)(screen, most, drawn=drawn)


def _buffers(size: str) -> Callable[[], JitterBuffer] | None:
    """Return what makes jitter buffers of the size that was asked for: ``60``, or ``20-200``."""
    if not size:
        return None
    from tqdecrypt.media.jitter_buffer import JitterBuffer

    least, adapts, greatest = size.partition("-")
    try:
        first = float(least)
        last = float(greatest) if adapts else first
    except ValueError:
        first = last = -1.0
    if not 0 <= first <= last <= MOST_BUFFER:
        raise UsageError(
            f"--jitter-buffer {size}: give milliseconds up to {MOST_BUFFER:,}, such as 60, or two such "
            "as 20-200 for a buffer that adapts."
        )
    return lambda: JitterBuffer(last, first if adapts else None)


class _Listing:
    """Has what has settled judged, and shown.

    :param wanted: parts of Call-IDs; without any, all calls that have media or announce some.
    :ivar analysis: judges; given once it is there.
    :ivar shown: how many calls there were.
    """

    analysis: Analysis
    collector: MediaCollector

    def __init__(self, shown: Shown, wanted: tuple[str, ...], protected: WaitingCalls) -> None:
        self.shown = 0
        self._output = shown
        self._wanted = wanted
        self._protected = protected
        self._place = 0

    def collect(
        self, buffers: Callable[[], JitterBuffer] | None, *, patient: bool
    ) -> MediaCollector:
        """Return what collects media for it."""
        from tqdecrypt.media.collector import MediaCollector

        self.collector = MediaCollector(
            self._call, self._stream, self._end, patient=patient, buffers=buffers
        )
        return self.collector

    @property
    def counters(self) -> Mapping[str, int]:
        """What there was, and what was given up, by name."""
        return {**self.collector.counters, **self._protected.counters}

    def _call(self, call: CallMedia) -> None:
        if not self._is_wanted(call):
            return
        self._place += 1
        for place, one in self._protected.receive(call, self._place, self.collector):
            self._show(one, place)

    def _stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        if not self._wanted:
            self._output.stream(stream, verdict, call_id)

    def _end(self) -> None:
        for place, call in self._protected.open(self.collector, last=True):
            self._show(call, place)

    def _show(self, call: CallMedia, place: int) -> None:
        self.shown += 1
        self.analysis.call_media(call)
        self._output.call(call, place)

    def _is_wanted(self, call: CallMedia) -> bool:
        if not self._wanted:
            return any(leg.lines or leg.streams for leg in call.legs)
        return any(name in call_id for name in self._wanted for call_id in call.call_ids)


def _of_media(analysis: Analysis) -> list[Finding]:
    """Return what was found in media; the rest is what ``read`` says."""
    from tqdecrypt.insight.rules import load_rules

    names = {
        sys.modules[rule.__module__].MEANING.name  # one a module
        for rule in load_rules().media
    }
    return [finding for finding in analysis.findings if finding.name in names]
