"""An explained session as text at any width, as picture and as page: snapshots and what always holds."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from explain.stories import Story, explain_all, explained
from kit import TlsPair, Version
from tls.passive import ring, talk
from tqdecrypt.example import example_path
from tqdecrypt.explain import Fact
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.views.explanation_drawing import ExplainedSession
from tqdecrypt.views.explanation_lines import wrapped
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import assert_snapshot, drawn

RSA, ECDHE, REFUSED = 3, 7, 8
"""Sessions of the example."""


@cache
def example() -> dict[int, Story]:
    with example_path("calls.pcap") as capture, example_path("server.key") as key:
        return explain_all(Path(capture), KeyRing(load_private_keys([key]).keys))


@cache
def tls13() -> Story:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    pair.close()
    return explained(pair, ring(keylog=pair.keylog_lines))


def masked(text: str) -> str:
    """Without what OpenSSL makes up anew in every run."""
    return re.sub(r"[0-9a-f]{8,}", lambda digits: "#" * len(digits[0]), text)


@pytest.mark.parametrize(
    ("name", "number", "width"),
    [("rsa", RSA, 100), ("ecdhe", ECDHE, 100), ("refused", REFUSED, 100), ("rsa", RSA, 72)],
)
def test_sessions_of_the_example(name: str, number: int, width: int) -> None:
    view = ExplainedSession(example()[number].explanation)
    assert_snapshot(f"explain-{name}-{width}", drawn(view, width=width))


def test_tls13_with_a_key_log() -> None:
    text = drawn(ExplainedSession(tls13().explanation), width=100)
    assert_snapshot("explain-tls13-100", masked(text))


def test_ascii_terminals_get_ascii() -> None:
    text = drawn(ExplainedSession(example()[ECDHE].explanation), width=90, ascii_only=True)
    assert text.replace("…", "~").isascii()


@given(st.integers(40, 200), st.sampled_from([RSA, ECDHE, REFUSED]), st.booleans())
def test_no_line_is_wider_than_the_terminal(width: int, number: int, full: bool) -> None:
    text = drawn(ExplainedSession(example()[number].explanation, full=full), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_connection_of_days_keeps_its_columns() -> None:
    explanation = example()[RSA].explanation
    late = replace(
        explanation.steps[-1], since_start=3 * 86_400 * 10**9, since_before=86_400 * 10**9
    )
    view = ExplainedSession(replace(explanation, steps=(*explanation.steps[:-1], late)))
    line = next(line for line in drawn(view, width=100).splitlines() if "72:00:00" in line)
    assert line.startswith("  72:00:00  +24:00:00")
    assert cell_len(line) <= 100


@given(st.integers(60, 200))
def test_every_step_is_told_at_any_width(width: int) -> None:
    story = example()[ECDHE]
    text = " ".join(drawn(ExplainedSession(story.explanation), width=width).split())
    for step in story.steps:
        assert step.name in text
    assert story.explanation.needs[0].literally in text.replace(" ", "").replace(
        "CLIENT_RANDOM", "CLIENT_RANDOM "
    )


def test_long_offers_are_cut_unless_all_is_wanted() -> None:
    pair = TlsPair(ciphers="ALL:!PSK:!SRP:!aECDSA")
    story = explained(pair, ring())
    suites = story.step("ClientHello").suites
    assert len(suites) > 40
    short = drawn(ExplainedSession(story.explanation), width=120)
    full = drawn(ExplainedSession(story.explanation, full=True), width=120)
    assert re.search(r"… and \d+ more up to choice \d+, forward secret", short)
    assert "▶" in next(line for line in short.splitlines() if "▶ " in line and " F TLS_" in line)
    for suite in suites:
        assert suite.name in full
    hidden = sum(map(int, re.findall(r"… and (\d+) more up to", short)))
    listed = len(re.findall(r"^ +│ +▶? +\d+ [RF3PS?] ", short, re.MULTILINE))
    assert hidden + listed == len([suite for suite in suites if suite.kind != "signal"])


def test_a_picture_that_stands_alone() -> None:
    for number in (RSA, ECDHE, REFUSED):
        view = ExplainedSession(example()[number].explanation)
        root = picture(view.svg())
        assert inside(root)
        text = "".join(root.itertext())
        for step in example()[number].steps:
            assert step.name in text
        assert view.svg() == view.svg()


def test_a_page_tells_everything() -> None:
    story = example()[RSA]
    words = words_of(ExplainedSession(story.explanation).html())
    for step in story.steps:
        assert step.says in words
        for suite in step.suites:
            assert suite.name in words
    for derived in story.explanation.derivations[0]:
        assert derived.how in words
    for need in story.explanation.needs:
        assert need.what in words


@given(st.sampled_from(HOSTILE))
def test_what_peers_write_stays_text(name: str) -> None:
    explanation = example()[RSA].explanation
    first = explanation.steps[3]
    step = replace(
        first, facts=(Fact("server name (SNI)", (name,)), Fact(name, (name,), apart=True))
    )
    view = ExplainedSession(replace(explanation, steps=(*explanation.steps[:3], step)))
    assert "\x1b" not in drawn(view)
    words_of(view.html())
    picture(view.svg())


@given(st.text(max_size=200), st.integers(4, 60))
def test_wrapped_text_fits(text: str, cells: int) -> None:
    lines = wrapped(text, cells)
    assert all(cell_len(line) <= cells for line in lines)
