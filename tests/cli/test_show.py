from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.conftest import Runner
from kit import write_pcap
from kit.packets import CLIENT, SERVER, START, Segment
from sip.torture import CASES
from tqdecrypt.cli import collect


@pytest.mark.parametrize(
    "wanted", ["busy-1.105@pbx.example.net", "busy", "1.105@", "busy-1.105@…", "usy-1"]
)
def test_a_call_by_its_id_its_beginning_or_a_part(
    run: Runner, capture: Path, key: Path, wanted: str
) -> None:
    ran = run("show", capture, "-k", key, "--call", wanted)
    assert ran.status == 0
    assert ran.out.startswith("INVITE busy-1.105@pbx.example.net\n")
    assert "486 Busy Here" in ran.out
    assert "TLS session 4  192.0.2.10:54747 → 192.0.2.20:5061" in ran.out
    assert "✓ decrypted" in ran.out
    assert "User-Agent" not in ran.out


def test_messages_whole_on_request(run: Runner, capture: Path, key: Path) -> None:
    out = run("show", capture, "-k", key, "--call", "busy", "--full").out
    assert out.count("Call-ID: busy-1.105@pbx.example.net") == 7
    assert "m=audio" in out


def test_what_is_wrong_stands_below_its_line(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "torture.pcap"
    datagrams = [
        Segment(START + number, CLIENT, SERVER, case.raw) for number, case in enumerate(CASES)
    ]
    write_pcap(path, [datagram.packet() for datagram in datagrams])
    out = run("show", path, "--call", "torture@phone", "--full").out
    assert "Date: Fri, 01 Jan 2021 16:00:00 CET\n  ✗ Date is 'Fri," in out
    assert "(RFC 3261 section 20.17)" in out
    ran = run("read", path, "--json", "--problems")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    messages = [line for line in lines if line["type"] == "message"]
    assert len(messages) == len(CASES)
    found = [frozenset(problem["name"] for problem in line["problems"]) for line in messages]
    assert found == [case.problems for case in CASES]
    assert run("read", path, "--problems").status == 2


def test_an_exchange_that_is_no_call(run: Runner, capture: Path, key: Path) -> None:
    out = run("show", capture, "-k", key, "--call", "options").out
    assert out.startswith("OPTIONS options")
    assert "200 " in out


def test_several_fit(run: Runner, capture: Path, key: Path) -> None:
    ran = run("show", capture, "-k", key, "--call", "answered")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(
        "tqdecrypt: 3 Call-IDs have 'answered' in them, name one: answered-1."
    )


def test_none_fits(run: Runner, capture: Path, key: Path) -> None:
    ran = run("show", capture, "-k", key, "--call", "nobody")
    assert (ran.status, ran.out) == (2, "")
    assert "1 TLS session stayed dark: it may be in there." in ran.err
    assert run("show", capture, "-k", key, "--call", " ").status == 2


def test_many_candidates_are_bounded_but_the_exact_one_is_found(
    run: Runner, capture: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "MOST_CANDIDATES", 1)
    ran = run("show", capture, "-k", key, "--call", "not-found-1.107@pbx.example.net")
    assert ran.status == 0
    monkeypatch.setattr(collect, "MOST_CANDIDATES", 2)
    assert "at least 2 Call-IDs" in run("show", capture, "-k", key, "--call", "@pbx").err


def test_several_calls_in_one_ladder(run: Runner, capture: Path, key: Path) -> None:
    out = run("show", capture, "-k", key, "--call", "busy", "--call", "not-found").out
    assert "Leg 1: INVITE busy-1.105@pbx.example.net\n" in out
    assert "Leg 2: INVITE not-found-1.107@pbx.example.net\n" in out
    frames = re.findall(r"^\d\d:\d\d:\d\d\.\d{6} .* (\d+)    [12]  ", out, re.MULTILINE)
    assert len(frames) == 7 + 3
    assert sorted(frames, key=int) == frames
    ran = run("show", capture, "-k", key, "--call", "busy", "--call", "nobody")
    assert (ran.status, ran.out) == (2, "")


def test_the_same_call_named_twice_is_one(run: Runner, capture: Path, key: Path) -> None:
    once = run("show", capture, "-k", key, "--call", "busy")
    assert run("show", capture, "-k", key, "--call", "busy", "--call", "busy-1") == once


def test_what_the_proxy_changed(run: Runner, capture: Path, key: Path) -> None:
    out = run("show", capture, "-k", key, "--call", "busy", "--diff").out
    assert "\nINVITE  passed on after " in out
    assert "\n486 Busy Here  passed on after " in out
    assert "+ Record-Route " in out
    assert "~ Max-Forwards      70 " in out
    out = run("show", capture, "-k", key, "--call", "not-found", "--diff").out
    assert "\nNothing to compare: no INVITE was seen on two hops.\n" in out


def test_handshakes_and_their_ends_stand_in_the_ladder(
    run: Runner, capture: Path, key: Path
) -> None:
    out = run("show", capture, "-k", key, "--call", "busy").out
    assert "TLS 1.2 handshake" in out
    assert "close_notify from the client; closed" in out


def test_time_that_passes_takes_room(run: Runner, capture: Path, key: Path) -> None:
    arguments = ("show", capture, "-k", key, "--call", "answered-1.104")
    assert "┊" not in run(*arguments).out
    assert run(*arguments, "--to-scale").out.count("\n                                  ┊ ") > 3


def test_a_call_longer_than_anybody_reads(
    run: Runner, capture: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "MOST_MESSAGES", 3)
    out = run("show", capture, "-k", key, "--call", "busy").out
    assert "and 4 more messages that are not shown." in out
