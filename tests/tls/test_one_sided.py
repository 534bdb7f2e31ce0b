"""Captures that have one direction only, and what is not TLS at all."""

from __future__ import annotations

import ssl

import pytest

from kit.tls import TlsPair

from .passive import flat, listen, ring, server_key

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SAID = (b"OPTIONS sip:b@example.com SIP/2.0\r\n\r\n" * 3, b"SIP/2.0 200 OK\r\n\r\n" * 5)


def talk(version: ssl.TLSVersion) -> TlsPair:
    pair = TlsPair(version)
    for side, text in enumerate(SAID):
        pair.say(side == 0, text)
    pair.close()
    return pair


def heard_of(pair: TlsPair, side: int, keys: object) -> tuple[bytes, bytes, str, str]:
    """What comes out of one direction's packets."""
    packets = [packet for packet in flat(pair.flights) if packet[0] == side]
    heard = listen(packets, keys)  # type: ignore[arg-type]
    return bytes(heard.client), bytes(heard.server), heard.verdict, heard.report.why


@pytest.mark.parametrize("side", [0, 1], ids=["client", "server"])
def test_one_direction_of_tls12_stays_dark_and_says_what_is_missing(side: int) -> None:
    """Both randoms go into the keys (RFC 5246 section 8.1): the other direction has one of them."""
    pair = talk(V12)
    client, server, verdict, why = heard_of(pair, side, ring([server_key()]))
    assert (client, server) == (b"", b"")
    assert verdict == "handshake-incomplete"
    assert "direction" in why


@pytest.mark.parametrize("side", [0, 1], ids=["client", "server"])
def test_a_key_log_opens_one_direction_of_tls13(side: int) -> None:
    """Traffic secrets need no random; the server's direction does not show the client's random, by
    which a key log is sorted, so that every secret of the log is tried."""
    pair = talk(V13)
    client, server, verdict, _ = heard_of(pair, side, ring(keylog=pair.keylog_lines))
    expected = [b"", b""]
    expected[side] = SAID[side]
    assert [client, server] == expected
    assert verdict == "decrypted"


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("side", [0, 1])
def test_one_direction_with_somebody_elses_key_log(version: ssl.TLSVersion, side: int) -> None:
    pair, other = talk(version), talk(version)
    client, server, verdict, _ = heard_of(pair, side, ring(keylog=other.keylog_lines))
    assert (client, server) == (b"", b"")
    assert verdict != "decrypted"
