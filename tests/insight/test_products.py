"""What is at an address, by what it calls itself."""

from __future__ import annotations

import pytest

from tqdecrypt.insight import products
from tqdecrypt.insight.products import ProductTable
from tqdecrypt.sip import Flow, Message


def message(host: str, *headers: str) -> Message:
    made = Message()
    head = "\r\n".join(["OPTIONS sip:a@example.com SIP/2.0", *headers, "", ""]).encode()
    made.raw, made.body_start = head + b"User-Agent: body\r\n", len(head)
    made.flow = Flow(f"{host}:5061", "192.0.2.9:5061", "TLS", "verified", 1)
    return made


def test_user_agent_and_server_say_it() -> None:
    table = ProductTable()
    table.add(message("192.0.2.1", "Via: x", "user-agent :  Asterisk PBX 18"))
    table.add(message("2001:db8::1", "Server: kamailio (5.6.3)"))
    table.add(message("192.0.2.3", "Via: x"))
    assert table.product_at("192.0.2.1") == "asterisk"
    assert table.product_at("2001:db8::1") == "kamailio"
    assert table.product_at("192.0.2.3") is None


def test_an_address_that_has_several_names_has_none() -> None:
    """A proxy passes on what the telephones behind it call themselves."""
    table = ProductTable()
    table.add(message("192.0.2.1", "User-Agent: kamailio (5.6.3)"))
    table.add(message("192.0.2.1", "User-Agent: PolycomVVX"))
    assert table.product_at("192.0.2.1") is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "MOST_HOSTS", 1)
    table = ProductTable()
    for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        table.add(message(host, "Server: kamailio (5.6.3)"))
    assert table.product_at("192.0.2.1") == "kamailio"
    assert table.product_at("192.0.2.3") is None
    assert table.counters["addresses_whose_product_is_not_kept"] > 0
