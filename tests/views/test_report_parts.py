"""The parts of a report that no other command shows yet: tables and pictures of figures, words, terms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight.found import report as session
from tls.test_timing import FULL, MS, times
from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.decryptability import Decryptability
from tqdecrypt.insight.handshakes import HandshakeTable
from tqdecrypt.insight.hosts import Hosts
from tqdecrypt.insight.outcomes import Outcomes
from tqdecrypt.insight.pages import FindingPage
from tqdecrypt.pipeline import Summary
from tqdecrypt.tls import HandshakeTimes, Verdict
from tqdecrypt.views import FindingsList, SummaryLines
from tqdecrypt.views.decryptability import DecryptabilityTable, percent, share_picture
from tqdecrypt.views.glossary import TERMS, glossary, terms_in
from tqdecrypt.views.handshakes import HandshakesTable
from tqdecrypt.views.hosts import HostsTable
from tqdecrypt.views.markup import coded
from tqdecrypt.views.opening import about_sessions, first_steps, spell_time
from tqdecrypt.views.sessions import Group
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import PBX, SBC, drawn

SERVER = "192.0.2.20:5061"


def shares(*reports: Any) -> Decryptability:
    found = Decryptability()
    for one in reports:
        found.add(one)
    return found


def dark(number: int, **more: Any) -> Any:
    values: dict[str, Any] = {
        "verdict": Verdict.FORWARD_SECRECY,
        "side": "server",
        "client_encrypted_bytes": 100,
    }
    return session(number, f"198.51.100.{number}:1", SERVER, **(values | more))


def timed(*handshakes: HandshakeTimes, server: str = SERVER) -> HandshakeTable:
    table = HandshakeTable()
    for one in handshakes:
        table.add(session(1, PBX, server, handshake_times=(one,)))
    return table


# Decryptability.


def test_the_darkest_pairs_come_first() -> None:
    table = DecryptabilityTable(
        shares(session(9, PBX, SERVER, client_bytes=300), dark(1), dark(2), dark(2))
    )
    assert drawn(table, width=120) == (
        "Read and dark, by server and peer\n"
        "Server           Peer          Sessions  Dark  Read %  Bytes %  SIP  Not read because\n"
        "192.0.2.20:5061  198.51.100.2         2     2       0        0"
        "       forward secrecy, needs session secrets (2)\n"
        "192.0.2.20:5061  198.51.100.1         1     1       0        0"
        "       forward secrecy, needs session secrets (1)\n"
        "192.0.2.20:5061  192.0.2.10           1           100      100\n"
        "all                                   4     3    25.0     50.0"
        "       forward secrecy, needs session secrets (3)\n"
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, ""), (100.0, "100"), (0.0, "0"), (99.99, "99.9"), (0.001, "0.1"), (85.714, "85.7")],
)
def test_all_and_nothing_are_never_rounded_to(share: float | None, words: str) -> None:
    assert percent(share) == words


@given(st.lists(st.integers(0, 10**13), min_size=5, max_size=5))
def test_shares_fit_into_their_picture(amounts: list[int]) -> None:
    found = shares(
        dark(1, client_encrypted_bytes=amounts[0], missing_bytes=amounts[1]),
        session(2, PBX, SERVER, client_bytes=amounts[2], server_bytes=amounts[3]),
    )
    made = share_picture(found.total)
    assert inside(picture(made))
    words_of(DecryptabilityTable(found).html())


def test_without_any_session_there_is_a_picture_all_the_same() -> None:
    made = share_picture(Decryptability().total)
    assert inside(picture(made))
    assert "none" in words_of(made)


# Handshakes.


def test_each_phase_in_milliseconds() -> None:
    text = drawn(HandshakesTable(timed(FULL)), width=200)
    assert re.search(r"192\.0\.2\.20:5061 +1 .* 3\.\d / 3\.\d .* 31\.0 / 31\.0 +31\.0", text)
    assert not HandshakesTable(HandshakeTable())


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_however_long_they_took_they_stand_in_the_picture(took: list[int]) -> None:
    made = [
        times(("client ClientHello", 0), ("server Finished", 0), ("client Finished", milliseconds))
        for milliseconds in took
    ]
    page = HandshakesTable(timed(*made)).html()
    words_of(page)
    [svg] = re.findall("<svg .*</svg>", page, re.DOTALL)
    assert inside(picture(svg))


def test_handshakes_that_were_not_whole_have_no_picture() -> None:
    table = HandshakesTable(timed(times(("client ClientHello", 5 * MS))))
    assert "<svg" not in table.html()
    assert "Not whole" in words_of(table.html())


# Findings, counters, hosts.


def test_what_a_finding_means_is_said_once() -> None:
    page = FindingPage("It means `x`.", "proof", "Try <this>.")
    findings = [
        Finding("no-ack", Severity.ERROR, 0, f"Sentence {n}.", ("Ask.",), frames=(n,))
        for n in range(3)
    ]
    html = FindingsList(findings, most=2).html(lambda name: page)
    text = words_of(html.replace("article", "section").replace("<a ", "<p "))
    assert text.count("It means x.") == text.count("Try <this>.") == 1
    assert "<code>x</code>" in html
    assert "Sentence 1." in text
    assert "Sentence 2." not in text
    assert "and 1 more finding." in text


def test_code_stands_in_backticks_that_have_partners() -> None:
    assert coded("a `<b>` c") == "a <code>&lt;b&gt;</code> c"
    assert coded("a ` b") == "a ` b"


def test_counters_are_a_table() -> None:
    summary = Summary(packets=2, counters={"gaps": 3, "connections": 9}, problems=["It broke."])
    text = words_of(SummaryLines(summary).html())
    assert "gaps3" in text
    assert "connections" not in text, "every capture has them"
    assert "It broke." in text
    assert "Nothing was left out." in words_of(SummaryLines(Summary()).html())


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_that_peers_send_is_markup(evil: str) -> None:
    hosts = Hosts()
    hosts.add_session(session(1, f"{evil}:1", f"{evil}:2"))
    finding = Finding("no-ack", Severity.ERROR, 0, evil, (evil,), call_ids=(evil,))
    found = shares(session(1, f"{evil}:1", f"{evil}:2"))
    for page in (
        HostsTable(hosts, lambda host: evil).html(),
        DecryptabilityTable(found).html(),
        HandshakesTable(timed(FULL, server=f"{evil}:1")).html(),
        FindingsList([finding]).html().replace("article", "section"),
        SummaryLines(Summary(problems=[evil])).html(),
    ):
        words_of(page)


# Words.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a second"),
        (1, "1 second"),
        (125, "2 minutes 5 seconds"),
        (3_600, "1 hour"),
        (11_400, "3 hours 10 minutes"),
        (187_200, "2 days 4 hours"),
        (86_405, "1 day 5 seconds"),
    ],
)
def test_how_long_it_was(seconds: int, words: str) -> None:
    assert spell_time(seconds * 1_000_000_000) == words


def test_what_is_dark_is_said_with_whose_side_has_to_change() -> None:
    sentences = " ".join(about_sessions(shares(dark(1), dark(2, side="observer"))))
    assert "Of 2 TLS sessions that carried something 0 could be decrypted (0 %)" in sentences
    assert "the TLS server's settings and how it is captured, or which keys are given" in sentences
    nothing = " ".join(about_sessions(shares(session(1, PBX, SBC, verdict=Verdict.NO_DATA))))
    assert nothing == "There was 1 TLS session, none of which had anything to decrypt."


def test_what_is_severe_is_to_be_done_first() -> None:
    def finding(severity: Severity, advice: str) -> Finding:
        return Finding("x", severity, 0, "why", (advice, "later"))

    group = Group(dark(1, advice=["Change the list."], why="It is ephemeral."))
    group.add(group.first)
    steps = first_steps(
        [
            finding(Severity.CRITICAL, "a"),
            finding(Severity.ERROR, "a"),
            finding(Severity.ERROR, "b"),
            finding(Severity.WARNING, "c"),
            finding(Severity.NOTICE, "never"),
        ],
        [group],
    )
    assert [step.advice for step in steps] == ["a", "Change the list.", "b", "c"]


def test_every_term_has_one_sentence_or_two_and_is_found_by_its_words() -> None:
    names = [term.name for term in TERMS]
    assert len(names) == len(set(names))
    for term in TERMS:
        assert term.meaning.endswith(".")
        assert term in terms_in(f"x {term.name} x") or term.words
    assert [term.name for term in terms_in("The SBC sent an ACK.")] == ["ACK", "SBC"]
    assert "<dt>SBC</dt>" in glossary(terms_in("SBC"))


def test_an_outcome_has_words() -> None:
    from tqdecrypt.views.opening import about_calls

    assert about_calls(Outcomes()) == "No call could be read in it."
