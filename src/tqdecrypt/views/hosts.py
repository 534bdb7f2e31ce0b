"""The table of hosts: which addresses there were, and what each did."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.insight.hosts import Host, Hosts
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import count

__all__ = ["HostsTable"]

MOST_ROWS = 25
"""About a screen; whoever wants all has JSON lines."""

_COLUMNS = (
    Column("Host", least=9, most=40),
    Column("Trunk", least=0, yields=2),
    Column("TLS server", right=True),
    Column("TLS client", right=True),
    Column("SIP sent", right=True),
    Column("SIP received", right=True),
    Column("Transports", least=0, yields=1),
)


class HostsTable:
    """Busiest hosts first.

    :param name_of: returns the trunk of an address, if it has one.
    """

    def __init__(
        self, hosts: Hosts, name_of: Callable[[str], str | None] = lambda host: None
    ) -> None:
        self._all = hosts.busiest()
        self._names = [name_of(address) or "" for address, _ in self._all[:MOST_ROWS]]

    def __bool__(self) -> bool:
        return bool(self._all)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading()
        yield from draw(_COLUMNS, self._rows(), options.max_width)

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        return element("section", table(_COLUMNS, self._rows(), self._heading()), class_="tq hosts")

    def _heading(self) -> Text:
        heading = Text(count(len(self._all), "host"), theme.HEADING)
        left = len(self._all) - MOST_ROWS
        busiest = f"; the {MOST_ROWS} busiest are listed" if left > 0 else ""
        return heading.append(f"  TLS sessions and SIP messages of each{busiest}", theme.DIM)

    def _rows(self) -> list[Row]:
        return [
            _row(address, name, host)
            for (address, host), name in zip(self._all, self._names, strict=False)
        ]


def _row(address: str, trunk: str, host: Host) -> Row:
    numbers = (host.as_server, host.as_client, host.sent, host.received)
    return Row(
        [
            theme.said(address),
            theme.said(trunk),
            *(Text(f"{number:,}" if number else "") for number in numbers),
            theme.said(", ".join(sorted(host.transports)), theme.DIM),
        ]
    )
