"""``tqdecrypt media`` rates streams, and tells what a jitter buffer would have made of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Runner
from media.reading import talk
from media.scenes import SipCall, sdp, write

CALL = SipCall(sdp("198.51.100.10", 11_000), sdp("203.0.113.20", 12_000), "uneven@example.com")


@pytest.fixture
def jittery(tmp_path: Path) -> Path:
    """Every tenth packet is 80 ms late, every hundredth is lost."""
    delays = [80.0 if n % 10 == 5 else 0.0 for n in range(500)]
    phone, gateway = ("198.51.100.10", 11_000), ("203.0.113.20", 12_000)
    said = talk(range(500), delays=delays, begin=1000, source=phone, destination=gateway)
    path = tmp_path / "jittery.pcap"
    write(path, CALL, [one for n, one in enumerate(said) if n % 100 != 50])
    return path


def stream(run: Runner, *arguments: str | Path) -> Any:
    lines = [json.loads(line) for line in run("media", *arguments, "--json").out.splitlines()]
    (found,) = [line for line in lines if line["type"] == "media"]
    return found


def test_a_stream_has_r_and_mos_and_says_whose_figures_they_are(run: Runner, jittery: Path) -> None:
    found = stream(run, jittery)
    assert found["r"] == pytest.approx(93.2 - 95 / 26.1, abs=0.1)
    assert found["mos"] == pytest.approx(4.33, abs=0.02)
    assert found["rated_as"] == "G.711 with concealment"
    assert found["rated_with_figures_of"] is None
    assert found["rating_estimated"] is False
    figures = found["rating_figures"]
    assert (figures["ie"], figures["bpl"]) == (0, 25.1)
    assert figures["ie_confirmed_by"].startswith("https://")
    assert figures["bpl_confirmed_by"].startswith("https://")
    assert found["jitter_buffer"] is None


def test_a_buffer_that_is_too_short_shows_in_the_table(run: Runner, jittery: Path) -> None:
    found = stream(run, jittery, "--jitter-buffer", "40")["jitter_buffer"]
    assert found["size_ms"] == 40
    assert found["discarded"] == 50
    assert found["missing"] == 55
    assert found["mos"] < 3.6
    long = stream(run, jittery, "--jitter-buffer", "100")["jitter_buffer"]
    assert long["discarded"] == 0
    assert long["mos"] > 4.2
    table = run("media", jittery, "--jitter-buffer", "40").out
    assert f"{found['mos']:.2f}" in table
    assert "50 packets too late for a jitter buffer of 40 ms" in " ".join(table.split())


def test_of_one_call_loss_and_jitter_are_drawn_over_time(run: Runner, jittery: Path) -> None:
    drawn = run("media", jittery, "--call", "uneven").out
    assert "Loss and jitter of 1 stream over time" in drawn
    assert "to the callee, PCMA/8000" in drawn
    assert re.search(r"  loss +.*most 2\.0 %", drawn)  # one of 50 in a second; who came late came
    assert re.search(r"  jitter +.*most 2\d\.\d ms", drawn)
    assert "over time" not in run("media", jittery).out


def test_a_report_draws_media_over_time(run: Runner, jittery: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert run("export", "report", jittery, "-o", out).status == 0
    page = out.read_text()
    assert "Media over time" in page
    assert "Loss and jitter of 1 stream over time" in page
    assert CALL.call_id in page


def test_a_report_says_how_loud_it_was_when_that_is_asked_for(run: Runner, tmp_path: Path) -> None:
    capture, out = tmp_path / "call.pcap", tmp_path / "report.html"
    phone, gateway = ("198.51.100.10", 11_000), ("203.0.113.20", 12_000)
    loud = talk(range(300), begin=1000, source=phone, destination=gateway)
    write(capture, CALL, loud)
    assert run("export", "report", capture, "-o", out).status == 0
    assert "dBov" not in out.read_text()
    assert run("export", "report", capture, "-o", out, "--force", "--audio").status == 0
    # 0xD5 is the smallest sample of A-law: 8 of 32,768.
    assert "-72 dBov" in out.read_text()


def test_a_report_without_media_has_no_such_part(run: Runner, tmp_path: Path) -> None:
    capture = tmp_path / "silent.pcap"
    write(capture, CALL)
    out = tmp_path / "report.html"
    assert run("export", "report", capture, "-o", out).status == 0
    assert "Media over time" not in out.read_text()


def test_a_buffer_that_adapts_grows(run: Runner, jittery: Path) -> None:
    found = stream(run, jittery, "--jitter-buffer", "20-200")["jitter_buffer"]
    assert found["discarded"] == 1
    assert 60 < found["size_ms"] < 90


@pytest.mark.parametrize("size", ["x", "-1", "200-20", "5000", "20-", "nan"])
def test_what_is_no_size_is_told(run: Runner, jittery: Path, size: str) -> None:
    ran = run("media", jittery, f"--jitter-buffer={size}")
    assert ran.status == 2
    assert "such as 60" in ran.err
