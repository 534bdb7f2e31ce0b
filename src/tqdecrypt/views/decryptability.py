"""How much of the traffic could be read, by server and peer."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.insight.decryptability import Decryptability, Share
from tqdecrypt.tls.verdict import MEANINGS
from tqdecrypt.views import svg, theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.summary import size
from tqdecrypt.views.words import count

__all__ = ["DecryptabilityTable", "percent", "share_picture"]

MOST_ROWS = 100
"""The darkest come first; more than that is a matter for other programs."""
MOST_CAUSES = 3
WIDTH = 640
BAR = 18
LABELS = 15 * svg.CELL

_COLUMNS = (
    Column("Server", least=9, most=46, yields=1),
    Column("Peer", least=9, most=40, yields=2),
    Column("Sessions", right=True),
    Column("Dark", right=True),
    Column("Read %", right=True),
    Column("Bytes %", right=True, least=0, yields=4),
    Column("SIP", right=True, least=0, yields=5),
    Column("Not read because", least=0, yields=3),
)


class DecryptabilityTable:
    """A row a server and peer, the darkest first, and all together at the end.

    :param most: rows.
    """

    def __init__(self, decryptability: Decryptability, most: int = MOST_ROWS) -> None:
        self._all = decryptability
        rows = sorted(
            decryptability.rows.items(),
            key=lambda item: (-item[1].dark, -item[1].sessions, item[0]),
        )
        self._rows = rows[:most]
        self._left = len(rows) - len(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading()
        yield from draw(_COLUMNS, self._drawn(), options.max_width)

    def html(self) -> Markup:
        """Return picture and table as a fragment of a page."""
        return element(
            "section",
            element("figure", share_picture(self._all.total)),
            table(_COLUMNS, self._drawn(), self._heading()),
            class_="tq decryptability",
        )

    def _heading(self) -> Text:
        heading = Text("Read and dark, by server and peer", theme.HEADING)
        if self._left:
            heading.append(f"  and {count(self._left, 'more pair')} with less darkness", theme.DIM)
        return heading

    def _drawn(self) -> list[Row]:
        rows = [_row(server, peer, share) for (server, peer), share in self._rows]
        return [*rows, _row("all", "", self._all.total)] if len(rows) > 1 else rows


def percent(share: float | None) -> str:
    """Return ``97.3``; 100 and 0 only for all and nothing."""
    if share is None:
        return ""
    if share in (0, 100):
        return f"{share:.0f}"
    return f"{min(max(share, 0.1), 99.9):.1f}"


def _row(server: str, peer: str, share: Share) -> Row:
    dark = Text(f"{share.dark:,}", theme.FAILURE) if share.dark else Text("")
    return Row(
        [
            theme.said(server),
            theme.said(peer),
            Text(f"{share.sessions:,}"),
            dark,
            Text(percent(share.of_sessions)),
            Text(percent(share.of_bytes)),
            Text(f"{share.messages:,}" if share.messages else ""),
            Text(_causes(share), theme.DIM),
        ]
    )


def _causes(share: Share) -> str:
    found = [
        (verdict, number)
        for verdict, number in share.causes.most_common()
        if not MEANINGS[verdict].clear
    ]
    words = [f"{MEANINGS[verdict].title} ({number:,})" for verdict, number in found[:MOST_CAUSES]]
    left = len(found) - MOST_CAUSES
    return ", ".join(words) + (f", and {count(left, 'more cause')}" if left > 0 else "")


def share_picture(share: Share) -> Markup:
    """Return bars: how many sessions, and how many bytes, were read, stayed dark, had nothing to read."""
    bars = (
        (
            "TLS sessions",
            (
                (share.decrypted, "good", count(share.decrypted, "session") + " decrypted"),
                (share.dark, "bad", count(share.dark, "session") + " dark"),
                (
                    share.nothing,
                    "dim",
                    count(share.nothing, "session") + " with nothing to decrypt",
                ),
            ),
        ),
        (
            "their bytes",
            (
                (share.clear_bytes, "good", f"{size(share.clear_bytes)} decrypted"),
                (share.dark_bytes, "bad", f"{size(share.dark_bytes)} dark"),
                (share.missing_bytes, "dim", f"{size(share.missing_bytes)} missing in the capture"),
            ),
        ),
    )
    content: list[Markup] = []
    y = 8.0
    for label, parts in bars:
        content.append(svg.text(0, y + BAR - 5, label))
        x = LABELS
        whole = sum(amount for amount, _, _ in parts)
        for amount, tone, words in parts:
            if not amount:
                continue
            width = max(WIDTH * amount / whole, 1)
            shape = svg.bar(x, y, width, BAR, outlined=tone == "dim")
            content.append(svg.group([shape], title=words, tone=tone))
            x += width
        if not whole:
            content.append(svg.text(x, y + BAR - 5, "none", "dim"))
        said = "; ".join(words for amount, _, words in parts if amount)
        content.append(svg.text(LABELS, y + BAR + 14, said, "dim", small=True))
        y += 2 * BAR + 14
    described = "; ".join(words for _, parts in bars for amount, _, words in parts if amount)
    return svg.picture(
        LABELS + WIDTH + 4,
        y,
        content,
        title="What could be read",
        description=described or "no TLS session",
        own=False,
    )
