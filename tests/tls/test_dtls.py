"""DTLS 1.0 and 1.2 between two ends of OpenSSL, and what networks and captures do to it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.dtls.record import RECORDINGS, record, write_material
from kit import certificates
from tqdecrypt.dispatch import Dispatcher
from tqdecrypt.keys import KeyRing, PrivateKey
from tqdecrypt.tls import SecretFinder, SessionReport
from tqdecrypt.tls.datagrams import MOST_NUMBERS, RecordNumbers, looks_like_dtls
from tqdecrypt.tls.dtls_record import WINDOW

from .datagrams import (
    Datagram,
    PassiveDatagrams,
    Recording,
    apart,
    epoch_of,
    listen_datagrams,
    parse,
    recorded_key,
    recording,
    recordings,
    records_of,
)
from .handmade import opaque
from .passive import ring, store

PSK = [("pbx", "00112233445566778899aabbccddeeff")]
RSA = [name for name in RECORDINGS if name not in ("ecdhe", "psk", "resumed")]


def key_ring() -> KeyRing:
    return ring([recorded_key()], psks=PSK)


def handshake(kind: int, number: int, length: int, offset: int, fragment: bytes) -> bytes:
    """A handshake fragment (RFC 6347 section 4.2.2)."""
    where = number.to_bytes(2, "big") + offset.to_bytes(3, "big")
    return bytes([kind]) + length.to_bytes(3, "big") + where + opaque(fragment, 3)


def plain_record(kind: int, number: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\xfe\xfd\0\0" + number.to_bytes(6, "big") + opaque(content, 2)


def is_handshake(data: bytes, kind: int) -> bool:
    """Whether a record in clear holds (a fragment of) this handshake message."""
    return data[0] == 22 and epoch_of(data) == 0 and data[13] == kind


def without(datagrams: list[Datagram], kind: int) -> list[Datagram]:
    """Return the records without those in clear that hold a handshake message."""
    return [(side, data) for side, data in apart(datagrams) if not is_handshake(data, kind)]


def dark_bytes(datagrams: list[Datagram]) -> int:
    """How many bytes of fragments are protected."""
    return sum(len(data) - 13 for _, data in apart(datagrams) if epoch_of(data))


# What is said is read.


@pytest.mark.parametrize("name", RSA)
def test_the_servers_key_opens_rsa_key_exchange(name: str) -> None:
    spoken = recording(name)
    heard = listen_datagrams(spoken.datagrams, key_ring())
    report = heard.report
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted", report.why
    assert report.finished_verified is True
    assert report.secrets_from == "RSA key server.key"
    assert report.version == ("DTLS 1.0" if name == "rsa-dtls10" else "DTLS 1.2")
    assert report.extended_master_secret is (name != "rsa-without-ems")
    assert report.mutual_tls is (name == "mutual")
    assert report.handshakes == (3 if name == "renegotiated" else 1)
    assert (report.client_encrypted_bytes, report.server_encrypted_bytes) == (0, 0)
    assert report.ending.startswith("close_notify from the client and server")
    assert not [note for note in report.notes if "renegotiated" not in note]


@pytest.mark.parametrize("name", ["rsa-cbc", "rsa-cbc-mac-then-encrypt"])
def test_encrypt_then_mac_as_it_was_agreed(name: str) -> None:
    heard = listen_datagrams(recording(name).datagrams, key_ring())
    assert heard.report.encrypt_then_mac is (name == "rsa-cbc")


def test_a_key_log_opens_ephemeral_key_exchange() -> None:
    spoken = recording("ecdhe")
    heard = listen_datagrams(spoken.datagrams, ring(keylog=spoken.keylog))
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.secrets_from == "key log test.log"


def test_a_pre_shared_key() -> None:
    spoken = recording("psk")
    heard = listen_datagrams(spoken.datagrams, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.key_exchange == "PSK"


def test_a_resumed_session() -> None:
    first, second = recordings("resumed")
    finder = SecretFinder(key_ring())
    assert listen_datagrams(first.datagrams, finder).said == first.said
    heard = listen_datagrams(second.datagrams, finder)
    assert heard.said == second.said
    assert heard.report.resumed == "ticket"
    assert heard.report.finished_verified is True
    alone = listen_datagrams(second.datagrams, key_ring())
    assert alone.said == (b"", b"")
    assert alone.verdict == "resumed-unseen"


def test_a_resumed_session_whose_first_was_in_another_run() -> None:
    first, second = recordings("resumed")
    secrets = store()
    earlier = SecretFinder(key_ring(), store=secrets)
    heard = listen_datagrams(first.datagrams, earlier)
    earlier.keep(heard.session, *heard.ends)
    again = listen_datagrams(second.datagrams, SecretFinder(ring(), store=secrets))
    assert again.said == second.said
    assert again.verdict == "decrypted"


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("name", ["rsa", "rsa-dtls10"])
def test_a_conversation_of_this_very_moment(name: str, tmp_path: Path) -> None:
    """The program that made the recordings still works, with whatever OpenSSL is installed."""
    write_material(tmp_path)
    (spoken,) = parse(record(RECORDINGS[name], tmp_path))
    server = PrivateKey(certificates.server().key, "server.key")
    heard = listen_datagrams(spoken.datagrams, ring([server]))
    assert spoken.client.count(b"\n") == 3
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"


# Order, repetition, loss.


@pytest.mark.parametrize("first", [0, 1], ids=["client first", "server first"])
@pytest.mark.parametrize("name", RSA)
def test_the_directions_may_come_in_any_order(name: str, first: int) -> None:
    spoken = recording(name)
    skewed = sorted(spoken.datagrams, key=lambda datagram: datagram[0] != first)
    heard = listen_datagrams(skewed, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True


@given(st.sampled_from([*RSA, "psk"]), st.randoms(use_true_random=False), st.data())
def test_datagrams_in_any_order_any_number_of_times(
    name: str, dice: random.Random, data: st.DataObject
) -> None:
    """What verified is the same, each record once, however the network shuffles."""
    spoken = recording(name)
    expected = listen_datagrams(spoken.datagrams, key_ring())
    records = apart(spoken.datagrams)
    records += data.draw(st.lists(st.sampled_from(records), max_size=12))
    dice.shuffle(records)
    datagrams: list[Datagram] = []
    for side, one in records:  # put some together again, as other senders would
        if datagrams and datagrams[-1][0] == side and dice.random() < 0.4:
            datagrams[-1] = (side, datagrams[-1][1] + one)
        else:
            datagrams.append((side, one))
    heard = listen_datagrams(datagrams, key_ring())
    assert heard.sorted == expected.sorted
    assert heard.verdict == "decrypted", heard.report.why
    assert heard.report.finished_verified is True
    assert heard.report.handshakes == expected.report.handshakes
    assert heard.report.client_encrypted_bytes == heard.report.server_encrypted_bytes == 0


@st.composite
def fragmentations(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    """Ranges that cover *length* bytes, and may overlap."""
    cuts = sorted({0, *draw(st.lists(st.integers(0, length), max_size=5))})
    ranges = []
    for start, stop in zip(cuts, [*cuts[1:], length], strict=True):
        ranges.append((start, min(length, stop + draw(st.sampled_from([0, 0, 3])))))
    return draw(st.permutations(ranges))


@given(st.data())
def test_handshake_messages_in_fragments_of_any_size(data: st.DataObject) -> None:
    """The transcript has messages, not fragments: Finished verifies (RFC 6347 section 4.2.6)."""
    spoken = recording("rsa-cbc")
    datagrams: list[Datagram] = []
    for place, (side, one) in enumerate(apart(spoken.datagrams)):
        if one[0] != 22 or epoch_of(one):
            datagrams.append((side, one))
            continue
        kind, length = one[13], int.from_bytes(one[14:17], "big")
        number, offset = int.from_bytes(one[17:19], "big"), int.from_bytes(one[19:22], "big")
        body = one[25:]
        for part, (start, stop) in enumerate(data.draw(fragmentations(len(body)))):
            content = handshake(kind, number, length, offset + start, body[start:stop])
            datagrams.append((side, plain_record(22, 100 * place + part, content)))
    heard = listen_datagrams(datagrams, key_ring())
    assert heard.said == spoken.said
    assert heard.report.finished_verified is True


def test_a_datagram_that_was_captured_twice_is_read_once() -> None:
    spoken = recording("rsa")
    doubled = [datagram for datagram in spoken.datagrams for _ in range(2)]
    heard = listen_datagrams(doubled, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    count = len(apart(spoken.datagrams))
    assert f"{count} records came again, and were read once" in heard.report.notes


def test_a_capture_that_is_joined_with_itself_is_read_once() -> None:
    """The second copy is far behind any window of a receiver, and still known."""
    spoken = recording("renegotiated")
    heard = listen_datagrams(spoken.datagrams * 2, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.alert == listen_datagrams(spoken.datagrams, key_ring()).report.alert


def test_a_damaged_copy_does_not_stand_in_the_way_of_the_good_one() -> None:
    """A number counts as seen when its record verified (RFC 6347 section 4.1.2.6)."""
    spoken = recording("rsa")
    datagrams: list[Datagram] = []
    for side, data in spoken.datagrams:
        if data[0] == 23:
            datagrams.append((side, data[:-1] + bytes([data[-1] ^ 1])))
        datagrams.append((side, data))
    heard = listen_datagrams(datagrams, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "corrupt-records"
    assert "6 records did not verify" in heard.report.notes[0]


def test_records_that_never_came_are_counted_by_their_numbers() -> None:
    spoken = recording("rsa")
    said = [i for i, (side, data) in enumerate(spoken.datagrams) if side == 0 and data[0] == 23]
    kept = [datagram for i, datagram in enumerate(spoken.datagrams) if i != said[1]]
    heard = listen_datagrams(kept, key_ring())
    assert heard.said[0] == b"line 0 of this conversation\nline 4 of this conversation\n"
    assert heard.said[1] == spoken.server
    assert heard.verdict == "decrypted"
    (note,) = heard.report.notes
    assert note.startswith("1 records of the client did not come")


def test_a_lost_change_cipher_spec_is_not_needed() -> None:
    spoken = recording("rsa")
    kept = [(side, data) for side, data in apart(spoken.datagrams) if data[0] != 20]
    assert len(kept) == len(apart(spoken.datagrams)) - 2
    heard = listen_datagrams(kept, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True


def test_a_capture_that_begins_behind_the_hello_verify_request() -> None:
    spoken = recording("rsa")
    assert is_handshake(spoken.datagrams[1][1], 3)
    heard = listen_datagrams(spoken.datagrams[2:], key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True


def test_a_server_that_asks_for_no_cookie() -> None:
    """The first ClientHello counts when nobody asked for a second."""
    spoken = recording("rsa")
    heard = listen_datagrams([*spoken.datagrams[:1], *spoken.datagrams[3:4]], key_ring())
    assert [what for what, _, _ in heard.session.exchanges[0].frames] == [
        "client ClientHello",
        "server ServerHello",
    ]


def test_a_lost_certificate_matters_only_with_the_extended_master_secret() -> None:
    plain = recording("rsa-without-ems")
    heard = listen_datagrams(without(plain.datagrams, 11), key_ring())
    assert heard.said == plain.said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is None, "the transcript is not whole"
    bound = recording("rsa")
    heard = listen_datagrams(without(bound.datagrams, 11), key_ring())
    assert heard.said == (b"", b"")
    assert heard.verdict == "packets-missing"
    assert heard.report.why.startswith("Messages of the handshake are not in the capture")
    assert "extended master secret" in heard.report.why
    assert heard.report.client_encrypted_bytes + heard.report.server_encrypted_bytes == dark_bytes(
        bound.datagrams
    )


def test_part_of_a_certificate_is_as_good_as_none() -> None:
    spoken = recording("rsa")
    lost = next(i for i, (_, data) in enumerate(apart(spoken.datagrams)) if is_handshake(data, 11))
    kept = [record for i, record in enumerate(apart(spoken.datagrams)) if i != lost]
    heard = listen_datagrams(kept, key_ring())
    assert heard.verdict == "packets-missing"
    assert heard.report.server_certificate is None


@pytest.mark.parametrize(
    "kind", [11, 14, 16], ids=["Certificate", "ServerHelloDone", "ClientKeyExchange"]
)
def test_a_key_log_needs_no_whole_handshake(kind: int) -> None:
    spoken = recording("rsa")
    kept = without(spoken.datagrams, kind)
    heard = listen_datagrams(kept, ring(keylog=spoken.keylog))
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted", heard.report.why
    assert heard.report.finished_verified is None


def test_what_is_missing_is_given_up_while_the_session_goes_on() -> None:
    """Not only at the end: a live capture may last for days."""
    spoken = recording("mutual")
    heard = PassiveDatagrams(SecretFinder(ring(keylog=spoken.keylog)))
    kept = [(s, d) for s, d in apart(spoken.datagrams) if s or not is_handshake(d, 11)]
    for side, data in kept[:-1]:
        heard.hear(side, data)
    assert heard.said == (b"", b""), "the client's certificate may still come"
    protected = next(data for side, data in kept if side == 1 and data[0] == 23)
    for number in range(WINDOW):
        heard.hear(1, protected[:10] + bytes([200 + number % 50]) + protected[11:])
    assert heard.said == spoken.said
    heard.finish()
    assert heard.report.finished_verified is None


def test_a_session_in_mid_connection() -> None:
    spoken = recording("rsa")
    protected = [(s, d) for s, d in apart(spoken.datagrams) if epoch_of(d)]
    heard = listen_datagrams(protected, key_ring())
    assert heard.said == (b"", b"")
    assert heard.verdict == "handshake-not-captured"
    report = heard.report
    assert report.client_encrypted_bytes + report.server_encrypted_bytes == dark_bytes(protected)
    assert report.ending.startswith("an encrypted alert from the")
    many = listen_datagrams(protected * (3 * WINDOW), key_ring())
    assert many.verdict == "handshake-not-captured"
    dark = many.report.client_encrypted_bytes + many.report.server_encrypted_bytes
    assert dark == 3 * WINDOW * dark_bytes(protected)


def test_a_handshake_behind_the_middle_of_an_earlier_session() -> None:
    spoken, other = recording("rsa"), recording("rsa-cbc")
    middle = [(s, d) for s, d in apart(other.datagrams) if epoch_of(d)] * WINDOW
    heard = listen_datagrams([*middle, *spoken.datagrams], key_ring())
    assert heard.said == spoken.said
    assert heard.report.finished_verified is True


# Secrets that do not fit, and none.


def test_without_a_key() -> None:
    spoken = recording("rsa")
    heard = listen_datagrams(spoken.datagrams, ring())
    assert heard.said == (b"", b"")
    assert heard.verdict == "no-matching-key"
    report = heard.report
    assert report.client_encrypted_bytes + report.server_encrypted_bytes == dark_bytes(
        spoken.datagrams
    )
    ephemeral = listen_datagrams(recording("ecdhe").datagrams, key_ring())
    assert ephemeral.said == (b"", b"")
    assert ephemeral.verdict == "forward-secrecy"


def test_nothing_said_is_nothing_hidden() -> None:
    spoken = recording("rsa")
    silent = [(side, data) for side, data in spoken.datagrams if data[0] != 23]
    assert listen_datagrams(silent, ring()).verdict == "no-data"
    assert listen_datagrams(silent, key_ring()).verdict == "decrypted"


def test_the_wrong_secret_shows_nothing() -> None:
    spoken = recording("ecdhe")
    (line,) = [line for line in spoken.keylog if line.startswith("CLIENT_RANDOM")]
    heard = listen_datagrams(spoken.datagrams, ring(keylog=[line[:-2] + "00"]))
    assert heard.said == (b"", b"")
    assert heard.verdict == "wrong-secrets"


def test_one_of_several_pre_shared_keys() -> None:
    spoken = recording("psk")
    several = ring(psks=[("pbx", "aa"), ("pbx", "bb"), *PSK])
    heard = listen_datagrams(spoken.datagrams, several)
    assert heard.said == spoken.said
    assert heard.report.finished_verified is True
    none = listen_datagrams(spoken.datagrams, ring(psks=[("pbx", "aa"), ("pbx", "bb")]))
    assert none.said == (b"", b"")
    assert none.verdict == "wrong-secrets"


@pytest.mark.parametrize("side", [0, 1], ids=["client", "server"])
def test_one_direction_only(side: int) -> None:
    spoken = recording("ecdhe")
    one = [datagram for datagram in spoken.datagrams if datagram[0] == side]
    heard = listen_datagrams(one, ring(keylog=spoken.keylog))
    if side == 0:  # the server's random and choice are not known, and nothing replaces them
        assert heard.said == (b"", b"")
        assert heard.verdict == "handshake-incomplete"
        assert heard.report.why.startswith("Only what the client sent is in the capture")
        assert heard.report.client_encrypted_bytes == dark_bytes(one)
    else:
        assert heard.said == (b"", spoken.server)
        assert heard.verdict == "decrypted"


# Damage, and what is no DTLS at all.


def test_a_record_that_does_not_verify_is_not_shown() -> None:
    spoken = recording("rsa")
    at = [i for i, (side, data) in enumerate(spoken.datagrams) if data[0] == 23][2]
    side, data = spoken.datagrams[at]
    damaged = [*spoken.datagrams]
    damaged[at] = (side, data[:20] + bytes([data[20] ^ 0x40]) + data[21:])
    heard = listen_datagrams(damaged, key_ring())
    assert heard.verdict == "corrupt-records"
    assert heard.said[side] == spoken.said[side].replace(b"line 2 of this conversation\n", b"")
    assert heard.said[1 - side] == spoken.said[1 - side]
    assert f"first frames: {at + 1}" in heard.report.notes[0]


@settings(max_examples=200)
@given(st.sampled_from(["rsa", "rsa-cbc", "renegotiated"]), st.randoms(use_true_random=False))
def test_damage_never_shows_what_was_not_said(name: str, dice: random.Random) -> None:
    spoken = recording(name)
    genuine = Counter(listen_datagrams(spoken.datagrams, key_ring()).sorted)
    damaged: list[Datagram] = []
    for side, data in spoken.datagrams:
        cut = data
        if dice.random() < 0.3:
            changed = bytearray(data)
            for _ in range(dice.choice([1, 1, 2, 8])):
                changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            cut = bytes(changed[: dice.choice([len(data), dice.randrange(len(data))])])
        damaged.append((side, cut))
    heard = listen_datagrams(damaged, key_ring())
    assert Counter(heard.sorted) <= genuine
    if heard.sorted != sorted(genuine.elements()):
        assert heard.verdict != "decrypted" or heard.report.notes, "nothing is lost in silence"


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=80)), max_size=20))
def test_noise_is_no_session(datagrams: list[Datagram]) -> None:
    noise = [(side, b"\x16\xfe\xfd\0\0\0\0\0\0\0" + data) for side, data in datagrams]
    heard = listen_datagrams(noise, key_ring())
    assert heard.records == []


def test_what_is_no_record_is_counted() -> None:
    spoken = recording("rsa")
    broken = [
        b"\x16\xfe\xfd",  # no header
        plain_record(22, 900, b"abc")[:-1],  # cut
        plain_record(22, 901, b"no handshake message"),
        plain_record(23, 902, b"OPTIONS sip:not-protected SIP/2.0\r\n\r\n"),
        b"\x16\x03\x03" + plain_record(22, 903, b"")[3:],  # TLS
        plain_record(22, 904, handshake(20, 9, 12, 0, bytes(12))),  # Finished in clear
    ]
    datagrams = [*spoken.datagrams[:2], *((0, data) for data in broken), *spoken.datagrams[2:]]
    heard = listen_datagrams(datagrams, key_ring())
    assert heard.said == spoken.said
    assert heard.verdict == "decrypted"
    (note,) = heard.report.notes
    frames = ", ".join(str(number) for number in range(3, 9))
    assert note == f"6 records were damaged or cut, and passed over (first frames: {frames})"


def test_a_message_in_too_many_fragments_is_given_up() -> None:
    spoken = recording("rsa-without-ems")
    length = 600
    pieces = [
        (1, plain_record(22, 1000 + offset, handshake(22, 4, length, offset, b"a")))
        for offset in range(length)
    ]
    heard = listen_datagrams([*spoken.datagrams[:3], *pieces, *spoken.datagrams[3:]], key_ring())
    assert heard.said == spoken.said


def test_a_fragment_of_another_length_does_not_spoil_the_message() -> None:
    """A damaged length, then the message again as it should be."""
    spoken = recording("rsa")
    bad = plain_record(22, 900, handshake(16, 2, 300, 0, bytes(20)))
    heard = listen_datagrams([*spoken.datagrams[:4], (0, bad), *spoken.datagrams[4:]], key_ring())
    assert heard.said == spoken.said
    assert heard.report.finished_verified is True


def test_an_epoch_out_of_nowhere_is_dark() -> None:
    spoken = recording("rsa")
    stray = b"\x17\xfe\xfd\0\x02" + bytes(5) + b"\1" + opaque(bytes(40), 2)
    far = stray[:3] + b"\x77" + stray[4:]
    at = len(spoken.datagrams) - 2
    strays = [(0, stray)] * (WINDOW + 2) + [(0, far)]
    datagrams = [*spoken.datagrams[:at], *strays, *spoken.datagrams[at:]]
    heard = listen_datagrams(datagrams, key_ring())
    assert heard.said == spoken.said
    assert heard.report.client_encrypted_bytes == 40 * len(strays)


def test_what_waits_is_bounded() -> None:
    """Records that wait for keys count against the budget of all sessions."""
    spoken = recording("rsa")
    heard = PassiveDatagrams(SecretFinder(key_ring()))
    heard.session.budget.limit = 100
    order = sorted(apart(spoken.datagrams), key=lambda datagram: -epoch_of(datagram[1]))
    for side, data in order:
        heard.hear(side, data)
        assert heard.session.budget.used <= 100
    heard.finish()
    assert heard.said == (b"", b"")
    assert heard.verdict == "evicted"


def server_hello(version: int, extensions: bytes) -> bytes:
    body = b"\xfe\xfd" + bytes(32) + b"\0\x13\x01\0" + opaque(extensions, 2)
    return plain_record(22, 0, handshake(2, 0, len(body), 0, body))


def test_dtls_13_is_told_by_name() -> None:
    hello = recording("rsa").datagrams[0]
    answer = server_hello(0xFEFC, b"\0\x2b\0\2\xfe\xfc")
    heard = listen_datagrams([hello, (1, answer)], key_ring())
    assert heard.report.version == "DTLS 1.3"
    assert heard.verdict == "unsupported-suite"
    assert "DTLS 1.3" in heard.report.why


def test_what_looks_like_dtls() -> None:
    for _, data in apart(recording("rsa").datagrams):
        assert looks_like_dtls(data)
    good = plain_record(22, 0, b"abc")
    assert looks_like_dtls(good)
    for bad in (
        good[:-1],
        b"",
        b"\x13" + good[1:],
        b"\x1a" + good[1:],
        good[:1] + b"\3\3" + good[3:],
        good[:2] + b"\xfe" + good[3:],
    ):
        assert not looks_like_dtls(bad), bad


# Several sessions between the same ends.


def dispatch(datagrams: list[Datagram], keys: KeyRing) -> list[SessionReport]:
    reports: list[SessionReport] = []
    dispatcher = Dispatcher(SecretFinder(keys), (), [], reports.append)
    ends = ("192.0.2.10:5061", "192.0.2.20:5061")
    for frame, (side, data) in enumerate(datagrams, 1):
        dispatcher.receive_dtls(ends[side], ends[1 - side], data, frame, frame)
    dispatcher.finish()
    return reports


def test_packets_out_of_order_do_not_set_the_clock_back() -> None:
    spoken = recording("rsa")
    heard = PassiveDatagrams(SecretFinder(key_ring()))
    frames = [2, 1, *range(3, len(spoken.datagrams) - 1), len(spoken.datagrams) + 1]
    frames.append(len(spoken.datagrams))
    for (side, data), frame in zip(spoken.datagrams, frames, strict=False):
        heard.session.receive_datagram(side, data, frame, 1_000 * frame)
    session = heard.session
    assert (session.first_frame, session.started) == (1, 1_000)
    assert (session.last_frame, session.ended) == (max(frames), 1_000 * max(frames))


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "restarted"])
def test_the_ports_are_used_again(closed: bool) -> None:
    """A trunk that is restarted keeps its ports (RFC 6347 section 4.2.8)."""
    first, second = recording("rsa"), recording("rsa-cbc")
    begin = first.datagrams if closed else first.datagrams[:-2]
    reports = dispatch([*begin, *second.datagrams], key_ring())
    assert [report.verdict.value for report in reports] == ["decrypted"] * 2
    for report, spoken in zip(reports, (first, second), strict=True):
        assert (report.client_bytes, report.server_bytes) == tuple(map(len, spoken.said))
        assert report.finished_verified is True
    assert reports[0].ending.endswith("ports reused")
    assert reports[1].ending.endswith("capture ended")


def test_a_repeated_client_hello_begins_nothing() -> None:
    spoken = recording("rsa")
    again = [*spoken.datagrams[:-2], spoken.datagrams[0], *spoken.datagrams[-2:]]
    (report,) = dispatch(again, key_ring())
    assert report.verdict.value == "decrypted"


def test_a_session_that_lost_its_certificate_is_decrypted_at_the_end() -> None:
    """Secrets are asked for before the session is reported, in whatever thread they are found."""
    spoken = recording("rsa-without-ems")
    (report,) = dispatch(without(spoken.datagrams, 11), key_ring())
    assert report.verdict.value == "decrypted"
    assert report.client_bytes == len(spoken.client)


# Which record numbers were seen.


@given(st.lists(st.integers(0, 300), max_size=400), st.integers(0, 1 << 47))
def test_numbers_are_remembered_like_in_a_set(numbers: list[int], base: int) -> None:
    seen, known = set[int](), RecordNumbers()
    for number in range(base if base < 300 else 0):
        known.add(number)
        seen.add(number)
    if base >= 300:
        known.add(base)
        seen.add(base)
    for number in [base + number for number in numbers]:
        assert (number in known) is (number in seen)
        if number not in seen:
            known.add(number)
            seen.add(number)


def test_numbers_far_behind_cannot_be_told_from_repetitions() -> None:
    known = RecordNumbers()
    for number in (0, 2, 1 << 47):
        known.add(number)
    assert 1 in known
    assert known.missing == (1 << 47) - 2
    behind = (1 << 47) - MOST_NUMBERS // 2
    assert behind - 1 in known
    assert behind + 1 not in known
    known.add(behind + 1)
    assert known.missing == (1 << 47) - 3


def test_every_other_number_lost_takes_no_more_memory() -> None:
    known = RecordNumbers()
    for number in range(0, 10 * MOST_NUMBERS, 2):
        assert number not in known
        known.add(number)
    assert known.missing == 5 * MOST_NUMBERS - 1
    assert not known.reach(10 * MOST_NUMBERS)
    assert known.reach(0)


def test_recordings_hold_what_they_are_to_show() -> None:
    """Fragments, several records in a datagram, cookies: or the tests above prove little."""
    spoken = recording("rsa")
    assert any(is_handshake(data, 3) for _, data in spoken.datagrams)
    fragments = [data for _, data in apart(spoken.datagrams) if is_handshake(data, 11)]
    assert len(fragments) > 1
    assert any(len(records_of(data)) > 2 for _, data in spoken.datagrams)
    assert {epoch_of(data) for _, data in apart(recording("renegotiated").datagrams)} == {
        0,
        1,
        2,
        3,
    }
    assert isinstance(spoken, Recording)
