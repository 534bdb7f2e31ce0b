"""Every suite that rtpengine has, between two of them, over the end of the sequence numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from media.peers.network import Host
from media.peers.recording import Heard, clear_payloads, heard
from media.peers.trunk import SUITES_SPOKEN

pytestmark = pytest.mark.peer("rtpengine", "ffmpeg", "dumpcap", "ip", "unshare")

every_suite = pytest.mark.parametrize("suite", SUITES_SPOKEN)
WAYS = (("callee", Host.LEFT), ("caller", Host.RIGHT))
"""To whom, and who sends."""


def key(trunk: Path) -> tuple[str, str]:
    return "--key", str(trunk / "server.key")


def said(trunk: Path) -> Heard:
    return heard(trunk / "trunk.pcap", *key(trunk))


def stream(trunk: Path, suite: str, to: str) -> dict[str, Any]:
    [found] = [
        one for one in said(trunk).streams if one["call_id"][3:] == suite and one["to"] == to
    ]
    return found


@every_suite
def test_it_opens_from_the_first_packet_to_the_last(trunk: Path, suite: str) -> None:
    for to, _ in WAYS:
        one = stream(trunk, suite, to)
        assert (one["packets"], one["expected"], one["lost"]) == (60, 60, 0)
        if suite.startswith("F8"):
            assert one["verdict"] == "unsupported-suite"
            continue
        assert one["verdict"] == "decrypted"
        [rtp] = [source for source in one["srtp"]["sources"] if not source["rtcp"]]
        assert (rtp["authenticated"], rtp["dark"], rtp["rollovers_at_first"]) == (60, 0, 0)
        [rtcp] = [source for source in one["srtp"]["sources"] if source["rtcp"]]
        assert rtcp["authenticated"] == rtcp["packets"] > 0
        names = {used["suite"] for source in (rtp, rtcp) for used in source["keys"]}
        assert names == {suite}


@every_suite
def test_both_ends_counted_the_same(trunk: Path, suite: str) -> None:
    """What one took in clear, and the other one behind its decryption."""
    counted = json.loads((trunk / "trunk.json").read_text())[suite]
    for to, sender in WAYS:
        one = stream(trunk, suite, to)
        tags = {"right": "left", "left": "right"}
        here = sender.name.lower()
        into = counted[here]["tags"][here]["medias"][0]["streams"][0]
        there = counted[tags[here]]["tags"][here]["medias"][0]["streams"][0]
        assert there["crypto suite"] == suite
        for end in (into, there):
            assert end["stats"] == {"packets": one["packets"], "bytes": 60 * 172, "errors": 0}
            assert end["SSRC"] == int(one["ssrc"], 16)
        peer = there["endpoint"]
        assert one["source"] == f"{peer['address']}:{peer['port']}"


@pytest.mark.peer("tshark")
@every_suite
def test_what_comes_out_is_what_went_in(trunk: Path, suite: str) -> None:
    payloads = clear_payloads(trunk / "trunk.pcap", *key(trunk))
    for to, sender in WAYS:
        sent = (trunk / f"{sender.name.lower()}.ul").read_bytes()
        ssrc = stream(trunk, suite, to)["ssrc"].lower()
        if suite.startswith("F8"):
            assert ssrc not in payloads
        else:
            assert payloads[ssrc] == sent
    assert len(sent) == 60 * 160
