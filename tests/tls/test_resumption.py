"""Resumed sessions: by session id, by ticket, across connections, in any order."""

from __future__ import annotations

import pytest

from kit import Switch, TlsPair
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.premaster import run_at_once

from .passive import Passive, flat, listen, ring, server_key, talk

KINDS = {"session id": Switch.NO_TICKET, "ticket": Switch(0)}


def resumed_pairs(kind: str, suite: str = "AES128-GCM-SHA256") -> tuple[TlsPair, TlsPair]:
    first = TlsPair(ciphers=suite, options=KINDS[kind])
    talk(first, 1)
    second = TlsPair(ciphers=suite, resume_from=first)
    assert second.resumed
    talk(second, 1)
    return first, second


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-SHA", "NULL-SHA256"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_handshake_opens_the_second(kind: str, suite: str) -> None:
    first, second = resumed_pairs(kind, suite)
    said = talk(second)
    second.close()
    finder = SecretFinder(ring([server_key()]))
    assert listen(first.flights, finder).verdict == "decrypted"
    heard = listen(second.flights, finder)
    assert bytes(heard.client).endswith(said[0])
    assert bytes(heard.server).endswith(said[1])
    assert heard.verdict == "decrypted"
    assert heard.report.resumed == kind
    assert heard.report.finished_verified is True
    assert heard.report.secrets_from == "RSA key server.key"


@pytest.mark.parametrize("first_side", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_the_directions_may_come_in_any_order(kind: str, first_side: int) -> None:
    first, second = resumed_pairs(kind)
    said = talk(second)
    finder = SecretFinder(ring([server_key()]))
    for pair in (first, second):
        skewed = sorted(flat(pair.flights), key=lambda packet: packet[0] != first_side)
        heard = listen(skewed, finder)
        assert heard.verdict == "decrypted", heard.report.why
    assert bytes(heard.client).endswith(said[0])
    assert bytes(heard.server).endswith(said[1])
    assert heard.report.finished_verified is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_of_resumptions(kind: str) -> None:
    pairs = list(resumed_pairs(kind))
    for _ in range(3):
        pairs.append(TlsPair(resume_from=pairs[-1]))
    finder = SecretFinder(ring([server_key()]))
    for pair in pairs:
        said = talk(pair, 1)
        heard = listen(pair.flights, finder)
        assert bytes(heard.client).endswith(said[0])
        assert heard.verdict == "decrypted"


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_first_handshake_it_stays_dark(kind: str) -> None:
    _, second = resumed_pairs(kind)
    talk(second)
    heard = listen(second.flights, ring([server_key()]))
    assert heard.verdict == "resumed-unseen"
    assert not heard.records
    assert kind in heard.report.why


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_key_both_say_so(kind: str) -> None:
    first, second = resumed_pairs(kind)
    finder = SecretFinder(ring())
    assert listen(first.flights, finder).verdict == "no-matching-key"
    assert listen(second.flights, finder).verdict == "no-matching-key"


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_may_come_before_the_firsts_secret_is_there(kind: str) -> None:
    """Private-key operations run beside the reader."""
    first, second = resumed_pairs(kind)
    said = talk(second)
    waiting = []
    finder = SecretFinder(ring([server_key()]), submit=lambda *task: waiting.append(task))
    earlier, later = Passive(finder), Passive(finder)
    for heard, pair in ((earlier, first), (later, second)):
        for side, data in flat(pair.flights):
            heard.hear(side, data)
        assert heard.session.awaits_secrets
        assert heard.session.first_waiting_frame is not None
        assert not heard.records
    for task in waiting:
        run_at_once(*task)
    assert not later.session.awaits_secrets
    assert bytes(later.client).endswith(said[0])
    assert bytes(later.server).endswith(said[1])
    assert later.finish().verdict.value == "decrypted"


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_handshake_with_a_hole_does_not_hold_the_second_for_ever(kind: str) -> None:
    """What can never be answered must not wait: the session would end without a verdict."""
    first, second = resumed_pairs(kind)
    finder = SecretFinder(ring([server_key()]))
    earlier, later = Passive(finder), Passive(finder)
    packets = flat(first.flights)
    key_exchange = 2
    for number, (side, data) in enumerate(packets):
        if number == key_exchange:
            earlier.miss(side, len(data))
        else:
            earlier.hear(side, data)
    for side, data in flat(second.flights):
        later.hear(side, data)
    earlier.finish()
    assert earlier.verdict == "packets-missing"
    assert not later.session.awaits_secrets
    later.finish()
    assert later.verdict == "resumed-unseen"


def test_the_oldest_resumable_session_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.tls.resumption.MAX_RESUMABLE", 1)
    first, second = resumed_pairs("session id")
    finder = SecretFinder(ring([server_key()]))
    listen(first.flights, finder)
    listen(TlsPair(options=Switch.NO_TICKET).flights, finder)
    assert finder.resumable_evicted == 1
    assert listen(second.flights, finder).verdict == "resumed-unseen"
