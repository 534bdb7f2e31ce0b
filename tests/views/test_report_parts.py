"""The parts of a report that no other command shows yet: tables and pictures of figures, words, terms."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight.found import report as session
from kit import certificates
from tls.test_timing import FULL, MS, times
from tqdecrypt.export import format_time
from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.audit import Audited, Auditor, AuditResult
from tqdecrypt.insight.audit.advice import Advice
from tqdecrypt.insight.hosts import Hosts
from tqdecrypt.insight.outcomes import Outcomes
from tqdecrypt.insight.pages import FindingPage
from tqdecrypt.keys import CertificateFacts, read_certificate
from tqdecrypt.pipeline import Summary
from tqdecrypt.tls import HandshakeTimes, Verdict
from tqdecrypt.views import FindingsList, SummaryLines, audit_pages
from tqdecrypt.views.audit import AdviceList, peers_table
from tqdecrypt.views.audit_pictures import load_picture, share_picture, spread_picture
from tqdecrypt.views.audit_table import percent
from tqdecrypt.views.audit_timing import timing_table
from tqdecrypt.views.glossary import TERMS, glossary, terms_in
from tqdecrypt.views.hosts import HostsTable
from tqdecrypt.views.markup import coded
from tqdecrypt.views.opening import about_sessions, first_steps, spell_time
from tqdecrypt.views.sessions import Group
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import PBX, SBC, drawn

SERVER = "192.0.2.20:5061"


def audit(*reports: Any) -> AuditResult:
    auditor = Auditor()
    for one in reports:
        auditor.session(one)
    return auditor.finish(format_time, findings=[])


def audited(*reports: Any) -> Audited:
    return audit(*reports).audited


def dark(number: int, **more: Any) -> Any:
    values: dict[str, Any] = {
        "verdict": Verdict.FORWARD_SECRECY,
        "side": "server",
        "client_encrypted_bytes": 100,
    }
    return session(number, f"198.51.100.{number}:1", SERVER, **(values | more))


def timed(*handshakes: HandshakeTimes, server: str = SERVER) -> Audited:
    return audited(*(session(1, PBX, server, handshake_times=(one,)) for one in handshakes))


def facts(evil: str) -> CertificateFacts:
    return replace(
        read_certificate(certificates.server().certificate_der()),
        fingerprint_sha256=evil.encode("utf-8", "surrogatepass").hex(),
        subject=evil,
        issuer=evil + "x",
        names=(evil,),
        key_kind=evil,
        serial=evil,
    )


def at(second: int, server: str = SERVER, **more: Any) -> Any:
    """A session that is begun, and shakes hands, so many seconds after the epoch."""
    begin = second * 1000
    steps = times(
        ("client ClientHello", begin),
        ("server Finished", begin + 1),
        ("client Finished", begin + 2),
    )
    return session(
        1, PBX, server, second * 10**9, handshake_times=(steps,), **({"client_bytes": 1} | more)
    )


# Decryptability.


def test_the_darkest_peers_come_first() -> None:
    table = peers_table(
        audited(session(9, PBX, SERVER, client_bytes=300), dark(1), dark(2), dark(2))
    )
    heading, columns, *rows = drawn(table, width=140).splitlines()
    assert heading == "3 peers  it is the TLS server's key that counts"
    assert columns.split() == [
        *("Peer", "We", "are", "TLS", "Sessions", "Clear", "Bytes", "Calls", "in/out", "Agreed"),
        *("Why", "dark"),
    ]
    assert [row.split() for row in rows] == [
        ["198.51.100.2", "server", "2", "0%", "0%", "2", "forward-secrecy"],
        ["198.51.100.1", "server", "1", "0%", "0%", "1", "forward-secrecy"],
        ["192.0.2.10", "server", "1", "100%", "100%"],
    ]


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, ""), (1.0, "100%"), (0.0, "0%"), (0.9999, ">99%"), (0.0001, "<1%"), (0.857, "86%")],
)
def test_all_and_nothing_are_never_rounded_to(share: float | None, words: str) -> None:
    assert percent(share) == words


@given(st.lists(st.integers(0, 10**13), min_size=5, max_size=5))
def test_shares_fit_into_their_picture(amounts: list[int]) -> None:
    found = audited(
        dark(1, client_encrypted_bytes=amounts[0], missing_bytes=amounts[1]),
        session(2, PBX, SERVER, client_bytes=amounts[2], server_bytes=amounts[3]),
    )
    assert inside(picture(share_picture(found.total)))


def test_without_any_session_there_is_a_picture_all_the_same() -> None:
    made = share_picture(audited().total)
    assert inside(picture(made))
    assert "none" in words_of(made)


def test_without_tls_no_part_of_the_audit_is_in_a_report() -> None:
    nothing = audit()
    for part in (audit_pages.uniformity, audit_pages.servers, audit_pages.handshakes):
        assert part(nothing) is None
    assert audit_pages.decryptability(nothing, None) is None
    assert audit_pages.reconnects(nothing) is None


# Handshakes.


def test_each_phase_in_milliseconds() -> None:
    text = drawn(timing_table(timed(FULL)), width=200)
    assert re.search(r"192\.0\.2\.20:5061 +full +1 .* 3\.\d+/3\.\d+ .* 31/31 +31", text)
    assert not timing_table(audited())


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_however_long_they_took_they_stand_in_the_picture(took: list[int]) -> None:
    made = [
        times(("client ClientHello", 0), ("server Finished", 0), ("client Finished", milliseconds))
        for milliseconds in took
    ]
    drawing = spread_picture(timed(*made))
    assert drawing is not None
    assert inside(picture(drawing))


def test_handshakes_that_were_not_whole_have_no_picture() -> None:
    unfinished = timed(times(("client ClientHello", 5 * MS)))
    assert spread_picture(unfinished) is None
    assert load_picture(unfinished) is None


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_whenever_handshakes_were_they_stand_in_the_picture(seconds: list[int]) -> None:
    drawing = load_picture(audited(*(at(second) for second in seconds)))
    if max(seconds) // 10 - min(seconds) // 10 < 2:
        assert drawing is None
    else:
        assert drawing is not None
        assert inside(picture(drawing))


def test_a_storm_is_marked_and_told() -> None:
    calm = [at(second) for second in range(0, 600, 10)]
    failed = at(90, verdict=Verdict.HANDSHAKE_FAILED)
    drawing = load_picture(audited(*calm, failed, *(at(305) for _ in range(60))))
    assert drawing is not None
    assert drawing.count("<title>a storm</title>") == 1
    text = words_of(drawing)
    assert "storm on 192.0.2.20:5061 at 00:05:00: 61 handshakes" in text
    assert "192.0.2.20:5061, 00:01:30: 1 full, 0 resumed, 1 failed" in text
    assert "192.0.2.20:5061: 120 full, 0 resumed, 1 failed, 1 storm" in text
    quiet = load_picture(audited(*calm))
    assert quiet is not None
    assert "a storm" not in quiet


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
    whole = audit(
        *(
            at(
                second,
                server=f"{evil}:2",
                alert=evil,
                version=evil,
                cipher_suite=evil,
                sni=evil,
                offered_suites=(evil,),
                server_facts=facts(evil),
                server_certificate=facts(evil).fingerprint_sha256,
                server_chain=(facts(evil), facts(f"{evil}2")),
            )
            for second in (0, 30)
        ),
        dark(1, verdict=Verdict.HANDSHAKE_NOT_CAPTURED),
        at(40, verdict=Verdict.HANDSHAKE_FAILED, alert=evil),
    )
    parts = (
        audit_pages.decryptability(whole, None),
        audit_pages.reconnects(whole),
        audit_pages.uniformity(whole),
        audit_pages.servers(whole),
        audit_pages.handshakes(whole),
    )
    for part in parts:
        assert part is not None
    advice = AdviceList([Advice(evil, 1, (evil,))]).html()
    for page in (
        HostsTable(hosts, lambda host: evil).html(),
        *(f"<section>{part}</section>" for part in parts if part is not None),
        advice,
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
    sentences = " ".join(about_sessions(audited(dark(1), dark(2, side="observer"))))
    assert "Of 2 TLS sessions that carried something 0 could be decrypted (0%)" in sentences
    assert "the TLS server's settings and how it is captured, or which keys are given" in sentences
    nothing = " ".join(about_sessions(audited(session(1, PBX, SBC, verdict=Verdict.NO_DATA))))
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
