"""Takes the digits out of telephone events: somebody who dials in a call dials a PIN (RFC 4733)."""

from __future__ import annotations

from tqdecrypt.media.audio.packets import pull_payload

__all__ = ["NO_EVENT", "hide_digits"]

NO_EVENT = 255
"""An event code that nothing was assigned to: it stands in the place of every other."""
_REPORT = 4
"""Octets of an event's report (section 2.3); its code is the first one."""


def hide_digits(packet: bytes) -> bytes:
    """Return an RTP packet of telephone events without saying which; length, volume and duration stay.

    :raises Malformed: when it is no RTP.
    """
    size = len(pull_payload(packet, 0).payload)
    padding = packet[-1] if packet[0] & 0x20 else 0
    hidden = bytearray(packet)
    begin = len(packet) - padding - size
    for at in range(begin, begin + size, _REPORT):
        hidden[at] = NO_EVENT
    return bytes(hidden)
