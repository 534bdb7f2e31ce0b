"""``tqdecrypt export keylog``, and what ``export pcapng --secrets`` does: hand on what opens sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.cli.choosing import readable_twice
from tqdecrypt.cli.export.said import say_written
from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.progress import ProgressBar
from tqdecrypt.cli.switches import reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.export.chosen import ChosenConnections

__all__ = ["cut_with_secrets", "keylog"]


@reading
def keylog(switches: ExportSwitches) -> int:
    """Write the secrets of the chosen TLS sessions as a key log (RFC 9850), readable by you only.

    Wireshark and tqdecrypt open those sessions with it, and no others; the private key is not in it.
    Sessions that resumed each other share one secret.
    """
    from tqdecrypt.export.chosen import ChosenConnections
    from tqdecrypt.keys.keylog_lines import render_key_log

    _refuse_masking(switches)
    if not readable_twice(switches) and not switches.by_session_alone:
        raise UsageError(
            "which sessions carried a call is known at the end, and a pipe comes but once: save it to a "
            "file first, or choose by --session."
        )
    choice = switches.choose()
    chosen = ChosenConnections()
    with whole_file(switches.output, replace=switches.force, private=True, what="key log") as file:
        outcome = choice.read(switches, chosen, observers=[chosen])
        if not chosen.lines:
            raise UsageError(_nothing(chosen))
        file.write(render_key_log(chosen.lines, f"{_sessions(chosen.opened)}, by tqdecrypt"))
    say_written(switches.output, [f"the secrets of {_sessions(chosen.opened)}"], _left_out(chosen))
    return outcome.status


def _refuse_masking(switches: ExportSwitches) -> None:
    """Say that what is handed on as it was captured cannot be masked.

    :raises UsageError: when numbers and names are to be masked.
    """
    if switches.mask_profile is Profile.PEOPLE:
        raise UsageError(
            "session secrets open what was captured, numbers and names and all; for others use export "
            "pcap --mask people, or leave --mask out."
        )


def cut_with_secrets(switches: ExportSwitches) -> int:
    """Write the packets of the chosen connections as they are, behind the secrets that open them."""
    from tqdecrypt.export.chosen import ChosenConnections
    from tqdecrypt.export.cutting import copy_frames, find_frames
    from tqdecrypt.export.pcapng_writer import PcapngFile
    from tqdecrypt.keys.keylog_lines import render_key_log
    from tqdecrypt.views.words import count

    _refuse_masking(switches)
    if not readable_twice(switches):
        raise UsageError(
            "--secrets puts what opens the packets in front of them, and a pipe comes but once: save it "
            "to a file first."
        )
    choice = switches.choose()
    chosen = ChosenConnections()
    with whole_file(
        switches.output, replace=switches.force, private=True, what="capture"
    ) as stream:
        outcome = choice.read(switches, chosen, observers=[chosen])
        chosen.flush()
        if not chosen.anything:
            raise UsageError(_nothing(chosen))
        file = PcapngFile(stream, "Cut out by tqdecrypt, with the secrets of its TLS sessions")
        if chosen.lines:
            file.secrets(render_key_log(chosen.lines))
        with ProgressBar() as bar:
            find_frames(switches.captures, chosen.extents, chosen.frames, bar)
        with ProgressBar() as bar:
            packets = copy_frames(switches.captures, chosen.frames, file, bar)
    inside = [count(len(chosen.extents), "connection")] if chosen.extents else []
    if chosen.datagrams:
        inside.append(f"{count(chosen.datagrams, 'clear message')} in datagrams")
    said = [f"{count(packets, 'packet')} ({', '.join(inside)})"]
    if chosen.opened:
        said.append(f"the secrets of {_sessions(chosen.opened)}")
    left_out = _left_out(chosen)
    if chosen.hellos_missing:
        left_out.append(
            f"{_sessions(chosen.hellos_missing)} whose handshake is not in the capture, which Wireshark "
            "cannot open (export pcapng without --secrets shows them)"
        )
    if choice.beside:
        left_out.append(
            f"{count(choice.beside, 'other Call-ID')} on the same connections, which come whole"
        )
    say_written(switches.output, said, left_out)
    return outcome.status


def _nothing(chosen: ChosenConnections) -> str:
    if chosen.dark:
        return (
            f"nothing to write: nothing opened {_sessions(chosen.dark)} that fit; read says why, and what "
            "to do."
        )
    return "nothing to write: no TLS session fits; read lists them."


def _left_out(chosen: ChosenConnections) -> list[str]:
    from tqdecrypt.views.words import count

    found = []
    if chosen.dark:
        found.append(f"no secrets for {_sessions(chosen.dark)}")
    beyond = chosen.counters["connections_beyond_the_cut"]
    if beyond:
        found.append(f"{count(beyond, 'further connection')} left out, too many for one file")
    mirrored = chosen.counters["mirrored_messages"]
    if mirrored:
        found.append(
            f"{count(mirrored, 'mirrored message')} left out, which no packet of these holds"
        )
    return found


def _sessions(number: int) -> str:
    from tqdecrypt.views.words import count

    return count(number, "TLS session")
