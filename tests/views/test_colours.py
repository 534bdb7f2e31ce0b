"""Nothing is told by colour alone: every view says the same without."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from tqdecrypt.views import (
    CallLadder,
    CallRows,
    CallsTable,
    Causes,
    FullMessage,
    SessionRows,
    SessionsTable,
    TimelineChart,
    comparisons,
)
from views.scenes import busy_call, dark, drawn, report, two_hop_call, two_legs
from views.test_ladder_pages import whole_story
from views.test_timeline import timeline


def tables() -> tuple[CallsTable, SessionsTable, Causes]:
    calls, sessions = CallRows(), SessionRows()
    for talk in (two_hop_call(), busy_call()):
        calls.add(talk.call())
    for one in (report(), dark()):
        sessions.add(one)
    return CallsTable(calls), SessionsTable(sessions), Causes(sessions)


VIEWS: dict[str, RenderableType] = {
    "ladder": CallLadder(whole_story()),
    "message": FullMessage(busy_call().messages[0], {2: "no tag"}),
    "comparison": comparisons(two_legs().messages)[0],
    "timeline": TimelineChart(timeline()),
    "crowd": TimelineChart(timeline(calls=60)),
    **dict(zip(("calls", "sessions", "causes"), tables(), strict=True)),
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", VIEWS)
def test_colours_change_no_character(name: str, width: int) -> None:
    stream = StringIO()
    console = Console(
        file=stream, width=width, color_system="standard", force_terminal=True, _environ={}
    )
    console.print(VIEWS[name])
    painted = stream.getvalue()
    assert "\x1b[" in painted
    lines = re.sub(r"\x1b\[[0-9;]*m", "", painted).splitlines()
    plain = "".join(f"{line.rstrip()}\n" for line in lines)
    assert plain == drawn(VIEWS[name], width=width)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", VIEWS)
def test_ascii_is_as_wide_as_unicode(name: str, width: int) -> None:
    unicode = drawn(VIEWS[name], width=width).splitlines()
    plain = drawn(VIEWS[name], width=width, ascii_only=True).splitlines()
    assert len(unicode) == len(plain)
