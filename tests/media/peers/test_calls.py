"""Calls of baresip through Kamailio and rtpengine, as Debian has them: what they counted is what is found."""

from __future__ import annotations

import contextlib
import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.peers import tshark
from media.peers.calls import CALLS, HERTZ, Planned
from media.peers.conftest import Calls
from media.peers.network import Host
from tqdecrypt.cli import main

pytestmark = pytest.mark.peer("baresip", "kamailio", "rtpengine", "dumpcap", "ip", "unshare")

CM80, CM32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
GCM128, GCM256 = "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"
TAGS = {CM80: 10, CM32: 4, GCM128: 16, GCM256: 16}
"""Bytes of a tag of SRTP."""
CODECS = {"pcmu": "PCMU/8000", "pcma": "PCMA/8000", "g722": "G722/8000", "opus": "opus/48000/2"}
SIDES = {
    "clear": ("clear", "clear"),
    "sdes": (CM80, CM80),
    "opus": (CM80, CM80),
    "dtls": ("dtls-dark", "dtls-dark"),
    "direct": ("signalling-dark", "signalling-dark"),
    "offered": ("clear", "clear"),
    "bridged": (CM80, "clear"),
    "coded": (CM80, "clear"),
    "counter": ("clear", CM32),
    "galois": ("clear", GCM256),
    "keyless": ("no-key-in-sdp", GCM128),
    "shaken": ("dtls-dark", "clear"),
}
"""Of each call what the caller's and the callee's media are with the key of the SIP servers: the suite that
opens them, or the verdict."""

every_call = pytest.mark.parametrize("call", CALLS, ids=lambda one: one.name)
relayed_calls = pytest.mark.parametrize(
    "call", [one for one in CALLS if one.relay], ids=lambda one: one.name
)


def suites_of(stream: dict[str, Any], *, rtcp: bool = False) -> set[str]:
    """Return the suites of the keys that opened RTP."""
    return {
        key["suite"]
        for source in (stream["srtp"] or {"sources": []})["sources"]
        for key in source["keys"]
        if source["rtcp"] is rtcp
    }


def authenticated(stream: dict[str, Any], *, rtcp: bool = False) -> int:
    """Return how many packets opened with proof."""
    sources = (stream["srtp"] or {"sources": []})["sources"]
    return sum(one["authenticated"] for one in sources if one["rtcp"] is rtcp)


@every_call
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_stream_has_the_packets_that_its_telephone_sent(
    calls: Calls, call: Planned, side: str
) -> None:
    told = calls.told[call.name]
    phone, other = told[side], told["callee" if side == "caller" else "caller"]
    stream = calls.with_key().stream(phone["endpoint"])
    assert stream["ssrc"] == f"0x{phone['ssrc']:08X}"
    assert stream["packets"] == phone["sent"]
    assert (stream["lost"], stream["duplicates"], stream["reordered"]) == (0, 0, 0)
    assert stream["ptime_ms"] == 20.0
    if not call.proxied:
        return  # its signalling is TLS 1.3
    assert stream["call_id"] == told["call_id"]
    assert stream["to"] == ("callee" if side == "caller" else "caller")
    assert (stream["source_is"], stream["announced_source"]) == ("announced", phone["endpoint"])
    assert (stream["destination"] == other["endpoint"]) is not bool(call.relay)
    codec = call.codec if side == "caller" else call.callee_codec or call.codec
    assert stream["codec"] == CODECS[codec]


@every_call
def test_the_key_of_the_sip_servers_opens_sdes(calls: Calls, call: Planned) -> None:
    for side, expected in zip(("caller", "callee"), SIDES[call.name], strict=True):
        endpoint = calls.told[call.name][side]["endpoint"]
        sent = calls.with_key().stream(endpoint)
        if expected not in TAGS:
            assert sent["verdict"] == expected
            continue
        ways = [sent] if call.name == "keyless" else [sent, calls.with_key().to(endpoint)]
        for stream in ways:
            assert (stream["verdict"], suites_of(stream)) == ("decrypted", {expected})
            assert authenticated(stream) == stream["packets"]
        assert suites_of(sent, rtcp=True) == {expected}, "its last report, at least"


@pytest.mark.peer("cc")
@pytest.mark.parametrize("name", ["dtls", "direct", "shaken"])
def test_a_key_log_opens_what_an_rsa_key_does_not(calls: Calls, name: str) -> None:
    """DTLS-SRTP, whose handshake a library writes down that was put into the telephone, and TLS 1.3."""
    told = calls.told[name]
    ends = [told["caller"]["endpoint"]]
    if name != "shaken":  # there the relay hands clear RTP on
        ends.append(told["callee"]["endpoint"])
    for end in ends:
        for stream in (calls.with_keys().stream(end), calls.with_keys().to(end)):
            assert (stream["verdict"], suites_of(stream)) == ("decrypted", {CM80})
            assert authenticated(stream) == stream["packets"] > 0
            assert authenticated(stream, rtcp=True) > 0, "with keys of its own"


@relayed_calls
def test_the_relay_counted_the_same(calls: Calls, call: Planned) -> None:
    """Of what came to it: packets, and bytes behind the decryption, with headers."""
    told = calls.told[call.name]
    media = [one for tag in told["relay"]["tags"].values() for one in tag["medias"]]
    assert len(media) == 2
    for one in media:
        counted = one["streams"][0]
        end = counted["endpoint"]
        phone = f"{end['address']}:{end['port']}"
        stream = calls.with_keys().stream(phone, f"192.0.2.1:{counted['local port']}")
        packets = counted["stats"]["packets"]
        if call.name == "keyless" and phone == told["caller"]["endpoint"]:
            assert packets == 0, "to the relay it is SRTP that nothing opens"
            continue
        suite = counted.get("crypto suite")
        # A callee speaks before the relay has the answer with the key.
        early = stream["packets"] - packets
        assert early in ({0, counted["stats"]["errors"]} if suite else {0})
        assert counted["SSRC"] == int(stream["ssrc"], 16)
        tags = TAGS[suite] * stream["packets"] if suite else 0
        clear = stream["payload_bytes"] - tags
        assert clear % stream["packets"] == 0
        assert counted["stats"]["bytes"] == packets * (12 + clear // stream["packets"])


@relayed_calls
def test_both_sides_of_the_relay_are_told(calls: Calls, call: Planned) -> None:
    told = calls.told[call.name]
    streams = [one for one in calls.with_key().streams if one["call_id"] == told["call_id"]]
    ways = {(one["to"], one["source"].startswith("192.0.2.1:")) for one in streams}
    if call.name == "keyless":
        assert ways == {("caller", False), ("callee", False)}
        return
    assert len(streams) == 4
    assert ways == {(to, relay) for to in ("caller", "callee") for relay in (False, True)}
    for side in ("caller", "callee"):
        endpoint = told[side]["endpoint"]
        sent, received = calls.with_key().stream(endpoint), calls.with_key().to(endpoint)
        assert sent["codec"] == received["codec"]
        assert (sent["source"], sent["destination"]) == (
            received["destination"],
            received["source"],
        )
        assert received["packets"] >= told[side]["received"] > 0
        heard_from = calls.with_key().stream(
            told["callee" if side == "caller" else "caller"]["endpoint"]
        )
        if call.name != "coded":
            assert received["ssrc"] == heard_from["ssrc"]


def test_only_the_call_that_is_transcoded_is_said_to_be(calls: Calls) -> None:
    found = [one for one in calls.with_key().findings if one["finding"] == "transcoding"]
    assert {one["call_ids"][0] for one in found} == {calls.told["coded"]["call_id"]}
    assert {one["sentence"].split(",")[0] for one in found} == {"To the caller", "To the callee"}
    assert all("G722/8000 and the callee's has PCMA/8000" in one["sentence"] for one in found)


def test_nothing_else_is_found_in_the_signalling(calls: Calls) -> None:
    """rtpengine's answer to the keyless call is what is wrong."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        status = main(["read", "--json", "--findings", str(calls.capture), *calls.keys])
    assert status == 0, told.getvalue()
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    found = [(one["finding"], one["call_ids"]) for one in lines if one["type"] == "finding"]
    assert found == [("media-security", [calls.told["keyless"]["call_id"]])]
    assert {one["verdict"] for one in lines if one["type"] == "session"} <= {
        "decrypted", "tls13", "forward-secrecy"
    }  # fmt: skip


def test_no_key_is_called_wrong(calls: Calls) -> None:
    names = {one["finding"] for one in calls.with_key().findings}
    assert "srtp-key-mismatch" not in names


def test_streams_are_those_of_tshark(calls: Calls) -> None:
    """Told from headers alone: it needs no key for that."""
    table = tshark(calls.capture, "--enable-heuristic", "rtp_udp", "-q", "-z", "rtp,streams")
    rows = [line.split() for line in table.splitlines() if "0x" in line]
    theirs = {
        (f"{row[2]}:{row[3]}", f"{row[4]}:{row[5]}", int(row[6], 16)): (int(row[8]), int(row[9]))
        for row in rows
    }
    ours = {
        (one["source"], one["destination"], int(one["ssrc"], 16)): (one["packets"], one["lost"])
        for one in calls.with_key().streams
    }
    assert ours == theirs


@pytest.mark.parametrize(
    ("name", "switches"),
    [
        ("clear", "key"), ("sdes", "key"), ("opus", "key"), ("coded", "key"), ("galois", "key"),
        pytest.param("dtls", "keys", marks=pytest.mark.peer("cc")),
    ],
)  # fmt: skip
def test_each_voice_is_on_its_side(calls: Calls, name: str, switches: str, tmp_path: Path) -> None:
    """The caller, left, has one tone, and the callee another one."""
    out = tmp_path / "call.wav"
    command = ["export", "audio", "--audio", str(calls.capture), "-o", str(out)]
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        status = main([*command, "--call", calls.told[name]["call_id"], *getattr(calls, switches)])
    assert status == 0, told.getvalue()
    with wave.open(str(out)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    for channel, host in enumerate((Host.LEFT, Host.RIGHT)):
        spectrum = np.abs(np.fft.rfft(samples[:, channel]))
        loudest = np.argmax(spectrum) * rate / len(samples)
        assert loudest == pytest.approx(HERTZ[host], abs=3)
