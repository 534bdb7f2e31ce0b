"""Values of header fields: lists, quoted strings, parameters, numbers (RFC 3261 section 25.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip.fields import READERS, Reader
from tqdecrypt.sip.lexical import maybe_number, read_number, read_parameters, split_list, unquote
from tqdecrypt.sip.places import read_address, read_vias
from tqdecrypt.sip.problems import SECTIONS
from tqdecrypt.sip.values import (
    read_charging_vector,
    read_credentials,
    read_media_type,
    read_named_list,
    read_retry_after,
    read_warnings,
)


def wrong(read: Reader, value: str) -> list[str]:
    found: list[str] = []
    read(value, lambda name, sentence: found.append(name))
    return found


class TestLists:
    def test_commas(self) -> None:
        assert split_list("a, b ,c") == ["a", "b", "c"]
        assert split_list('"a,b" <sip:c,d>, e') == ['"a,b" <sip:c,d>', "e"]
        assert split_list("") == []

    def test_marks_without_a_partner_quote_nothing(self) -> None:
        assert split_list('"a, b') == ['"a', "b"]
        assert split_list("<a, b") == ["<a", "b"]
        assert split_list('"a\\", b') == ['"a\\"', "b"]

    @given(st.lists(st.text(alphabet="abc;= ", min_size=1).map(str.strip).filter(bool)))
    def test_joined_and_split(self, parts: list[str]) -> None:
        assert split_list(", ".join(parts)) == parts


class TestParameters:
    def test_forms(self) -> None:
        found = read_parameters(' ; a = b;C;d="x;\\"y" ; e=')
        assert list(found) == [("a", "b"), ("C", None), ("d", 'x;"y'), ("e", "")]
        assert found.get("c") == ""
        assert found.get("nothing") is None

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("x;a=b", "parameter"),
            (";;a", "empty-element"),
            (";a b", "parameter"),
            (";a=", "parameter"),
            (";a=b c", "parameter"),
            (';a="b', "quotation"),
            (';a="b"c', "parameter"),
            (";ä=1", "parameter"),
        ],
    )
    def test_what_is_wrong(self, text: str, name: str) -> None:
        assert wrong(read_parameters, text) == [name]

    @given(st.text(alphabet='ab;=" \t\\,<', max_size=60))
    def test_any_text(self, text: str) -> None:
        assert all(name for name, _ in read_parameters(text))


class TestNumbers:
    def test_leading_zeros(self) -> None:
        assert read_number("0070", "It", 255) == 70

    def test_not_ascii(self) -> None:
        assert read_number("٣", "It", 255) is None
        assert maybe_number("٣", 255) is None

    def test_too_large(self) -> None:
        found: list[str] = []
        assert read_number("300", "It", 255, lambda name, _: found.append(name)) == 300
        assert found == ["number-too-large"]
        assert maybe_number("300", 255) is None
        assert maybe_number("1" * 5000, 1 << 70) is None


class TestValues:
    def test_via(self) -> None:
        (via,) = read_vias("SIP/2.0/UDP [2001:db8::1]:5062;rport=6000;received=192.0.2.1;ttl=16")
        assert (via.host, via.port, via.rport, via.ttl) == ("2001:db8::1", 5062, 6000, 16)
        assert (via.wants_rport, via.maddr, via.branch) == (True, None, "")
        (asks,) = read_vias("SIP/2.0/UDP a;rport")
        assert (asks.wants_rport, asks.rport) == (True, None)

    def test_addresses(self) -> None:
        (bare,) = read_address("sip:a@example.com;tag=1")
        assert (bare.tag, bare.uri_text) == ("1", "sip:a@example.com")
        (named,) = read_address('"A;<b>" <sip:a@example.com;lr>;tag=2')
        assert (named.display_name, named.tag) == ("A;<b>", "2")
        assert named.uri is not None
        assert named.uri.parameters.get("lr") == ""
        (cut,) = read_address('"A" sip:a@example.com')
        assert cut.display_name == "A"

    @pytest.mark.parametrize(
        ("read", "value", "name"),
        [
            (read_address, "", "value"),
            (read_address, '"A" b <sip:a@example.com>', "display-name"),
            (read_address, "sip:a@example.com,b", "brackets"),
            (read_vias, "SIP/2.0 a", "value"),
            (read_vias, "SIP/2.0/ä b", "value"),
            (read_warnings, "307 a b", "value"),
            (read_warnings, 'x a "b"', "number"),
            (read_credentials, "", "value"),
            (read_credentials, 'Digest realm="a', "quotation"),
            (read_credentials, "Digest nonsense", "parameter"),
            (read_charging_vector, "orig-ioi=a", "value"),
            (read_retry_after, "18 (no end", "value"),
            (read_named_list, "Q.850;cause=1, ;x", "value"),
            (read_media_type, "text plain", "value"),
        ],
    )
    def test_what_is_wrong(self, read: Reader, value: str, name: str) -> None:
        assert name in wrong(read, value)

    def test_unquote(self) -> None:
        assert unquote('"a\\\\b\\"c"') == 'a\\b"c'


@pytest.mark.parametrize("key", READERS)
@given(value=st.text(alphabet='aS1 /.;=,"<>\\:@[]()%*é\x00', max_size=60))
def test_readers_take_anything(key: str, value: str) -> None:
    found: list[str] = []
    values = READERS[key](value, lambda name, sentence: found.append(name))
    assert isinstance(values, tuple)
    assert set(found) <= SECTIONS.keys()
    assert isinstance(repr(values), str)
