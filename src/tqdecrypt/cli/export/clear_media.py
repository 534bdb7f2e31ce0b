"""``tqdecrypt export pcap --media``, and pcapng: signalling and media in one capture that players play."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from tqdecrypt.cli.choosing import readable_twice
from tqdecrypt.cli.export.packets import besides, written
from tqdecrypt.cli.export.said import say_written
from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.export.unmasked import FoundMedia, find_media
from tqdecrypt.cli.run import Status
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.export.clear_media import ClearMedia
    from tqdecrypt.export.signalling import PacketWriter, SignallingPackets

__all__ = ["write_with_media"]


def write_with_media(
    switches: ExportSwitches, open_writer: Callable[[BinaryIO], PacketWriter], *, as_udp: bool
) -> int:
    """Write the chosen messages, and the media of their calls; return the exit status.

    Captures are read for the streams and their keys, for the messages as the mask leaves them, and for the
    packets of the streams.

    :raises UsageError: for what cannot be done, or nothing to write.
    """
    from tqdecrypt.export.aside import PacketsAside
    from tqdecrypt.export.clear_media import ClearMedia
    from tqdecrypt.export.signalling import SignallingPackets

    _check(switches)
    choice = switches.choose()
    found, first = find_media(switches, choice, choice.has_media, again=choice.first)
    if first.summary is None or first.status is Status.INTERRUPTED:
        return first.status
    wanted = choice.wanted
    with (
        whole_file(switches.output, replace=switches.force, what="capture") as file,
        PacketsAside() as aside,
    ):
        writer = open_writer(file)
        media = ClearMedia(
            [
                leg
                for leg in found.calls.legs
                if wanted.everything or leg.call_id in choice.call_ids
            ],
            found.collector.dtls,
            writer,
            aside,
            since=wanted.since,
            until=wanted.until,
            digits=switches.mask_profile is Profile.NONE,
        )
        sink = SignallingPackets(aside, as_udp=as_udp, media_in_clear=True)
        outcome = choice.read(switches, sink, observers=[sink], again=first)
        if not sink.messages:
            raise UsageError(
                "nothing to write: no SIP message fits that could be read; read says why."
            )
        sink.flush()
        if outcome.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        _listen(switches, media)
    counters = outcome.summary.counters if outcome.summary is not None else {}
    what = [*written(sink), *_media_written(media)]
    notes = [
        *besides(sink, writer, counters),
        *_media_besides(media, sink),
        *_not_kept(found, everything=wanted.everything),
    ]
    say_written(switches.output, what, notes)
    return outcome.status


def _check(switches: ExportSwitches) -> None:
    """Refuse what is not to be done.

    :raises UsageError: says why.
    """
    if switches.mask_profile is Profile.PEOPLE:
        raise UsageError(
            "voices cannot be masked: leave out --media or --mask people, or hand on something else."
        )
    if not readable_twice(switches):
        raise UsageError("--media reads captures twice, and a pipe comes but once: save it first.")


def _listen(switches: ExportSwitches, media: ClearMedia) -> None:
    """Read captures once more for the packets."""
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.srtp.decryption import decrypt

    with ProgressBar() as bar:
        decrypt(switches.captures, media, on_progress=bar)


def _media_written(media: ClearMedia) -> list[str]:
    from tqdecrypt.views.words import count

    words = f"{count(media.rtp, 'packet')} of RTP"
    if media.streams:
        words += f" in {count(len(media.streams), 'stream')}"
    found = [words]
    if media.rtcp:
        found.append(f"{media.rtcp:,} of RTCP")
    return found


def _media_besides(media: ClearMedia, sink: SignallingPackets) -> list[str]:
    """Say what to know of the media, and what was left out."""
    from tqdecrypt.views.words import count

    found = []
    if media.opened:
        found.append(f"{media.opened:,} of them decrypted, each authenticated")
    changed = sink.counters["descriptions_changed"]
    if changed:
        found.append(f"{count(changed, 'session description')} changed to announce RTP, not SRTP")
    if media.counters["events_hidden"]:
        found.append(
            f"{count(media.counters['events_hidden'], 'packet')} of telephone events without their digits, "
            "which --mask none keeps"
        )
    if media.counters["malformed"]:
        found.append(f"{count(media.counters['malformed'], 'malformed telephone event')} left out")
    for reason, number in media.dark.most_common():
        found.append(f"{count(number, 'packet')} of media left out: {reason}")
    if media.counters["cut"]:
        found.append(f"{count(media.counters['cut'], 'packet')} left out, cut by the snap length")
    if media.counters["rtcp_dark"]:
        found.append(
            f"{count(media.counters['rtcp_dark'], 'packet')} of RTCP left out, as nothing proves them"
        )
    if media.counters["unannounced"]:
        found.append(
            f"{count(media.counters['unannounced'], 'packet')} between ends that only ICE candidates "
            "announce: enable the protocol rtp_udp in Wireshark, or run tshark --enable-heuristic rtp_udp"
        )
    return found


def _not_kept(kept: FoundMedia, *, everything: bool) -> list[str]:
    """Say what belongs to no call, and what was too much to remember."""
    from tqdecrypt.media.verdict import MEANINGS
    from tqdecrypt.views.words import count

    found = []
    if everything:
        found += [
            f"{count(number, 'packet')} of media in no call left out: {MEANINGS[verdict].title}"
            for verdict, number in kept.loose.items()
        ]
    counters = {**kept.collector.counters, **kept.calls.counters}
    for name, words in (
        ("media_streams_not_kept", "stream"),
        ("media_calls_evicted", "call"),
    ):
        number = counters.get(name, 0)
        if number:
            found.append(
                f"media of {count(number, f'early {words}')} left out, too many to remember"
            )
    return found
