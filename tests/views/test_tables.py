from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import CallRows, CallsTable, Causes, SessionRows, SessionsTable
from tqdecrypt.views import sessions as sessions_module
from tqdecrypt.views.grid import Column, Row, draw
from views.pages import HOSTILE, words_of
from views.scenes import (
    PBX,
    SBC,
    Talk,
    assert_snapshot,
    busy_call,
    dark,
    drawn,
    report,
    two_hop_call,
)


def calls(*talks: Talk, most: int = 1000) -> CallsTable:
    rows = CallRows(most)
    for talk in talks:
        rows.add(talk.call())
    return CallsTable(rows)


def sessions(*reports: object) -> SessionRows:
    rows = SessionRows()
    for one in reports:
        rows.add(one)  # type: ignore[arg-type]
    return rows


@pytest.mark.parametrize("width", [60, 80, 120])
def test_calls(width: int) -> None:
    assert_snapshot(f"calls-{width}", drawn(calls(two_hop_call(), busy_call()), width=width))


def test_tables_as_pages() -> None:
    rows = sessions(report(3), dark(), report(8, Verdict.HANDSHAKE_FAILED, why="Alert."))
    page = "\n".join(
        [
            calls(two_hop_call(), busy_call(), most=2).html(),
            SessionsTable(rows).html(),
            Causes(rows).html(),
        ]
    )
    words_of(page)
    assert_snapshot("tables", page.replace("><", ">\n<") + "\n", ".html")
    assert "and 1 more call." in calls(two_hop_call(), busy_call("x"), most=1).html()


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_names_reach_no_page(evil: str) -> None:
    talk = two_hop_call()
    call = talk.call()
    call.from_uri = call.to_uri = call.call_id = call.reason = evil
    call.findings.append(evil)
    rows = CallRows()
    rows.add(call)
    one = report(8, Verdict.FORWARD_SECRECY, client=f"{evil}:1", why=evil, advice=(evil,))
    one.cipher_suite = one.version = evil
    for page in (CallsTable(rows), SessionsTable(sessions(one)), Causes(sessions(one))):
        words_of(page.html())
        assert all(line.isprintable() for line in drawn(page).splitlines())


def test_no_calls() -> None:
    assert drawn(calls()) == "0 calls\n"


def test_more_calls_than_are_kept_are_counted() -> None:
    table = calls(two_hop_call(), busy_call("a"), busy_call("b"), most=1)
    text = drawn(table)
    assert text.startswith("3 calls  2 failed, 1 ended")
    assert "and 2 more calls; --calls N lists more, --json all." in text


def test_a_call_that_goes_on_has_at_least_its_time() -> None:
    talk = two_hop_call()
    del talk.messages[-2:]
    talk.messages[-1].time += 61 * 10**9
    assert ">1:01" in drawn(calls(talk))


@pytest.mark.parametrize("width", [60, 80, 150])
def test_sessions(width: int) -> None:
    lost = report(9, Verdict.HANDSHAKE_NOT_CAPTURED, why="Open before frame 1.", messages=0)
    lost.version = lost.cipher_suite = None
    lost.roles_known = False
    resumed = report(4)
    resumed.resumed = "ticket"
    rows = sessions(report(3), resumed, dark(), lost)
    assert_snapshot(f"sessions-{width}", drawn(SessionsTable(rows), Causes(rows), width=width))


def test_no_sessions() -> None:
    rows = sessions()
    assert drawn(SessionsTable(rows)) == "0 TLS sessions\n"
    assert not Causes(rows)


def test_thousands_alike_are_one_row_and_one_cause() -> None:
    rows = SessionRows()
    for number in range(1, 2001):
        rows.add(dark(number, client=f"192.0.2.{number % 250}:{number + 1024}"))
    for number in range(2001, 2011):
        rows.add(report(number))
    assert rows.dark == 2000
    assert_snapshot("sessions-grouped-80", drawn(SessionsTable(rows), Causes(rows)))


def test_different_causes_are_told_apart() -> None:
    other = dark(8)
    other.advice = ["The cipher list of the server alone decides."]
    text = drawn(Causes(sessions(dark(7), other)))
    assert text.count("forward secrecy, needs session secrets") == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_GROUPS", 50)
    rows = SessionRows()
    for number in range(100):
        rows.add(dark(number, server=f"203.0.113.{number}:5061"))
    assert len(rows.kinds) == len(rows.causes) == 50
    text = drawn(SessionsTable(rows), Causes(rows))
    assert "100 TLS sessions  100 dark" in text
    assert "and 50 sessions of further kinds." in text
    assert "and 38 more causes of 38 sessions; --json tells each." in text


def test_a_failed_handshake_is_no_dark_session_but_has_its_reason() -> None:
    failed = report(8, Verdict.HANDSHAKE_FAILED, why="Alert unknown_ca.", advice=("Import it.",))
    rows = sessions(failed)
    assert rows.dark == 0
    text = drawn(SessionsTable(rows), Causes(rows))
    assert "1 with nothing to decrypt" in text
    assert "Alert unknown_ca." in text
    assert "→ Import it." in text


def test_what_peers_name_themselves_is_escaped() -> None:
    talk = Talk("\x1b[31m")
    talk.say("INVITE sip:x SIP/2.0", PBX, SBC)
    evil = report(1, Verdict.NO_MATCHING_KEY, why="CN=\x1b[2J\u202e[red]x[/red]", advice=("\x07",))
    rows = sessions(evil)
    text = drawn(calls(talk), SessionsTable(rows), Causes(rows))
    assert "\\x1b[31m" in text
    assert "CN=\\x1b[2J\\u202e[red]x[/red]" in text
    assert all(line.isprintable() for line in text.splitlines())


TEXTS = st.text("ab世 ", max_size=40)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5), st.integers(20, 120))
def test_a_table_keeps_its_width_and_its_rows(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (
        Column("first", least=5),
        Column("second", right=True, least=0, yields=2),
        Column("last", least=4, yields=1),
    )
    lines = [
        line
        for line in draw(columns, [Row([Text(cell) for cell in row]) for row in rows], width)
        if isinstance(line, Text)
    ]
    assert len(lines) == len(rows) + 1
    narrowest = 5 + 2 + 4
    assert all(cell_len(line.plain) <= max(width, narrowest, 47) for line in lines)


def test_what_is_dispensable_goes_before_a_line_is_cut_off() -> None:
    columns = (
        Column("name", least=6, yields=1),
        Column("codec", least=5, dispensable=True, yields=2),
        Column("state", least=11),
    )
    row = Row([Text("somebody's call"), Text("PCMU/8000"), Text("✓ decrypted")])
    drawings = {
        width: [line.plain for line in draw(columns, [row], width) if isinstance(line, Text)]
        for width in (40, 22)
    }
    assert drawings[40][1] == "somebody's call  PCMU/8000  ✓ decrypted"
    assert drawings[22][1] == "somebody…  ✓ decrypted"


@pytest.mark.parametrize("width", range(12, 26))
def test_a_number_is_shown_whole_or_not_at_all(width: int) -> None:
    columns = (Column("name", least=4), Column("R", right=True, least=0, yields=1))
    *_, line = draw(columns, [Row([Text("stream 17"), Text("1,234,567")])], width)
    assert isinstance(line, Text)
    assert line.plain.endswith("1,234,567") is (width >= 20)
    assert "…" not in line.plain or width < 9
