"""The audit of decryptability: trunks and peers, servers, what differs, what changed, what to reconnect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.insight.audit.baseline import Weight
from tqdecrypt.insight.audit.relation import PROPERTIES
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import Audited, Peer, Server
    from tqdecrypt.insight.audit.baseline import Change
    from tqdecrypt.insight.audit.reconnect import Reconnect
    from tqdecrypt.insight.audit.relation import Properties
    from tqdecrypt.insight.audit.shares import Decryptability
    from tqdecrypt.insight.audit.tally import Tally
    from tqdecrypt.insight.audit.uniformity import Difference
    from tqdecrypt.keys import CertificateFacts

__all__ = [
    "AuditHeading",
    "AuditTable",
    "certificates_table",
    "changes_table",
    "differences_table",
    "failures_table",
    "peers_table",
    "reconnects_table",
    "servers_table",
]

MOST_ROWS = 200
"""Rows of a table; --json has all."""
MOST_VALUES = 4
"""Values that one row of differences tells apart."""
SECOND = 1_000_000_000


class AuditTable:
    """A table of the audit: a heading, and a row a thing.

    :param heading: the line above.
    """

    def __init__(
        self, name: str, columns: Sequence[Column], heading: Text, rows: Iterable[Row]
    ) -> None:
        self._name = name
        self._columns = columns
        self._heading = heading
        every = list(rows)
        self._rows = every[:MOST_ROWS]
        self._left = len(every) - len(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading
        if self._rows:
            yield from draw(self._columns, self._rows, options.max_width)
        if self._left:
            yield Text(f"and {count(self._left, 'more row')}; --json has all.", theme.NOTICE)

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        more = None
        if self._left:
            more = element("p", f"and {count(self._left, 'more row')}.", class_="notice")
        whole = table(self._columns, self._rows, self._heading)
        return element("section", whole, more, class_=f"tq audit {self._name}")


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
                f"({_percent(total.session_share)}), {_percent(total.byte_share)} of the bytes."
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
        return element(
            "section",
            element("h2", "Decryptability"),
            *(element("p", sentence) for sentence in self.sentences()),
            class_="tq audit heading",
        )


_SHARES = (
    Column("Sessions", right=True),
    Column("Clear", right=True),
    Column("Bytes", right=True, least=0, yields=7),
)


def peers_table(audited: Audited) -> AuditTable:
    """Return the table of trunks and peers: what can be decrypted with whom, and whose key counts."""
    columns = (
        Column("Peer", least=15, most=36, yields=4),
        Column("We are TLS", least=6),
        *_SHARES,
        Column("Calls in/out", right=True, least=0, yields=8),
        Column("Agreed", least=16, yields=3),
        Column("Mutual", least=0, yields=6),
        Column("Why dark", least=16, yields=2),
    )
    heading = Text(count(len(audited.peers), "peer"), theme.HEADING)
    heading.append("  it is the TLS server's key that counts", theme.DIM)
    return AuditTable("peers", columns, heading, map(_peer, audited.peers))


def _peer(peer: Peer) -> Row:
    shares, properties = peer.decryptability, peer.properties
    cells = [
        theme.said(peer.name),
        Text(peer.role.value),
        *_share_cells(shares),
        Text(_calls(peer)),
        theme.said(_agreed(properties), theme.DIM),
        Text(_yes_share(properties.mutual_tls)),
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
    return Row(cells, theme.said("; ".join(filter(None, remarks)), theme.DIM) if remarks else None)


def servers_table(audited: Audited, now: int) -> AuditTable:
    """Return the table of TLS servers, with their certificates.

    :param now: the moment for which expiry is reckoned, ns: the end of the capture.
    """
    columns = (
        Column("Server", least=12, most=47, yields=2),
        Column("Ours", least=0, yields=8),
        Column("Certificate", least=12, most=40, yields=3),
        Column("Key", least=0, yields=5),
        Column("Issuer", least=0, most=40, yields=9),
        Column("Expires", least=10),
        Column("Key given", least=0, yields=4),
        Column("Asks client", least=0, yields=6),
        Column("Clients", right=True, least=0, yields=7),
        *_SHARES,
    )
    heading = Text(count(len(audited.servers), "TLS server"), theme.HEADING)
    rows = (row for server in audited.servers for row in _server(server, now))
    return AuditTable("servers", columns, heading, rows)


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
                theme.said(_certificate_name(facts)),
                theme.said("" if facts is None else facts.key),
                theme.said("" if facts is None else facts.issuer),
                _expiry(facts, now),
                theme.said(given.values[0] if given and first else "" if given else "no"),
                Text(_yes_share(server.properties.client_certificate_requested) if first else ""),
                Text(f"{server.clients:,}" if first else ""),
                *(_share_cells(server.decryptability) if first else (Text(), Text(), Text())),
            ]
        )
        first = False


def certificates_table(audited: Audited, now: int) -> AuditTable:
    """Return the table of all certificates, the one that ends first on top.

    :param now: the moment for which expiry is reckoned, ns.
    """
    columns = (
        Column("Certificate", least=12, most=40, yields=2),
        Column("Shown by", least=10, most=40, yields=3),
        Column("As", least=6),
        Column("Key", least=0, yields=5),
        Column("Issuer", least=0, most=60, yields=6),
        Column("Expires", least=10),
        Column("SHA-256", least=0, most=17, yields=7),
    )
    shown: dict[tuple[str, str], dict[str, None]] = {}
    for peer in audited.peers:
        for relation in peer.relations:
            for fingerprint in relation.properties.server_certificates:
                shown.setdefault((fingerprint, "server"), {})[relation.server] = None
            for fingerprint in relation.properties.client_certificates:
                shown.setdefault((fingerprint, "client"), {})[relation.client] = None
    found = [
        (audited.certificates[fingerprint], role, list(hosts))
        for (fingerprint, role), hosts in shown.items()
        if fingerprint in audited.certificates
    ]
    found.sort(key=lambda one: one[0].not_after.timestamp() if one[0].not_after else 0)
    rows = (
        Row(
            [
                theme.said(_certificate_name(facts)),
                theme.said(hosts[0] + (f" +{len(hosts) - 1}" if len(hosts) > 1 else "")),
                Text(role),
                theme.said(facts.key),
                theme.said("self-signed" if facts.self_signed else facts.issuer),
                _expiry(facts, now),
                Text(f"{facts.fingerprint_sha256[:16]}…", theme.DIM),
            ]
        )
        for facts, role, hosts in found
    )
    heading = Text(count(len(found), "certificate"), theme.HEADING)
    return AuditTable("certificates", columns, heading, rows)


def failures_table(audited: Audited) -> AuditTable:
    """Return the table of failed handshakes by peer and cause; the alert names its sender."""
    columns = (
        Column("Peer", least=12, most=36, yields=3),
        Column("Handshakes", right=True),
        Column("Failed", right=True),
        Column("Cause", least=20, yields=2),
    )
    rows = []
    for peer in audited.peers:
        alerts = peer.properties.alerts
        for cause in alerts:
            cells = [
                theme.said(peer.name),
                Text(f"{peer.decryptability.sessions:,}"),
                Text(f"{alerts[cause]:,}"),
                theme.said(cause, theme.FAILURE),
            ]
            rows.append(Row(cells))
    failed = audited.total.failed_sessions
    heading = Text(count(failed, "failed handshake"), theme.HEADING)
    return AuditTable("failures", columns, heading, rows)


def differences_table(differences: Sequence[Difference]) -> AuditTable:
    """Return the table of what one peer does otherwise than the rest of its trunk, or than itself."""
    columns = (
        Column("Peer", least=10, most=36, yields=3),
        Column("Client to server", least=12, yields=2),
        Column("What", least=10, yields=4),
        Column("Here", least=16, yields=6),
        Column("Usually", least=16, yields=7),
        Column("Sessions", right=True),
    )
    heading = Text(count(len(differences), "difference"), theme.HEADING)
    heading.append("  within a trunk, or from one session of a peer to the next", theme.DIM)
    alike: dict[tuple[object, ...], list[Difference]] = {}
    for one in differences:
        key = (one.peer, one.client, one.server, one.property, one.mixed)
        alike.setdefault(key, []).append(one)
    return AuditTable("differences", columns, heading, map(_difference, alike.values()))


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


def changes_table(changes: Sequence[Change]) -> AuditTable:
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
    return AuditTable("changes", columns, heading, rows)


def reconnects_table(reconnects: Sequence[Reconnect]) -> AuditTable:
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
    return AuditTable("reconnects", columns, heading, map(_reconnect, reconnects))


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
    lasts = "" if one.usual_lifetime is None else _span(one.usual_lifetime)
    return Row(
        [
            Text(str(connection.session)),
            theme.said(f"{connection.client} > {connection.server}"),
            Text(_span(connection.age)),
            Text(lasts),
            next_one,
            Text("; ".join(costs) or "nothing that was seen"),
        ]
    )


# Cells.


def _share_cells(shares: Decryptability) -> tuple[Text, Text, Text]:
    return (
        Text(f"{shares.sessions:,}"),
        Text(_percent(shares.session_share), _tone(shares.session_share)),
        Text(_percent(shares.byte_share), _tone(shares.byte_share)),
    )


def _percent(share: float | None) -> str:
    """Return a share in whole per cent; neither none nor all unless it is."""
    if share is None:
        return ""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def _tone(share: float | None) -> str:
    if share is None:
        return ""
    return theme.SUCCESS if share == 1 else theme.NOTICE if share >= 0.5 else theme.FAILURE


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
    suites = [_short(suite) for suite in properties.suites.values]
    more = f" +{len(suites) - 1}" if len(suites) > 1 else ""
    return f"{versions} {suites[0]}{more}" if suites else versions


def _short(suite: str) -> str:
    return suite.removeprefix("TLS_").replace("_WITH_", " ")


def _offers(properties: Properties) -> str:
    offers = properties.offers_of_rsa
    if not offers:
        return ""
    if not offers["no"]:
        return "its clients offer RSA key exchange: the server's cipher list decides"
    if not offers["yes"]:
        return "its clients offer no RSA key exchange: their lists have to change first"
    return f"{offers['yes']:,} of {offers.total:,} hellos offer RSA key exchange"


def _yes_share(tally: Tally) -> str:
    if not tally:
        return ""
    yes, no = tally["yes"], tally["no"]
    if not yes and not no:
        return "not known"
    if not no:
        return "yes"
    return "no" if not yes else f"{yes:,} of {yes + no:,}"


def _certificate_name(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "not seen"
    return ", ".join(facts.names[:2]) or facts.subject or facts.fingerprint_sha256[:16]


def _expiry(facts: CertificateFacts | None, now: int) -> Text:
    if facts is None or facts.not_after is None:
        return Text("")
    left = int(facts.not_after.timestamp()) - now // SECOND
    text = f"{facts.not_after:%Y-%m-%d}"
    if left < 0:
        return Text(f"{text} expired", theme.FAILURE)
    days = left // 86_400
    return Text(f"{text} in {days:,} d", theme.NOTICE if days < 30 else "")


def _value(value: str) -> str:
    """Return a property as a cell: suites short, fingerprints cut."""
    if len(value) == 64 and not value.strip("0123456789abcdef"):
        return f"{value[:16]}…"
    suites = value.split(" ")
    if all(suite.startswith("TLS_") for suite in suites):
        return (
            f"{len(suites)}: {' '.join(map(_short, suites))}" if len(suites) > 1 else _short(value)
        )
    return value


def _span(nanoseconds: int) -> str:
    seconds = nanoseconds // SECOND
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} d"
