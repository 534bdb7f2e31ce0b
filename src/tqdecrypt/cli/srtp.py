"""Opening SRTP for a command, and listening: the captures are read once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.cli.inputs import has_pipe
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.srtp.decryption import ClearListener

__all__ = ["hear_calls", "hear_media", "open_srtp"]


def open_srtp(
    switches: Switches, collector: MediaCollector, listener: ClearListener | None = None
) -> None:
    """Open the protected streams of *collector* with the keys that were found; set their verdicts.

    Says on standard error why nothing is opened, where that is so; the verdicts then stay what the
    signalling says.

    :param listener: takes the clear packets.
    """
    from tqdecrypt.errors import UsageError
    from tqdecrypt.media.srtp.decryption import SrtpDecryption, decrypt

    calls = collector.calls()
    try:
        decryption = SrtpDecryption(calls, collector.dtls, listener, collector.rtcp)
    except UsageError as error:
        complain(str(error))
        return
    if not decryption:
        return
    if has_pipe(switches):
        complain("SRTP is opened in a second reading, which a pipe does not allow: give a file.")
        return
    decrypt(switches.captures, decryption)


def hear_media(
    switches: Switches,
    collector: MediaCollector,
    *,
    chosen: Callable[[CallMedia], bool] = lambda call: True,
) -> None:
    """Do what :func:`open_srtp` does, and note on the way how loud the streams of calls were.

    :param chosen: says which calls are listened to.
    """
    hear_calls(switches, collector, collector.calls(), chosen=chosen)


def hear_calls(
    switches: Switches,
    collector: MediaCollector,
    calls: Sequence[CallMedia],
    *,
    chosen: Callable[[CallMedia], bool] = lambda call: True,
) -> None:
    """Note how loud the streams of *calls* were; what of them is protected is opened.

    Says on standard error what cannot be heard for want of a package, or because it comes from a pipe.
    """
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.audio.levels import hear

    if not any(leg.streams for call in calls for leg in call.legs):
        return
    if "-" in switches.captures or has_pipe(switches):
        complain("sound is decoded in a second reading, which a pipe does not allow: give a file.")
        return
    with ProgressBar() as bar:
        hear(
            switches.captures,
            calls,
            collector.dtls,
            reports=collector.rtcp,
            chosen=chosen,
            on_progress=bar,
            on_trouble=complain,
        )
