"""Opening SRTP for a command: the captures are read once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.cli.inputs import has_pipe
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.srtp.decryption import ClearListener

__all__ = ["open_srtp"]


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
