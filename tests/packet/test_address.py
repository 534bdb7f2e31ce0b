"""Endpoints as people write them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.packet import Endpoint, endpoint_text, parse_endpoint

PORTS = st.integers(0, 65535)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("192.0.2.1", "192.0.2.1:5061"),
        ("0.0.0.0", "0.0.0.0:5061"),
        ("2001:db8::1", "[2001:db8::1]:5061"),
        ("::", "[::]:5061"),
        ("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:5061"),
        ("fe80::1", "[fe80::1]:5061"),
    ],
)
def test_known_endpoints(address: str, text: str) -> None:
    parsed = ipaddress.ip_address(address)
    high, low = divmod(int(parsed), 1 << 64)
    assert endpoint_text(parsed.version, high, low, 5061) == text


@given(st.ip_addresses(), PORTS)
def test_endpoints_can_be_read_back(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    high, low = divmod(int(address), 1 << 64)
    host, _, number = endpoint_text(address.version, high, low, port).rpartition(":")
    assert ipaddress.ip_address(host.strip("[]")) == address
    assert int(number) == port
    endpoint = Endpoint(address.version, high, low, port)
    assert parse_endpoint(endpoint_text(*endpoint)) == endpoint
    assert endpoint.address == address.packed
