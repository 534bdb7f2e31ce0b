"""A session's line, put together from remembered parts, says what its report says."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.export import format_time, session_line
from tqdecrypt.export.session_line import SessionLines
from tqdecrypt.tls.report import SessionReport

reports = st.builds(
    SessionReport,
    roles_known=st.booleans(),
    started=st.integers(0, 2**62),
    ended=st.integers(0, 2**62),
    server_not_after=st.none() | st.integers(0, 2**62),
    client_not_after=st.none() | st.integers(0, 2**62),
    mutual_tls=st.none() | st.booleans(),
    extended_master_secret=st.none() | st.booleans(),
    encrypt_then_mac=st.none() | st.booleans(),
)
TIMES = ("started", "ended", "server_not_after", "client_not_after")


def plainly(report: SessionReport) -> dict[str, object]:
    """Return what the line must hold, by the JSON module alone."""
    values: dict[str, object] = {"type": "session"} | asdict(report)
    for name in TIMES:
        time = getattr(report, name)
        values[name] = None if time is None else format_time(time)
    values["verdict"] = report.verdict.value
    for field in fields(SessionReport):
        if field.metadata.get("inside"):  # for the stages behind, and not for JSON
            del values[field.name]
    plain: dict[str, object] = json.loads(json.dumps(values))
    return plain


@given(st.lists(reports, min_size=1, max_size=4))
def test_each_field_stands_in_the_line_in_its_order(several: list[SessionReport]) -> None:
    lines = SessionLines(format_time)
    for report in several + several:  # the second time from what is remembered
        read = json.loads(lines.line(report))
        assert list(read.items()) == list(plainly(report).items())


def test_a_full_table_of_parts_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_line, "MOST_PARTS", 4)
    lines = SessionLines(format_time)
    for session in range(20):
        report = SessionReport(session, "a:1", "b:2", 0, 0, 1, 2, why=f"number {session}")
        assert json.loads(lines.line(report)) == plainly(report)
        assert lines.remembered <= 4
