"""What a check found: a row an offer, the certificate, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tqdecrypt.check.advice import conclusions
from tqdecrypt.check.probe import Outcome
from tqdecrypt.keys import judge_chain
from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw

if TYPE_CHECKING:
    from tqdecrypt.check import Checked, Probed

__all__ = ["CheckView"]

MILLISECOND = 1_000_000

_OUTCOMES = {
    Outcome.ALERT: "refused",
    Outcome.CLOSED: "closed without a word",
    Outcome.TIMED_OUT: "no answer in time",
    Outcome.NOT_TLS: "not TLS",
    Outcome.NOT_OFFERED: "could not be asked",
}

_COLUMNS = (
    Column("Offered", least=12),
    Column("Answer", least=16, yields=3),
    Column("ms", right=True, least=6),
    Column("A passive observer", least=16, yields=2),
)


class CheckView:
    """One server.

    :param now: for which expiry is reckoned; the present when not given.
    """

    def __init__(self, checked: Checked, now: datetime | None = None) -> None:
        self._checked = checked
        self._now = now or datetime.now(UTC)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        checked = self._checked
        heading = theme.said(f"{checked.target.host} port {checked.target.port}", theme.HEADING)
        if checked.address:
            heading.append_text(theme.said(f"  {checked.address}", theme.DIM))
        yield heading
        yield from draw(_COLUMNS, [_row(one, marks) for one in checked.probes], options.max_width)
        yield Text()
        facts = list(self._facts())
        for name, text in facts:
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(width=max(len(name) for name, _ in facts))
            grid.add_row(Text(name, theme.DIM), text)
            yield Padding(grid, 0)
        if facts:
            yield Text()
        for sentence in conclusions(checked, self._now):
            advice = Table.grid(padding=(0, 1, 0, 0))
            advice.add_row(Text(marks.to), theme.said(sentence))
            yield Padding(advice, 0)

    def _facts(self) -> Iterator[tuple[str, Text]]:
        checked = self._checked
        for facts in checked.certificates:
            yield "Certificate", theme.said(", ".join(facts.names) or facts.subject)
            yield "Key", theme.said(facts.key)
            yield "Issuer", theme.said("itself" if facts.self_signed else facts.issuer)
            chain = checked.chains.get(facts.fingerprint_sha256)
            if chain:
                judged = judge_chain(chain)
                yield (
                    "Chain as sent",
                    theme.said(str(judged), "" if judged.sound else theme.FAILURE),
                )
            if facts.not_after is not None:
                days = (facts.not_after - self._now).days
                style = theme.FAILURE if days < 0 else theme.NOTICE if days < 30 else ""
                yield "Valid until", Text(f"{facts.not_after:%Y-%m-%d}, {days:,} days", style)
        if checked.trust.trusted is not None:
            trusted = checked.trust.trusted
            words = "yes" if trusted else f"no: {checked.trust.why}"
            yield "Believed", theme.said(words, theme.SUCCESS if trusted else theme.FAILURE)
        asked = checked.client_certificate_requested
        if asked is not None:
            yield "Client certificate", Text("asked for" if asked else "not asked for")
        if checked.options is not None:
            yield "SIP OPTIONS", _options(checked)
        for version, suites in (checked.suites or {}).items():
            words = "\n".join(suites) if suites else "none"
            yield (
                f"Accepts {version}",
                theme.said(words.replace("\n", ", "), "" if suites else theme.DIM),
            )


def _row(one: Probed, marks: theme.Glyphs) -> Row:
    report, observer = one.report, one.observer
    if one.outcome is Outcome.NEGOTIATED and report is not None:
        answer = theme.said(f"{report.version} {report.cipher_suite}")
        took = f"{one.handshake / MILLISECOND:,.1f}"
    else:
        words = _OUTCOMES.get(one.outcome, one.outcome.value)
        detail = (report.alert if report is not None and report.alert else one.detail) or ""
        answer = theme.said(f"{words}: {detail}" if detail else words, theme.DIM)
        took = ""
    seen = Text("")
    if one.outcome is Outcome.NEGOTIATED and observer is not None:
        verdict = observer.verdict
        if verdict is Verdict.NO_MATCHING_KEY and observer.key_exchange == "RSA":
            seen = Text("reads it with the server's key", theme.SUCCESS)
        else:
            seen = theme.verdict(verdict, marks)
    return Row([Text(one.offer.title), answer, Text(took), seen])


def _options(checked: Checked) -> Text:
    answer = checked.options
    assert answer is not None
    if answer.status is None:
        return Text("no answer", theme.NOTICE)
    text = theme.said(f"{answer.status} {answer.reason} after {answer.took / MILLISECOND:,.1f} ms")
    if answer.product:
        text.append_text(theme.said(f"  {answer.product}", theme.DIM))
    return text
