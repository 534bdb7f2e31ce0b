"""SIP written as a script (see :mod:`calls.script`), as packets: in clear, or on a TLS connection."""

from __future__ import annotations

from collections.abc import Sequence

from kit.packets import START, Conversation, Endpoint, Packet
from kit.tls import TlsPair
from tqdecrypt.sip import Message

__all__ = ["endpoint", "over_tls", "over_udp"]


def endpoint(text: str) -> Endpoint:
    """Return ``ip:port`` as the kit takes it."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def over_udp(messages: Sequence[Message], begin: int = START) -> list[Packet]:
    """Return a datagram for each message, at its time after *begin*, nanoseconds."""
    packets: list[Packet] = []
    for message in messages:
        ends = endpoint(message.flow.source), endpoint(message.flow.destination)
        talk = Conversation(*ends, time_ns=begin + message.time)
        packets += talk.datagram(True, message.raw).packets
    return packets


def over_tls(messages: Sequence[Message], pair: TlsPair, begin: int = START) -> list[Packet]:
    """Return one connection, opened at *begin*; whoever sent the first message is its client."""
    first = messages[0].flow
    talk = Conversation(endpoint(first.source), endpoint(first.destination), time_ns=begin)
    talk.open()
    for flight in pair.flights:
        talk.send(flight.from_client, flight.data)
    for message in messages:
        said = len(pair.flights)
        from_client = message.flow.source == first.source
        pair.say(from_client, message.raw)
        talk.time_ns = begin + message.time
        for flight in pair.flights[said:]:
            talk.send(flight.from_client, flight.data)
    return talk.packets
