"""Idle sessions are put away small and come back as they were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import TlsPair, Version, certificates
from tqdecrypt.keys import KeyLog, KeyRing, PrivateKey
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SecretFinder,
    TlsSession,
    Verdict,
    WaitingBudget,
    report_session,
)
from tqdecrypt.tls.parking import Parking


class Heard:
    """A listener that remembers."""

    shared_as = "listener"

    def __init__(self) -> None:
        self.data = [b"", b""]

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        for data, _, _ in records:
            self.data[0 if from_client else 1] += data

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        pass

    def application_gap(self, from_client: bool) -> None:
        raise AssertionError("nothing is missing here")


def ring_for(pair: TlsPair) -> KeyRing:
    keylog = KeyLog()
    keylog.feed(("\n".join(pair.keylog_lines) + "\n").encode(), "kit")
    return KeyRing([PrivateKey(certificates.server(2048).key, "server.key")], keylog)


PARKED = [
    (Version.TLSv1_2, "AES128-GCM-SHA256"),
    (Version.TLSv1_2, "AES256-SHA256"),
    (Version.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305"),
    (Version.TLSv1_2, "AES128-CCM"),
    (Version.TLSv1_1, "AES128-SHA"),
    (Version.TLSv1_3, ""),
]


def talk(version: Version, cipher: str, turns: int) -> TlsPair:
    pair = (
        TlsPair(version=version, ciphers=f"{cipher}:@SECLEVEL=0")
        if cipher
        else TlsPair(version=version)
    )
    for turn in range(turns):
        pair.say(turn % 2 == 0, b"turn %d" % turn)
    pair.close()
    return pair


@pytest.mark.parametrize(("version", "cipher"), PARKED)
@settings(max_examples=8)
@given(stops=st.sets(st.integers(0, 30)))
def test_a_session_parked_at_any_time_says_the_same(
    version: Version, cipher: str, stops: set[int]
) -> None:
    pair = talk(version, cipher, 8)
    finder, budget, heard = SecretFinder(ring_for(pair)), WaitingBudget(), Heard()
    parking = Parking(finder, budget)
    session = TlsSession(finder, heard, budget=budget)
    parked_ones = 0
    for number, flight in enumerate(pair.flights, 1):
        side = 0 if flight.from_client else 1
        session.receive(side, flight.data, [len(flight.data)], [number], [number])
        if number in stops and (parked := parking.park(session)) is not None:
            parked_ones += 1
            session = parking.wake(parked, heard)
    session.finish()
    report = report_session(session, 1, ("192.0.2.1:1", "192.0.2.2:2"), 0)
    assert heard.data == [b"turn 0turn 2turn 4turn 6", b"turn 1turn 3turn 5turn 7"]
    assert report.verdict is Verdict.DECRYPTED
    assert report.finished_verified
    assert report.server_subject
    if {len(pair.flights) - 1} <= stops:
        assert parked_ones


@pytest.mark.parametrize("cipher", ["AES128-SHA"])
def test_a_cipher_that_goes_on_from_record_to_record_stays(cipher: str) -> None:
    pair = talk(Version.TLSv1, cipher, 2)
    finder, budget = SecretFinder(ring_for(pair)), WaitingBudget()
    session = TlsSession(finder, Heard(), budget=budget)
    for number, flight in enumerate(pair.flights, 1):
        side = 0 if flight.from_client else 1
        session.receive(side, flight.data, [len(flight.data)], [number], [number])
    assert Parking(finder, budget).park(session) is None


def test_what_waits_for_secrets_stays() -> None:
    pair = talk(Version.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256", 2)
    finder, budget = SecretFinder(KeyRing()), WaitingBudget()
    finder.expect_late = True
    session = TlsSession(finder, Heard(), budget=budget)
    for number, flight in enumerate(pair.flights, 1):
        side = 0 if flight.from_client else 1
        session.receive(side, flight.data, [len(flight.data)], [number], [number])
    assert Parking(finder, budget).park(session) is None


def test_a_dark_session_is_parked_and_keeps_its_verdict() -> None:
    pair = talk(Version.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256", 2)
    finder, budget, heard = SecretFinder(KeyRing()), WaitingBudget(), Heard()
    parking = Parking(finder, budget)
    session = TlsSession(finder, heard, budget=budget)
    for number, flight in enumerate(pair.flights, 1):
        side = 0 if flight.from_client else 1
        session.receive(side, flight.data, [len(flight.data)], [number], [number])
    parked = parking.park(session)
    assert parked is not None
    report = report_session(parking.wake(parked, heard), 1, ("192.0.2.1:1", "192.0.2.2:2"), 0)
    assert report.verdict is Verdict.FORWARD_SECRECY
    assert heard.data == [b"", b""]
