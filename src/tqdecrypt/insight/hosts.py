"""Which hosts there were, and what each of them did: TLS client, TLS server, SIP."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of

if TYPE_CHECKING:
    from tqdecrypt.sip import Flow, Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Host", "Hosts"]

MOST_HOSTS = 10_000
"""Hosts that are told apart, some 300 bytes each; messages and sessions of further ones are counted."""
MOST_FLOWS = 20_000
"""Flows whose messages are added up before their hosts are looked up."""


class Host:
    """What one address did."""

    __slots__ = ("as_client", "as_server", "received", "sent", "transports")

    def __init__(self) -> None:
        self.as_client = 0
        """TLS sessions as the client."""
        self.as_server = 0
        self.sent = 0
        """SIP messages that could be read."""
        self.received = 0
        self.transports: set[str] = set()
        """Of those messages: ``TLS``, ``UDP`` …"""

    @property
    def busyness(self) -> int:
        """What hosts are sorted by."""
        return self.sent + self.received + self.as_client + self.as_server


class Hosts:
    """Adds up messages and sessions by address.

    :ivar counters: ``hosts_left_out``: messages and sessions of hosts beyond the most.
    """

    def __init__(self, most: int = MOST_HOSTS) -> None:
        self.counters: Counter[str] = Counter()
        self._most = most
        self._hosts: dict[str, Host] = {}
        self._flows: dict[Flow, int] = {}

    def add_message(self, message: Message) -> None:
        """Count a message."""
        flows = self._flows
        flow = message.flow
        flows[flow] = flows.get(flow, 0) + 1
        if len(flows) > MOST_FLOWS:
            self._add_flows()

    def add_session(self, report: SessionReport) -> None:
        """Count a session."""
        client, server = self._host(report.client), self._host(report.server)
        if client is not None:
            client.as_client += 1
        if server is not None:
            server.as_server += 1

    def busiest(self) -> list[tuple[str, Host]]:
        """Return all hosts by address, those that did most first."""
        self._add_flows()
        return sorted(self._hosts.items(), key=lambda item: (-item[1].busyness, item[0]))

    def _add_flows(self) -> None:
        for flow, number in self._flows.items():
            source, destination = self._host(flow.source), self._host(flow.destination)
            if source is not None:
                source.sent += number
                source.transports.add(flow.transport)
            if destination is not None:
                destination.received += number
                destination.transports.add(flow.transport)
        self._flows.clear()

    def _host(self, endpoint: str) -> Host | None:
        address = address_of(endpoint)
        host = self._hosts.get(address)
        if host is None:
            if len(self._hosts) >= self._most:
                self.counters["hosts_left_out"] += 1
                return None
            host = self._hosts[address] = Host()
        return host
