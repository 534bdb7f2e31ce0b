"""``tqdecrypt export audio``: the sound of one call."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.run import Status, read_for
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import STANDARD_OUTPUT, check_free, whole_file
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tqdecrypt.cli.export.recording import Recording
    from tqdecrypt.cli.run import Outcome
    from tqdecrypt.media.audio.hearing import Hearing
    from tqdecrypt.media.audio.track import RtpPayload
    from tqdecrypt.pipeline import Summary

__all__ = ["audio"]

_MOST_PARTS = 4
"""Other parts in it."""


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
    part: Annotated[
        str,
        typer.Option(
            "--part",
            metavar="N|all",
            help="Another part of the call, by the number in the closing line: other legs, media lines, the "
            "other side of a relay. all writes a file each, OUT with the number in its name.",
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

    Captures are read twice: to find the call, and to decode its packets.  A call may have several legs, a leg
    several media lines, and a relay has the same speech on both of its sides: the closing line says what else
    there is to hear, and --part writes it.
    """
    _check(switches, meant=sound)
    found, first = _find(switches)
    if first.summary is None or first.status is Status.INTERRUPTED:
        return first.status
    parts = found.parts(switches.call, first.summary)
    if switches.part == "all" and len(parts) > 1:
        _write_all(switches, parts, found)
    else:
        _write(switches, parts, found)
    return first.status


def _write(switches: AudioSwitches, parts: Sequence[Hearing], found: _Found) -> None:
    """Write one part."""
    from tqdecrypt.cli.export.recording import Recording

    number = _number(switches, parts)
    with (
        whole_file(switches.output, replace=switches.force, what="recording") as file,
        Recording(parts[number - 1]) as one,
    ):
        _listen(switches, [one], found)
        if not one.audio.counters["decoded"]:
            raise UsageError(
                f"nothing of this call can be heard: {one.reasons()}{_besides(parts, number)}."
            )
        written = one.audio.write(file)
    complain(f"{one.sentence(switches.output, written)}{_besides(parts, number)}.")


def _write_all(switches: AudioSwitches, parts: Sequence[Hearing], found: _Found) -> None:
    """Write a file for each part in which something is heard."""
    from tqdecrypt.cli.export.recording import Recording

    stem, extension = os.path.splitext(switches.output)
    outputs = [f"{stem}-{number}{extension}" for number in range(1, len(parts) + 1)]
    for output in outputs:
        check_free(output, replace=switches.force)
    with ExitStack() as stack:
        recordings = [stack.enter_context(Recording(part)) for part in parts]
        _listen(switches, recordings, found)
        if not any(one.audio.counters["decoded"] for one in recordings):
            reasons = "; ".join(dict.fromkeys(one.reasons() for one in recordings))
            raise UsageError(f"nothing of this call can be heard: {reasons}.")
        for number, (output, one) in enumerate(zip(outputs, recordings, strict=True), 1):
            name = f"part {number} of {len(parts)}, {_name(one.hearing)}"
            if not one.audio.counters["decoded"]:
                complain(f"{name}: nothing of it can be heard: {one.reasons()}.")
                continue
            with whole_file(output, replace=switches.force, what="recording") as file:
                written = one.audio.write(file)
            complain(f"{one.sentence(output, written)}; {name}.")


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
    if switches.part and switches.part != "all" and not switches.part.isdecimal():
        raise UsageError(f"--part {switches.part}: give a number of the closing line, or all.")
    if switches.part == "all" and switches.output == STANDARD_OUTPUT:
        raise UsageError("--part all writes several files: name one with -o.")
    if not readable_twice(switches):
        raise UsageError(
            "export audio reads captures twice, and a pipe comes but once: save it first."
        )


class _Found:
    """The calls that may be meant: their media, and their keys."""

    def __init__(self, wanted: str) -> None:
        from tqdecrypt.media.collector import MediaCollector
        from tqdecrypt.media.keeping import KeptCalls

        self._wanted = wanted
        self._calls = KeptCalls(lambda call: any(wanted in call_id for call_id in call.call_ids))
        self.collector = MediaCollector(self._calls.receive)

    def parts(self, name: str, summary: Summary) -> list[Hearing]:
        """Return what there is to hear of the call that *name* means, the leg itself first.

        :raises UsageError: when it means none, or several.
        """
        from tqdecrypt.cli.named import named_calls
        from tqdecrypt.media.audio.hearing import hearing_of, parts_of

        known = [call_id for call in self._calls for call_id in call.call_ids]
        fitting = [call_id for call_id in known if self._wanted in call_id]
        named = named_calls([name], fitting, summary)[0]
        call = next(call for call in self._calls if named in call.call_ids)
        legs = sorted(call.legs, key=lambda leg: leg.call_id != named)
        own = parts_of(legs[0]) or [hearing_of(legs[0])]
        return [*own, *(part for leg in legs[1:] for part in parts_of(leg))]


def _find(switches: AudioSwitches) -> tuple[_Found, Outcome]:
    """Read captures for the call's media; keys of media are looked at, and not shown."""
    from tqdecrypt.cli.collect import Nothing
    from tqdecrypt.cli.inputs import open_inputs, open_trunks
    from tqdecrypt.insight import Analysis

    switches.call = switches.call.strip().rstrip("…")
    found = _Found(switches.call)
    analysis = Analysis(media=found.collector, trunks=open_trunks(switches))
    inputs = open_inputs(switches)
    inputs.options.media = found.collector
    outcome = read_for(switches, Nothing(), analysis=analysis, inputs=inputs, masked=False)
    return found, outcome


def _number(switches: AudioSwitches, parts: Sequence[Hearing]) -> int:
    """Return the number of the part that is meant.

    :raises UsageError: when there is none with that number.
    """
    number = 1 if switches.part in ("", "all") else int(switches.part)
    if not 1 <= number <= len(parts):
        from tqdecrypt.views.words import count

        raise UsageError(f"--part {number}: this call has {count(len(parts), 'part')}.")
    return number


def _besides(parts: Sequence[Hearing], number: int) -> str:
    """Say which part of the call it is, and what the others are."""
    others = [(other, part) for other, part in enumerate(parts, 1) if other != number]
    if not others:
        return ""
    listed = "; ".join(f"--part {other}: {_name(part)}" for other, part in others[:_MOST_PARTS])
    more = f" and {len(others) - _MOST_PARTS} more" if len(others) > _MOST_PARTS else ""
    return f"; part {number} of {len(parts)} of this call ({listed}{more}; --part all: a file each)"


def _name(part: Hearing) -> str:
    """Return a part's leg, and between which ends it was heard."""
    one, _ = next(iter(part.streams.values()))
    line = f", media line {one.line.index + 1}" if one.line.index else ""
    return f"{part.leg.call_id}{line}, {one.stream.source} > {one.stream.destination}"


def _listen(switches: AudioSwitches, recordings: Sequence[Recording], found: _Found) -> None:
    """Read captures once more for the sound, and note why packets of streams stayed dark."""
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.audio.listening import Listener, listen

    wanted = {
        key: 2 * number + channel
        for number, one in enumerate(recordings)
        for key, (_, channel) in one.hearing.streams.items()
    }
    protected = [one.protected for one in recordings]

    def hear(channel: int, payload: RtpPayload) -> None:
        recordings[channel // 2].audio.receive(channel % 2, payload)

    listener = Listener(wanted, hear, [key for keys in protected for key in keys])
    legs = list({id(one.hearing.leg): one.hearing.leg for one in recordings}.values())
    with ProgressBar() as bar:
        listen(
            switches.captures, listener, [CallMedia(legs)], found.collector.dtls, on_progress=bar
        )
    for number, (one, keys) in enumerate(zip(recordings, protected, strict=True)):
        both = 2 * number, 2 * number + 1
        cut, malformed = (
            sum(counts[channel] for channel in both)
            for counts in (listener.cut, listener.malformed)
        )
        one.count_dark(keys, cut, malformed)
