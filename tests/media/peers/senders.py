"""FFmpeg, which has an SRTP of its own, sends a tone in several codecs.

    cd tests && unshare … python -m media.peers.senders FOLDER

``senders.pcap`` has what it sent, with SIP that announces it in front, and ``NAME.sent`` what the encoder
made.
"""

from __future__ import annotations

import base64
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from media.peers.network import Host, Network
from media.peers.signalling import add_signalling
from media.scenes import SipCall, sdp

__all__ = ["FIRST_PORT", "HERTZ", "SENDERS", "Sender"]

SECONDS = 1.2
"""How long it sends: sixty packets of most codecs."""
FIRST_NUMBER = 65_534
"""Of each stream: it begins anew, and SRTP's roll-over counter goes on, at the third packet."""
FIRST_PORT = 20000
HERTZ = 440


@dataclass(frozen=True)
class Sender:
    """One stream."""

    name: str
    encoder: tuple[str, ...]
    container: str
    """In which the encoder's output is kept as it is."""
    payload_type: int
    encoding: str
    suite: str = "AES_CM_128_HMAC_SHA1_80"
    rate: int = 8000

    @property
    def key(self) -> str:
        """Key and salt, as SDP has them."""
        return base64.b64encode(random.Random(self.name).randbytes(30)).decode()


SENDERS = (
    Sender("pcmu", ("pcm_mulaw",), "mulaw", 0, "PCMU/8000"),
    Sender("pcma", ("pcm_alaw",), "alaw", 8, "PCMA/8000", "AES_CM_128_HMAC_SHA1_32"),
    Sender("g722", ("g722",), "g722", 9, "G722/8000", rate=16000),
    Sender("g726", ("g726", "-b:a", "32k"), "g726", 96, "G726-32/8000"),
    Sender("l16", ("pcm_s16be",), "s16be", 98, "L16/16000", rate=16000),
    Sender("opus", ("libopus",), "data", 97, "opus/48000/2", rate=48000),
)


def main(folder: Path) -> None:
    """Send."""
    capture = folder / "senders.pcap"
    with Network(folder) as network:
        dumpcap = network.capture(capture)
        dumpcap.wait_for("File:")
        source = f"sine=frequency={HERTZ}:sample_rate=48000:samples_per_frame=960"
        command = ["ffmpeg", "-nostdin", "-re", "-f", "lavfi", "-i", f"{source}:duration={SECONDS}"]
        for number, one in enumerate(SENDERS):
            command += output(number, one)
        network.start("ffmpeg", command, Host.LEFT).process.wait()
        network.end_capture(dumpcap)
    add_signalling(capture, [announcement(number, one) for number, one in enumerate(SENDERS)])


def output(number: int, one: Sender) -> list[str]:
    """Return the arguments for one stream, and for a file of the same."""
    port = FIRST_PORT + 2 * number
    place = f"srtp://{Host.RIGHT.value}:{port}?localrtpport={port}&localrtcpport={port + 1}"
    encoded = ["-ac", "1", "-ar", str(one.rate), "-c:a", *one.encoder]
    return [
        *encoded, "-f", "rtp", "-payload_type", str(one.payload_type), "-seq", str(FIRST_NUMBER),
        "-srtp_out_suite", one.suite, "-srtp_out_params", one.key, place,
        "-map", "0:a", *encoded, "-f", one.container, f"{one.name}.sent",
    ]  # fmt: skip


def announcement(number: int, one: Sender) -> SipCall:
    """Return the call to which a stream belongs."""
    port = FIRST_PORT + 2 * number
    codec = f"a=rtpmap:{one.payload_type} {one.encoding}"
    offer, answer = (
        sdp(
            host.value,
            port,
            protocol="RTP/SAVP",
            types=str(one.payload_type),
            lines=[codec, f"a=crypto:1 {one.suite} inline:{key}"],
        )
        for host, key in ((Host.LEFT, one.key), (Host.RIGHT, base64.b64encode(bytes(30)).decode()))
    )
    begin = 30 * number
    return SipCall(
        offer,
        answer,
        f"{number:02}-{one.name}@example.com",
        caller=(Host.LEFT.value, 5060),
        callee=(Host.RIGHT.value, 5061),
        begin=begin,
        ring=begin + 5,
        answered=begin + 10,
        bye=6000 + begin,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
