"""``tqdecrypt export audio``: the sound of one call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.run import Status, read_for
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.cli.run import Outcome
    from tqdecrypt.export.audio import Audio, Written
    from tqdecrypt.media.association import LegMedia
    from tqdecrypt.media.audio.hearing import Hearing
    from tqdecrypt.media.audio.track import Track
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["audio"]

_SPEAKERS = ("caller", "callee")
_MOST_LISTED = 8
"""Digits of a speaker in the closing line."""


@dataclass(slots=True, kw_only=True)
class AudioSwitches(Switches):
    """Whose sound, and where to."""

    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="The WAV file; - is standard output.",
            show_default=False,
        ),
    ]
    call: Annotated[
        str,
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="The leg: its Call-ID, or a part of it that no other has.",
            show_default=False,
        ),
    ] = ""
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False


@reading
def audio(
    switches: AudioSwitches,
    *,
    sound: Annotated[
        bool,
        typer.Option(
            "--audio",
            help="Say that what people said is to be made audible, and that you may do that.",
        ),
    ] = False,
) -> int:
    """Write what was said in one leg of a call as WAV: the caller left, the callee right.

    Captures are read twice: to find the call, and to decode its packets.
    """
    from tqdecrypt.export.audio import Audio, rate_of
    from tqdecrypt.media.audio.hearing import hearing_of

    _check(switches, meant=sound)
    found, first = _find(switches)
    if first.summary is None or first.status is Status.INTERRUPTED:
        return first.status
    hearing = hearing_of(found.leg(switches.call, first.summary))
    with (
        whole_file(switches.output, replace=switches.force, what="recording") as file,
        Audio(hearing.codecs, rate_of(hearing.formats, hearing.seen)) as recording,
    ):
        dark = _listen(switches, hearing, recording, found)
        if not recording.counters["decoded"]:
            raise UsageError(f"nothing of this call can be heard: {_reasons(recording, dark)}.")
        written = recording.write(file)
    complain(_sentence(switches.output, written, recording, dark))
    return first.status


def _check(switches: AudioSwitches, *, meant: bool) -> None:
    """Refuse what is not to be done.

    :raises UsageError: says why.
    """
    from tqdecrypt.cli.choosing import readable_twice

    if not meant:
        raise UsageError(
            "this makes what people said audible; add --audio if that is meant, and if the law and your "
            "employer allow it."
        )
    if switches.mask_profile is Profile.PEOPLE:
        raise UsageError(
            "voices cannot be masked: export audio without --mask people, or hand on something else."
        )
    if not switches.call.strip():
        raise UsageError("say whose sound with --call CALL_ID; media and read list the calls.")
    if not readable_twice(switches):
        raise UsageError(
            "export audio reads captures twice, and a pipe comes but once: save it first."
        )


class _Found:
    """The calls that may be meant: their media, and their keys."""

    def __init__(self, wanted: str) -> None:
        from tqdecrypt.media.collector import MediaCollector

        self._wanted = wanted
        self.collector = MediaCollector()

    def take(self, call: JointCall) -> None:
        """Take a call that is over."""
        if any(self._wanted in call_id for call_id in call.call_ids):
            self.collector.call(call)

    def leg(self, name: str, summary: Summary) -> LegMedia:
        """Return the leg that *name* means.

        :raises UsageError: when it is none, or several.
        """
        from tqdecrypt.cli.named import named_calls

        legs = {leg.call_id: leg for call in self.collector.calls() for leg in call.legs}
        fitting = [call_id for call_id in legs if self._wanted in call_id]
        return legs[named_calls([name], fitting, summary)[0]]


class _Nothing:
    """A sink for what nobody asked for."""

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""


def _find(switches: AudioSwitches) -> tuple[_Found, Outcome]:
    """Read captures for the call's media; keys of media are looked at, and not shown."""
    from tqdecrypt.cli.inputs import open_inputs, open_trunks
    from tqdecrypt.insight import Analysis

    switches.call = switches.call.strip().rstrip("…")
    found = _Found(switches.call)
    analysis = Analysis(on_call=found.take, trunks=open_trunks(switches))
    inputs = open_inputs(switches)
    inputs.options.media = found.collector
    outcome = read_for(switches, _Nothing(), analysis=analysis, inputs=inputs, masked=False)
    return found, outcome


def _listen(
    switches: AudioSwitches, hearing: Hearing, recording: Audio, found: _Found
) -> Counter[str]:
    """Read captures once more for the sound; return why packets of streams stayed dark."""
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.audio.listening import Listener, listen
    from tqdecrypt.media.verdict import MEANINGS, MediaVerdict

    wanted = {key: channel for key, (_, channel) in hearing.streams.items()}
    protected = [
        key for key, (one, _) in hearing.streams.items() if one.verdict is not MediaVerdict.CLEAR
    ]
    listener = Listener(wanted, recording.receive, protected)
    with ProgressBar() as bar:
        listen(
            switches.captures,
            listener,
            [CallMedia([hearing.leg])],
            found.collector.dtls,
            on_progress=bar,
        )
    dark: Counter[str] = Counter()
    for key in protected:
        one, _ = hearing.streams[key]
        meaning = MEANINGS[one.verdict]
        if not meaning.clear:
            dark[meaning.title] += one.stream.packets
        elif one.srtp is not None:
            left = sum(source.dark for source in one.srtp.sources if not source.rtcp)
            dark.update({"that no key opens": left} if left else {})
    for name, words in (
        ("audio_cut", "cut by the snap length"),
        ("audio_malformed", "malformed"),
    ):
        if listener.counters[name]:
            dark[words] += listener.counters[name]
    return dark


def _reasons(recording: Audio, dark: Counter[str]) -> str:
    """Say what could not be heard, and why."""
    from tqdecrypt.views.words import count

    why = dark.copy()
    for track in recording.tracks:
        why.update({f"in {name}": number for name, number in track.undecodable.items()})
        if track.counters["malformed"]:
            why["malformed"] += track.counters["malformed"]
    parts = [f"{count(number, 'packet')} {words}" for words, number in why.most_common()]
    return "; ".join(parts) or "there is no RTP of it in the captures"


def _sentence(output: str, written: Written, recording: Audio, dark: Counter[str]) -> str:
    """Say what was written."""
    from tqdecrypt.views.words import count

    heard = ", ".join(
        f"{speaker} {_loudness(track, wait / recording.rate)}"
        for speaker, track, wait in zip(_SPEAKERS, recording.tracks, recording.waits, strict=True)
    )
    said = f"{output}: {written.seconds:.1f} s at {written.rate:,} Hz; {heard}"
    lost = recording.counters["lost"]
    if lost:
        said += f"; {count(lost, 'packet')} lost, silence instead"
    digits = sum(len(track.events) for track in recording.tracks)
    if digits:
        said += f"; {count(digits, 'telephone event')} left out"
    said += "".join(_pressed(recording))
    reasons = _reasons(recording, dark)
    if dark or any(track.undecodable or track.counters["malformed"] for track in recording.tracks):
        said += f"; left out: {reasons}"
    if written.cut or recording.counters["beyond_the_longest"]:
        said += "; what is longer than a WAV file can be was cut off"
    return f"{said}."


def _pressed(recording: Audio) -> Iterator[str]:
    """Say when keys were pressed in the sound itself, and how long; never which."""
    from tqdecrypt.views.words import count

    for speaker, track, wait in zip(_SPEAKERS, recording.tracks, recording.waits, strict=True):
        if not track.tones:
            continue
        listed = ", ".join(
            f"* at {(wait + tone.position) / recording.rate:.1f} s for {tone.duration:.0f} ms"
            for tone in track.tones.tones[:_MOST_LISTED]
        )
        more = len(track.tones) - _MOST_LISTED
        yield (
            f"; {speaker} pressed {count(len(track.tones), 'digit')} in the sound (not RFC 4733): "
            f"{listed}{f' and {more:,} more' if more > 0 else ''}"
        )


def _loudness(track: Track, wait: float) -> str:
    """Say how loud a direction was, and how silent; *wait* is when it begins, in seconds."""
    if not track.counters["decoded"]:
        return "not heard"
    silence = track.silence
    words = f"{silence.level} dBov"
    if not silence.silent or silence.longest is None:
        return words
    begin, length = (part / track.rate for part in silence.longest)
    share = silence.silent / silence.decoded
    return f"{words}, {share:.0%} silent, longest {length:.1f} s at {wait + begin:.1f} s"
