"""Microsoft Teams Direct Routing: how to recognise it, and what it demands of an SBC.

Sources (Microsoft Learn, as of 2026): "Plan Direct Routing" (FQDNs, addresses, certificates), "Connect
your Session Border Controller (SBC) to Direct Routing" (OPTIONS), "Direct Routing - SIP protocol"
(Contact), "What's new for Direct Routing" (root authorities, extended key usage), "Direct Routing
infrastructure requirements" (suites).  What Microsoft changes there has to be changed here.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls import SessionReport

__all__ = [
    "LONGEST_PING",
    "ROOTS",
    "SUITES",
    "is_teams_address",
    "is_teams_name",
    "sbc_of",
    "teams_role",
]

NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        # Worldwide and GCC; GCC High; DoD.
        ("52.112.0.0/14", "52.122.0.0/15", "52.127.88.0/21", "52.127.64.0/21"),
    )
)
NAMES = (
    "pstnhub.microsoft.com",
    "pstnhub.gov.teams.microsoft.us",
    "pstnhub.dod.teams.microsoft.us",
)
"""Domains of its SIP proxies: ``sip.``, ``sip2.`` and ``sip3.`` stand in front."""
SUITES = (
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
)
"""All that it takes, with TLS 1.2."""
ROOTS = (
    "DigiCert Global Root CA",
    "DigiCert Global Root G2",
    "DigiCert Global Root G3",
    "DigiCert TLS ECC P384 Root G5",
    "DigiCert TLS RSA 4096 Root G5",
    "Microsoft ECC Root Certificate Authority 2017",
    "Microsoft RSA Root Certificate Authority 2017",
)
"""Authorities that an SBC has to trust: its certificates may come from any of them."""
SHORTEST_PING = 60
LONGEST_PING = 180
"""Seconds between OPTIONS that keep a trunk in service."""


@lru_cache(maxsize=4096)
def is_teams_address(host: str) -> bool:
    """Return whether an address (without port) is one of its SIP proxies' networks."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return any(address in network for network in NETWORKS)


def is_teams_name(name: str) -> bool:
    """Return whether a name belongs to its SIP proxies."""
    name = name.lower().rstrip(".").removeprefix("*.")
    return any(name == domain or name.endswith("." + domain) for domain in NAMES)


def teams_role(report: SessionReport) -> str | None:
    """Return ``client`` or ``server``, whichever Teams is in a TLS session; ``None`` when it is neither."""
    client, server = address_of(report.client), address_of(report.server)
    return _role(client, server, report.client_names, report.server_names, report.sni)


@lru_cache(maxsize=4096)
def _role(
    client: str,
    server: str,
    client_names: tuple[str, ...],
    server_names: tuple[str, ...],
    sni: str | None,
) -> str | None:
    if is_teams_address(client) or any(map(is_teams_name, client_names)):
        return "client"
    if is_teams_address(server) or any(map(is_teams_name, server_names)):
        return "server"
    return "server" if sni and is_teams_name(sni) else None


def sbc_of(
    report: SessionReport, role: str
) -> tuple[str, CertificateFacts | None, tuple[str, ...]]:
    """Return address, certificate and names of the other end; *role* is that of Teams."""
    if role == "server":
        return address_of(report.client), report.client_facts, report.client_names
    return address_of(report.server), report.server_facts, report.server_names
