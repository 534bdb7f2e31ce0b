"""A call that a B2BUA makes two of: one ladder, one group in the table, one line in JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from calls.script import messages_of
from cli.conftest import Runner, spawn
from kit.capture import write_pcap
from kit.packets import interleave
from kit.signalling import over_tls, over_udp
from kit.tls import TlsPair

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
    return write_pcap(tmp_path / "legs.pcap", over_udp(messages))


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


DARK = """
    alice -> edge: INVITE 1 | offer 4000
    edge -> carol: INVITE 1 id=dark from=o1 | offer 5000
    carol -> edge: 180 INVITE 1 id=dark from=o1
    edge -> alice: 180 INVITE 1
    wait 3 s
    carol -> edge: 200 INVITE 1 id=dark from=o1 | offer 6000
    edge -> alice: 200 INVITE 1 | offer 7000
    alice -> edge: ACK 1 to=b1
    edge -> carol: ACK 1 id=dark from=o1 to=b1
    wait 10 s
    alice -> edge: BYE 2 to=b1
    edge -> carol: BYE 2 id=dark from=o1 to=b1
    carol -> edge: 200 BYE 2 id=dark from=o1 to=b1
    edge -> alice: 200 BYE 2
"""


@pytest.fixture
def half_dark(tmp_path: Path) -> Path:
    """A call in clear on one side of the SBC, with forward secrecy on the other."""
    messages, _ = messages_of("wait 1 s" + DARK)
    clear = [message for message in messages if message.call_id == "call-1"]
    dark = [message for message in messages if message.call_id == "dark"]
    packets = interleave(
        over_udp(clear), over_tls(dark, TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256"))
    )
    return write_pcap(tmp_path / "half-dark.pcap", packets)


def test_a_dark_leg_stands_in_the_ladder_and_says_that_it_is_inferred(
    run: Runner, half_dark: Path
) -> None:
    out = run("show", half_dark, "--call", "call-1").out
    assert (
        "dark leg of call-1, inferred: 5 of 5 messages have a record of TLS session 1 within" in out
    )
    rows = [line for line in out.splitlines() if "(inferred)" in line]
    labels = [
        label for row in rows for label in ("INVITE", "180", "200", "ACK", "BYE") if label in row
    ]
    assert len(rows) == 5
    assert {"INVITE", "180", "200", "ACK", "BYE"} == set(labels)
    assert "TLS 1 ✗" in out


def test_the_table_and_json_have_the_dark_leg(run: Runner, half_dark: Path) -> None:
    assert "a dark leg, inferred: 5 of 5 messages" in run("read", half_dark).out
    out = run("read", half_dark, "--json", "--findings").out
    [line] = [one for one in map(json.loads, out.splitlines()) if one["type"] == "dark_leg"]
    assert (line["call_id"], line["session"], line["inferred"]) == ("call-1", 1, True)
    assert (line["box"], line["server"]) == ("192.0.2.5", "192.0.2.4:5060")
    assert [one["message"] for one in line["messages"]][:2] == ["INVITE", "180 INVITE"]
