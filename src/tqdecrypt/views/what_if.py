"""What would become of a server's clients, as a table for each server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.insight.what_if import Forecast, Outcome, ServerAnswer, WhatIf
from tqdecrypt.insight.what_if.given_up import given_up, other_ways, whose_list
from tqdecrypt.tls.cipher_lists import written
from tqdecrypt.tls.constants import VERSION_NAMES
from tqdecrypt.tls.negotiation import Agreement, ServerSettings
from tqdecrypt.tls.suites import suite_name
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw
from tqdecrypt.views.words import count

__all__ = ["WhatIfTables"]

MOST_SERVERS = 20
MOST_ROWS = 100
"""Clients of one server that are shown; JSON has all."""

_COLUMNS = (
    Column("Trunk", least=0, most=24, yields=4),
    Column("Client", least=9, most=40, yields=1),
    Column("Sessions", right=True, least=8),
    Column("Now", least=9, yields=3),
    Column("Then", least=16, yields=2),
)
_STYLES = {
    Outcome.DECRYPTS: theme.SUCCESS,
    Outcome.DARK: theme.FAILURE,
    Outcome.FAILS: f"bold {theme.FAILURE}",
}


class WhatIfTables:
    """The whole answer, server by server, the busiest first.

    :param spelling: how the proposed list is written.
    """

    def __init__(self, answer: WhatIf, spelling: str = "openssl") -> None:
        self._answer = answer
        self._spelling = spelling

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        asked = self._answer.wish.ciphers
        if asked is not None:
            yield Text("What if the list were", theme.HEADING).append_text(
                theme.said(f"  {asked.text}", theme.DIM)
            )
        for note in self._answer.notes:
            yield Padding(theme.said(note, theme.NOTICE), (0, 0, 0, 2))
        if not self._answer.servers:
            yield Text("There is no TLS session with a ClientHello to reckon with.")
        for server in self._answer.servers[:MOST_SERVERS]:
            yield Text()
            yield from self._server(server, marks, options.max_width)
        left = len(self._answer.servers) - MOST_SERVERS
        if left > 0:
            yield Text(f"and {count(left, 'more server')}: --server names one, --json has all.")
        for name, number in self._answer.counters.items():
            yield theme.said(f"{name.replace('_', ' ')}: {number:,}", theme.DIM)

    def _server(
        self, answer: ServerAnswer, marks: theme.Glyphs, width: int
    ) -> Iterator[Text | Padding]:
        yield _heading(answer)
        yield Padding(theme.said(_said_of(answer), theme.DIM), (0, 0, 0, 2))
        for assumption in answer.assumptions:
            yield Padding(theme.said(assumption, theme.DIM), (0, 0, 0, 2))
        yield from _table(answer.forecasts, marks, width)
        if answer.proposal is not None:
            yield from self._proposal(answer, marks, width)
        else:
            for sentence in given_up(answer):
                yield Padding(theme.said(sentence, theme.NOTICE), (0, 0, 0, 2))

    def _proposal(
        self, answer: ServerAnswer, marks: theme.Glyphs, width: int
    ) -> Iterator[Text | Padding]:
        proposal = answer.proposal
        assert proposal is not None
        yield Text()
        if not proposal.edits:
            yield Text("Proposal: none", theme.HEADING).append(
                "  no change of this list makes anybody decryptable who is not", theme.DIM
            )
        else:
            proven = "none smaller does it" if proposal.smallest else "perhaps not the smallest"
            heading = Text(f"Proposal: {count(len(proposal.edits), 'change')}", theme.HEADING)
            yield heading.append(f"  {proven}", theme.DIM)
            for number, edit in enumerate(proposal.edits, 1):
                yield theme.said(f"  {number}. {edit}")
            yield Padding(theme.said(f"Then: {self._written(proposal.settings)}"), (0, 0, 0, 2))
            yield Padding(_counts(answer, after=True), (0, 0, 0, 2))
            changed = [
                new
                for old, new in zip(answer.forecasts, answer.after, strict=True)
                if old.outcome is not new.outcome or old.result != new.result
            ]
            yield from _table(changed, marks, width)
        for sentences, style in ((given_up, theme.NOTICE), (other_ways, "")):
            yield from _sentences(answer, sentences, style, marks)

    def _written(self, settings: ServerSettings) -> str:
        versions = ", ".join(VERSION_NAMES[one] for one in sorted(settings.versions))
        return f"{versions}; {written(settings.suites, self._spelling)}"


def _sentences(
    answer: ServerAnswer,
    sentences: Callable[[ServerAnswer], Iterator[str]],
    style: str,
    marks: theme.Glyphs,
) -> Iterator[Padding]:
    for sentence in sentences(answer):
        yield Padding(theme.said(f"{marks.to} {sentence}", style), (0, 0, 0, 2))


def _heading(answer: ServerAnswer) -> Text:
    heading = Text("Server ", theme.HEADING)
    heading.append_text(theme.said(answer.server.endpoint, theme.HEADING)).append("  ")
    return heading.append_text(_counts(answer, after=False))


def _counts(answer: ServerAnswer, *, after: bool) -> Text:
    counts = Text()
    for outcome, words in (
        (Outcome.DECRYPTS, ("decrypts", "decrypt")),
        (Outcome.DARK, ("stays dark", "stay dark")),
        (Outcome.FAILS, ("fails to connect", "fail to connect")),
    ):
        number = answer.count(outcome, after=after)
        counts.append(", " if counts else "")
        counts.append(f"{number:,} {words[number != 1]}", _STYLES[outcome] if number else theme.DIM)
    return counts


def _said_of(answer: ServerAnswer) -> str:
    keys = ", ".join(dict.fromkeys(facts.key for facts in answer.server.certificates.values()))
    parts = [whose_list(answer)]
    if keys:
        parts.append(f"certificate {keys}")
    if answer.product:
        parts.append(f"it says that it is {answer.product} (tqdecrypt advise {answer.product})")
    return f"{count(answer.server.sessions, 'session')}; {'; '.join(parts)}."


def _table(
    forecasts: Sequence[Forecast], marks: theme.Glyphs, width: int
) -> Iterator[Text | Padding]:
    ordered = sorted(
        forecasts, key=lambda one: (one.trunk or "~", one.seen.client, -one.seen.sessions)
    )
    rows = [_row(one, marks) for one in ordered[:MOST_ROWS]]
    yield from (Padding(line, (0, 0, 0, 2)) for line in draw(_COLUMNS, rows, width - 2))
    left = len(ordered) - MOST_ROWS
    if left > 0:
        yield Text(f"  and {left:,} more; --json has all.", theme.DIM)


def _row(one: Forecast, marks: theme.Glyphs) -> Row:
    today = one.seen.today
    now = f"{today[0]} {today[1]}" if today else "no connection"
    then = Text(f"{_sign(one.outcome, marks)} ", _STYLES[one.outcome])
    if isinstance(one.result, Agreement):
        version = VERSION_NAMES[one.result.version]
        then.append(f"{version} {suite_name(one.result.suite.number)}", _STYLES[one.outcome])
    else:
        then.append(one.result.value, _STYLES[one.outcome])
    remarks = [] if one.outcome is Outcome.DECRYPTS and one.otherwise is None else [one.why]
    if one.otherwise is not None:
        remarks.append(f"By the other end's order it {one.otherwise.value}.")
    if one.product and one.outcome is not Outcome.DECRYPTS:
        remarks.append(f"It says that it is {one.product} (tqdecrypt advise {one.product}).")
    return Row(
        [
            theme.said(one.trunk or ""),
            theme.said(one.seen.client),
            Text(f"{one.seen.sessions:,}"),
            theme.said(now),
            then,
        ],
        theme.said(" ".join(remarks), theme.DIM) if remarks else None,
    )


def _sign(outcome: Outcome, marks: theme.Glyphs) -> str:
    return {
        Outcome.DECRYPTS: marks.tick,
        Outcome.DARK: marks.cross,
        Outcome.FAILS: marks.cross,
    }[outcome]
