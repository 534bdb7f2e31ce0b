"""From HEP packets to SIP messages."""

from __future__ import annotations

import hmac
import re
from collections import Counter

from tqdecrypt.errors import Malformed
from tqdecrypt.hep import HepPacket, payload_name, pull_packet
from tqdecrypt.hep.chunks import SIP, TCP, TLS, UDP
from tqdecrypt.sip import Flow, Message, Transport, parse_datagram

__all__ = ["Mirror"]

MAX_FLOWS = 100_000
"""Most directions remembered; the table is emptied when it is full, and filled anew."""
MOST_PAYLOAD_NAMES = 32
"""Most kinds of other payloads that are counted by name; the others together."""

_TRANSPORTS: dict[int, Transport] = {TCP: "TCP", UDP: "UDP", TLS: "TLS"}
_WEBSOCKETS: dict[int, Transport] = {TCP: "WS", TLS: "WSS"}
_TOP_VIA = re.compile(
    rb"\n(?:via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*(\w+)", re.IGNORECASE
)


class Mirror:
    """Makes messages of HEP packets.

    :param key: the authentication key that packets must have; ``None``: any, or none.
    :ivar counters: ``hep_packets`` in all, ``hep_malformed_packets`` and ``hep_wrong_keys`` among them,
        ``hep_payloads_NAME`` with something other than SIP, ``hep_payloads_not_sip`` that should be SIP,
        ``hep_other_transports`` with SIP over what is not UDP, TCP or TLS, and ``hep_without_time``,
        whose messages have the time at which the packet came.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self._key = key
        self._flows: dict[tuple[str, str, int, str, bool], Flow] = {}
        self._payload_names: set[str] = set()

    @property
    def used(self) -> bool:
        """Whether there was any HEP."""
        return self.counters["hep_packets"] > 0

    def receive(self, data: bytes, frame: int, time: int) -> Message | None:
        """Return the message that a HEP packet holds; ``None`` when that is none.

        :param frame: number of the packet that the message gets.
        :param time: when that packet came.
        """
        count = self.counters
        count["hep_packets"] += 1
        try:
            packet = pull_packet(data)
        except Malformed:
            count["hep_malformed_packets"] += 1
            return None
        if self._key is not None and not hmac.compare_digest(self._key, packet.key or b""):
            count["hep_wrong_keys"] += 1
            return None
        if packet.payload_type != SIP:
            self._count_payload(payload_name(packet.payload_type))
            return None
        if packet.protocol not in _TRANSPORTS:
            count["hep_other_transports"] += 1
            return None
        if packet.time is None:
            count["hep_without_time"] += 1
        else:
            time = packet.time
        message = parse_datagram(packet.payload, self._flow(packet), frame, time, count)
        if message is None:
            count["hep_payloads_not_sip"] += 1
        return message

    def _flow(self, packet: HepPacket) -> Flow:
        by = packet.node_name.decode("utf-8", "backslashreplace") or str(packet.capture_id)
        websocket = packet.protocol in _WEBSOCKETS and _is_websocket(packet.payload)
        key = (packet.source, packet.destination, packet.protocol, by, websocket)
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= MAX_FLOWS:
                self._flows.clear()
            transports = _WEBSOCKETS if websocket else _TRANSPORTS
            flow = self._flows[key] = Flow(
                packet.source,
                packet.destination,
                transports[packet.protocol],
                "unverified",
                mirrored_by=by,
            )
        return flow

    def _count_payload(self, name: str) -> None:
        if name not in self._payload_names:
            if len(self._payload_names) >= MOST_PAYLOAD_NAMES:
                name = "other"
            self._payload_names.add(name)
        self.counters[f"hep_payloads_{name}"] += 1


def _is_websocket(payload: bytes) -> bool:
    """Return whether the topmost Via speaks of a WebSocket, which HEP has no number for (RFC 7118)."""
    via = _TOP_VIA.search(payload)
    return via is not None and via[1].upper() in (b"WS", b"WSS")
