"""What media read of a session description, held equal to the parser that reads all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tqdecrypt.media import description as module
from tqdecrypt.media.description import MediaDescription, Protection, describe, endpoint_of
from tqdecrypt.sip import parse_sdp
from tqdecrypt.sip.sdp import Media

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus" / "sdp"
SESSION = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
KEY = "A" * 40
HASH = "sha-256 " + ":".join(["AB"] * 32)
LINES = (
    "v=0",
    "s=-",
    "c=IN IP4 192.0.2.1",
    "c=IN IP6 2001:0db8::1",
    "c=IN IP4 233.252.0.1/127/3",
    "c=IN IP4 0.0.0.0",
    "c=",
    "c=x",
    "c=IN IP4 /3",
    "m=audio 4000 RTP/AVP 8 0 101",
    "m=audio 4000/2 RTP/SAVP 0 96",
    "m=video 0 UDP/TLS/RTP/SAVPF 96 97",
    "m=image 4000 udptl T38",
    "m=audio 70000 RTP/AVP 0",
    "m=audio",
    "m=",
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:97 opus/48000/1 ",
    "a=rtpmap:101 telephone-event/8000",
    "a=rtpmap:0 nonsense",
    "a=rtpmap:",
    "a=fmtp:101 0-15",
    "a=fmtp:101 0-16",
    "a=fmtp:96 a=1; b=2",
    "a=sendonly",
    "a=inactive",
    "a=sendrecv",
    "a=ptime:20",
    "a=ptime:soon",
    "a=ptime",
    "a=rtcp:4003 IN IP4 192.0.2.9",
    "a=rtcp:x",
    "a=rtcp-mux",
    "a=bundle-only",
    f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
    "a=crypto:nothing",
    f"a=fingerprint:{HASH}",
    "a=fingerprint:sha-1 XY",
    "a=candidate:1 1 UDP 2130706431 192.0.2.44 5555 typ host",
    "a=candidate:1 1 udp 2130706431 2001:DB8::1 5555 typ srflx raddr 10.0.0.1 rport 9",
    "a=candidate:1 2 UDP 1 192.0.2.44 5556 typ host",
    "a=candidate:1 1 TCP 1 192.0.2.44 9 typ host",
    "a=candidate:1 1 UDP 1 192.0.2.44 0 typ host",
    "a=candidate:1",
    "a= ptime : 30",
    "a=:x",
    "nonsense",
    "\x0bm=audio 1 RTP/AVP 0",
)


def as_parsed(body: bytes) -> tuple[MediaDescription, ...]:
    """The same, as the full parser has it: the readable way."""
    return tuple(map(_as_parsed, parse_sdp(body).media))


def _as_parsed(media: Media) -> MediaDescription:
    endpoint = endpoint_of(media.address, media.port)
    rtcp = media.rtcp
    if media.rtcp_mux:
        control = endpoint
    elif rtcp is not None:
        control = endpoint_of(rtcp.address or media.address, rtcp.port)
    else:
        control = endpoint_of(media.address, media.port + 1 if media.port else None)
    candidates = [
        endpoint_of(one.address, one.port)
        for one in media.candidates
        if one.component == 1 and one.transport == "UDP"
    ]
    if media.values("crypto"):
        protection = Protection.SDES
    elif "TLS" in media.protocol.upper() or media.fingerprints:
        protection = Protection.DTLS
    elif "SAVP" in media.protocol.upper():
        protection = Protection.UNKNOWN
    else:
        protection = Protection.NONE
    return MediaDescription(
        media.kind,
        media.protocol,
        endpoint,
        control,
        media.direction,
        media.held,
        media.refused,
        media.is_fax,
        media.codecs,
        media.ptime,
        protection,
        tuple(candidates[: module.MOST_CANDIDATES]),
        tuple(media.values("crypto")),
    )


def agree(body: bytes) -> None:
    found = describe(body)
    assert found == as_parsed(body)
    assert [one.keys for one in found] == [one.crypto for one in parse_sdp(body).media]
    assert describe(body) == found, "the second time it is remembered"


@given(
    st.lists(
        st.sampled_from(LINES) | st.text(alphabet="vosmcabt= 01/:x\x00é\x85\x0c", max_size=20)
    ),
    st.sampled_from(["\r\n", "\n", "\r", "\n\r\n"]),
)
def test_it_says_what_the_parser_does(lines: list[str], end: str) -> None:
    agree(end.join(lines).encode())


@given(st.binary(max_size=200))
@example(b"m=audio 1 RTP/AVP 0\xe2\x82\na=sendonly")
def test_bytes_that_are_no_text(body: bytes) -> None:
    agree(SESSION.encode() + body)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_what_once_was_trouble(path: Path) -> None:
    agree(path.read_bytes())


def test_payload_types_are_those_of_rtp() -> None:
    body = (
        SESSION
        + "m=audio 4000 RTP/AVP 0 96 x 200\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:x y/9\r\n"
    )
    found = describe(body.encode())[0].payload_types
    assert {number: one.clock_rate for number, one in found.items()} == {0: 8000, 96: 48000}
    assert describe(b"m=image 4000 udptl 38")[0].payload_types == {}


def test_keys_are_never_shown() -> None:
    (one,) = describe(f"{SESSION}m=audio 4000 RTP/SAVP 0\r\na=crypto:1 X inline:{KEY}\r\n".encode())
    assert KEY not in repr(one)


def test_only_what_is_small_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 10)
    remembered: dict[bytes, object] = {}
    monkeypatch.setattr(module, "_remembered", remembered)
    formats = " ".join(["0"] * 1000)
    for number in range(50):
        describe(f"{SESSION}m=audio {number} RTP/AVP 0\r\n".encode())
        describe(f"{SESSION}m=audio {number} RTP/AVP {formats}\r\n".encode())
        describe(f"{SESSION}m=audio {number} RTP/AVP 0\r\n".encode() + b"a=x\r\n" * 1000)
    assert len(remembered) == 10
    assert max(map(len, remembered)) < 200
