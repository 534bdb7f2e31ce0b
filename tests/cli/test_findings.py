"""What is wrong, in the tables, in JSON, and below a ladder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cli.conftest import Runner
from tqdecrypt.calls.leg import Leg
from tqdecrypt.insight import Finding, Meaning, Severity, rules
from tqdecrypt.insight.context import Context


@pytest.fixture(autouse=True)
def only_short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule of our own, so that these tests do not change with the rules there are."""
    module = ModuleType("short_call")
    module.MEANING = Meaning("short-call", Severity.NOTICE, "Short.")  # type: ignore[attr-defined]

    @rules.on_leg
    def short_call(leg: Leg, context: Context) -> Iterator[Finding]:
        yield Finding(
            "short-call",
            Severity.NOTICE,
            leg.first_time,
            "A short call.",
            frames=(leg.first_frame,),
            call_ids=(leg.call_id,),
            key=(leg.call.state,),
        )

    short_call.__module__ = module.__name__
    module.short_call = short_call  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "short_call", module)
    ours = rules.Rules()
    ours.add(module)
    monkeypatch.setattr("tqdecrypt.insight.assessor.load_rules", lambda: ours)


def test_json_has_them_when_asked(run: Runner, capture: Path, key: Path) -> None:
    plain = run("read", capture, "-k", key, "--json").out
    assert '"type":"finding"' not in plain
    lines = [
        json.loads(x)
        for x in run("read", capture, "-k", key, "--json", "--findings").out.splitlines()
    ]
    findings = [line for line in lines if line["type"] == "finding"]
    assert {one["finding"] for one in findings} == {"short-call"}
    assert sum(one["count"] for one in findings) == 6
    assert sum(len(one["call_ids"]) for one in findings) == 6
    assert next(iter(findings[0])) == "type"
    assert lines[-1]["type"] == "summary"
    others = [line for line in lines if line["type"] not in ("finding", "dark_leg")]
    assert others == [json.loads(line) for line in plain.splitlines()]


def test_tables_have_them_below_the_calls(run: Runner, capture: Path, key: Path) -> None:
    out = run("read", capture, "-k", key).out
    assert out.index("calls  ") < out.index("notice: short-call") < out.index("TLS sessions")


def test_a_ladder_has_those_of_its_call(run: Runner, capture: Path, key: Path) -> None:
    out = run("show", capture, "-k", key, "--call", "busy-1").out
    assert "1 finding " in out
    assert out.index("486 Busy Here") < out.index("notice: short-call")


def test_findings_go_with_json(run: Runner, capture: Path) -> None:
    ran = run("read", capture, "--findings")
    assert ran.status == 2
    assert "--findings goes with --json" in ran.err
