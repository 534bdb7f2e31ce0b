"""Addresses, tags and parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import tag_of, uri_of
from tqdecrypt.sip.address import parameter


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        (b"<sip:a@example.com>", "sip:a@example.com", ""),
        (b"sip:a@example.com;tag=88sja8x", "sip:a@example.com", "88sja8x"),
        (b'"A. G. Bell" <sip:agb@example.com> ;tag=a48s', "sip:agb@example.com", "a48s"),
        (b"Anonymous <sip:c8@example.com>;tag=h", "sip:c8@example.com", "h"),
        (b"<sip:a@b.example;lr;tag=no>;x=1;TAG = 7 ", "sip:a@b.example;lr;tag=no", "7"),
        (rb'"<sip:no@x> \" ;tag=no" <sip:a@example.com>;tag=1', "sip:a@example.com", "1"),
        (rb'"ends with \\" <sip:a@example.com>;tag=1', "sip:a@example.com", "1"),
        (b'"Mr. J. User <sip:j.user@example.com>', "sip:j.user@example.com", ""),
        (b'<sip:a@example.com>;x=";tag=no";tag=yes', "sip:a@example.com", "yes"),
        (b"<sip:a@example.com", "sip:a@example.com", ""),
        (b"tel:+12025550100;tag=3", "tel:+12025550100", "3"),
        (b"<sip:J\xc3\xb6rg@example.com>;tag=\xff", "sip:Jörg@example.com", "\\xff"),
        (b"", "", ""),
    ],
)  # fmt: skip
def test_addresses(value: bytes, uri: str, tag: str) -> None:
    assert (uri_of(value), tag_of(value)) == (uri, tag)


def test_parameter_of_the_first_value_only() -> None:
    assert parameter(b"a;x=1, b;y=2", b"y") == b"2"
    assert parameter(b"a;x=1, b;y=2", b"y", first_only=True) == b""


@given(st.binary(max_size=60), st.text("abc019", min_size=1))
def test_whatever_a_display_name_holds(name: bytes, tag: str) -> None:
    quoted = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    value = b'"%s" <sip:a@example.com;x=y>;p=q;tag=%s' % (quoted, tag.encode())
    assert uri_of(value) == "sip:a@example.com;x=y"
    assert tag_of(value) == tag


@given(st.binary(max_size=60))
def test_any_bytes(value: bytes) -> None:
    assert uri_of(value).encode("utf-8", "strict") is not None
    assert ";" not in tag_of(value) or b'"' in value


def test_long_values_are_not_remembered() -> None:
    from tqdecrypt.sip import address

    value = b"<sip:" + b"x" * address.LONGEST_REMEMBERED + b"@example.com>"
    assert address.uri_of(value) == value[1:-1].decode()
    assert value not in address._uris
