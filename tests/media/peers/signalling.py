"""SIP for media that was captured: over TLS with an RSA key, in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit import certificates
from kit.capture import read_pcap, write_pcap
from kit.packets import START, Conversation, Packet, interleave
from kit.tls import TlsPair
from media.peers.network import Host
from media.scenes import SipCall

__all__ = ["add_signalling"]

LEAD = 500_000_000
"""Nanoseconds in front of the first packet of the capture."""
_ENDS = (Host.LEFT.value, 40_000), (Host.RIGHT.value, 5061)


def add_signalling(capture: Path, calls: Sequence[SipCall]) -> None:
    """Add calls to a capture, and write the key that opens them beside it."""
    certificates.server().write(capture.parent)
    media = read_pcap(capture)
    begin = min(packet.time_ns for packet in media) - LEAD
    write_pcap(capture, interleave(_over_tls(calls, begin), media))


def _over_tls(calls: Sequence[SipCall], begin: int) -> list[Packet]:
    pair = TlsPair(ciphers="AES256-GCM-SHA384")
    talk = Conversation(*_ENDS, time_ns=begin)
    talk.open()
    for flight in pair.flights:
        talk.send(flight.from_client, flight.data)
    segments = [segment for call in calls for segment in call.segments()]
    for segment in sorted(segments, key=lambda one: one.time_ns):
        said = len(pair.flights)
        pair.say(segment.source[0] == Host.LEFT.value, segment.payload)
        talk.time_ns = max(talk.time_ns, begin + segment.time_ns - START)
        for flight in pair.flights[said:]:
            talk.send(flight.from_client, flight.data)
    return talk.packets
