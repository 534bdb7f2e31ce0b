"""SRTP that FFmpeg's own implementation protects, in several codecs, over the end of the sequence numbers."""

from __future__ import annotations

import contextlib
import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.sound import likeness, tone
from media.peers.recording import clear_payloads, heard
from media.peers.senders import FIRST_PORT, HERTZ, SENDERS, Sender
from tqdecrypt.cli import main

pytestmark = pytest.mark.peer("ffmpeg", "dumpcap", "ip", "unshare")

every_sender = pytest.mark.parametrize("sender", SENDERS, ids=lambda one: one.name)


def key(senders: Path) -> tuple[str, str]:
    return "--key", str(senders / "server.key")


def stream(senders: Path, sender: Sender) -> dict[str, Any]:
    port = FIRST_PORT + 2 * SENDERS.index(sender)
    return heard(senders / "senders.pcap", *key(senders)).stream(f"192.0.2.10:{port}")


@every_sender
def test_it_opens(senders: Path, sender: Sender) -> None:
    one = stream(senders, sender)
    assert (one["verdict"], one["codec"], one["lost"]) == ("decrypted", sender.encoding, 0)
    assert one["payload_types"] == {str(sender.payload_type): one["packets"]}
    for source in one["srtp"]["sources"]:
        assert source["authenticated"] == source["packets"] > 0
        assert [used["suite"] for used in source["keys"]] == [sender.suite]
    assert {source["rtcp"] for source in one["srtp"]["sources"]} == {False, True}


@pytest.mark.peer("tshark")
@every_sender
def test_what_comes_out_is_what_the_encoder_made(senders: Path, sender: Sender) -> None:
    payloads = clear_payloads(senders / "senders.pcap", *key(senders))
    ssrc = stream(senders, sender)["ssrc"].lower()
    assert payloads[ssrc] == (senders / f"{sender.name}.sent").read_bytes()


@pytest.mark.parametrize(
    "sender", [one for one in SENDERS if one.name != "g726"], ids=lambda one: one.name
)
def test_the_tone_is_heard(senders: Path, sender: Sender, tmp_path: Path) -> None:
    out, told = tmp_path / "call.wav", io.StringIO()
    command = ["export", "audio", "--audio", str(senders / "senders.pcap"), "-o", str(out)]
    call_id = stream(senders, sender)["call_id"]
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        status = main([*command, "--call", call_id, *key(senders)])
    assert status == 0, told.getvalue()
    with wave.open(str(out)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        caller = samples.reshape(-1, file.getnchannels())[:, 0]
    assert likeness(caller, tone(rate, 1.2, HERTZ)) > 0.95
