"""Who decrypts, stays dark or fails with another list, and the smallest change that helps."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from insight.found import report
from kit import certificates
from tqdecrypt.calls import Call
from tqdecrypt.errors import InputError
from tqdecrypt.insight.trunks import Trunks, read_trunks
from tqdecrypt.insight.what_if import (
    Edit,
    Kind,
    OfferTable,
    Outcome,
    ServerAnswer,
    WhatIf,
    Whose,
    Wish,
    answer,
    propose,
)
from tqdecrypt.insight.what_if.forecast import outcome_of
from tqdecrypt.insight.what_if.given_up import given_up, other_ways, whose_list
from tqdecrypt.insight.what_if.proposal import Demand
from tqdecrypt.keys import CertificateFacts, KeyRing
from tqdecrypt.keys.certificate import read_certificate
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport, Verdict
from tqdecrypt.tls.cipher_lists import parse_cipher_list
from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.negotiation import (
    Agreement,
    Disagreement,
    ServerKey,
    ServerSettings,
    negotiate,
)
from tqdecrypt.tls.offer import Offer

SERVER = "192.0.2.20:5061"
TLS12 = (Version.TLS12,)
BOTH = (Version.TLS13, Version.TLS12)
TLS13 = (Version.TLS13,)
ECDHE, ECDHE256, DHE = 0xC02F, 0xC030, 0x009E
RSA_GCM, RSA_GCM256, RSA_CBC, RSA_CBC256 = 0x009C, 0x009D, 0x002F, 0x0035
AES_GCM_13 = 0x1301


def offer(*suites: int, versions: tuple[int, ...] = TLS12) -> Offer:
    return Offer(
        versions,
        (*((AES_GCM_13,) if Version.TLS13 in versions else ()), *suites),
        (0x001D, 0x0017),
        (0x0804, 0x0401, 0x0403),
        lists_versions=Version.TLS13 in versions,
    )


def facts(kind: Any = 2048) -> CertificateFacts:
    return read_certificate(certificates.server(kind).certificate_der())


def session(
    number: int,
    client: str,
    offered: Offer | None,
    suite: str | None,
    version: str | None = "TLS 1.2",
    **more: Any,
) -> SessionReport:
    values: dict[str, Any] = {
        "offer": offered,
        "cipher_suite": suite,
        "version": version,
        "server_facts": None if version == "TLS 1.3" else facts(),
        "verdict": Verdict.DECRYPTED if suite and "TLS_RSA" in suite else Verdict.FORWARD_SECRECY,
    } | more
    return report(number, f"{client}:4{number:04}", values.pop("server", SERVER), **values)


def ask(sessions: Sequence[SessionReport], ciphers: str | None = None, **more: Any) -> WhatIf:
    table = OfferTable()
    for one in sessions:
        table.add(one)
    context = {name: more.pop(name) for name in ("key_of", "trunks", "product_of") if name in more}
    wish = Wish(parse_cipher_list(ciphers) if ciphers else None, **more)
    return answer(table, wish, **context)


def outcomes(server: ServerAnswer, *, after: bool = False) -> dict[str, Outcome]:
    return {one.seen.client: one.outcome for one in (server.after if after else server.forecasts)}


# A trunk of five, as they are.
MODERN = offer(ECDHE, ECDHE256, RSA_GCM, RSA_CBC, versions=BOTH)
CLASSIC = offer(ECDHE, RSA_GCM256, RSA_CBC)
PRIVATE = offer(ECDHE, ECDHE256)
NEW = offer(versions=TLS13)
OLD = Offer((Version.TLS10, Version.SSL3), (RSA_CBC,))
TRUNK = [
    session(1, "192.0.2.1", MODERN, "TLS_AES_128_GCM_SHA256", "TLS 1.3", verdict=Verdict.TLS13),
    session(2, "192.0.2.2", CLASSIC, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    session(3, "192.0.2.3", PRIVATE, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
]


def test_each_client_gets_what_the_list_gives_it() -> None:
    (server,) = ask(
        TRUNK, "AES128-GCM-SHA256:AES256-GCM-SHA384", versions=frozenset({0x0303})
    ).servers
    assert outcomes(server) == {
        "192.0.2.1": Outcome.DECRYPTS,
        "192.0.2.2": Outcome.DECRYPTS,
        "192.0.2.3": Outcome.FAILS,
    }
    by_client = {one.seen.client: one.why for one in server.forecasts}
    assert by_client["192.0.2.3"] == (
        "No shared suite in TLS 1.2: the client offers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, of which the server's list has none."
    )


def test_it_says_why_a_client_stays_dark() -> None:
    (server,) = ask([*TRUNK, session(4, "192.0.2.4", OLD, None, None)], "ALL").servers
    by_client = {one.seen.client: one.why for one in server.forecasts}
    assert (
        "no private key opens TLS 1.3; the client offers TLS_RSA_WITH_AES_128_GCM_SHA256"
        in (by_client["192.0.2.1"])
    )
    assert "the server's order puts something else first" in by_client["192.0.2.2"]
    assert "the client offers no suite with RSA key exchange" in by_client["192.0.2.3"]
    assert by_client["192.0.2.4"].startswith(
        "No shared protocol version: the client offers TLS 1.0 at most, the server takes TLS 1.2"
    )


def test_the_server_shows_its_versions_by_what_it_chose() -> None:
    (server,) = ask(TRUNK, "AES128-SHA").servers
    assert server.settings.versions == {Version.TLS12, Version.TLS13}
    (alone,) = ask(TRUNK[1:], "AES128-SHA").servers
    assert alone.settings.versions == {Version.TLS12}
    assert "Versions as the server shows them: TLS 1.2." in alone.assumptions


def test_a_server_that_refused_an_old_version_does_not_have_it() -> None:
    refused = session(
        5,
        "192.0.2.4",
        OLD,
        None,
        None,
        verdict=Verdict.HANDSHAKE_FAILED,
        alert="protocol_version (fatal) from the server, frame 3",
    )
    old = replace(OLD, versions=(Version.SSL3,))
    chosen = session(6, "192.0.2.5", old, "TLS_RSA_WITH_AES_128_CBC_SHA", "SSL 3.0")
    (server,) = ask([*TRUNK, chosen], "ALL").servers
    assert Version.TLS10 in server.settings.versions
    (server,) = ask([*TRUNK, chosen, refused], "ALL").servers
    assert Version.TLS10 not in server.settings.versions
    assert Version.SSL3 in server.settings.versions


def test_without_a_list_the_least_that_the_server_must_have_counts() -> None:
    sessions = [
        session(1, "192.0.2.1", offer(RSA_CBC, ECDHE), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        session(2, "192.0.2.2", offer(RSA_CBC, RSA_GCM), "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        session(3, "192.0.2.3", offer(RSA_CBC), "TLS_RSA_WITH_AES_128_CBC_SHA"),
    ]
    (server,) = ask(sessions, versions=frozenset({Version.TLS12})).servers
    assert server.settings.suites in ((ECDHE, RSA_GCM, RSA_CBC), (RSA_GCM, ECDHE, RSA_CBC))
    assert any("No list was given" in sentence for sentence in server.assumptions)
    for one in server.forecasts:  # and it explains what was seen
        assert not isinstance(one.result, Disagreement)
        assert (VERSION_NAMES[one.result.version], one.result.suite.name) == one.seen.today


def test_the_other_order_is_said_where_it_matters() -> None:
    (server,) = ask(TRUNK, "AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256").servers
    by_client = {one.seen.client: one for one in server.forecasts}
    assert by_client["192.0.2.2"].outcome is Outcome.DECRYPTS
    assert by_client["192.0.2.2"].otherwise is Outcome.DARK
    assert by_client["192.0.2.3"].otherwise is None
    assert any("the client's order, 1 of 3 come out otherwise" in s for s in server.assumptions)


def test_whose_list_it_is_depends_on_the_key_the_box_and_the_trunk(tmp_path: Path) -> None:
    file = tmp_path / "trunks.toml"
    file.write_text(
        '[trunk.acme]\naddresses = ["198.51.100.0/24"]\n[box.sbc]\naddresses = ["192.0.2.20"]\n'
    )
    trunks: Trunks = read_trunks(str(file))
    theirs = [
        session(
            1, "192.0.2.20", CLASSIC, "TLS_RSA_WITH_AES_128_CBC_SHA", server="198.51.100.7:5061"
        )
    ]
    (server,) = ask(theirs, "AES128-SHA", trunks=trunks).servers
    assert server.whose is Whose.PEER
    assert "your box is the TLS client" in whose_list(server)
    assert [one.trunk for one in server.forecasts] == ["acme"]
    ours = [session(1, "198.51.100.7", CLASSIC, "TLS_RSA_WITH_AES_128_CBC_SHA")]
    (server,) = ask(ours, "AES128-SHA", trunks=trunks).servers
    assert server.whose is Whose.OURS
    assert [one.trunk for one in server.forecasts] == ["acme"]
    (server,) = ask(
        theirs, "AES128-SHA", trunks=trunks, key_of=lambda spki: "RSA key a.key"
    ).servers
    assert server.whose is Whose.OURS
    assert server.forecasts[0].why.endswith("opened by RSA key a.key.")
    (server,) = ask(ours, "AES128-SHA").servers
    assert server.whose is Whose.UNKNOWN
    assert "which was not given" in server.forecasts[0].why


def test_only_the_server_that_was_named_is_reckoned() -> None:
    other = session(
        9, "192.0.2.9", CLASSIC, "TLS_RSA_WITH_AES_128_CBC_SHA", server="[2001:db8::1]:5061"
    )
    for name in ("[2001:db8::1]:5061", "[2001:db8::1]", "2001:db8::1"):
        found = ask([*TRUNK, other], "AES128-SHA", servers=(name,))
        assert [one.server.endpoint for one in found.servers] == ["[2001:db8::1]:5061"]
        assert found.servers[0].whose is Whose.OURS


def test_sessions_alike_are_one_row_and_the_rest_is_counted() -> None:
    sessions = [session(n, "192.0.2.2", CLASSIC, "TLS_RSA_WITH_AES_128_CBC_SHA") for n in range(5)]
    sessions.append(
        session(7, "192.0.2.2", None, None, None, verdict=Verdict.HANDSHAKE_NOT_CAPTURED)
    )
    datagram = Offer((Version.DTLS12, Version.DTLS10), (RSA_CBC,))
    sessions.append(session(8, "192.0.2.2", datagram, "TLS_RSA_WITH_AES_128_CBC_SHA", "DTLS 1.2"))
    found = ask(sessions, "AES128-SHA")
    (server,) = found.servers
    assert [one.seen.sessions for one in server.forecasts] == [5]
    assert server.server.without_offer == 1
    assert any("1 sessions began before the capture" in s for s in server.assumptions)
    assert found.counters == {"dtls_sessions_not_reckoned": 1}


def test_what_is_beyond_the_bounds_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from tqdecrypt.insight.what_if import offers

    monkeypatch.setattr(offers, "MOST_ROWS", 2)
    monkeypatch.setattr(offers, "MOST_SERVERS", 1)
    other = session(
        9, "192.0.2.9", CLASSIC, "TLS_RSA_WITH_AES_128_CBC_SHA", server="192.0.2.21:5061"
    )
    found = ask([*TRUNK, other], "AES128-SHA")
    assert found.counters == {"sessions_of_further_offers": 1, "sessions_of_further_servers": 1}


def test_an_ecdsa_certificate_makes_it_impossible() -> None:
    sessions = [
        session(
            2,
            "192.0.2.2",
            CLASSIC,
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            server_facts=facts("ec"),
        )
    ]
    (server,) = ask(sessions, "AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256", propose=True).servers
    assert outcomes(server) == {"192.0.2.2": Outcome.FAILS}
    assert "ECDSA certificate" in server.forecasts[0].why
    assert server.proposal is not None
    assert not server.proposal.gained
    (way,) = other_ways(server)
    assert way.startswith(
        "The server's certificate has no RSA key: get it an RSA certificate first"
    )
    assert "--keylog" in way


def test_a_certificate_without_key_encipherment_is_warned_of() -> None:
    without = replace(facts(), key_encipherment=False, not_after=datetime(2030, 1, 1, tzinfo=UTC))
    (server,) = ask([replace(TRUNK[1], server_facts=without)], "AES128-SHA").servers
    assert any("no key usage keyEncipherment" in sentence for sentence in server.assumptions)


# The proposal.


def test_the_smallest_change_moves_one_suite_and_turns_tls13_off() -> None:
    (server,) = ask(
        TRUNK, "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-SHA", propose=True
    ).servers
    proposal = server.proposal
    assert proposal is not None
    assert proposal.edits == (Edit(Kind.TLS13_OFF), Edit(Kind.MOVE_FIRST, RSA_CBC))
    assert proposal.smallest
    assert outcomes(server, after=True) == {
        "192.0.2.1": Outcome.DECRYPTS,
        "192.0.2.2": Outcome.DECRYPTS,
        "192.0.2.3": Outcome.DARK,
    }
    (lost, tls13) = given_up(server)
    assert lost.startswith("Forward secrecy ends for 2 of 3")
    assert "RFC 9325 section 4.1" in lost
    assert "RFC 9846" in tls13
    (way,) = other_ways(server)
    assert way.startswith("192.0.2.3: no suite with RSA key exchange")
    assert "to have TLS_RSA_WITH_AES_128_CBC_SHA" in way


def test_nobody_is_cut_off_by_turning_tls13_off() -> None:
    """One client has nothing else: it keeps TLS 1.3 on for the others, too."""
    only13 = session(
        4, "192.0.2.4", NEW, "TLS_AES_128_GCM_SHA256", "TLS 1.3", verdict=Verdict.TLS13
    )
    (server,) = ask(
        [*TRUNK, only13], "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", propose=True
    ).servers
    proposal = server.proposal
    assert proposal is not None
    assert proposal.settings.tls13
    assert proposal.need_tls13 == {NEW}
    assert proposal.kept_dark_by_tls13 == {MODERN}
    assert outcomes(server, after=True) == {
        "192.0.2.1": Outcome.DARK,
        "192.0.2.2": Outcome.DECRYPTS,
        "192.0.2.3": Outcome.DARK,
        "192.0.2.4": Outcome.DARK,
    }
    assert any(
        "Give 192.0.2.4 an address, a port or a TLS profile" in s for s in other_ways(server)
    )


def test_what_a_client_needs_is_listed_again_when_the_asked_list_cuts_it_off() -> None:
    (server,) = ask(TRUNK[1:], "AES256-GCM-SHA384", propose=True).servers
    assert outcomes(server)["192.0.2.3"] is Outcome.FAILS
    proposal = server.proposal
    assert proposal is not None
    (edit,) = proposal.edits
    assert edit.kind is Kind.ADD_LAST
    assert edit.suite in PRIVATE.suites
    assert outcomes(server, after=True) == {
        "192.0.2.2": Outcome.DECRYPTS,
        "192.0.2.3": Outcome.DARK,
    }


def test_only_the_wanted_trunk_is_made_decryptable(tmp_path: Path) -> None:
    file = tmp_path / "trunks.toml"
    file.write_text('[trunk.acme]\naddresses = ["192.0.2.2"]\n')
    table = OfferTable()
    for one in TRUNK:
        table.add(one)
    wish = Wish(
        parse_cipher_list("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
        trunks=frozenset({"acme"}),
        propose=True,
    )
    (server,) = answer(table, wish, trunks=read_trunks(str(file))).servers
    assert server.proposal is not None
    assert server.proposal.edits == (Edit(Kind.MOVE_FIRST, RSA_CBC),)
    assert server.proposal.settings.tls13


def test_where_the_client_s_order_counts_suites_have_to_go() -> None:
    base = ServerSettings((ECDHE, ECDHE256, RSA_CBC), server_order=False)
    found = propose(base, [Demand(CLASSIC), Demand(PRIVATE)])
    # The server's order, and another place for RSA_CBC in it, would be two changes.
    assert found.edits == (Edit(Kind.REMOVE, ECDHE),)
    assert found.smallest
    assert outcome_of(negotiate(CLASSIC, found.settings)) is Outcome.DECRYPTS
    assert outcome_of(negotiate(PRIVATE, found.settings)) is Outcome.DARK


def test_a_client_that_no_list_can_keep_is_named() -> None:
    base = ServerSettings((ECDHE, RSA_CBC))
    found = propose(base, [Demand(CLASSIC), Demand(OLD, wanted=False)])
    assert found.cut_off == {OLD}
    assert found.gained == {CLASSIC}


def test_nothing_is_proposed_where_all_is_well() -> None:
    (server,) = ask(TRUNK[1:2], "AES256-GCM-SHA384", propose=True).servers
    assert server.proposal is not None
    assert server.proposal.edits == ()
    assert not list(other_ways(server))


SUITES = (ECDHE, DHE, RSA_GCM, RSA_CBC)


def every_edit(base: ServerSettings) -> Iterator[ServerSettings]:
    """Anything that an administrator calls one change: also to any place in the list."""
    suites = base.suites
    if base.tls13:
        yield base.without_tls13()
    if not base.server_order:
        yield replace(base, server_order=True)
    for suite in SUITES:
        left = tuple(one for one in suites if one != suite)
        if suite in suites:
            yield replace(base, suites=left)
        for place in range(len(left) + 1):
            yield replace(base, suites=(*left[:place], suite, *left[place:]))


def good(base: ServerSettings, wanted: Sequence[Offer], all_of_them: Sequence[Offer]) -> bool:
    return all(outcome_of(negotiate(one, base)) is Outcome.DECRYPTS for one in wanted) and not any(
        isinstance(negotiate(one, base), Disagreement) for one in all_of_them
    )


def within(base: ServerSettings, edits: int) -> Iterator[ServerSettings]:
    seen = {base}
    level = [base]
    yield base
    for _ in range(edits):
        level = [new for old in level for new in every_edit(old) if new not in seen]
        level = list(dict.fromkeys(level))
        seen.update(level)
        yield from level


lists = st.permutations(SUITES).flatmap(
    lambda order: st.integers(1, len(SUITES)).map(lambda n: tuple(order[:n]))
)
offers = st.builds(
    lambda suites, versions: offer(*suites, versions=versions),
    lists,
    st.sampled_from([TLS12, TLS12, BOTH, TLS13]),
)


@settings(max_examples=60)
@given(lists, st.booleans(), st.booleans(), st.lists(offers, min_size=1, max_size=4, unique=True))
def test_no_smaller_change_does_it(
    suites: tuple[int, ...], tls13: bool, server_order: bool, clients: list[Offer]
) -> None:
    versions = frozenset(BOTH if tls13 else TLS12)
    base = ServerSettings(suites, versions, server_order=server_order)
    connecting = [c for c in clients if not isinstance(negotiate(c, base), Disagreement)]
    demands = [Demand(client, must_connect=client in connecting) for client in clients]
    found = propose(base, demands)
    # Nobody who connects is cut off, nobody who decrypts goes dark.
    assert not found.cut_off
    for client in clients:
        before, after = (outcome_of(negotiate(client, s)) for s in (base, found.settings))
        assert client not in connecting or after is not Outcome.FAILS
        assert before is not Outcome.DECRYPTS or after is Outcome.DECRYPTS
    reached = [c for c in clients if outcome_of(negotiate(c, found.settings)) is Outcome.DECRYPTS]
    assert found.smallest
    assume(len(found.edits) <= 3)  # trying out every change of four is too much
    for other in within(base, len(found.edits) - 1) if found.edits else ():
        assert not good(other, reached, connecting), (other, found.edits)


@settings(max_examples=60)
@given(lists, st.booleans(), st.lists(offers, min_size=1, max_size=3, unique=True))
def test_no_list_reaches_more(suites: tuple[int, ...], tls13: bool, clients: list[Offer]) -> None:
    """Of all lists and versions, none that cuts nobody off decrypts a client that the proposal leaves."""
    base = ServerSettings(suites, frozenset(BOTH if tls13 else TLS12))
    connecting = [c for c in clients if not isinstance(negotiate(c, base), Disagreement)]
    found = propose(base, [Demand(client, must_connect=client in connecting) for client in clients])
    reached = sum(outcome_of(negotiate(c, found.settings)) is Outcome.DECRYPTS for c in clients)
    for order in itertools.permutations(SUITES):
        for length in range(len(order) + 1):
            for versions in {base.versions, base.without_tls13().versions}:
                other = replace(base, suites=order[:length], versions=versions)
                if good(other, (), connecting):
                    many = sum(outcome_of(negotiate(c, other)) is Outcome.DECRYPTS for c in clients)
                    assert many <= reached, other


def test_a_trunk_of_many_kinds_is_answered_in_time() -> None:
    """Two hundred offers, each with another few suites: the answer may be greedy, and cuts nobody off."""
    numbers = [RSA_GCM, RSA_GCM256, RSA_CBC, RSA_CBC256, 0x003C, 0x003D, 0x0041, 0x0084, 0xC09C]
    dark = [ECDHE, ECDHE256, DHE, 0xC013, 0xC014, 0x009F]
    clients = [
        offer(*d, *r)
        for d in itertools.combinations(dark, 2)
        for r in itertools.combinations(numbers, 2)
    ][:200]
    found = propose(ServerSettings((*dark, RSA_CBC)), [Demand(client) for client in clients])
    for client in clients:
        assert outcome_of(negotiate(client, found.settings)) is Outcome.DECRYPTS


def test_keys_of_two_kinds_are_kept() -> None:
    both = [TRUNK[1], session(5, "192.0.2.5", CLASSIC, None, None, server_facts=facts("ec"))]
    (server,) = ask(both, "AES128-SHA").servers
    assert set(server.settings.keys) == {ServerKey("RSA", 2048), ServerKey("EC", 256)}


@pytest.mark.shared
def test_what_servers_chose_in_real_captures_comes_out(shared: Path) -> None:
    """From the least that a server must have, every choice that was seen follows."""
    explained = 0
    for capture in sorted([*shared.glob("captures/*.pcap"), *shared.glob("corpus/**/*.pcap*")]):
        if capture.name == "all_ciphers.pcap":
            continue  # its server was started anew with another list for each connection
        sink = _Offers()
        with contextlib.suppress(InputError):
            read_captures([str(capture)], ReadOptions(KeyRing()), sink)
        for server in answer(sink.table, Wish()).servers:
            for one in server.forecasts:
                if one.seen.today is None:
                    continue
                assert isinstance(one.result, Agreement), (capture.name, one.why)
                version = VERSION_NAMES[one.result.version]
                assert (version, one.result.suite.name) == one.seen.today, capture.name
                explained += 1
    assert explained > 100


class _Offers:
    def __init__(self) -> None:
        self.table = OfferTable()

    def message(self, message: Message) -> None:
        pass

    def session(self, report: SessionReport) -> None:
        self.table.add(report)

    def call(self, call: Call) -> None:
        pass
