"""A capture whose truth is known by construction: one SBC, a trunk of three hosts, a carrier, a stranger.

==========  ==================  =======================================================================
who         address             what
==========  ==================  =======================================================================
SBC         192.0.2.20:5061     ours: its key is given
acme        198.51.100.1        2 sessions, RSA; calls from it, and one back on the same connection
acme        198.51.100.2        2 sessions, RSA
acme        198.51.100.3        2 sessions, ECDHE although it offers RSA too: dark
carrier     203.0.113.9:5061    the SBC opens the connection; the carrier's key is not ours: dark; it sends
                                its certificate, the issuing authority's and the root's
newcomer    203.0.113.10:5061   sends its certificate and the root, but not what lies between: the SBC
                                refuses it
stranger    203.0.113.66        its certificate is not trusted: refused
acme        198.51.100.1        a connection that was open before the capture began
==========  ==================  =======================================================================
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from calls.script import SECOND, messages_of
from kit import certificates
from kit.capture import write_pcap
from kit.certificates import Identity
from kit.packets import START, Conversation, Packet, interleave
from kit.tls import TlsPair
from tqdecrypt.sip import Message

__all__ = ["SBC", "TRUNKS", "capture", "server_key"]

SBC = ("192.0.2.20", 5061)
CARRIER = ("203.0.113.9", 5061)
NEWCOMER = ("203.0.113.10", 5061)
TRUNKS = """
[trunk.acme]
addresses = ["198.51.100.0/24"]
"""

RSA = "AES128-GCM-SHA256"
BOTH = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
ECDHE = "ECDHE-RSA-AES128-GCM-SHA256"

CALL = """
    alice -> bob: INVITE 1 id={id} caller={id} callee=x{id}
    bob -> alice: 200 INVITE 1 id={id} caller={id} callee=x{id}
    alice -> bob: ACK 1 id={id} to=b1 caller={id} callee=x{id}
    alice -> bob: BYE 2 id={id} to=b1 caller={id} callee=x{id}
    bob -> alice: 200 BYE 2 id={id} caller={id} callee=x{id}
"""


def messages(call_id: str, begin: int) -> list[Message]:
    """Return the messages of a call, *begin* nanoseconds after the start."""
    found, _ = messages_of(f"wait {begin // SECOND} s\n" + CALL.format(id=call_id))
    return found


def connection(
    client: tuple[str, int],
    server: tuple[str, int],
    pair: TlsPair,
    calls: list[tuple[str, bool]],
    *,
    begin: int = 0,
    close: bool = True,
    skip: int = 0,
    thinking: int = 0,
) -> list[Packet]:
    """Return a connection with its calls, by Call-ID and whether the TLS client calls.

    :param begin: nanoseconds after the start.
    :param skip: packets at its beginning that were not captured.
    :param thinking: nanoseconds that the server takes over each of its flights.
    """
    talk = Conversation(client, server, time_ns=START + begin)
    talk.open()
    for flight in pair.flights:
        if not flight.from_client:
            talk.time_ns += thinking
        talk.send(flight.from_client, flight.data)
    for call_id, from_client in calls:
        for message in messages(call_id, begin + SECOND):
            said = len(pair.flights)
            by_caller = message.flow.source.startswith("192.0.2.1:")
            pair.say(by_caller == from_client, message.raw)
            for flight in pair.flights[said:]:
                talk.send(flight.from_client, flight.data)
    if close:
        if pair.failure is None:
            pair.close()
        talk.close()
    return talk.packets[skip:]


def packets() -> list[Packet]:
    """Return the packets of the town, in the order of their times."""
    town = []
    for host in (1, 2, 3):
        for number in (0, 1):
            pair = TlsPair(
                ciphers=BOTH,
                server_ciphers=ECDHE if host == 3 else RSA,
                mutual=True,
                keylog=False,
            )
            name = f"a{host}{number}"
            calls = [(name, True)]
            if (host, number) == (1, 0):
                calls.append(("back", False))
            begin = (10 * host + number) * SECOND
            client = (f"198.51.100.{host}", 40_000 + number)
            town.append(connection(client, SBC, pair, calls, begin=begin))
    pair = TlsPair(
        ciphers=RSA, server_cert=carrier(), server_name="carrier.example.net", keylog=False
    )
    town.append(
        connection(("192.0.2.20", 33_000), CARRIER, pair, [("out", True)], begin=40 * SECOND)
    )
    pair = TlsPair(
        ciphers=RSA, server_cert=newcomer(), server_name="newcomer.example.net", keylog=False
    )
    town.append(connection(("192.0.2.20", 33_001), NEWCOMER, pair, [], begin=45 * SECOND))
    pair = TlsPair(ciphers=RSA, mutual=True, client_cert=certificates.stranger(), keylog=False)
    town.append(connection(("203.0.113.66", 40_000), SBC, pair, [], begin=50 * SECOND))
    pair = TlsPair(ciphers=RSA, mutual=True, keylog=False)
    old = connection(
        ("198.51.100.1", 49_999), SBC, pair, [("old", True)], begin=0, close=False, skip=12
    )
    town.append(old)
    return interleave(*town)


@functools.cache
def carrier() -> Identity:
    """Return the carrier's server: nobody gave us its key."""
    return certificates.issue(
        certificates.rsa_key(2048, 7), ["carrier.example.net"], certificates.intermediate()
    )


@functools.cache
def newcomer() -> Identity:
    """Return a server that sends the root behind its certificate, instead of who issued it."""
    whole = certificates.issue(
        certificates.rsa_key(2048, 8), ["newcomer.example.net"], certificates.intermediate()
    )
    return replace(whole, issuer=certificates.authority())


def capture(folder: Path) -> Path:
    """Write the town into a file."""
    return write_pcap(folder / "town.pcap", packets())


def server_key(folder: Path) -> Path:
    """Write the SBC's private key into a file that only its owner reads."""
    path = folder / "sbc.key"
    path.write_bytes(certificates.server().key_pem())
    path.chmod(0o600)
    return path
