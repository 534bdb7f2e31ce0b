"""The test kit: keys, real TLS, packets, capture files and SIP, made without a network.

A test tells a story in a few lines::

    pair = TlsPair(ciphers="AES256-SHA", mutual=True)      # OpenSSL shakes hands with itself
    for message in Scene().answered_call():                # a call, seven messages
        pair.say(message.from_client, message.data)
    pair.close()
    packets = tcp_packets(pair.flights)                    # TCP, IP, Ethernet
    write_pcap(path, apply(packets, swap_adjacent(), cut_snaplen(200)))

:mod:`kit.certificates` has the keys that fit, :mod:`kit.damage` what can happen to packets,
:mod:`kit.peers` asks tshark what it sees.  Everything but keys and random numbers of TLS is the
same in every run.
"""

from kit import certificates, damage, peers
from kit.capture import pcap_bytes, pcapng_bytes, write_pcap, write_pcapng
from kit.certificates import Identity
from kit.damage import (
    apply,
    cut_snaplen,
    drop,
    duplicate,
    fragment,
    keepalive,
    overlap,
    reorder,
    retransmit,
    split_segments,
    start_at,
    swap_adjacent,
    with_payload,
)
from kit.link import LinkType
from kit.packets import (
    CLIENT,
    SERVER,
    START,
    Conversation,
    Endpoint,
    Packet,
    Segment,
    interleave,
    tcp_packets,
)
from kit.sip import Scene, SipMessage
from kit.tls import Flight, Switch, TlsPair, Version

__all__ = [
    "CLIENT",
    "SERVER",
    "START",
    "Conversation",
    "Endpoint",
    "Flight",
    "Identity",
    "LinkType",
    "Packet",
    "Scene",
    "Segment",
    "SipMessage",
    "Switch",
    "TlsPair",
    "Version",
    "apply",
    "certificates",
    "cut_snaplen",
    "damage",
    "drop",
    "duplicate",
    "fragment",
    "interleave",
    "keepalive",
    "overlap",
    "pcap_bytes",
    "pcapng_bytes",
    "peers",
    "reorder",
    "retransmit",
    "split_segments",
    "start_at",
    "swap_adjacent",
    "tcp_packets",
    "with_payload",
    "write_pcap",
    "write_pcapng",
]
