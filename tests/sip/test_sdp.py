"""Session descriptions: lines, media, keys, candidates, hold (RFC 8866, RFC 4568, RFC 8839)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import SessionDescription, parse_sdp
from tqdecrypt.sip import sdp_reader as reader_module
from tqdecrypt.sip.problems import SECTIONS
from tqdecrypt.sip.sdp_attributes import KEY_LENGTHS, read_candidate, read_crypto

KEY = base64.b64encode(bytes(range(30))).decode()
SESSION = ("v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")
AUDIO = "m=audio 4000 RTP/SAVP 8 101"


def described(*lines: str, session: tuple[str, ...] = SESSION) -> SessionDescription:
    return parse_sdp("".join(f"{line}\r\n" for line in (*session, *lines)).encode())


def names(description: SessionDescription) -> list[str]:
    return [problem.name for problem in description.problems]


class TestLines:
    def test_a_whole_description(self) -> None:
        found = described(
            "i=the session",
            "u=http://example.com/",
            "b=AS:64",
            "a=tool:example",
            AUDIO,
            "i=the voice",
            "b=TIAS:64000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            "a=maxptime:40.5",
            "a=rtcp:4003 IN IP4 192.0.2.9",
            "m=video 0 RTP/AVP 31",
        )
        assert not found.problems
        assert (found.version, found.name, found.title) == ("0", "-", "the session")
        assert found.origin == ("-", "1", "2", "IN", "IP4", "192.0.2.1")
        assert found.times == ((0, 0),)
        assert found.bandwidths == (("AS", 64),)
        assert found.others == (("u", "http://example.com/"),)
        assert found.attribute("tool") == "example"
        audio, video = found.media
        assert (audio.kind, audio.port, audio.protocol, audio.count) == (
            "audio",
            4000,
            "RTP/SAVP",
            1,
        )
        assert (audio.title, audio.bandwidths) == ("the voice", (("TIAS", 64000),))
        assert (audio.ptime, audio.maxptime) == (20.0, 40.5)
        assert audio.rtcp == (4003, "192.0.2.9")
        assert [(one.name, one.clock_rate, one.parameters) for one in audio.codecs] == [
            ("PCMA", 8000, ""),
            ("telephone-event", 8000, "0-16"),
        ]
        assert video.refused
        assert not audio.refused

    def test_what_the_media_take_from_the_session(self) -> None:
        found = described(
            "a=sendonly",
            "a=setup:actpass",
            "a=fingerprint:SHA-256 0A:0b",
            AUDIO,
            "m=video 4002 RTP/SAVP 31",
            "c=IN IP6 2001:db8::1",
            "a=recvonly",
            "a=setup:active",
        )
        audio, video = found.media
        assert (audio.address, audio.direction, audio.setup) == ("192.0.2.1", "sendonly", "actpass")
        assert audio.own_connection is None
        assert audio.fingerprints == (("sha-256", b"\x0a\x0b"),)
        assert (video.address, video.direction, video.setup) == (
            "2001:db8::1",
            "recvonly",
            "active",
        )

    def test_multicast_and_several_ports(self) -> None:
        (media,) = described("m=audio 4000/2 RTP/AVP 0", "c=IN IP4 233.252.0.1/127/3").media
        assert (media.port, media.count) == (4000, 2)
        assert media.connection == ("IN", "IP4", "233.252.0.1", "127/3")

    def test_line_ends_of_any_kind(self) -> None:
        body = "\n".join((*SESSION, AUDIO)).encode()
        assert parse_sdp(body).media == parse_sdp(body.replace(b"\n", b"\r")).media

    def test_bundle(self) -> None:
        found = described(
            "a=group:BUNDLE 0 1", "a=group:LS 0", AUDIO, "a=mid:0", "a=rtcp-mux",
            "m=video 0 RTP/SAVP 31", "a=mid:1", "a=bundle-only",
        )  # fmt: skip
        assert found.bundle == ("0", "1")
        assert found.groups[1].semantics == "LS"
        assert [media.mid for media in found.media] == ["0", "1"]
        assert found.media[0].rtcp_mux
        assert not found.media[1].refused

    def test_fax(self) -> None:
        (media,) = described("m=image 4000 udptl t38", "a=T38FaxVersion:0").media
        assert media.is_fax
        assert media.fax_parameters == {"T38FaxVersion": "0"}
        assert media.codecs[0].name == "t38"

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("nonsense", "sdp-line"),
            ("x=1", "sdp-line"),
            ("t=0", "sdp-time"),
            ("b=AS", "sdp-bandwidth"),
            ("c=IN IP4 192.0.2.300", "sdp-address"),
            ("c=IN IP4 2001:db8::1", "sdp-address"),
            ("c=IN IP9 a", "sdp-connection"),
            ("c=IN", "sdp-connection"),
            ("c=", "sdp-connection"),
            ("m=audio", "sdp-media"),
            ("m=audio 70000 RTP/AVP 0", "sdp-media"),
            ("m=audio 4000 RTP/AVP PCMU", "sdp-format"),
            ("m=audio 4000 RTP/AVP 0\r\nt=0 0", "sdp-line"),
            ("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus", "sdp-attribute"),
            ("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\na=recvonly", "sdp-attribute"),
            ("a=:x", "sdp-attribute"),
            ("a=ptime:soon", "sdp-attribute"),
            ("a=rtcp:x", "sdp-attribute"),
            ("a=fingerprint:sha-1 XY", "sdp-attribute"),
            ("a=candidate:1", "sdp-candidate"),
            ("a=candidate:1 x UDP 1 192.0.2.1 9 typ host", "sdp-candidate"),
            ("a=crypto:nothing", "sdp-crypto"),
        ],
    )
    def test_what_is_wrong(self, line: str, name: str) -> None:
        assert name in names(described(line))

    @pytest.mark.parametrize(
        ("kind", "name"),
        [("v", "sdp-missing"), ("o", "sdp-missing"), ("s", "sdp-missing"), ("t", "sdp-missing"),
         ("c", "sdp-connection")],
    )  # fmt: skip
    def test_what_is_missing(self, kind: str, name: str) -> None:
        session = tuple(line for line in SESSION if line[0] != kind)
        assert names(described(AUDIO, "a=rtpmap:101 a/8000", session=session)) == [name]

    def test_origin_and_version(self) -> None:
        session = ("v=1", "o=a b c IN IP4", "s=-", "t=0 0")
        assert names(described(session=session)) == ["sdp-version", "sdp-missing", "sdp-origin"]
        assert "sdp-origin" in names(described(session=("v=0", "o=a x 1 IN IP4 h", "s=-", "t=0 0")))

    def test_lines_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reader_module, "MOST_LINES", 6)
        found = described(AUDIO, "m=video 1 RTP/AVP 31")
        assert len(found.media) == 1
        assert names(found) == ["sdp-too-long"]

    @given(
        st.lists(
            st.sampled_from(
                [*SESSION, AUDIO, "a=sendonly", f"a=crypto:1 X inline:{KEY}", "a=ptime:0"]
            )
            | st.text(alphabet="vosmcabt= 01/:x\x00é", max_size=20)
        )
    )
    def test_any_lines(self, lines: list[str]) -> None:
        found = parse_sdp("\r\n".join(lines).encode())
        assert {problem.name for problem in found.problems} <= SECTIONS.keys()
        assert KEY not in repr(found)
        for media in found.media:
            assert isinstance(media.held, bool)
            assert isinstance(media.codecs, tuple)


class TestHold:
    @pytest.mark.parametrize(
        ("lines", "held"),
        [
            ((AUDIO,), False),
            ((AUDIO, "a=sendonly"), True),
            ((AUDIO, "a=inactive"), True),
            ((AUDIO, "a=recvonly"), False),
            ((AUDIO, "c=IN IP4 0.0.0.0"), True),
            (("a=sendonly", AUDIO, "a=sendrecv"), False),
            ((AUDIO, "a=sendonly", "m=video 0 RTP/AVP 31"), True),
            ((AUDIO, "a=sendonly", "m=video 4002 RTP/AVP 31"), False),
            (("m=audio 0 RTP/AVP 0",), False),
            ((), False),
        ],
    )
    def test_by_direction_or_address(self, lines: tuple[str, ...], held: bool) -> None:
        assert described(*lines).held is held


class TestCrypto:
    def test_everything(self) -> None:
        crypto = read_crypto(
            f"2 aes_cm_128_hmac_sha1_80 inline:{KEY}|2^20|1:4;inline:{KEY}|1000 KDR=1 UNENCRYPTED_SRTP"
        )
        assert crypto is not None
        assert (crypto.tag, crypto.suite, crypto.known) == (2, "AES_CM_128_HMAC_SHA1_80", True)
        assert crypto.session_parameters == ("KDR=1", "UNENCRYPTED_SRTP")
        first, second = crypto.keys
        assert first.material == bytes(range(30))
        assert (first.lifetime, first.mki, first.mki_length) == (1 << 20, 1, 4)
        assert (second.lifetime, second.mki, second.mki_length) == (1000, None, 0)
        assert KEY not in repr(crypto)
        assert str(bytes(range(30))) not in repr(crypto)

    @pytest.mark.parametrize(("suite", "length"), KEY_LENGTHS.items())
    def test_every_suite_has_its_length(self, suite: str, length: int) -> None:
        found: list[str] = []
        note = lambda name, sentence: found.append(sentence)  # noqa: E731
        key = base64.b64encode(bytes(length)).decode()
        assert read_crypto(f"1 {suite} inline:{key}", note) is not None
        assert not found
        short = base64.b64encode(bytes(length - 1)).decode()
        read_crypto(f"1 {suite} inline:{short}", note)
        assert f"must have {length}" in found[0]

    def test_padding_that_was_left_out(self) -> None:
        key = base64.b64encode(bytes(28)).decode()
        crypto = read_crypto(f"1 AEAD_AES_128_GCM inline:{key.rstrip('=')}")
        assert crypto is not None
        assert crypto.keys[0].material == bytes(28)

    @pytest.mark.parametrize(
        "value",
        [
            "1 UNHEARD_OF inline:AAAA",
            f"1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}",
            "1 AES_CM_128_HMAC_SHA1_80 inline:§§§",
            "1 AES_CM_128_HMAC_SHA1_80 inline:A",
            f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|soon",
            f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^99",
        ],
    )
    def test_what_is_wrong_says_no_key(self, value: str) -> None:
        found = described(AUDIO, f"a=crypto:{value}", "a=rtpmap:101 a/8000")
        assert names(found) == ["sdp-crypto"]
        assert KEY not in repr(found.problems)

    def test_the_attribute_hides_its_secret(self) -> None:
        found = described(
            AUDIO, f"a=crypto:1 X inline:{KEY}", "a=ice-pwd:topsecret", "a=key-mgmt:mikey abc"
        )
        shown = repr(found)
        assert KEY not in shown
        assert "topsecret" not in shown
        assert "abc" not in shown
        assert found.media[0].crypto[0].suite == "X"


class TestIce:
    def test_candidates(self) -> None:
        found = described(
            "a=ice-ufrag:F7gI",
            "m=audio 4000 UDP/TLS/RTP/SAVPF 0",
            "a=candidate:1 1 udp 2130706431 192.0.2.1 8998 typ host",
            "a=candidate:2 1 UDP 16777215 198.51.100.1 9 typ relay raddr 192.0.2.1 rport 7 generation 0",
            "a=candidate:3 1 UDP 1 4f2c.local 9 typ host",
        )
        assert not found.problems
        (media,) = found.media
        assert media.ice_ufrag == "F7gI"
        host, relay, name = media.candidates
        assert (host.kind, host.transport, host.port) == ("host", "UDP", 8998)
        assert (relay.related_address, relay.related_port) == ("192.0.2.1", 7)
        assert relay.extensions == (("generation", "0"),)
        assert name.address == "4f2c.local"

    @given(st.text(alphabet="1 UDPtyphosra.:-", max_size=60))
    def test_any_candidate(self, value: str) -> None:
        found = read_candidate(value)
        assert found is None or found.priority >= 0
