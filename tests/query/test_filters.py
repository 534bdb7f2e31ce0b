"""docs/reference/filters.md: its examples are run, its tables are those of the catalogue."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from cli.conftest import Runner, capture, example, key, run, spawn
from tqdecrypt.query.reference import field_table

__all__ = ["capture", "example", "key", "run"]

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "filters.md").read_text()
EXAMPLES = re.findall(
    r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \|$", PAGE.partition("## Fields")[0], re.MULTILINE
)


def listed(text: str) -> list[str]:
    return [] if text.strip() == "–" else text.strip().split(", ")


@pytest.mark.parametrize(
    ("expression", "calls", "sessions"), EXAMPLES, ids=[e[0] for e in EXAMPLES]
)
def test_an_example_selects_what_the_page_says(
    run: Runner, capture: Path, key: Path, expression: str, calls: str, sessions: str
) -> None:
    ran = run("read", capture, "-k", key, "--json", "--where", expression)
    assert (ran.status, ran.err) == (0, "")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["call_id"].partition("@")[0] for one in lines if one["type"] == "call"] == listed(
        calls
    )
    numbers = [str(one["session"]) for one in lines if one["type"] == "session"]
    assert numbers == listed(sessions)
    assert lines[-1]["type"] == "summary"


def test_there_are_examples_and_the_fields_are_those_of_the_catalogue() -> None:
    assert len(EXAMPLES) >= 25
    assert PAGE.endswith(field_table().rstrip() + "\n")


def test_tables_have_what_is_selected(run: Runner, capture: Path, key: Path) -> None:
    out = run("read", capture, "-k", key, "--where", "status = 486").out
    assert out.startswith("1 call ")
    assert "1 finding " in out
    assert "\n4  192.0.2.10:54747" in out
    assert "\n7  192.0.2.10" not in out


def test_show_draws_one_call_after_the_other(run: Runner, capture: Path, key: Path) -> None:
    ran = run("show", capture, "-k", key, "--where", "not answered", "--most", "2")
    assert ran.status == 0
    titles = re.findall(r"^INVITE \S+", ran.out, re.MULTILINE)
    assert titles == ["INVITE busy-1.105@pbx.example.net", "INVITE cancelled-1.106@pbx.example.net"]
    assert "1 more not shown; --most N shows more." in ran.err
    named = run("show", capture, "-k", key, "--where", "not answered", "--call", "not-found")
    assert re.findall(r"^INVITE \S+", named.out, re.MULTILINE) == [
        "INVITE not-found-1.107@pbx.example.net"
    ]
    nothing = run("show", capture, "-k", key, "--where", "status = 999")
    assert (nothing.status, nothing.out) == (2, "")
    assert "--where selects nothing that has a Call-ID." in nothing.err


def test_a_fault_is_shown_with_a_caret(run: Runner, capture: Path) -> None:
    ran = run("read", capture, "--where", "verdict = dark")
    assert (ran.status, ran.out) == (2, "")
    _, shown, caret = ran.err.splitlines()
    assert shown == "  verdict = dark"
    assert caret == "            ^^^^"


def test_a_pipe_can_be_asked_for_messages(capture: Path, key: Path) -> None:
    process = spawn(
        "read", "-", "-k", key, "--json", "--where", "method = OPTIONS", stdin=subprocess.PIPE
    )
    out, err = process.communicate(capture.read_bytes())
    assert (process.returncode, err) == (0, b"")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [one["method"] for one in lines if one["type"] == "message"] == ["OPTIONS"]
    assert not [one for one in lines if one["type"] == "call"]
    assert len([one for one in lines if one["type"] == "session"]) == 8
    process = spawn("read", "-", "-k", key, "--where", "status = 486", stdin=subprocess.PIPE)
    out, err = process.communicate(capture.read_bytes())
    assert process.returncode == 2
    assert b"--where reads the captures twice" in err
