"""DTLS explained: cookies, fragments, pre-shared keys, renegotiation and resumption, from recordings."""

from __future__ import annotations

import pytest

from explain.stories import Story, explain_packets
from kit import Conversation, interleave
from tls.datagrams import recorded_key, recordings
from tls.passive import ring
from tqdecrypt.keys import KeyRing


def explained(name: str, keys: KeyRing) -> dict[int, Story]:
    talks = []
    for number, one in enumerate(recordings(name)):
        talk = Conversation(client=("192.0.2.10", 40000 + number)).wait(float(number))
        for side, data in one.datagrams:
            talk.datagram(side == 0, data)
        talks.append(talk)
    return explain_packets(interleave(*talks), keys)


def test_a_cookie_comes_before_the_handshake() -> None:
    story = explained("rsa", ring([recorded_key()]))[1]
    assert story.names[:5] == [
        "ClientHello",
        "HelloVerifyRequest",
        "ClientHello",
        "ServerHello",
        "Certificate",
    ]
    assert "gets what is sent to its address" in story.step("HelloVerifyRequest").says
    assert story.secret("master secret").known
    assert "of the 5 messages" in story.secret("master secret").note
    assert story.given[0].startswith("the private key of the server's certificate")


@pytest.mark.parametrize("name", ["rsa-cbc", "rsa-dtls10", "rsa-without-ems", "mutual"])
def test_keys_follow_from_what_was_sent(name: str) -> None:
    story = explained(name, ring([recorded_key()]))[1]
    assert story.secret("pre-master secret").known
    assert story.secret("client verify_data").known
    assert story.secret("server verify_data").known
    if name == "rsa-dtls10":
        assert "MD5 xor SHA-1" in story.secret("key block").how


def test_a_pre_shared_key_is_named_by_the_client() -> None:
    clear = explained("psk", ring(psks=[("pbx", "00112233445566778899aabbccddeeff")]))[1]
    assert clear.fact("ClientKeyExchange", "identity") == "pbx"
    assert clear.fact("ClientKeyExchange", "your pre-shared keys") == "one that was given fits"
    assert clear.secret("pre-master secret").length == 36
    assert clear.secret("pre-master secret").known
    assert clear.given[0].startswith("the pre-shared key")
    dark = explained("psk", ring())[1]
    assert dark.fact("ClientKeyExchange", "your pre-shared keys").startswith("none")
    assert "the key of 'pbx' was not given" in dark.secret("pre-master secret").note


def test_a_handshake_inside_the_session() -> None:
    story = explained("renegotiated", ring([recorded_key()]))[1]
    assert len(story.explanation.derivations) == 3
    second = [step.name for step in story.steps if step.handshake == 2 and not step.data]
    assert second[:2] == ["ClientHello", "ServerHello"]
    assert "renegotiation" in next(s for s in story.steps if s.handshake == 2).says
    assert all(s.encrypted for s in story.steps if s.handshake == 2 and s.name.endswith("Hello"))


def test_a_resumed_session_names_the_first() -> None:
    stories = explained("resumed", ring([recorded_key()]))
    assert stories[2].fact("ServerHello", "resumed").startswith("session 1 of this capture")
    assert stories[2].secret("key block").known
