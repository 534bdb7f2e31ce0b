"""A call that a B2BUA makes two of: one ladder, one group in the table, one line in JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from calls.script import messages_of
from cli.conftest import Runner, spawn
from kit.capture import write_pcap
from kit.packets import START, Conversation, Endpoint, Packet

SAME = "Session-ID: ab30317f1a784dc48ff824d0d3715d86"
SCRIPT = f"""
    alice -> edge: INVITE 1 id=in-1 from=i1 | {SAME} | offer 4000
    edge -> bob: INVITE 1 id=out-1 from=o1 | {SAME} | offer 5000
    bob -> edge: 486 INVITE 1 id=out-1 from=o1
    edge -> bob: ACK 1 id=out-1 from=o1 to=b1
    edge -> alice: 486 INVITE 1 id=in-1 from=i1
    alice -> edge: ACK 1 id=in-1 from=i1 to=b1
    wait 3 s
    carol -> dave: INVITE 1 id=other from=c1
"""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    messages, _ = messages_of(SCRIPT)
    packets: list[Packet] = []
    for message in messages:
        ends = _endpoint(message.flow.source), _endpoint(message.flow.destination)
        talk = Conversation(*ends, time_ns=START + message.time)
        packets += talk.datagram(True, message.raw).packets
    return write_pcap(tmp_path / "legs.pcap", packets)


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return host, int(port)


@pytest.mark.parametrize("named", ["in-1", "out-1"])
def test_show_draws_all_legs_whichever_is_named(run: Runner, capture: Path, named: str) -> None:
    ran = run("show", capture, "--call", named)
    assert (ran.status, ran.err) == (0, "")
    assert "Leg 1: INVITE in-1\n" in ran.out
    assert "Leg 2: INVITE out-1\n" in ran.out
    why = "joined to in-1 by Session-ID: ab30317f1a784dc48ff824d0d3715d86 (certain)\n"
    assert ran.out.count(why) == 1
    assert "6 messages" in ran.out


def test_show_draws_one_leg_on_request(run: Runner, capture: Path) -> None:
    out = run("show", capture, "--call", "out-1", "--only").out
    assert out.startswith("INVITE out-1\n")
    assert "Leg" not in out


def test_show_names_the_other_legs_of_what_it_can_read_but_once(capture: Path) -> None:
    process = spawn("show", "-", "--call", "in-1", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(capture.read_bytes())
    assert process.returncode == 0
    assert b"1 more leg of the same call went by: out-1; save the capture" in err
    assert out.startswith(b"INVITE in-1")


def test_the_table_has_legs_below_their_call(run: Runner, capture: Path) -> None:
    out = run("read", capture).out
    assert "3 calls  1 of them further legs, " in out
    at = [
        out.index(part)
        for part in (" in-1\n", " └", " out-1\n", "joined by Session-ID", " other\n")
    ]
    assert at == sorted(at)


def test_json_has_a_line_for_each_call_of_several_legs(run: Runner, capture: Path) -> None:
    out = run("read", capture, "--json", "--findings").out
    [line] = [one for one in map(json.loads, out.splitlines()) if one["type"] == "joint_call"]
    assert line["call_ids"] == ["in-1", "out-1"]
    assert (line["state"], line["confidence"]) == ("failed", "certain")
    assert line["joins"] == [
        {
            "call_id": "out-1",
            "to": "in-1",
            "reason": "Session-ID",
            "confidence": "certain",
            "evidence": "ab30317f1a784dc48ff824d0d3715d86",
        }
    ]
