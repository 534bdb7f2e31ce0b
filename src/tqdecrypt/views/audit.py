"""The audit of decryptability: trunks and peers, servers, what differs, what changed, what to reconnect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tqdecrypt.insight.audit.baseline import Weight
from tqdecrypt.insight.audit.relation import PROPERTIES
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views import theme
from tqdecrypt.views.audit_table import (
    MOST_ROWS,
    SHARES,
    AuditTable,
    certificate_name,
    expiry,
    percent,
    share_cells,
    short_suite,
    span,
    yes_share,
)
from tqdecrypt.views.grid import Column, Row
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.words import count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import Audited, Peer, Server
    from tqdecrypt.insight.audit.advice import Advice
    from tqdecrypt.insight.audit.baseline import Change
    from tqdecrypt.insight.audit.reconnect import Reconnect
    from tqdecrypt.insight.audit.relation import Properties
    from tqdecrypt.insight.audit.shares import Decryptability
    from tqdecrypt.insight.audit.uniformity import Difference
    from tqdecrypt.keys import CertificateFacts

__all__ = [
    "AdviceList",
    "AuditHeading",
    "changes_table",
    "differences_table",
    "peers_table",
    "properties_table",
    "reconnects_table",
    "servers_table",
]

MOST_VALUES = 4
"""Values that one row tells apart."""
MOST_ADVISED = 25
"""Peers, the darkest first, of which it is written out what would help."""


class AuditHeading:
    """What the whole comes to, in sentences."""

    def __init__(self, audited: Audited) -> None:
        self._audited = audited

    def sentences(self) -> list[str]:
        """Return them."""
        total = self._audited.total
        with_data = total.clear_sessions + total.dark_sessions
        if not total.sessions:
            return ["There is no TLS session in this capture."]
        found = []
        if with_data:
            found.append(
                f"{total.clear_sessions:,} of {count(with_data, 'session')} with data can be decrypted "
                f"({percent(total.session_share)}), {percent(total.byte_share)} of the bytes."
            )
        if total.calls or total.dark_calls:
            inferred = (
                f"; {total.dark_calls:,} more are inferred in the dark" if total.dark_calls else ""
            )
            found.append(f"{count(total.calls, 'call leg')} went over TLS in clear{inferred}.")
        if total.failed_sessions:
            found.append(f"{count(total.failed_sessions, 'handshake')} failed.")
        if total.empty_sessions:
            found.append(f"{count(total.empty_sessions, 'session')} had nothing to decrypt.")
        for cause in total.causes:
            title = MEANINGS[Verdict(cause)].title
            found.append(f"Dark: {count(total.causes[cause], 'session')}, {title} ({cause}).")
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        audited = self._audited
        heading = Text("Decryptability", theme.HEADING)
        if audited.first:
            begin, end = time_of_day(audited.first, 0), time_of_day(audited.last, 0)
            heading.append(f"  {date_of(audited.first)} {begin} to {end} UTC", theme.DIM)
        yield heading
        for sentence in self.sentences():
            yield Text(f"  {sentence}")

    def html(self) -> Markup:
        """Return the sentences as a fragment of a page."""
        paragraphs = (element("p", sentence) for sentence in self.sentences())
        return element("section", *paragraphs, class_="tq audit shares")


def peers_table(audited: Audited, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of trunks and peers: what can be decrypted with whom, and whose key counts."""
    columns = (
        Column("Peer", least=15, most=36, yields=4),
        Column("We are TLS", least=6),
        *SHARES,
        Column("Calls in/out", right=True, least=0, yields=8),
        Column("Agreed", least=16, yields=3),
        Column("Why dark", least=16, yields=2),
    )
    heading = Text(count(len(audited.peers), "peer"), theme.HEADING)
    heading.append("  it is the TLS server's key that counts", theme.DIM)
    return AuditTable("peers", columns, heading, map(_peer, audited.peers), most)


def _peer(peer: Peer) -> Row:
    shares, properties = peer.decryptability, peer.properties
    cells = [
        theme.said(peer.name),
        Text(peer.role.value),
        *share_cells(shares),
        Text(_calls(peer)),
        theme.said(_agreed(properties), theme.DIM),
        _causes(shares),
    ]
    remarks = []
    if len(peer.hosts) > 1:
        remarks.append(count(len(peer.hosts), "host"))
    if peer.labels:
        remarks.append(", ".join(peer.labels[:3]))
    if shares.dark_sessions:
        remarks.append(_offers(properties))
    if properties.keys_given:
        remarks.append(f"server's key given: {properties.keys_given.values[0]}")
    elif properties.server_certificates:
        remarks.append("no key given belongs to the server's certificate")
    remark = "; ".join(filter(None, remarks))
    return Row(cells, theme.said(remark, theme.DIM) if remark else None)


def properties_table(audited: Audited, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of what was offered, agreed on and asked for with each peer."""
    columns = (
        Column("Peer", least=15, most=36, yields=2),
        Column("Versions", least=0, yields=6),
        Column("Offers RSA", least=0, yields=5),
        Column("Client certificate asked for", least=0, yields=7),
        Column("given", least=0, yields=8),
        Column("EMS", least=0, yields=9),
        Column("EtM", least=0, yields=10),
        Column("Resumed", right=True, least=0, yields=3),
        Column("Name asked for", least=0, most=40, yields=11),
    )
    heading = Text("What was asked for and agreed on", theme.HEADING)
    heading.append("  EMS: extended master secret, EtM: encrypt-then-MAC", theme.DIM)
    return AuditTable("properties", columns, heading, map(_properties, audited.peers), most)


def _properties(peer: Peer) -> Row:
    properties = peer.properties
    resumed = properties.resumed
    names = [name for name in properties.names_asked if name != "(none)"]
    suites = ", ".join(
        f"{short_suite(suite)} ({properties.suites[suite]:,})"
        for suite in properties.suites.values[:MOST_VALUES]
    )
    left = len(properties.suites) - MOST_VALUES
    return Row(
        [
            theme.said(peer.name),
            Text(", ".join(properties.versions)),
            Text(yes_share(properties.offers_of_rsa)),
            Text(yes_share(properties.client_certificate_requested)),
            Text(yes_share(properties.mutual_tls)),
            Text(yes_share(properties.extended_master_secret)),
            Text(yes_share(properties.encrypt_then_mac)),
            Text(f"{resumed.total - resumed['no']:,} of {resumed.total:,}" if resumed else ""),
            theme.said(", ".join(names[:2])),
        ],
        theme.said(suites + (f" and {left:,} more" if left > 0 else ""), theme.DIM)
        if suites
        else None,
    )


def servers_table(audited: Audited, now: int, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of TLS servers, with their certificates.

    :param now: the moment for which expiry is reckoned, ns: the end of the capture.
    """
    columns = (
        Column("Server", least=12, most=47, yields=2),
        Column("Ours", least=0, yields=8),
        Column("Certificate", least=12, most=40, yields=3),
        Column("Key", least=0, yields=2, whole=True),
        Column("Expires", least=10, whole=True),
        Column("Key given", least=9, yields=5),
        Column("Asks client", least=0, yields=6),
        Column("Clients", right=True, least=0, yields=7),
        *SHARES,
    )
    heading = Text(count(len(audited.servers), "TLS server"), theme.HEADING)
    rows = (row for server in audited.servers for row in _server(server, now))
    return AuditTable("servers", columns, heading, rows, most)


def _server(server: Server, now: int) -> Iterator[Row]:
    """Yield a row a certificate."""
    first = True
    certificates: list[CertificateFacts | None] = [*server.certificates.values()]
    for facts in certificates or [None]:
        given = server.properties.keys_given
        yield Row(
            [
                theme.said(server.endpoint if first else ""),
                Text("yes" if server.ours and first else ""),
                theme.said(certificate_name(facts)),
                theme.said("" if facts is None else facts.key),
                expiry(facts, now),
                theme.said(given.values[0] if given and first else "" if given else "no"),
                Text(yes_share(server.properties.client_certificate_requested) if first else ""),
                Text(f"{server.clients:,}" if first else ""),
                *(share_cells(server.decryptability) if first else (Text(), Text(), Text())),
            ]
        )
        first = False


def differences_table(differences: Sequence[Difference], most: int = MOST_ROWS) -> AuditTable:
    """Return the table of what one peer does otherwise than the rest of its trunk, or than itself."""
    columns = (
        Column("Peer", least=10, most=36, yields=3),
        Column("Client to server", least=12, yields=2),
        Column("What", least=10, yields=4),
        Column("Here", least=16, yields=6),
        Column("Usually", least=16, yields=7),
        Column("Sessions", right=True),
    )
    alike: dict[tuple[object, ...], list[Difference]] = {}
    for one in differences:
        key = (one.peer, one.client, one.server, one.property, one.mixed)
        alike.setdefault(key, []).append(one)
    heading = Text(count(len(alike), "difference"), theme.HEADING)
    heading.append("  within a trunk, or from one session of a peer to the next", theme.DIM)
    return AuditTable("differences", columns, heading, map(_difference, alike.values()), most)


def _difference(alike: Sequence[Difference]) -> Row:
    """Return the row of what one host does otherwise in one respect."""
    first = alike[0]
    values = [_value(one.value) for one in alike[:MOST_VALUES]]
    if len(alike) > MOST_VALUES:
        values.append(f"{len(alike) - MOST_VALUES} more")
    return Row(
        [
            theme.said(first.peer),
            theme.said(f"{first.client} > {first.server}", theme.DIM),
            Text(PROPERTIES[first.property]),
            theme.said("; ".join(values), theme.NOTICE),
            theme.said(_value(first.usual)),
            Text(f"{sum(one.sessions for one in alike):,}"),
        ]
    )


def changes_table(changes: Sequence[Change], most: int = MOST_ROWS) -> AuditTable:
    """Return the table of what has changed since the baseline."""
    columns = (
        Column("Peer", least=10, most=36, yields=3),
        Column("What", least=12, yields=2),
        Column("Before", least=10, yields=4),
        Column("Now", least=10, yields=1),
    )
    heading = Text(count(len(changes), "change"), theme.HEADING)
    heading.append("  since the baseline", theme.DIM)
    rows = (
        Row(
            [
                theme.said(one.peer),
                Text(one.what, theme.FAILURE if one.weight is Weight.ALARM else theme.NOTICE),
                theme.said(one.before),
                theme.said(one.now),
            ]
        )
        for one in changes
    )
    return AuditTable("changes", columns, heading, rows, most)


def reconnects_table(reconnects: Sequence[Reconnect], most: int = MOST_ROWS) -> AuditTable:
    """Return the reconnect planner's table, the oldest connection first."""
    columns = (
        Column("Session", right=True),
        Column("Client to server", least=20, yields=2),
        Column("Old at least", right=True),
        Column("Usually lasts", right=True, least=0, yields=5),
        Column("Next one", least=12, yields=3),
        Column("Ending it costs", least=12, yields=4),
    )
    heading = Text(count(len(reconnects), "connection"), theme.HEADING)
    heading.append("  dark until opened again: the handshake was not captured", theme.DIM)
    return AuditTable("reconnects", columns, heading, map(_reconnect, reconnects), most)


def _reconnect(one: Reconnect) -> Row:
    connection = one.connection
    if one.helps is None:
        next_one = Text("not known: no handshake of theirs was seen", theme.DIM)
    elif one.helps:
        next_one = Text(f"clear, as {one.clear} of {one.seen}", theme.SUCCESS)
    else:
        next_one = Text(f"dark, as {one.seen - one.clear} of {one.seen}", theme.FAILURE)
    costs = []
    if connection.calls_open:
        costs.append(count(connection.calls_open, "call") + " going on (inferred)")
    if connection.registrations:
        costs.append(count(connection.registrations, "registration") + " to be made again")
    lasts = "" if one.usual_lifetime is None else span(one.usual_lifetime)
    return Row(
        [
            Text(str(connection.session)),
            theme.said(f"{connection.client} > {connection.server}"),
            Text(span(connection.age)),
            Text(lasts),
            next_one,
            Text("; ".join(costs) or "nothing that was seen"),
        ]
    )


class AdviceList:
    """What would make each dark peer readable."""

    def __init__(self, advice: Sequence[Advice]) -> None:
        self._advice = advice[:MOST_ADVISED]
        self._left = len(advice) - len(self._advice)

    def __bool__(self) -> bool:
        return bool(self._advice)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        yield Text("What would make dark peers readable", theme.HEADING)
        for one in self._advice:
            line = theme.said(one.peer)
            yield line.append(f"  {_dark(one)}", theme.DIM)
            for sentence in one.sentences:
                grid = Table.grid(padding=(0, 1, 0, 0))
                grid.add_row(Text(f"  {marks.to}"), theme.said(sentence))
                yield Padding(grid, 0)
        if self._left:
            yield Text(f"and {count(self._left, 'more peer')}; --json has all.", theme.NOTICE)

    def html(self) -> Markup:
        """Return the sentences as a fragment of a page."""
        items = (
            joined(
                [
                    element("h3", one.peer, element("span", f"  {_dark(one)}", class_="dim")),
                    element("ul", *(element("li", sentence) for sentence in one.sentences)),
                ]
            )
            for one in self._advice
        )
        more = f"and {count(self._left, 'more peer')}; audit --json has all."
        return element(
            "section",
            element("h2", "What would make dark peers readable"),
            *items,
            element("p", more, class_="notice") if self._left else None,
            class_="tq audit advice",
        )


def _dark(advice: Advice) -> str:
    return count(advice.dark, "dark session")


# Cells.


def _causes(shares: Decryptability) -> Text:
    causes = [f"{shares.causes[cause]:,} {cause}" for cause in shares.causes]
    return Text(", ".join(causes), theme.FAILURE if causes else "")


def _calls(peer: Peer) -> str:
    """Return calls from the peer, and calls to it."""
    inbound = outbound = 0
    for relation in peer.relations:
        shares = relation.decryptability
        peer_is_client = relation.client in peer.hosts
        inbound += shares.calls_from_client if peer_is_client else shares.calls_from_server
        outbound += shares.calls_from_server if peer_is_client else shares.calls_from_client
    return f"{inbound:,}/{outbound:,}" if inbound or outbound else ""


def _agreed(properties: Properties) -> str:
    versions = ", ".join(properties.versions.values[:2])
    suites = [short_suite(suite) for suite in properties.suites.values]
    more = f" +{len(suites) - 1}" if len(suites) > 1 else ""
    return f"{versions} {suites[0]}{more}" if suites else versions


def _offers(properties: Properties) -> str:
    offers = properties.offers_of_rsa
    if not offers:
        return ""
    if not offers["no"]:
        return "its clients offer RSA key exchange: the server's cipher list decides"
    if not offers["yes"]:
        return "its clients offer no RSA key exchange: their lists have to change first"
    return f"{offers['yes']:,} of {offers.total:,} hellos offer RSA key exchange"


def _value(value: str) -> str:
    """Return a property as a cell: suites short, fingerprints cut."""
    if len(value) == 64 and not value.strip("0123456789abcdef"):
        return f"{value[:16]}…"
    suites = value.split(" ")
    if all(suite.startswith("TLS_") for suite in suites):
        return (
            f"{len(suites)}: {' '.join(map(short_suite, suites))}"
            if len(suites) > 1
            else short_suite(value)
        )
    return value
