"""The data files: whole, sourced, and what the documentation is made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tqdecrypt.errors import UsageError
from tqdecrypt.tls.cipher_lists import parse_cipher_list, written
from tqdecrypt.vendors import (
    Role,
    Topic,
    fill,
    find_vendor,
    load_vendor,
    recognise,
    vendor_names,
)

ROOT = Path(__file__).parents[2]
WANTED = {
    "oracle",
    "ribbon-core",
    "ribbon-edge",
    "audiocodes",
    "cisco-cube",
    "kamailio",
    "opensips",
    "asterisk",
    "freeswitch",
    "microsoft-teams",
}


def test_there_is_a_file_for_every_product() -> None:
    assert set(vendor_names()) >= WANTED


@pytest.mark.parametrize("name", vendor_names())
def test_a_file_speaks_about_every_topic_and_names_its_sources(name: str) -> None:
    vendor = load_vendor(name)
    assert {one.topic for one in vendor.statements} == set(Topic)
    order = [list(Topic).index(one.topic) for one in vendor.statements]
    assert order == sorted(order)
    for one in vendor.statements:
        assert one.says.endswith((".", ":")), one.says
        assert one.source
        assert one.versions
        assert not (one.confirmed and one.source == "none found"), one
        assert "°" not in one.says + one.source
        assert all(len(line) < 200 for line in one.settings.splitlines())


@pytest.mark.parametrize("name", vendor_names())
def test_tests_that_are_named_as_sources_are_there(name: str) -> None:
    for one in load_vendor(name).statements:
        for path in re.findall(r"tests/[\w/]+(?:\.py)?", one.source):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", vendor_names())
def test_its_spelling_of_lists_is_read_back(name: str) -> None:
    numbers = parse_cipher_list("AES256-SHA:AES128-SHA").suites
    assert parse_cipher_list(written(numbers, load_vendor(name).spelling)).suites == numbers


@pytest.mark.parametrize("name", vendor_names())
def test_suites_that_are_named_in_settings_exist(name: str) -> None:
    for one in load_vendor(name).statements:
        for suite in re.findall(r"\b(?:TLS_|RSA_WITH_|ECDHE_)[A-Z0-9_]{8,}\b", one.settings):
            assert parse_cipher_list(suite).suites, suite


def test_the_role_is_said_where_it_matters() -> None:
    for name in vendor_names():
        for one in load_vendor(name).about(Topic.CLIENT_ROLE):
            assert one.role in (Role.CLIENT, Role.BOTH)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("kamailio (5.6.3 (x86_64/linux))", "kamailio"),
        ("OpenSIPS (3.4.2 (x86_64/linux))", "opensips"),
        ("Asterisk PBX 18.10.0", "asterisk"),
        ("FPBX-16.0.33(18.15.0)", "asterisk"),
        ("FreeSWITCH-mod_sofia/1.10.9-release~64bit", "freeswitch"),
        ("Cisco-SIPGateway/IOS-17.9.3", "cisco-cube"),
        ("Mediant VE SBC/v.7.20A.256.399", "audiocodes"),
        ("Sonus SBC V.5.7", "ribbon-core"),
        ("Microsoft.PSTNHub.SIPProxy v.2020.5.27.2 i.ASEA.5", "microsoft-teams"),
        ("Oracle ESBC", "oracle"),
        ("baresip v1.0.0 (x86_64/linux)", "baresip"),
        ("PolycomVVX-VVX_410-UA/5.9.0", None),
        ("", None),
    ],
)
def test_products_are_recognised_by_what_they_call_themselves(
    header: str, name: str | None
) -> None:
    assert recognise(header) == name


def test_a_vendor_is_found_by_name_alias_and_beginning() -> None:
    assert find_vendor("Kamailio").name == "kamailio"
    assert find_vendor("acme packet").name == "oracle"
    assert find_vendor("teams").name == "microsoft-teams"
    assert find_vendor("audio").name == "audiocodes"
    with pytest.raises(UsageError, match="there is no advice for 'nobody'; there is for: asterisk"):
        find_vendor("nobody")
    with pytest.raises(UsageError, match="may be several"):
        find_vendor("a")


def test_placeholders_are_filled() -> None:
    assert fill("a=<a-b> c=<c>", {"a-b": "1"}) == "a=1 c=<c>"
