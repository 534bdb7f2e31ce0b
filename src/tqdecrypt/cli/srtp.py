"""Reading captures once more for a command: to open SRTP, and to listen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdecrypt.cli.inputs import has_pipe
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.srtp.dtls import DtlsTable

__all__ = ["WaitingCalls", "hear_calls"]

MOST_STREAMS = 20_000
"""Streams of calls that wait for the second reading, some six kilobytes each.  When there are more, the calls
that waited for longest are shown as the first reading has them."""
_OPENING = "SRTP is opened in a second reading, which a pipe does not allow: give a file."
_HEARING = "sound is decoded in a second reading, which a pipe does not allow: give a file."


class WaitingCalls:
    """Keeps calls of which a second reading may say more until everything was read; then it is done.

    Those are the ones whose streams may be opened, and with *sound* all.  Says on standard error why nothing
    is opened or heard, where that is so; the verdicts then stay what the signalling says.

    :param sound: whether to note how loud streams were.
    :ivar counters: ``media_streams_not_read_again``: of calls that there was no room for.
    """

    def __init__(self, switches: Switches, *, sound: bool = False) -> None:
        self.counters: Counter[str] = Counter()
        self._switches = switches
        self._sound = sound
        self._twice = not _comes_once(switches)
        self._said = False
        self._calls: dict[int, CallMedia] = {}
        self._streams = 0

    def receive(self, call: CallMedia, place: int, dtls: DtlsTable) -> list[tuple[int, CallMedia]]:
        """Take a call; return those that can be shown, it or others before it, with their places."""
        from tqdecrypt.media.srtp.decryption import may_be_opened

        streams = len(list(call.streams))
        heard = self._sound and streams > 0
        if not heard and not may_be_opened(call, dtls, later=self._twice):
            return [(place, call)]
        if not self._twice:
            if not self._said:
                complain(_HEARING if heard else _OPENING)
            self._said = True
            return [(place, call)]
        self._calls[place] = call
        self._streams += streams
        ready = []
        while self._streams > MOST_STREAMS:
            first = next(iter(self._calls))
            oldest = self._calls.pop(first)
            streams = len(list(oldest.streams))
            self._streams -= streams
            self.counters["media_streams_not_read_again"] += streams
            ready.append((first, oldest))
        return ready

    def open(self, collector: MediaCollector) -> list[tuple[int, CallMedia]]:
        """Open the calls that wait with the keys that were found, and set their verdicts; return them."""
        ready, self._calls = list(self._calls.items()), {}
        calls = [call for _, call in ready]
        if self._sound:
            hear_calls(self._switches, collector, calls)
        else:
            _open_calls(self._switches, collector, calls)
        return ready


def _open_calls(switches: Switches, collector: MediaCollector, calls: Sequence[CallMedia]) -> None:
    from tqdecrypt.errors import UsageError
    from tqdecrypt.media.srtp.decryption import SrtpDecryption, decrypt

    try:
        decryption = SrtpDecryption(calls, collector.dtls, reports=collector.rtcp)
    except UsageError as error:
        complain(str(error))
        return
    if decryption:
        decrypt(switches.captures, decryption)


def hear_calls(switches: Switches, collector: MediaCollector, calls: Sequence[CallMedia]) -> None:
    """Note how loud the streams of *calls* were; what of them is protected is opened.

    Says on standard error what cannot be heard for want of a package, or because it comes from a pipe.
    """
    from tqdecrypt.cli.progress import ProgressBar
    from tqdecrypt.media.audio.levels import hear

    if not any(leg.streams for call in calls for leg in call.legs):
        return
    if _comes_once(switches):
        complain(_HEARING)
        return
    with ProgressBar() as bar:
        hear(
            switches.captures,
            calls,
            collector.dtls,
            reports=collector.rtcp,
            on_progress=bar,
            on_trouble=complain,
        )


def _comes_once(switches: Switches) -> bool:
    return "-" in switches.captures or has_pipe(switches)
