"""Names for addresses, from a small TOML file that the user keeps::

    [trunk.acme]
    addresses = ["198.51.100.0/24", "2001:db8:7::5"]

    [box.sbc1]
    addresses = ["192.0.2.20", "198.51.100.20"]

    [joining]
    header_fields = ["X-Call-ID"]

A *trunk* is whoever is at the other end; a *box* is one machine with several addresses.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from typing import Any

from tqdecrypt.errors import InputError

__all__ = ["CORRELATION_HEADERS", "Trunks", "read_trunks"]

CORRELATION_HEADERS = (
    "X-Call-ID",
    "X-CID",
    "Cisco-Guid",
    "Av-Global-Session-ID",
    "X-BroadWorks-Correlation-Info",
)
"""Header fields by which products name the other leg, or the call on all its legs."""

MOST_REMEMBERED = 100_000
"""Addresses whose trunk is remembered."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Trunks:
    """Which trunk an address belongs to.

    :param networks: by trunk; the narrowest network that has an address wins.
    :ivar boxes: sets of addresses that are one box each.
    :ivar header_fields: what legs of one call may have in common.
    """

    def __init__(
        self,
        networks: Mapping[str, list[_Network]] | None = None,
        boxes: tuple[frozenset[str], ...] = (),
        header_fields: tuple[str, ...] = CORRELATION_HEADERS,
    ) -> None:
        named = [(network, name) for name, some in (networks or {}).items() for network in some]
        self._networks = sorted(named, key=lambda pair: -pair[0].prefixlen)
        self._known: dict[str, str | None] = {}
        self.boxes = boxes
        self.header_fields = header_fields

    def name_of(self, host: str) -> str | None:
        """Return the trunk of an address without port; ``None`` when it belongs to none."""
        if host not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[host] = self._find(host)
        return self._known[host]

    def _find(self, host: str) -> str | None:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        return next((name for network, name in self._networks if address in network), None)


def read_trunks(path: str) -> Trunks:
    """Return what a file says.  Raises :class:`InputError` with what is wrong where."""
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}.") from None
    for key in data:
        if key not in ("trunk", "box", "joining"):
            raise InputError(f"{path}: there is no {key!r}; there are trunk, box and joining.")
    networks = {
        name: _networks(path, "trunk", name, part) for name, part in _parts(path, data, "trunk")
    }
    boxes = tuple(
        frozenset(str(network.network_address) for network in _networks(path, "box", name, part))
        for name, part in _parts(path, data, "box")
    )
    joining = data.get("joining", {})
    fields = (
        joining.get("header_fields", CORRELATION_HEADERS) if isinstance(joining, dict) else None
    )
    if not isinstance(fields, list | tuple) or not all(isinstance(one, str) for one in fields):
        raise InputError(f"{path}: joining.header_fields is a list of names of header fields.")
    return Trunks(networks, boxes, tuple(fields))


def _parts(path: str, data: dict[str, Any], kind: str) -> list[tuple[str, Any]]:
    parts = data.get(kind, {})
    if not isinstance(parts, dict):
        raise InputError(f"{path}: write [{kind}.NAME], and addresses below it.")
    return list(parts.items())


def _networks(path: str, kind: str, name: str, part: Any) -> list[_Network]:
    addresses = part.get("addresses") if isinstance(part, dict) else None
    if not isinstance(addresses, list) or not addresses:
        raise InputError(f"{path}: {kind}.{name} needs addresses, a list of addresses or networks.")
    networks = []
    for address in addresses:
        try:
            network = ipaddress.ip_network(str(address), strict=False)
        except ValueError:
            raise InputError(
                f"{path}: {kind}.{name}: {address!r} is no address or network."
            ) from None
        if kind == "box" and network.num_addresses > 1:
            raise InputError(
                f"{path}: box.{name}: {address!r} is a network; name single addresses."
            )
        networks.append(network)
    return networks
