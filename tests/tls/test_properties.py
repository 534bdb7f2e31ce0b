"""What holds for every cut, order, gap and damage."""

from __future__ import annotations

import functools
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kit import Switch, TlsPair, Version
from tqdecrypt.tls import SecretFinder, Verdict

from .passive import Passive, flat, records_of, ring, talk
from .passive import server_key as rsa_key


class Scene(NamedTuple):
    """A session whose bytes are cut, lost and damaged."""

    packets: list[tuple[int, bytes]]
    said: tuple[bytes, bytes]
    keylog: list[str]
    handshake: tuple[int, int]
    """Bytes of each side before the first application data."""

    def sides(self) -> tuple[bytes, bytes]:
        client, server = (
            b"".join(data for side, data in self.packets if side == wanted) for wanted in (0, 1)
        )
        return client, server

    def passive(self) -> Passive:
        return Passive(SecretFinder(ring([rsa_key()], self.keylog)))


KINDS: dict[str, tuple[Version, str, Switch]] = {
    "gcm": (Version.TLSv1_2, "AES128-GCM-SHA256", Switch(0)),
    "cbc": (Version.TLSv1_2, "AES128-SHA", Switch.NO_ENCRYPT_THEN_MAC),
    "cbc-etm": (Version.TLSv1_2, "AES256-SHA256", Switch(0)),
    "cbc-tls10": (Version.TLSv1, "AES128-SHA", Switch.NO_ENCRYPT_THEN_MAC),
    "chacha": (Version.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305", Switch(0)),
    "null": (Version.TLSv1_2, "NULL-SHA", Switch(0)),
    "tls13": (Version.TLSv1_3, "AES128-GCM-SHA256", Switch(0)),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@functools.cache
def scene(kind: str) -> Scene:
    version, suite, options = KINDS[kind]
    pair = TlsPair(version=version, ciphers=suite, options=options)
    start = (len(pair.sent(True)), len(pair.sent(False)))
    said = talk(pair, 8)
    keylog = pair.keylog_lines if kind in ("chacha", "tls13") else []
    return Scene(flat(pair.flights), said, keylog, start)


def outcome(heard: Passive) -> tuple[object, ...]:
    report = heard.report
    return (
        bytes(heard.client),
        bytes(heard.server),
        report.verdict,
        report.client_bytes,
        report.server_bytes,
        report.client_encrypted_bytes,
        report.server_encrypted_bytes,
        report.finished_verified,
        report.handshakes,
    )


@kinds
@given(data=st.data())
def test_any_cut_and_any_interleaving_gives_the_same(kind: str, data: st.DataObject) -> None:
    play = scene(kind)
    whole = play.passive()
    for side, packet in play.packets:
        whole.hear(side, packet)
    whole.finish()
    assert outcome(whole)[:3] == (*play.said, Verdict.DECRYPTED)

    rest = list(play.sides())
    cut = play.passive()
    size = st.sampled_from([1, 3, 5, 6, 50, 1000, 100_000])
    while any(rest):
        side = data.draw(st.sampled_from([0, 1])) if all(rest) else int(not rest[0])
        length = data.draw(size)
        piece, rest[side] = rest[side][:length], rest[side][length:]
        if length == 1:  # a few at a time, each its own packet
            piece, rest[side] = piece + rest[side][:200], rest[side][200:]
            for byte in piece:
                cut.hear(side, bytes([byte]))
        else:
            cut.hear(side, piece)
    cut.finish()
    assert outcome(cut) == outcome(whole)


@kinds
def test_byte_by_byte(kind: str) -> None:
    play = scene(kind)
    heard = play.passive()
    for side, packet in play.packets:
        for byte in packet:
            heard.hear(side, bytes([byte]))
    heard.finish()
    assert (bytes(heard.client), bytes(heard.server)) == play.said
    assert heard.verdict == "decrypted"


def texts(said: bytes) -> list[bytes]:
    return [text + b"\r\n\r\n" for text in said.split(b"\r\n\r\n") if text]


def lost_of(said: list[bytes], came: list[bytes]) -> list[int]:
    """Return the numbers of the texts that did not come; those that came are in order."""
    lost = []
    position = 0
    for number, text in enumerate(said):
        if position < len(came) and came[position] == text:
            position += 1
        else:
            lost.append(number)
    assert position == len(came), "something came that was not said, or twice, or out of order"
    return lost


def plain_records(heard: Passive) -> list[bytes]:
    """The client's texts; a 1/n-1 split (TLS 1.0) joined again."""
    came: list[bytes] = []
    held = b""
    for from_client, text, _ in heard.records:
        if from_client and text:
            if len(text) == 1:
                held = text
                continue
            came.append(held + text)
            held = b""
    return came


@kinds
@given(data=st.data())
def test_damage_of_a_byte_costs_no_more_than_its_neighbours(kind: str, data: st.DataObject) -> None:
    play = scene(kind)
    client, server = play.sides()
    place = data.draw(st.integers(play.handshake[0], len(client) - 1))
    flip = data.draw(st.integers(1, 255))
    damaged = bytearray(client)
    damaged[place] ^= flip
    heard = play.passive()
    heard.hear(0, client[: play.handshake[0]])
    heard.hear(1, server)
    heard.hear(0, bytes(damaged[play.handshake[0] :]))
    heard.finish()
    assert bytes(heard.server) == play.said[1]
    came = [text for text in plain_records(heard) if text in texts(play.said[0])]
    strangers = [text for text in plain_records(heard) if text not in texts(play.said[0])]
    if kind == "cbc-tls10":  # half of a text that was cut in two
        assert all(any(text in whole for whole in texts(play.said[0])) for text in strangers)
    else:
        assert not strangers
    lost = lost_of(texts(play.said[0]), came)
    in_header = header_of(client, place)
    if in_header in (3, 4):  # a wrong length swallows what follows, up to 18 KB
        assert lost
    else:
        assert len(lost) <= 2
    if len(lost) == 0:
        # The version of a record is in its additional data; SSL 3.0 left it out, nobody else.
        assert kind == "cbc-tls10"
    else:
        at_the_end = any("is cut" in note for note in heard.report.notes)
        assert heard.verdict == "corrupt-records" or at_the_end


def header_of(client: bytes, place: int) -> int:
    """Return where in its record a byte stands."""
    start = 0
    for record in records_of(client):
        if start <= place < start + len(record):
            return place - start
        start += len(record)
    raise AssertionError


@kinds
@given(data=st.data())
def test_a_gap_costs_the_records_that_it_touches(kind: str, data: st.DataObject) -> None:
    play = scene(kind)
    client, server = play.sides()
    start = data.draw(st.integers(play.handshake[0], len(client) - 1))
    size = data.draw(st.integers(1, len(client) - start))
    server_first = data.draw(st.booleans())
    heard = play.passive()
    if server_first:
        heard.hear(1, server)
    heard.hear(0, client[:start])
    heard.miss(0, size)
    for byte in range(start + size, len(client), 40):
        heard.hear(0, client[byte : byte + 40])
    if not server_first:
        heard.hear(1, server)
    heard.finish()
    assert bytes(heard.server) == play.said[1]
    touched = set()
    position = len(client) - sum(map(len, records_of(client[play.handshake[0] :])))
    records = records_of(client[play.handshake[0] :])
    per_text = len(records) // len(texts(play.said[0]))
    for number, record in enumerate(records):
        if position < start + size and position + len(record) > start:
            touched.add(number // per_text)
            if kind == "cbc-tls10":
                touched.add((number + 1) // per_text)
        position += len(record)
    came = [text for text in plain_records(heard) if text in texts(play.said[0])]
    lost = set(lost_of(texts(play.said[0]), came))
    assert lost <= touched
    assert heard.verdict == "packets-missing"


@kinds
@given(data=st.data())
def test_damage_in_the_handshake_never_shows_what_was_not_said(
    kind: str, data: st.DataObject
) -> None:
    play = scene(kind)
    packets = [bytearray(packet) for _, packet in play.packets]
    for _ in range(data.draw(st.integers(1, 4))):
        which = data.draw(st.integers(0, min(4, len(packets) - 1)))
        packet = packets[which]
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    heard = play.passive()
    for (side, _), packet in zip(play.packets, packets, strict=True):
        heard.hear(side, bytes(packet))
    heard.finish()
    for text in (text for _, text, _ in heard.records):
        assert text in play.said[0] or text in play.said[1]


RECORDISH = st.builds(
    lambda kind, version, body: bytes([kind, 3, version]) + len(body).to_bytes(2, "big") + body,
    st.integers(20, 24),
    st.integers(0, 4),
    st.one_of(
        st.binary(max_size=60),
        st.builds(
            lambda kind, body: bytes([kind]) + len(body).to_bytes(3, "big") + body,
            st.sampled_from([0, 1, 2, 3, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24, 25]),
            st.binary(max_size=80),
        ),
    ),
)


@given(
    pieces=st.lists(
        st.tuples(
            st.integers(0, 1), st.one_of(st.binary(max_size=80), RECORDISH, st.integers(1, 99))
        )
    )
)
def test_arbitrary_bytes_end_with_a_verdict(
    pieces: list[tuple[int, bytes | int]],
) -> None:
    heard = Passive(SecretFinder(ring([rsa_key()], scene("tls13").keylog)))
    for side, piece in pieces:
        if isinstance(piece, int):
            heard.miss(side, piece)
        elif piece:
            heard.hear(side, piece)
    assume(heard.frame)
    assert heard.finish().verdict in Verdict
    assert not heard.records


@kinds
@given(data=st.data())
def test_shuffled_records_never_break_it(kind: str, data: st.DataObject) -> None:
    """Whole records of a real session, in any order, repeated and left out."""
    play = scene(kind)
    records = [(s, r) for s, packet in play.packets for r in records_of(packet)]
    picked = data.draw(st.lists(st.sampled_from(records), max_size=40))
    heard = play.passive()
    for side, record in picked:
        heard.hear(side, record)
    heard.finish()
    for text in (text for _, text, _ in heard.records):
        assert text in play.said[0] or text in play.said[1]
