"""How much could be read: every number against reports whose truth is written down."""

from __future__ import annotations

import ipaddress

import pytest

from insight.found import report
from tqdecrypt.insight.decryptability import Decryptability
from tqdecrypt.insight.trunks import Trunks
from tqdecrypt.tls import Verdict

SERVER, PEER = "192.0.2.20:5061", "198.51.100.7:40001"


def added(*reports: object, trunks: Trunks | None = None, most: int = 100) -> Decryptability:
    found = Decryptability(trunks, most)
    for one in reports:
        found.add(one)  # type: ignore[arg-type]
    return found


def test_shares_of_sessions_and_bytes() -> None:
    found = added(
        report(1, PEER, SERVER, client_bytes=600, server_bytes=150, messages=4),
        report(
            2,
            PEER,
            SERVER,
            verdict=Verdict.FORWARD_SECRECY,
            side="client",
            client_encrypted_bytes=200,
            server_encrypted_bytes=50,
            missing_bytes=7,
        ),
        report(3, PEER, SERVER, verdict=Verdict.HANDSHAKE_FAILED),
    )
    total = found.total
    assert (total.sessions, total.decrypted, total.dark, total.nothing) == (3, 1, 1, 1)
    assert (total.of_sessions, total.of_bytes) == (50.0, 75.0)
    assert (total.clear_bytes, total.dark_bytes, total.missing_bytes) == (750, 250, 7)
    assert total.messages == 4
    assert total.sides == {"client": 1}
    assert total.causes[Verdict.FORWARD_SECRECY] == 1
    [(key, row)] = found.rows.items()
    assert key == (SERVER, "198.51.100.7")
    assert row.of_bytes == 75.0


def test_without_anything_to_read_there_is_no_share() -> None:
    total = added(report(1, PEER, SERVER, verdict=Verdict.NO_DATA)).total
    assert (total.of_sessions, total.of_bytes) == (None, None)


def test_peers_have_the_names_of_their_trunks() -> None:
    trunks = Trunks({"carrier": [ipaddress.ip_network("198.51.100.0/24")]})
    found = added(report(1, PEER, SERVER), report(2, "198.51.100.8:1", SERVER), trunks=trunks)
    assert {key: row.sessions for key, row in found.rows.items()} == {(SERVER, "carrier"): 2}


@pytest.mark.parametrize("most", [1, 2])
def test_what_has_no_row_still_counts_in_the_total(most: int) -> None:
    reports = [report(n, f"192.0.2.{n}:1", SERVER) for n in range(4)]
    found = added(*reports, most=most)
    assert len(found.rows) == most
    assert found.total.sessions == 4
    assert found.counters == {"decryptability_only_in_the_total": 4 - most}
