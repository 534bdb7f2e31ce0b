"""URIs: their parts, what is wrong with them, and when two are the same (RFC 3261 section 19.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip.uri import OtherUri, SipUri, TelUri, parse_uri, same_uri, unescape


def wrong(text: str) -> list[str]:
    found: list[str] = []
    parse_uri(text, lambda name, sentence: found.append(name))
    return found


def sip(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


class TestParts:
    def test_everything(self) -> None:
        uri = sip(
            "SIPS:ada:secret@[2001:db8::1]:5061;transport=tls;lr?Subject=a%20b&Priority=urgent"
        )
        assert (uri.scheme, uri.user, uri.password) == ("sips", "ada", "secret")
        assert (uri.host, uri.port) == ("2001:db8::1", 5061)
        assert uri.parameters.get("TRANSPORT") == "tls"
        assert uri.parameters.get("lr") == ""
        assert uri.parameters.get("maddr") is None
        assert uri.headers == (("Subject", "a%20b"), ("Priority", "urgent"))
        assert "secret" not in repr(uri)

    def test_host_alone(self) -> None:
        assert (sip("sip:example.com").user, sip("sip:example.com").port) == (None, None)

    def test_a_semicolon_in_the_user_part(self) -> None:
        assert sip("sip:+1;phone-context=a@example.com;user=phone").user == "+1;phone-context=a"

    def test_telephone_numbers(self) -> None:
        uri = parse_uri("tel:+1-201-555.0123;ext=7")
        assert isinstance(uri, TelUri)
        assert (uri.digits, uri.parameters.get("ext")) == ("+12015550123", "7")
        assert not wrong("tel:7042;phone-context=example.com")

    def test_other_schemes(self) -> None:
        assert parse_uri("urn:service:sos") == OtherUri("urn", "service:sos")
        assert parse_uri("nonsense") == OtherUri("", "nonsense")
        assert not parse_uri("urn:service:sos").parameters

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("ada", "uri"),
            ("urn:", "uri"),
            ("sip:@example.com", "uri"),
            ("sip:", "host"),
            ("sip:a b@example.com", "uri-blank"),
            (" sip:ada@example.com", "uri-blank"),
            ("sip:a<b@example.com", "uri-characters"),
            ("sip:a%4@example.com", "uri-characters"),
            ("sip:a:b^@example.com", "uri-characters"),
            ("sip:ada@exa mple", "host"),
            ("sip:ada@1.2.3.400", "host"),
            ("sip:ada@[::zz]", "host"),
            ("sip:ada@::1", "ipv6-brackets"),
            ("sip:ada@[2001:db8:::1]", "ipv6-colons"),
            ("sip:ada@example.com:", "port"),
            ("sip:ada@example.com:70000", "port"),
            ("sip:ada@example.com;;lr", "empty-element"),
            ("sip:ada@example.com?Subject", "uri"),
            ("tel:+", "tel"),
            ("tel:12x", "tel"),
            ("tel:7042", "tel"),
        ],
    )
    def test_what_is_wrong(self, text: str, name: str) -> None:
        assert name in wrong(text)

    @given(st.text(alphabet='sipatel:+@[];=?&%41.-<>" \t\\é', max_size=50))
    def test_any_text(self, text: str) -> None:
        assert parse_uri(text) == parse_uri(text, lambda name, sentence: None)
        assert parse_uri("sip:" + text).scheme == "sip"


def test_escapes() -> None:
    assert unescape("a%41%2fb") == "aA/b"
    assert unescape("%E6%BC%A2%FF") == "漢\\xff"
    assert unescape("plain") == "plain"


class TestSame:
    """The examples of RFC 3261 section 19.1.4, in other names."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("sip:%61da@example.com;transport=TCP", "sip:ada@EXAMPLE.com;Transport=tcp"),
            ("sip:dee@example.com", "sip:dee@example.com;new=5"),
            ("sip:dee@example.com;safe=on", "sip:dee@example.com;new=5"),
            (
                "sip:example.com;transport=tcp;method=REGISTER?to=sip:ben%40example.org",
                "sip:example.com;method=REGISTER;transport=tcp?to=sip:ben%40example.org",
            ),
            (
                "sip:ada@example.com?subject=x&priority=urgent",
                "sip:ada@example.com?priority=urgent&subject=x",
            ),
            ("sip:a@[2001:db8:0::1]", "sip:a@[2001:DB8::1]"),
            ("tel:+1-201-555", "tel:+1(201)555"),
            ("tel:7;phone-context=+1-2;ext=1.2", "tel:7;ext=12;PHONE-CONTEXT=+12"),
        ],
    )
    def test_the_same(self, one: str, other: str) -> None:
        assert same_uri(parse_uri(one), parse_uri(other))
        assert same_uri(parse_uri(other), parse_uri(one))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("sip:ADA@example.com", "sip:ada@example.com"),
            ("sip:ben@example.org", "sip:ben@example.org:5060"),
            ("sip:ben@example.org", "sip:ben@example.org;transport=udp"),
            ("sip:ben@example.org", "sip:ben@example.org:6000;transport=tcp"),
            ("sip:dee@example.com", "sip:dee@example.com?Subject=x"),
            ("sip:dee@example.com;safe=on", "sip:dee@example.com;safe=off"),
            ("sip:a@192.0.2.4", "sip:a@phone.example.org"),
            ("sip:a@example.com", "sips:a@example.com"),
            ("sip:a%40b@example.com", "tel:+1"),
            ("tel:+1", "tel:1;phone-context=a"),
            ("urn:a", "urn:b"),
        ],
    )
    def test_not_the_same(self, one: str, other: str) -> None:
        assert not same_uri(parse_uri(one), parse_uri(other))
