"""What ``--call``, ``--session``, ``--where``, ``--since`` and ``--until`` leave in, seen in JSON lines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from calls.script import messages_of
from cli.conftest import Runner, spawn
from cli.test_legs import SCRIPT as TWO_LEGS
from kit.capture import write_pcap
from kit.signalling import over_udp
from tqdecrypt.cli.named import named_calls
from tqdecrypt.errors import UsageError

Lines = dict[str, list[dict[str, Any]]]


class Exported:
    """Runs ``export json`` on the example and sorts the lines by type."""

    def __init__(self, run: Runner, capture: Path, key: Path) -> None:
        self._run = run
        self._inputs = (capture, "-k", key, "-o", "-")

    def __call__(self, *switches: str) -> Lines:
        ran = self._run("export", "json", *self._inputs, *switches)
        assert ran.status == 0, ran.err
        lines: Lines = {}
        for line in map(json.loads, ran.out.splitlines()):
            lines.setdefault(line["type"], []).append(line)
        return lines


@pytest.fixture
def exported(run: Runner, capture: Path, key: Path) -> Exported:
    return Exported(run, capture, key)


def of(lines: Lines, kind: str, name: str) -> list[Any]:
    return sorted({line[name] for line in lines.get(kind, ())})


def test_without_a_choice_everything_is_in(exported: Exported) -> None:
    lines = exported()
    assert of(lines, "session", "session") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(lines["call"]) == 6
    assert len(lines["message"]) == lines["summary"][0]["messages"]


def test_a_call_comes_with_its_session_and_its_findings(exported: Exported) -> None:
    lines = exported("--call", "busy")
    assert of(lines, "call", "call_id") == of(lines, "message", "call_id")
    assert of(lines, "session", "session") == [4]
    assert of(lines, "finding", "finding") == ["call-failed"]


@pytest.mark.parametrize(("switches", "legs"), [((), ["in-1", "out-1"]), (("--only",), ["in-1"])])
def test_a_call_comes_with_its_other_legs_unless_only_it_is_wanted(
    run: Runner, tmp_path: Path, switches: tuple[str, ...], legs: list[str]
) -> None:
    messages, _ = messages_of(TWO_LEGS)
    capture = write_pcap(tmp_path / "legs.pcap", over_udp(messages))
    ran = run("export", "json", capture, "-o", "-", "--call", "in-1", *switches)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["call_id"] for line in lines if line["type"] == "call"] == legs


def test_a_session_comes_alone_also_when_it_stayed_dark(exported: Exported) -> None:
    dark = exported("--session", "7")
    assert of(dark, "session", "session") == [7]
    assert "message" not in dark
    clear = exported("--session", "4", "--session", "5")
    assert of(clear, "session", "session") == of(clear, "message", "session") == [4, 5]


def test_times_cut_messages_and_keep_what_overlaps(exported: Exported) -> None:
    lines = exported("--since", "2026-11-24T00:18:38Z", "--until", "2026-11-24T00:18:41Z")
    times = of(lines, "message", "time")
    assert "2026-11-24T00:18:38" <= times[0] < times[-1] < "2026-11-24T00:18:41"
    assert of(lines, "session", "session") == [5, 6]
    assert len(lines["call"]) == 2


def test_all_switches_have_to_be_met(exported: Exported) -> None:
    lines = exported("--where", "status >= 400", "--session", "4")
    assert [line["session"] for line in lines["session"]] == [4]
    assert of(lines, "message", "session") == [4]
    assert [line["call_id"].partition("-")[0] for line in lines["call"]] == ["busy"]


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        (("--call", "nobody"), "no message has a Call-ID with 'nobody' in it"),
        (("--call", "answered"), "3 Call-IDs have 'answered' in them, name one"),
        (("--call", " "), "--call needs a Call-ID"),
        (("--since", "yesterday"), "--since: 'yesterday' is no time"),
        (("--since", "2026-11-25", "--until", "2026-11-24"), "--since has to be before --until"),
    ],
)
def test_what_fits_nothing_is_said(
    run: Runner, capture: Path, key: Path, tmp_path: Path, switches: list[str], sentence: str
) -> None:
    ran = run("export", "json", capture, "-k", key, "-o", tmp_path / "out", *switches)
    assert ran.status == 2
    assert sentence in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_decided_on_as_it_comes(capture: Path, key: Path) -> None:
    process = spawn(
        *("export", "json", "-", "-k", key, "-o", "-", "--session", "4"), stdin=subprocess.PIPE
    )
    out, err = process.communicate(capture.read_bytes())
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0, err
    assert {line["session"] for line in lines if line["type"] in ("message", "session")} == {4}


def test_a_file_that_is_there_is_replaced_only_with_force(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    out.write_text("old")
    ran = run("export", "json", capture, "-k", key, "-o", out)
    assert (ran.status, out.read_text()) == (2, "old")
    assert "add --force" in ran.err
    assert run("export", "json", capture, "-k", key, "-o", out, "--force").status == 0
    assert json.loads(out.read_text().splitlines()[-1])["type"] == "summary"


def test_a_name_means_the_whole_call_id_before_its_beginning_before_a_part() -> None:
    known = ["abc", "abcd", "xabcde", "q"]
    assert named_calls(["abc", "xab", "cde"], known, None) == ["abc", "xabcde", "xabcde"]
    with pytest.raises(UsageError, match="2 Call-IDs have 'ab' in them"):
        named_calls(["ab"], known, None)
