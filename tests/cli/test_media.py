"""``tqdecrypt media`` and ``show --media`` as users run them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from cli.conftest import Runner, spawn
from kit.packets import Endpoint, Segment
from media.reading import datagram, rtp, talk
from media.scenes import SipCall, sdp, write
from tqdecrypt.media.verdict import MEANINGS, MediaVerdict

DOCS = Path(__file__).parents[2] / "docs"
CALLER: Endpoint = ("198.51.100.10", 4000)
CALLEE: Endpoint = ("203.0.113.20", 6000)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A call with loss in one direction, and a stream that nobody announces."""
    path = tmp_path / "call.pcap"
    lossy = [n for n in range(500) if n % 10 != 3]
    write(
        path,
        SipCall(sdp(*CALLER), sdp(*CALLEE)),
        talk(range(500), begin=1000, source=CALLER, destination=CALLEE),
        talk(lossy, begin=1000, source=CALLEE, destination=CALLER, ssrc=9),
        talk(range(50), begin=500, source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002)),
    )
    return path


def test_the_table(run: Runner, capture: Path) -> None:
    ran = run("media", capture)
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("3 media streams  2 of 1 call, 1 that no session description")
    assert re.search(r"callee +198\.51\.100\.10:4000 → 203\.0\.113\.20:6000 +PCMA/8000", ran.out)
    assert "✓ clear RTP" in ran.out
    assert re.search(r"50 10\.0%", ran.out)
    assert "unassigned" in ran.out
    assert "media-loss" in ran.out
    assert "did not get 50 of 500 packets" in " ".join(ran.out.split())


def test_json_lines_say_the_same(run: Runner, capture: Path) -> None:
    lines = [json.loads(line) for line in run("media", "--json", capture).out.splitlines()]
    media = [line for line in lines if line["type"] == "media"]
    assert [(one["to"], one["packets"], one["lost"]) for one in media if one["call_id"]] == [
        ("callee", 500, 0),
        ("caller", 450, 50),
    ]
    (loose,) = (one for one in media if one["call_id"] is None)
    assert (loose["verdict"], loose["source"]) == ("unassigned", "192.0.2.1:7000")
    assert {line["finding"] for line in lines if line["type"] == "finding"} == {"media-loss"}
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["counters"]["rtp_packets"] == 1000


def test_one_call_only(run: Runner, capture: Path) -> None:
    assert "unassigned" not in run("media", capture, "--call", "call-1").out
    ran = run("media", capture, "--call", "no-such")
    assert ran.status == 2
    assert "no call has no-such in its Call-ID" in ran.err


def test_other_ports_do_not_hide_media(run: Runner, capture: Path) -> None:
    assert run("media", capture, "--port", "5060").out.startswith("3 media streams  2 of 1 call")


def test_ascii_has_no_other_characters(run: Runner, capture: Path) -> None:
    assert run("media", "--ascii", capture).out.isascii()


def test_numbers_of_people_can_be_hidden(run: Runner, capture: Path) -> None:
    ran = run("media", "--json", "--mask", "people", capture)
    media = [json.loads(line) for line in ran.out.splitlines()][:2]
    assert [one["packets"] for one in media] == [500, 450]


def test_silence_that_was_not_sent_stands_beside_a_stream(run: Runner, tmp_path: Path) -> None:
    slots = [*range(100), *range(250, 300)]
    there = [
        datagram(1000 + slot * 20, rtp(number, slot * 160), CALLER, CALLEE)
        for number, slot in enumerate(slots)
    ]
    noise = rtp(150, 300 * 160, payload_type=13, payload=b"\x40")
    path = tmp_path / "quiet.pcap"
    for more, words in (
        ([], "silence not sent for 3.00 s"),
        ([datagram(7000, noise, CALLER, CALLEE)], "silence not sent for 3.00 s (comfort noise)"),
    ):
        write(path, SipCall(sdp(*CALLER), sdp(*CALLEE)), [*there, *more])
        assert words in " ".join(run("media", path).out.split())
        (line, *_) = run("media", "--json", path).out.splitlines()
        assert json.loads(line)["suppressed_ms"] == 3000.0


def test_the_ladder_shows_media(run: Runner, capture: Path) -> None:
    out = run("show", capture, "--call", "call-1", "--media").out
    assert "RTP PCMA/8000 begins" in out
    assert "RTP ends, 450 packets, 50 lost" in out
    assert "RTP" not in run("show", capture, "--call", "call-1").out.replace("RTP/AVP", "")


def test_a_call_without_media_says_so(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "silent.pcap"
    write(path, SipCall(sdp(*CALLER), sdp(*CALLEE)))
    assert "no media" in run("media", path).out
    (line, _) = run("media", "--json", path).out.splitlines()
    assert json.loads(line)["stream"] is None


def test_read_is_as_before_without_media(run: Runner, capture: Path) -> None:
    summary = json.loads(run("read", "--json", capture).out.splitlines()[-1])
    assert summary["counters"]["unwanted_udp"] == 1000


def test_the_table_has_so_many_rows_and_says_how_many_more(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "calls.pcap"
    parts: list[SipCall | list[Segment]] = []
    for number in range(4):
        caller, callee = (CALLER[0], 4000 + number), (CALLEE[0], 6000 + number)
        call_id = f"{number}-heard@example.com"
        parts.append(SipCall(sdp(*caller), sdp(*callee), call_id=call_id, begin=number))
        for source, destination in ((caller, callee), (callee, caller)):
            parts.append(talk(range(50), begin=1000, source=source, destination=destination))
    parts.append(SipCall(sdp(CALLER[0], 4100), sdp(CALLEE[0], 6100), call_id="silent@example.com"))
    parts.append(talk(range(50), source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002)))
    write(path, *parts)
    out = run("media", path, "--most", "3").out
    assert out.startswith("9 media streams  8 of 5 calls, 1 that no session description announces")
    assert "7 more rows; --most N or --json shows them." in out
    assert "0-heard" in out
    assert "silent" not in out.split("more rows")[0]
    assert "silent" in run("media", path).out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_pipe_shows_a_call_when_it_has_settled(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "call.pcap"
    write(
        path,
        SipCall(sdp(*CALLER), sdp(*CALLEE)),
        talk(range(500), begin=1000, source=CALLER, destination=CALLEE),
        talk(range(100), step=1000, source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002)),
    )
    process = spawn("media", *options, "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(path.read_bytes())
    process.stdin.flush()
    shown = process.stdout.readline().decode()
    if not options:
        assert shown.split()[:2] == ["Call", "To"]
        shown = process.stdout.readline().decode()
    assert "call-1@" in shown
    assert "198.51.100.10:4000" in shown
    rest, _ = process.communicate()  # only now the pipe ends
    assert process.returncode == 0
    if options:
        assert json.loads(rest.splitlines()[0])["verdict"] == "unassigned"
    else:
        assert "2 media streams  1 of 1 call, 1 that no session description" in rest.decode()


def fields(text: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_every_field_is_told(run: Runner, capture: Path) -> None:
    page = (DOCS / "reference" / "media.md").read_text(encoding="utf-8")
    section = page.split("## media\n")[1].split("\n## ")[0]
    written: set[str] = set()
    for line in map(json.loads, run("media", "--json", capture).out.splitlines()):
        if line["type"] == "media":
            written |= set(line)
    assert written - {"type"} == fields(section)


@pytest.mark.parametrize("verdict", MediaVerdict, ids=lambda verdict: verdict.value)
def test_every_verdict_is_told(verdict: MediaVerdict) -> None:
    page = (DOCS / "reference" / "media.md").read_text(encoding="utf-8")
    assert f"### {MEANINGS[verdict].title} (`{verdict.value}`)\n" in page


def test_calls_whose_media_goes_elsewhere_stand_behind_the_others(
    run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.pcap"
    silent = [
        SipCall(sdp(f"198.51.100.{n}", 4000), sdp(*CALLEE), call_id=f"{n}silent@example.com")
        for n in range(1, 4)
    ]
    heard = SipCall(sdp(*CALLER), sdp(*CALLEE))
    write(path, *silent, heard, talk(range(500), begin=1000, source=CALLER, destination=CALLEE))
    rows = run("media", path).out.splitlines()[2:]
    assert "call-1@" in rows[0]
    assert sum("no media passes here" in row for row in rows) == 3
    assert "no-audio" not in "\n".join(rows)
