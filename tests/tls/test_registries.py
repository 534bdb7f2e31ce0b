"""Names of extensions, groups and signature schemes: as tshark has them."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.tls import registries
from tqdecrypt.tls.registries import (
    certificate_type_name,
    extension_name,
    group_name,
    signature_scheme_name,
)

OTHERWISE = {
    "tls.handshake.extension.type": {34, 17513},  # a plural; the draft's number
    "tls.handshake.extensions_supported_group": {512, 513, 514},  # FrodoKEM, in an experiment
    "tls.handshake.sig_hash_alg": set(),
}
"""Numbers under which tshark 4.0 still has other names than the registry."""


@pytest.fixture(scope="module")
def known_to_tshark() -> str:
    command = ["tshark", "-G", "values"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.peer("tshark")
@pytest.mark.parametrize(
    ("field", "ours", "least"),
    [
        ("tls.handshake.extension.type", registries.EXTENSION_NAMES, 45),
        ("tls.handshake.extensions_supported_group", registries.GROUP_NAMES, 35),
        ("tls.handshake.sig_hash_alg", registries.SCHEME_NAMES, 12),
    ],
)
def test_names_are_those_of_tshark(
    field: str, ours: dict[int, str], least: int, known_to_tshark: str
) -> None:
    rows = re.findall(rf"^V\t{re.escape(field)}\t(\S+)\t(.*)$", known_to_tshark, re.MULTILINE)
    theirs = {int(number, 0): name for number, name in rows}
    both = (ours.keys() & theirs.keys()) - OTHERWISE[field]
    assert len(both) >= least
    assert {n: plain(ours[n]) for n in both} == {n: plain(theirs[n]) for n in both}


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def test_what_has_no_name_has_its_number() -> None:
    assert extension_name(0xFEFE) == "0xFEFE"
    assert group_name(0x0A0A) == "GREASE"
    assert signature_scheme_name(0x0302) == "dsa_sha224"
    assert signature_scheme_name(0x0807) == "ed25519"
    assert certificate_type_name(0xEE) == "0xEE"


@given(st.integers(0, 0xFFFF))
def test_every_number_has_some_name(number: int) -> None:
    for name in (extension_name, group_name, signature_scheme_name):
        assert name(number)
