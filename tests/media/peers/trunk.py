"""A trunk between two rtpengines: a call for each suite that they have, RTP in clear at both ends.

    cd tests && unshare … python -m media.peers.trunk FOLDER

``trunk.pcap`` is what passes between the two; SIP with what they offered and answered stands in front.
``trunk.json`` has what they counted, and ``left.ul`` and ``right.ul`` what FFmpeg sent into each end.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from media.peers import rtpengine
from media.peers.calls import HERTZ, SUITES
from media.peers.network import Host, Network, Running
from media.peers.signalling import add_signalling
from media.scenes import SipCall, sdp

__all__ = ["SUITES_SPOKEN", "Trunk"]

SUITES_SPOKEN = [suite for suite in SUITES if not suite.startswith("NULL")]
"""rtpengine 10.5 falls over its own feet when it is to protect RTCP without encryption."""

SECONDS = 1.2
"""How long each end sends: sixty packets."""
FIRST_NUMBER = 65_510
"""Of each stream: it begins anew, and SRTP's roll-over counter goes on, before half of it."""
FIRST_PORT = 10000
"""Of whom each rtpengine hears in clear."""


class Trunk:
    """Both rtpengines, and what they agree on.

    :ivar calls: offer and answer as they pass between the two, a call for each suite.
    :ivar into: where each host's clear RTP goes, in the order of the suites.
    """

    def __init__(self, network: Network) -> None:
        self.calls: list[SipCall] = []
        self.into: dict[Host, list[int]] = {Host.LEFT: [], Host.RIGHT: []}
        self._network = network
        engines = {host: rtpengine.start(network, host, (30000, 31000)) for host in self.into}
        self._controls = {}
        for host, engine in engines.items():
            control = self._controls[host] = rtpengine.Controller(network, host)
            engine.wait_until(control.answers, "answer")
        for suite in SUITES_SPOKEN:
            self._agree(suite)

    def _agree(self, suite: str) -> None:
        """Offer one suite alone, from the left to the right."""
        left, right = self._controls[Host.LEFT], self._controls[Host.RIGHT]
        port = FIRST_PORT + 2 * len(self.calls)
        offer = {"call_id": suite, "from_tag": "left", "DTLS": "off", "ICE": "remove"}
        answer = {"call_id": suite, "from_tag": "left", "to_tag": "right"}
        only = [f"SDES-no-{one}" for one in SUITES if one != suite]
        offered = left.ask(
            "offer",
            sdp=sdp(Host.LEFT.value, port, types="0"),
            transport_protocol="RTP/SAVP",
            flags=only,
            **offer,
        )["sdp"]
        clear = right.ask("offer", sdp=offered, transport_protocol="RTP/AVP", **offer)["sdp"]
        self.into[Host.RIGHT].append(_port(clear))
        answered = right.ask("answer", sdp=sdp(Host.RIGHT.value, port, types="0"), **answer)["sdp"]
        clear = left.ask("answer", sdp=answered, **answer)["sdp"]
        self.into[Host.LEFT].append(_port(clear))
        begin = 30 * len(self.calls)
        call = SipCall(
            offered,
            answered,
            # Branches and tags are made of its first letters.
            f"{len(self.calls):02}-{suite}",
            caller=(Host.LEFT.value, 5060),
            callee=(Host.RIGHT.value, 5061),
            begin=begin,
            ring=begin + 5,
            answered=begin + 10,
            bye=6000 + begin,
        )
        self.calls.append(call)

    def speak(self) -> None:
        """Send a tone into both ends of all calls."""
        for sender in [self._send(host) for host in self.into]:
            sender.process.wait()

    def _send(self, host: Host) -> Running:
        source = f"sine=frequency={HERTZ[host]}:sample_rate=8000:samples_per_frame=160"
        command = ["ffmpeg", "-nostdin", "-re", "-f", "lavfi", "-i", f"{source}:duration={SECONDS}"]
        for number, port in enumerate(self.into[host]):
            place = f"rtp://{host.value}:{port}?localrtpport={FIRST_PORT + 2 * number}"
            command += ["-c:a", "pcm_mulaw", "-f", "rtp", "-seq", str(FIRST_NUMBER), place]
        name = host.name.lower()
        command += ["-c:a", "pcm_mulaw", "-f", "mulaw", f"{name}.ul"]
        return self._network.start(f"ffmpeg-{name}", command, host)

    def counted(self) -> dict[str, dict[str, object]]:
        """Return what each host counted of each call."""
        return {
            suite: {
                host.name.lower(): control.ask("query", call_id=suite)
                for host, control in self._controls.items()
            }
            for suite in SUITES_SPOKEN
        }


def _port(description: str) -> int:
    found = re.search(r"^m=audio (\d+) RTP/AVP", description, re.M)
    assert found, description
    return int(found[1])


def main(folder: Path) -> None:
    """Make the calls."""
    capture = folder / "trunk.pcap"
    with Network(folder) as network:
        dumpcap = network.capture(capture)
        trunk = Trunk(network)
        dumpcap.wait_for("File:")
        trunk.speak()
        network.end_capture(dumpcap)
        counted = trunk.counted()
    add_signalling(capture, trunk.calls)
    (folder / "trunk.json").write_text(json.dumps(counted, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
