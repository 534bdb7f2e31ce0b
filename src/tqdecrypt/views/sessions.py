"""The table of TLS sessions, and why some of them are dark.

A capture has a handful of sessions, or ten thousand alike.  The first few stand in the table one by
one; when there are more, the table has a row for each kind of session instead.  Sessions that are
not clear get their reason below it, told once for all that share it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, natural_width, table
from tqdecrypt.views.markup import Markup, element, joined, styled
from tqdecrypt.views.words import clean, count, host_of, listed

__all__ = ["Causes", "Group", "SessionRows", "SessionsTable", "connection"]

MOST_LISTED = 40
"""Sessions that are listed one by one: about a screen."""
MOST_GROUPS = 500
"""Kinds of sessions, and causes, that are told apart; a kilobyte or two each."""
MOST_SHOWN_CAUSES = 12
"""Causes that are written out; the rest is counted."""
MOST_EXAMPLES = 8
"""Session numbers that a group remembers."""
MOST_FRAMES = 12
"""Frames of a handshake that are named: more than one without renegotiation has."""
MOST_CLIENTS = 1_000
"""Client hosts that a group tells apart."""

_VERDICT = Column("Verdict", least=12, yields=2)


@dataclass(slots=True)
class Group:
    """Sessions alike."""

    first: SessionReport
    total: int = 0
    messages: int = 0
    sessions: list[int] = field(default_factory=list)
    """Numbers of the first of them."""
    clients: set[str] = field(default_factory=set)
    """Hosts of their clients, up to :data:`MOST_CLIENTS`."""

    def add(self, report: SessionReport) -> None:
        """Count one more."""
        self.total += 1
        self.messages += report.messages
        if len(self.sessions) < MOST_EXAMPLES:
            self.sessions.append(report.session)
        if len(self.clients) < MOST_CLIENTS:
            self.clients.add(host_of(report.client))

    def numbers(self, marks: theme.Glyphs) -> str:
        """Return the numbers of the sessions, as far as they are remembered."""
        numbers = listed(sorted(self.sessions))
        return numbers if self.total <= len(self.sessions) else f"{numbers} {marks.more}"

    def client(self) -> str:
        """Return the client when it is one host, else how many there are."""
        if self.total == 1:
            return self.first.client
        if len(self.clients) == 1:
            return next(iter(self.clients))
        more = "+" if len(self.clients) == MOST_CLIENTS else ""
        return f"{len(self.clients):,}{more} clients"


@dataclass(slots=True)
class SessionRows:
    """Collects sessions for the table, with a bound on the memory that they take."""

    total: int = 0
    verdicts: dict[Verdict, int] = field(default_factory=dict)
    listed: list[SessionReport] = field(default_factory=list)
    """The first :data:`MOST_LISTED`."""
    kinds: dict[tuple[object, ...], Group] = field(default_factory=dict)
    causes: dict[tuple[object, ...], Group] = field(default_factory=dict)
    """What is not clear, or failed, by its reason."""
    ungrouped: int = 0
    """Sessions beyond :data:`MOST_GROUPS` kinds."""

    def add(self, report: SessionReport) -> None:
        """Take a session."""
        self.total += 1
        self.verdicts[report.verdict] = self.verdicts.get(report.verdict, 0) + 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(report)
        kind = (report.server, report.version, report.cipher_suite, report.verdict)
        self.ungrouped += not _add_to(self.kinds, kind, report)
        if report.verdict is not Verdict.DECRYPTED:
            _add_to(self.causes, (report.verdict, report.server, *_shape_of(report)), report)

    @property
    def dark(self) -> int:
        """How many stayed dark, at least partly."""
        return sum(number for code, number in self.verdicts.items() if not MEANINGS[code].clear)


def _add_to(
    groups: dict[tuple[object, ...], Group], key: tuple[object, ...], report: SessionReport
) -> bool:
    group = groups.get(key)
    if group is None:
        if len(groups) >= MOST_GROUPS:
            return False
        group = groups[key] = Group(report)
    group.add(report)
    return True


_NUMBER = re.compile(r"\d+")


def _shape_of(report: SessionReport) -> Iterator[str]:
    """Yield the advice without what differs from client to client."""
    for sentence in report.advice:
        yield _NUMBER.sub("", sentence.replace(report.client, "client"))


class SessionsTable:
    """Every session or every kind of session with its verdict."""

    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = self._rows
        yield self._heading()
        if not rows.total:
            return
        marks = theme.glyphs(options)
        wide = self._columns(marks)
        groups = list(self._groups())
        lines = [_in_one_line(label, group, marks) for label, group in groups]
        if natural_width(wide, lines) <= options.max_width:
            yield from draw(wide, lines, options.max_width)
        else:
            lines = [_in_two_lines(label, group, marks) for label, group in groups]
            yield from draw((wide[0], wide[1], _VERDICT), lines, options.max_width)
        if rows.ungrouped:
            yield Text(f"and {count(rows.ungrouped, 'session')} of further kinds.", theme.NOTICE)

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        rows = self._rows
        lines = [_with_frames(label, group) for label, group in self._groups()]
        columns = (*self._columns(theme.UNICODE), Column("Evidence: frames"))
        further = f"and {count(rows.ungrouped, 'session')} of further kinds."
        return element(
            "section",
            table(columns, lines, self._heading()),
            element("p", further, class_="notice") if rows.ungrouped else None,
            class_="tq sessions",
        )

    def _columns(self, marks: theme.Glyphs) -> tuple[Column, ...]:
        rows = self._rows
        ends = Column(f"Client {marks.to} server", least=37, yields=1)
        first = Column("#" if rows.total <= len(rows.listed) else "Sessions", right=True)
        return (first, ends, Column("Version and suite"), Column("SIP", right=True), _VERDICT)

    def _groups(self) -> Iterator[tuple[str, Group]]:
        """Yield what the first column says, and the sessions of the row."""
        rows = self._rows
        if rows.total <= len(rows.listed):
            for report in sorted(rows.listed, key=lambda one: one.session):
                group = Group(report)
                group.add(report)
                yield str(report.session), group
            return
        for group in sorted(rows.kinds.values(), key=_dark_first):
            yield f"{group.total:,}", group

    def _heading(self) -> Text:
        rows = self._rows
        heading = Text(count(rows.total, "TLS session"), theme.HEADING)
        decrypted = rows.verdicts.get(Verdict.DECRYPTED, 0)
        others = rows.total - decrypted - rows.dark
        parts = [f"{decrypted:,} decrypted"] if decrypted else []
        if rows.dark:
            parts.append(f"{rows.dark:,} dark")
        if others:
            parts.append(f"{others:,} with nothing to decrypt")
        if parts:
            heading.append(f"  {', '.join(parts)}", theme.DIM)
        return heading


def _in_one_line(label: str, group: Group, marks: theme.Glyphs) -> Row:
    report = group.first
    return Row(
        [
            Text(label),
            _ends(group, marks),
            theme.said(_suite(report) + _numbers(group, marks), theme.DIM),
            Text(f"{group.messages:,}" if group.messages else ""),
            theme.verdict(report.verdict, marks),
        ]
    )


def _with_frames(label: str, group: Group) -> Row:
    """Return the row for a page, with the frames that prove the verdict of the first session."""
    row = _in_one_line(label, group, theme.UNICODE)
    report = group.first
    frames = sorted(report.handshake_frames) or [report.first_frame, report.last_frame]
    shown = listed(frames[:MOST_FRAMES], len(frames))
    return Row([*row.cells, Text(shown, theme.DIM)])


def _in_two_lines(label: str, group: Group, marks: theme.Glyphs) -> Row:
    report = group.first
    remark = _suite(report) + _numbers(group, marks)
    if group.messages:
        remark += f", {count(group.messages, 'SIP message')}"
    cells = [Text(label), _ends(group, marks), theme.verdict(report.verdict, marks)]
    return Row(cells, theme.said(remark, theme.DIM))


def _ends(group: Group, marks: theme.Glyphs) -> Text:
    return theme.said(f"{group.client()} {marks.to} {group.first.server}")


def _numbers(group: Group, marks: theme.Glyphs) -> str:
    return "" if group.total == 1 else f", sessions {group.numbers(marks)}"


class Causes:
    """Why sessions are dark or failed and what to do, once for all that share the reason."""

    def __init__(self, rows: SessionRows) -> None:
        self._causes = sorted(rows.causes.values(), key=_dark_first)

    def __bool__(self) -> bool:
        return bool(self._causes)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        for group in self._causes[:MOST_SHOWN_CAUSES]:
            yield from explain(group, marks)
        left = self._causes[MOST_SHOWN_CAUSES:]
        if left:
            sessions = count(sum(group.total for group in left), "session")
            causes = count(len(left), "more cause")
            yield Text(f"and {causes} of {sessions}; --json tells each.", theme.NOTICE)

    def html(self) -> Markup:
        """Return all causes as a fragment of a page."""
        return element(
            "section",
            *(
                joined(
                    [
                        element("h3", styled(_title(group, theme.UNICODE))),
                        element("p", _why(group)),
                        _whose(group),
                        _advice(group),
                    ]
                )
                for group in self._causes
            ),
            class_="tq causes",
        )


def _title(group: Group, marks: theme.Glyphs) -> Text:
    title = theme.verdict(group.first.verdict, marks)
    title.stylize(theme.HEADING)
    noun = "session" if group.total == 1 else f"{group.total:,} sessions:"
    return title.append(f"  {noun} {group.numbers(marks)}", theme.DIM)


def _advice(group: Group) -> Markup | None:
    items = [element("li", sentence) for sentence in group.first.advice]
    return element("ul", *items) if items else None


_SIDES = {
    "server": "the TLS server, {server}",
    "client": "the TLS client, {client}",
    "observer": "the one who captures: keys, capture point, capture options",
}


def _whose(group: Group) -> Markup | None:
    """Return whose side has to change; ``None`` when nobody's."""
    whose = _SIDES.get(group.first.side)
    if whose is None:
        return None
    words = whose.format(server=group.first.server, client=group.client())
    return element("p", f"Who has to change something: {words}.", class_="strong")


def _why(group: Group) -> str:
    report = group.first
    return report.why if group.total == 1 else f"For example session {report.session}: {report.why}"


def explain(group: Group, marks: theme.Glyphs) -> Iterable[Text | Padding]:
    """Yield why the sessions of a group are as they are, and what to do."""
    yield _title(group, marks)
    yield Padding(theme.said(_why(group)), (0, 0, 0, 2))
    for sentence in group.first.advice:
        advice = Table.grid(padding=(0, 1, 0, 0))
        advice.add_row(Text(f"  {marks.to}"), theme.said(sentence))
        yield Padding(advice, 0)


def connection(report: SessionReport, marks: theme.Glyphs) -> Text:
    """Return one session in a line: number, ends, suite and verdict."""
    line = Text(f"TLS session {report.session}  ")
    line.append_text(theme.said(f"{report.client} {marks.to} {report.server}  "))
    line.append(f"{_suite(report)}  ", theme.DIM)
    return line.append_text(theme.verdict(report.verdict, marks))


def _suite(report: SessionReport) -> str:
    if report.version is None:
        return "handshake not seen" if not report.roles_known else "no ServerHello seen"
    words = [report.version, report.cipher_suite or ""]
    if report.resumed != "no":
        words.append(f"resumed ({report.resumed})")
    return clean(" ".join(filter(None, words)))


def _dark_first(group: Group) -> tuple[bool, bool, int, int]:
    meaning = MEANINGS[group.first.verdict]
    decrypted = group.first.verdict is Verdict.DECRYPTED
    return meaning.clear, decrypted, -group.total, group.first.session
