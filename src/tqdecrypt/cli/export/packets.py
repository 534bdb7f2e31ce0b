"""``tqdecrypt export pcap`` and ``export pcapng``: packets for Wireshark, sngrep and their like."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.export.said import say_written
from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.switches import reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from tqdecrypt.export.signalling import PacketWriter, SignallingPackets

__all__ = ["As", "besides", "pcap", "pcapng", "written"]

_COMMENT = (
    "Signalling that tqdecrypt took out of a capture: the SIP messages byte for byte, with their true ends, "
    "ports and times; the IP, TCP and UDP headers around them are made."
)


_MEDIA_COMMENT = (
    "RTP and RTCP stand beside it in clear, SRTP decrypted where its tag proved it, and session descriptions "
    "say so."
)


class As(enum.Enum):
    """What messages become that did not come in datagrams."""

    TCP = "tcp"
    UDP = "udp"


AsOption = Annotated[
    As,
    typer.Option(
        "--as",
        metavar="tcp|udp",
        help="tcp: what came over TLS, TCP or a WebSocket is put on TCP connections, the rest in "
        "datagrams. udp: everything in datagrams.",
    ),
]


MediaOption = Annotated[
    bool,
    typer.Option(
        "--media",
        help="Write the media of the chosen calls, too: RTP as captured, SRTP decrypted, so that players "
        "play what people said. Say it only if you may do that.",
    ),
]


@reading
def pcap(
    switches: ExportSwitches, *, carried: AsOption = As.TCP, media: MediaOption = False
) -> int:
    """Write the clear text of the signalling as packets, in the format that everything reads.

    Wireshark, sngrep and tcpdump need no key for them. pcapng also says, packet by packet, where each
    message came from. With --media, Wireshark plays the calls.
    """
    from tqdecrypt.export.pcap_writer import PcapWriter

    return _write(switches, carried, PcapWriter, media=media)


@reading
def pcapng(
    switches: ExportSwitches,
    *,
    carried: AsOption = As.TCP,
    media: MediaOption = False,
    secrets: Annotated[
        bool,
        typer.Option(
            "--secrets",
            help="Instead, cut the original packets of the chosen connections out of the capture, and "
            "put the secrets of just those TLS sessions in front: Wireshark opens them, and nothing else.",
        ),
    ] = False,
) -> int:
    """Write the clear text of the signalling as packets, each with a comment: which TLS session, whether
    it is verified, which frame of the capture.

    With --secrets, write the encrypted packets and what opens them.
    """
    from tqdecrypt.export.pcapng_writer import PcapngWriter

    if not secrets:
        comment = f"{_COMMENT} {_MEDIA_COMMENT}" if media else _COMMENT
        return _write(switches, carried, lambda file: PcapngWriter(file, comment), media=media)
    if media:
        raise UsageError(
            "--secrets writes packets as they were captured, and --media in clear: choose one of them."
        )
    if carried is not As.TCP:
        raise UsageError("--secrets writes packets as they were captured; leave out --as.")
    from tqdecrypt.cli.export.secrets import cut_with_secrets

    return cut_with_secrets(switches)


def _write(
    switches: ExportSwitches,
    carried: As,
    open_writer: Callable[[BinaryIO], PacketWriter],
    *,
    media: bool,
) -> int:
    if media:
        from tqdecrypt.cli.export.clear_media import write_with_media

        return write_with_media(switches, open_writer, as_udp=carried is As.UDP)
    from tqdecrypt.export.signalling import SignallingPackets

    choice = switches.choose()
    with whole_file(switches.output, replace=switches.force, what="capture") as file:
        writer = open_writer(file)
        sink = SignallingPackets(writer, as_udp=carried is As.UDP)
        outcome = choice.read(switches, sink, observers=[sink], on_idle=sink.flush)
        if not sink.messages:
            raise UsageError(
                "nothing to write: no SIP message fits that could be read; read says why."
            )
        sink.flush()
    counters = outcome.summary.counters if outcome.summary is not None else {}
    say_written(switches.output, written(sink), besides(sink, writer, counters))
    return outcome.status


def written(sink: SignallingPackets) -> list[str]:
    """Say how many messages were written, and how."""
    from tqdecrypt.views.words import count

    words = [count(sink.messages, "message")]
    if sink.connections:
        words.append(f"on {count(sink.connections, 'TCP connection')}")
    if sink.datagrams:
        inside = f"{sink.datagrams:,} of them " if sink.connections else ""
        words.append(f"{inside}in datagrams")
    return [" ".join(words[:2]), *words[2:]]


def besides(
    sink: SignallingPackets, writer: PacketWriter, counters: Mapping[str, int]
) -> list[str]:
    """Say what to know of what was written, and what was left out."""
    from tqdecrypt.views.words import count, listed

    numbers = (
        ("{} behind a gap", sink.gaps),
        (
            "{} in a datagram instead of a stream, as Content-Length is missing or wrong",
            sink.counters["messages_as_datagrams"],
        ),
        ("{} left out, too large for UDP", sink.counters["messages_too_large_for_udp"]),
        (
            "{} ends of connections left out, known too late to stand in their place",
            sink.counters["connection_ends_left_out"],
        ),
        ("{} times that the format cannot say", writer.counters["times_clamped"]),
        ("{} keep-alives in the whole capture left out", counters.get("sip_keep_alives", 0)),
        (
            "{} bytes in it that are no SIP message left out",
            sum(counters.get(name, 0) for name in _NO_SIP),
        ),
        (
            "{} messages of WebSockets in it that are no SIP left out",
            counters.get("websocket_other_messages", 0),
        ),
    )
    found = [words.format(f"{number:,}") for words, number in numbers if number]
    if sink.shown_ports:
        found.append(
            f"port {listed(sorted(sink.shown_ports))} is written as 5060 for "
            f"{count(sink.shown_ports.total(), 'message')}, as Wireshark would not see SIP there"
        )
    if sink.hidden_ports:
        found.append(
            f"Wireshark takes port {listed(sorted(sink.hidden_ports))} for another protocol: use "
            f"Decode As, or tshark -d tcp.port=={min(sink.hidden_ports)},sip"
        )
    return found


_NO_SIP = ("sip_garbage_bytes", "sip_partial_bytes")
