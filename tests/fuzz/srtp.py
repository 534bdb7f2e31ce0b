"""Keys of every suite, and the only packets that are ever protected with them."""

from __future__ import annotations

import functools

from kit.srtp import Protector, rtcp_packet, rtp_packet
from tqdecrypt.media.srtp import MasterKey
from tqdecrypt.media.srtp.suites import SUITES

__all__ = ["PACKETS", "keys", "sealed"]

PACKETS = (rtp_packet(3), rtp_packet(4, ssrc=9), rtp_packet(0x1FFFF), rtcp_packet(5))


@functools.cache
def keys() -> list[MasterKey]:
    """Return a key for each suite, half of them with an identifier."""
    return [
        # Different ones: suites that differ in the cipher only would take each other's packets.
        MasterKey(
            name, bytes(range(place, place + SUITES[name].material_length)), mki=bytes(place % 2)
        )
        for place, name in enumerate(sorted(SUITES))
    ]


def sealed() -> list[bytes]:
    """Return the packets under each of the keys."""
    found = []
    for key in keys():
        assert key.material is not None
        protector = Protector(key.suite_name, key.material, key.mki)
        *rtp, rtcp = PACKETS
        found += [protector.rtp(packet, place // 2) for place, packet in enumerate(rtp)]
        found.append(protector.rtcp(rtcp, 1))
    return found
