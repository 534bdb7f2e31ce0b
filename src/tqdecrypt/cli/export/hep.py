"""``tqdecrypt export hep``: SIP messages to Homer, or to any reader of HEP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tqdecrypt.cli.choice import Choice
from tqdecrypt.cli.choosing import readable_twice
from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.inputs import is_live, read_secret
from tqdecrypt.cli.run import Status, read_for
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import HEP_PASSWORD_VARIABLE, reading
from tqdecrypt.errors import InputError, OutputError, UsageError
from tqdecrypt.files import STANDARD_OUTPUT, whole_file
from tqdecrypt.network import Place, is_place, parse_place

if TYPE_CHECKING:
    import ssl

    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.export.backlog import Backlog
    from tqdecrypt.export.delivery import Delivery
    from tqdecrypt.export.hep import HepPackets
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["hep"]

HEP_PORT = 9060
MOST_JOINED = 1_000_000
"""Legs of which is remembered what the first leg of their call is, some 300 bytes each."""
MOST_IN_MEMORY = 1 << 24
"""Bytes that wait in memory without a spool: some ten thousand messages."""
UDP_RATE = 2_000
"""Packets a second over UDP unless the user says otherwise: a collector's socket buffer takes some two
hundred at once, and what overflows is lost in silence."""
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Sending:
    """What the switches say of delivery."""

    rate: int | None
    in_doubt: str
    spool: str | None
    spool_size: int
    wait: float
    authority: str | None
    certificate: str | None
    key: str | None


@reading
def hep(
    switches: ExportSwitches,
    *,
    capture_id: Annotated[
        int,
        typer.Option(
            "--capture-id", metavar="N", min=0, max=0xFFFFFFFF, help="Number of this agent."
        ),
    ] = 2001,
    node_name: Annotated[
        str | None, typer.Option("--node-name", metavar="NAME", help="Name of this agent.")
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the collector's password in its first line. Otherwise "
            f"{HEP_PASSWORD_VARIABLE} is used, if it is set.",
        ),
    ] = None,
    no_join: Annotated[
        bool,
        typer.Option(
            "--no-join",
            help="The correlation id is each message's own Call-ID, not that of the first leg of "
            "its call; the captures are read once less.",
        ),
    ] = False,
    rate: Annotated[
        int | None,
        typer.Option(
            "--rate",
            metavar="N",
            min=0,
            help="Most packets a second; 0: no limit. Without it 2000 over UDP, and no limit over "
            "TCP and TLS.",
        ),
    ] = None,
    in_doubt: Annotated[
        str,
        typer.Option(
            "--in-doubt",
            metavar="resend|skip",
            help="What becomes of packets that were sent in the last second before a collector "
            "died: rather twice than not, or the other way round.",
        ),
    ] = "resend",
    spool: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Keep packets here until they are delivered, over crashes, too; what an earlier "
            "run left is sent first.",
        ),
    ] = None,
    spool_size: Annotated[
        int,
        typer.Option("--spool-size", metavar="MIB", min=32, help="Most mebibytes of the spool."),
    ] = 1024,
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            help="How long to wait for a collector that takes nothing before giving up.",
        ),
    ] = 60,
    authority: Annotated[
        str | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="Certificates (PEM) that the collector's is checked with; without it, those of the "
            "system.",
        ),
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            "--client-cert", metavar="FILE", help="Certificate (PEM) to show to the collector."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--client-key",
            metavar="FILE",
            help="Its private key (PEM, not encrypted), if it is in a file of its own.",
        ),
    ] = None,
) -> int:
    """Send SIP messages as HEP3 packets to Homer or any other reader of HEP.

    OUT is udp:HOST[:PORT], tcp:HOST[:PORT] or tls:HOST[:PORT], port 9060 by default; or a file that
    gets the packets one behind the other. Nothing is acknowledged over UDP: prefer tcp or tls.
    """
    if in_doubt not in ("resend", "skip"):
        raise UsageError("--in-doubt is resend or skip.")
    from tqdecrypt.export.hep import HepAgent, HepPackets

    password = read_secret(password_file, HEP_PASSWORD_VARIABLE, InputError, "password")
    name = (node_name or "").encode()
    if len(name) > 255 or len(password or b"") > 255:
        raise UsageError("The password and the name of the agent have 255 bytes at the most.")
    sending = _Sending(
        rate, in_doubt, spool, spool_size * MEBIBYTE, wait, authority, certificate, key
    )
    place = _place(switches.output)
    if place is None and spool is not None:
        raise UsageError("--spool goes with a collector: udp:, tcp: or tls: behind -o.")
    agent = HepAgent(capture_id, name, password or None)
    choice = switches.choose()
    only_spool = spool is not None and not switches.captures and not switches.hep_listen
    legs = {} if no_join or only_spool else _first_legs(switches, choice)

    def export(write: Callable[[bytes], object], on_idle: Callable[[], None]) -> _Made:
        sink = HepPackets(write, agent, legs)
        if only_spool:
            return _Made(sink, Status.DONE)
        outcome = choice.read(switches, sink, on_idle=on_idle)
        if not sink.packets and not sink.counters and outcome.status is not Status.INTERRUPTED:
            raise UsageError("There is no SIP message to send in what was chosen.")
        return _Made(sink, outcome.status)

    if place is not None:
        return _deliver(switches, place, sending, export)
    with whole_file(switches.output, replace=switches.force, what="HEP file") as file:
        made = export(file.write, file.flush)
    where = "standard output" if switches.output == STANDARD_OUTPUT else switches.output
    complain(f"{_packets(made.sink.packets)} written to {where}{_left_out(made.sink)}.")
    return made.status


class _Made(NamedTuple):
    """What came of reading."""

    sink: HepPackets
    status: Status


def _place(output: str) -> Place | None:
    """Return the collector; ``None`` when the output is a file."""
    if not is_place(output):
        return None
    place = parse_place(output, ("udp", "tcp", "tls"), HEP_PORT)
    if place is None or not place.port:
        raise UsageError(
            f"{output!r} is no collector; write udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT, for "
            "example tcp:homer.example.com:9060."
        )
    return place


class _NoSink:
    """Takes what nobody wants."""

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""


def _first_legs(switches: ExportSwitches, choice: Choice) -> dict[str, str]:
    """Read files once to learn which legs are one call; return the first by each of the others."""
    legs: dict[str, str] = {}
    if not switches.captures or not readable_twice(switches):
        return legs
    from tqdecrypt.insight import Analysis

    def join(call: JointCall) -> None:
        first = call.legs[0].call_id
        for leg in call.legs[1:]:
            if leg.call_id != first and len(legs) < MOST_JOINED:
                legs[leg.call_id] = first

    analysis = Analysis(on_call=join, trunks=choice.trunks)
    choice.first = read_for(switches, _NoSink(), analysis=analysis, again=choice.first)
    return legs


def _deliver(
    switches: ExportSwitches,
    place: Place,
    sending: _Sending,
    export: Callable[[Callable[[bytes], object], Callable[[], None]], _Made],
) -> int:
    """Send everything that *export* makes; say what became of it."""
    from tqdecrypt.export.delivery import Delivery

    tls = _tls(place, sending)
    backlog, found = _backlog(sending)
    live = is_live(switches)
    rate = sending.rate if sending.rate is not None else UDP_RATE * (place.protocol == "udp")
    delivery = Delivery(
        place,
        backlog,
        tls=tls,
        most_a_second=rate,
        resend=sending.in_doubt == "resend",
        patient=not live,
        say=complain,
    )
    if found:
        complain(f"{_packets(found)} of an earlier run in the spool {sending.spool} will go first.")
    interrupted = False
    try:
        made = export(lambda packet: delivery.send(packet, sending.wait), lambda: None)
        interrupted = made.status is Status.INTERRUPTED
        done = delivery.finish(min(sending.wait, 5) if interrupted else sending.wait)
    except TimeoutError:
        raise OutputError(_gave_up(delivery, place, sending)) from None
    except KeyboardInterrupt:
        interrupted, done, made = True, False, None
    finally:
        delivery.close()
    left = delivery.pending
    said = f"{_packets(delivery.delivered)} delivered to {place}{_doubts(delivery, sending)}"
    said += "" if made is None else _left_out(made.sink)
    if left and sending.spool is not None:
        said += (
            f"; {_packets(left)} in the spool {sending.spool}: the same command without captures "
            "sends them"
        )
    elif left:
        said += f"; {_packets(left)} not"
    if left and not interrupted:
        raise OutputError(f"{said}; {_why(delivery, sending)}.")
    complain(f"{said}.")
    if interrupted or made is None:
        return Status.INTERRUPTED
    return made.status if done else Status.INPUT


def _backlog(sending: _Sending) -> tuple[Backlog, int]:
    """Return where packets wait, and how many there are already."""
    if sending.spool is None:
        from tqdecrypt.export.backlog import MemoryBacklog

        return MemoryBacklog(MOST_IN_MEMORY), 0
    from tqdecrypt.export.spool import Spool

    spool = Spool(sending.spool, sending.spool_size)
    cut = spool.counters["hep_spool_bytes_cut"]
    if cut:
        complain(
            f"{cut:,} bytes in the spool {sending.spool} were no whole packet, and are cut off."
        )
    return spool, spool.found


def _tls(place: Place, sending: _Sending) -> ssl.SSLContext | None:
    """Return how TLS connections are made; the collector's certificate is always checked."""
    if place.protocol != "tls":
        if sending.authority or sending.certificate or sending.key:
            raise UsageError("--ca, --client-cert and --client-key go with tls: behind -o.")
        return None
    import ssl

    if sending.key and not sending.certificate:
        raise UsageError("--client-key goes with --client-cert.")
    try:
        context = ssl.create_default_context(cafile=sending.authority)
    except OSError as error:
        raise InputError(_unreadable(sending.authority, error)) from None
    if sending.certificate:
        try:
            context.load_cert_chain(sending.certificate, sending.key, lambda: b"")
        except OSError as error:
            raise InputError(_unreadable(sending.key or sending.certificate, error)) from None
    return context


def _unreadable(file: str | None, error: OSError) -> str:
    reason = error.strerror or "it has no such thing in it"
    if (
        getattr(error, "library", None) is not None
    ):  # an ssl.SSLError, which says it in its own words
        reason = "it is no certificate or key in PEM"
    return f"{file} cannot be used for TLS ({reason}); check the file."


def _packets(number: int) -> str:
    from tqdecrypt.views.words import count

    return count(number, "packet")


def _left_out(sink: HepPackets) -> str:
    number = sink.counters["hep_messages_too_large"]
    return f"; {number:,} left out, as they are longer than HEP packets can be" if number else ""


def _doubts(delivery: Delivery, sending: _Sending) -> str:
    said = ""
    number = delivery.counters["hep_packets_in_doubt"]
    if number:
        said += (
            f", {number:,} of them perhaps {'twice' if sending.in_doubt == 'resend' else 'not'}: "
        )
        said += "the collector died when they were on their way"
    if delivery.counters["hep_packets_dropped"]:
        said += f"; {delivery.counters['hep_packets_dropped']:,} dropped for want of room"
    return said


def _why(delivery: Delivery, sending: _Sending) -> str:
    trouble = f"it is not to be reached ({delivery.trouble})" if delivery.trouble else "it is slow"
    advice = "" if sending.spool is not None else "; check it, or keep them with --spool"
    return f"{trouble}, and --wait {sending.wait:g} is over{advice}"


def _gave_up(delivery: Delivery, place: Place, sending: _Sending) -> str:
    return (
        f"{_packets(delivery.delivered)} delivered to {place}, then reading was stopped: "
        f"{_why(delivery, sending)}."
    )
