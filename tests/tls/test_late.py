"""Key logs that grow after the packets: sessions wait for them, within bounds."""

from __future__ import annotations

import pytest

from kit import TlsPair, Version
from tqdecrypt.keys import KeyLog, KeyRing
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.late import LATE_PATIENCE

from .passive import Passive, flat, talk


class Late:
    """A key log that grows while sessions wait."""

    def __init__(self) -> None:
        self.log = KeyLog()
        self.finder = SecretFinder(KeyRing((), self.log))
        self.finder.expect_late = True

    def write(self, lines: list[str]) -> None:
        for line in lines:
            self.log.feed(line.encode() + b"\n", "late.log")
        self.finder.poll()

    def hear(self, pair: TlsPair) -> Passive:
        heard = Passive(self.finder)
        for side, data in flat(pair.flights):
            heard.hear(side, data)
        return heard


@pytest.mark.parametrize(
    ("version", "suite"),
    [
        (Version.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
        (Version.TLSv1_2, "AES128-SHA"),
        (Version.TLSv1_3, "AES128-SHA"),
    ],
)
def test_secrets_that_come_after_the_packets(version: Version, suite: str) -> None:
    pair = TlsPair(version=version, ciphers=suite)
    said = talk(pair)
    late = Late()
    heard = late.hear(pair)
    assert heard.session.awaits_secrets
    late.write(["CLIENT_RANDOM " + "00" * 32 + " " + "11" * 48])
    assert not heard.records
    for line in pair.keylog_lines:  # the log is looked at between any two lines
        late.write([line])
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.finish().verdict.value == "decrypted"
    assert heard.report.finished_verified is True


def test_some_tls13_secrets_are_better_than_none_in_the_end() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    said = talk(pair)
    late = Late()
    heard = late.hear(pair)
    late.write([line for line in pair.keylog_lines if line.startswith("CLIENT")])
    assert not heard.records
    late.finder.finish()
    assert bytes(heard.client) == said[0]
    assert heard.finish().verdict.value == "tls13"


def test_patience_ends() -> None:
    pair = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    talk(pair)
    late = Late()
    heard = late.hear(pair)
    late.finder.expire(heard.session.ended + LATE_PATIENCE - 1)
    assert heard.session.awaits_secrets
    late.finder.expire(heard.session.ended + LATE_PATIENCE)
    assert not heard.session.awaits_secrets
    assert heard.finish().verdict.value == "forward-secrecy"


def test_the_end_decides_what_waits() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    late = Late()
    heard = late.hear(pair)
    late.finder.finish()
    assert heard.finish().verdict.value == "tls13"


def test_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.tls.late.MAX_LATE", 1)
    late = Late()
    pairs = [TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256") for _ in range(2)]
    first, second = (late.hear(pair) for pair in pairs)
    assert not first.session.awaits_secrets
    assert second.session.awaits_secrets
    assert late.finder.late_given_up == 1
