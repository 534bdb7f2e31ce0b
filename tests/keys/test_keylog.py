"""The key-log parser: every label, every kind of damage, and any split of the input."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tqdecrypt.keys import KeyLog
from tqdecrypt.keys.keylog import MAX_LINE

RANDOM = bytes(range(32))
OTHER = bytes(range(32, 64))
MASTER = bytes(range(100, 148))
HASH = bytes(range(200, 232))


def line(label: str, identifier: bytes, secret: bytes) -> bytes:
    return f"{label} {identifier.hex()} {secret.hex()}\n".encode()


def read(data: bytes, source: str = "keys.log") -> KeyLog:
    keylog = KeyLog()
    keylog.feed(data, source)
    return keylog


def first_reason(data: bytes) -> str:
    keylog = read(data)
    assert keylog.counters.malformed == 1
    assert len(keylog) == 0
    return str(keylog.counters.first_malformed[0])


@pytest.mark.parametrize(
    ("label", "size"),
    [
        ("CLIENT_RANDOM", 48),
        ("PMS_CLIENT_RANDOM", 48),
        ("PMS_CLIENT_RANDOM", 256),
        ("CLIENT_EARLY_TRAFFIC_SECRET", 32),
        ("EARLY_EXPORTER_SECRET", 48),
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 48),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", 48),
        ("CLIENT_TRAFFIC_SECRET_0", 32),
        ("SERVER_TRAFFIC_SECRET_0", 32),
        ("CLIENT_TRAFFIC_SECRET_12", 32),
        ("SERVER_TRAFFIC_SECRET_3", 48),
        ("EXPORTER_SECRET", 32),
        ("ECH_SECRET", 32),
        ("ECH_CONFIG", 71),
    ],
)
def test_every_label_is_found_by_its_client_random(label: str, size: int) -> None:
    secret = bytes(size - 1) + b"\x01"
    keylog = read(line(label, RANDOM, secret))
    assert keylog.secrets_of(RANDOM) == {label: secret}
    assert keylog.secrets_of(OTHER) == {}
    assert keylog.source_of(RANDOM) == "keys.log"
    assert keylog.source_of(OTHER) is None
    assert keylog.counters.malformed == 0


def test_early_exporter_master_secret_is_the_same_under_another_name() -> None:
    keylog = read(line("EARLY_EXPORTER_MASTER_SECRET", RANDOM, HASH))
    assert keylog.secrets_of(RANDOM) == {"EARLY_EXPORTER_SECRET": HASH}


def test_rsa_lines_are_found_by_the_encrypted_premaster_alone() -> None:
    keylog = read(line("RSA", RANDOM[:8], MASTER))
    assert keylog.by_encrypted_premaster(RANDOM[:8]) == MASTER
    assert keylog.by_encrypted_premaster(OTHER[:8]) is None
    assert keylog.by_session_id(RANDOM[:8]) is None
    assert keylog.secrets_of(RANDOM[:8]) == {}


def test_s_client_lines_are_found_by_the_session_id_alone() -> None:
    text = f"RSA Session-ID:{RANDOM.hex().upper()} Master-Key:{MASTER.hex().upper()}\n"
    keylog = read(text.encode())
    assert keylog.by_session_id(RANDOM) == MASTER
    assert keylog.by_session_id(OTHER) is None
    assert keylog.secrets_of(RANDOM) == {}


def test_a_session_id_that_equals_a_client_random_hides_neither() -> None:
    text = f"RSA Session-ID:{RANDOM.hex()} Master-Key:{MASTER.hex()}\n".encode()
    keylog = read(text + line("CLIENT_RANDOM", RANDOM, MASTER[::-1]))
    assert keylog.by_session_id(RANDOM) == MASTER
    assert keylog.secrets_of(RANDOM) == {"CLIENT_RANDOM": MASTER[::-1]}


def test_comments_empty_lines_crlf_and_a_byte_order_mark() -> None:
    data = b"\xef\xbb\xbf# made by me\n\n" + line("CLIENT_RANDOM", RANDOM, MASTER)
    keylog = read(data.replace(b"\n", b"\r\n"))
    assert keylog.secrets_of(RANDOM) == {"CLIENT_RANDOM": MASTER}
    assert (keylog.counters.lines, keylog.counters.comments) == (3, 1)
    assert keylog.counters.malformed == 0


def test_the_last_line_waits_for_its_end() -> None:
    data = line("CLIENT_TRAFFIC_SECRET_0", RANDOM, MASTER)
    keylog = KeyLog()
    # The first 32 bytes of a 48-byte secret look like a whole one.
    keylog.feed(data[:-33], "a")
    assert len(keylog) == 0
    keylog.feed(data[-33:-1], "a")
    assert len(keylog) == 0
    keylog.feed(data[-1:], "a")
    assert keylog.secrets_of(RANDOM) == {"CLIENT_TRAFFIC_SECRET_0": MASTER}


def test_finish_takes_the_last_line_without_its_end() -> None:
    keylog = read(line("CLIENT_RANDOM", RANDOM, MASTER).rstrip())
    keylog.finish("keys.log")
    keylog.finish("keys.log")
    assert len(keylog) == 1
    assert keylog.counters.lines == 1


def test_sources_have_unfinished_lines_and_numbers_of_their_own() -> None:
    first, second = line("CLIENT_RANDOM", RANDOM, MASTER), line("CLIENT_RANDOM", OTHER, MASTER)
    keylog = KeyLog()
    keylog.feed(first[:50], "a")
    keylog.feed(second[:70], "b")
    keylog.feed(first[50:], "a")
    keylog.feed(second[70:] + b"x y\n", "b")
    assert [keylog.source_of(RANDOM), keylog.source_of(OTHER)] == ["a", "b"]
    assert [(bad.source, bad.line) for bad in keylog.counters.first_malformed] == [("b", 2)]


def test_many_unfinished_sources_are_finished_oldest_first() -> None:
    keylog = KeyLog()
    for number in range(1_025):
        keylog.feed(line("CLIENT_RANDOM", number.to_bytes(32, "big"), MASTER)[:-1], f"{number}")
    assert len(keylog) == 1
    assert keylog.source_of(bytes(32)) == "0"


def test_version_grows_with_new_secrets_only() -> None:
    keylog = KeyLog()
    versions = []
    for data in (
        line("CLIENT_RANDOM", RANDOM, MASTER),
        line("CLIENT_RANDOM", RANDOM, MASTER),
        b"# nothing\nrubbish\n",
        line("EXPORTER_SECRET", RANDOM, HASH),
    ):
        keylog.feed(data, "a")
        versions.append(keylog.version)
    assert versions == [1, 1, 1, 2]
    assert keylog.counters.duplicates == 1


def test_of_two_different_secrets_the_newer_counts() -> None:
    keylog = read(line("CLIENT_RANDOM", RANDOM, MASTER) + line("EXPORTER_SECRET", RANDOM, HASH))
    keylog.feed(line("CLIENT_RANDOM", RANDOM, MASTER[::-1]), "newer")
    assert keylog.secrets_of(RANDOM) == {"CLIENT_RANDOM": MASTER[::-1], "EXPORTER_SECRET": HASH}
    assert keylog.counters.conflicts == 1
    assert keylog.version == 3
    assert len(keylog) == 2
    assert keylog.source_of(RANDOM) == "newer"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"CLIENT_RANDOM 00\n", "2 fields instead of label, identifier and secret"),
        (b"CLIENT_RANDOM 00 11 22\n", "4 fields instead of label, identifier and secret"),
        (
            line("CLIENT_RANDOM", RANDOM[:31], MASTER),
            "CLIENT_RANDOM for 31 bytes instead of 32",
        ),
        (line("CLIENT_RANDOM", RANDOM, HASH), "CLIENT_RANDOM of 32 bytes instead of 48"),
        (
            line("EXPORTER_SECRET", RANDOM, HASH[:20]),
            "EXPORTER_SECRET of 20 bytes instead of 32, 48 or 64",
        ),
        (line("ECH_SECRET", RANDOM, b"x"), "ECH_SECRET of 1 bytes instead of 16 to 128"),
        (line("RSA", RANDOM, MASTER), "RSA for 32 bytes instead of 8"),
        (
            line("CLIENT_RANDOM", RANDOM, MASTER)[:-2] + b"\n",
            "the secret of CLIENT_RANDOM is not hexadecimal",
        ),
        (
            b"CLIENT_RANDOM zz" + b"00" * 31 + b" " + b"00" * 48 + b"\n",
            "the identifier of CLIENT_RANDOM is not hexadecimal",
        ),
        (b"RSA Session-ID:00 Key:00\n", "a session ID without a Master-Key"),
        (b"00112233 4455 6677\n", "does not start with a label"),
        (b"DEADBEEF 4455 6677\n", "does not start with a label"),
        (b"client_random 4455 6677\n", "does not start with a label"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", "belongs to a PEM file, not to a key log"),
        (
            "CLIENT_RANDOM 00\n".encode("utf-16-le")[:-1],
            "is UTF-16 text or binary; save the key log as plain text",
        ),
        (b"A" * (MAX_LINE + 1) + b"\n", f"longer than {MAX_LINE} bytes"),
    ],
)
def test_what_cannot_be_used_is_named(data: bytes, reason: str) -> None:
    assert first_reason(data) == f"keys.log, line 1: {reason}"


def test_only_the_first_unusable_lines_are_named() -> None:
    keylog = read(b"# ok\n" + b"rubbish\n" * 100)
    assert keylog.counters.malformed == 100
    assert [bad.line for bad in keylog.counters.first_malformed] == list(range(2, 10))


def test_unknown_labels_are_counted_by_name_up_to_a_bound() -> None:
    keylog = read(b"QUIC_THING 00 11\n" * 3 + b"".join(b"X_%d 00 11\n" % n for n in range(100)))
    assert keylog.counters.unknown == 103
    assert keylog.counters.malformed == 0
    assert keylog.counters.unknown_labels["QUIC_THING"] == 3
    assert len(keylog.counters.unknown_labels) == 32


def test_a_line_as_long_as_the_disk_costs_no_memory() -> None:
    keylog = KeyLog()
    for _ in range(64):
        keylog.feed(b"A" * 65_536, "a")
    held = sum(len(tail.partial) for tail in keylog._tails.values())
    assert held == MAX_LINE + 1
    keylog.feed(b"\n" + line("CLIENT_RANDOM", RANDOM, MASTER), "a")
    assert keylog.counters.malformed == 1
    assert len(keylog) == 1


def test_the_oldest_sessions_go_when_the_table_is_full() -> None:
    keylog = KeyLog(limit=32)
    randoms = [number.to_bytes(32, "big") for number in range(40)]
    for random in randoms:
        keylog.feed(line("CLIENT_RANDOM", random, MASTER), "a")
        assert len(keylog) <= 32
    assert keylog.counters.evicted == 40 - len(keylog)
    assert not keylog.secrets_of(randoms[0])
    assert keylog.secrets_of(randoms[-1])
    kept = [bool(keylog.secrets_of(random)) for random in randoms]
    assert kept == sorted(kept)


def test_traffic_secrets_are_those_that_protect_records() -> None:
    labels = ["CLIENT_RANDOM", "EXPORTER_SECRET"]
    traffic = ["CLIENT_EARLY_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"]
    traffic += ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_1"]
    keylog = read(b"".join(line(label, RANDOM, MASTER) for label in labels + traffic))
    assert list(keylog.traffic_secrets()) == [(RANDOM, label, MASTER) for label in traffic]


def test_the_table_may_grow_while_traffic_secrets_are_tried() -> None:
    keylog = read(line("CLIENT_TRAFFIC_SECRET_0", RANDOM, HASH))
    trials = keylog.traffic_secrets()
    next(trials)
    keylog.feed(line("CLIENT_TRAFFIC_SECRET_0", OTHER, HASH), "a")
    assert list(trials) == []


# -- properties -------------------------------------------------------------------------------

_RANDOMS = st.sampled_from([RANDOM, OTHER, RANDOM[:31], b""])
_SECRETS = st.sampled_from([MASTER, HASH, MASTER[::-1], b"\x00"])
_LABELS = st.sampled_from(
    ["CLIENT_RANDOM", "RSA", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_7", "NEW_THING"]
)
_LINES = st.one_of(
    st.builds(line, _LABELS, _RANDOMS, _SECRETS),
    st.sampled_from(
        [b"\n", b"\r\n", b"# comment\n", b"\xef\xbb\xbf\n", b"A" * (MAX_LINE + 1) + b"\n"]
    ),
    st.binary(max_size=40),
)


def state(keylog: KeyLog) -> tuple[object, ...]:
    return keylog._table, keylog.version, keylog.counters, len(keylog)


@given(lines=st.lists(_LINES, max_size=12), cuts=st.lists(st.integers(0, 20_000), max_size=8))
def test_any_split_gives_the_same_table(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(lines)
    whole, split = KeyLog(), KeyLog()
    whole.feed(data, "a")
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, stop in itertools.pairwise(edges):
        split.feed(data[start:stop], "a")
    assert state(split) == state(whole)
    whole.finish("a")
    split.finish("a")
    assert state(split) == state(whole)


@given(lines=st.lists(_LINES.filter(lambda text: len(text) < 300), max_size=5))
def test_byte_by_byte_gives_the_same_table(lines: list[bytes]) -> None:
    data = b"".join(lines)
    slow = KeyLog()
    for offset in range(len(data)):
        slow.feed(data[offset : offset + 1], "keys.log")
    assert state(slow) == state(read(data))


@given(st.binary(max_size=2_000))
@example(b"RSA Session-ID: Master-Key:\n")
@example(b"RSA Session-ID:0 Master-Key:0\n")
@example(b"\x00 \x00 \x00\n\xff\xff\xff\n")
def test_every_line_is_accounted_for(data: bytes) -> None:
    keylog = read(data)
    keylog.finish("keys.log")
    counters = keylog.counters
    assert counters.lines == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    used = keylog.version + counters.duplicates
    assert used + counters.comments + counters.malformed + counters.unknown <= counters.lines
