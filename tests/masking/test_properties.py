"""Whatever a message says of somebody, nothing of it is there when it is masked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from masking.people import BODIES, HEADERS, KEY, PERSONS, Person, message, raw_message
from sip.messages import odd_messages
from sip.torture import CASES
from tqdecrypt.errors import Malformed
from tqdecrypt.masking import Masker, Profile
from tqdecrypt.sip import Message, StreamFramer, parse_message
from tqdecrypt.sip.uri import SipUri, TelUri

STARTS = st.sampled_from(
    [
        "INVITE sip:{number}@192.0.2.2:50610;user=phone SIP/2.0",
        "INVITE tel:{separated} SIP/2.0",
        "INVITE sip:{user}@example.com SIP/2.0",
        "SIP/2.0 200 OK",
        "SIP/2.0 404 {number} unknown",
    ]
)
ADDRESSES = (
    *("from", "to", "contact", "p-asserted-identity", "p-preferred-identity", "remote-party-id"),
    *("diversion", "history-info", "referred-by", "refer-to", "reply-to", "p-called-party-id"),
)


def problems(raw: bytes) -> Counter[str]:
    return Counter(problem.name for problem in parse_message(raw).problems)


def digit_strings(raw: bytes) -> set[str]:
    """Return the digits of five and more in user parts, as our parser places them."""
    parsed = parse_message(raw)
    uris = [parsed.uri] + [one.uri for key in ADDRESSES for one in parsed.typed(key)]
    found = set()
    for uri in uris:
        text = (
            uri.user if isinstance(uri, SipUri) else uri.digits if isinstance(uri, TelUri) else ""
        )
        digits = "".join(one for one in text or "" if one in "0123456789")
        if len(digits) >= 5:
            found.add(digits)
    return found


def assert_same_message(before: Message, after: Message) -> None:
    assert len(after.raw) == len(before.raw)
    assert after.body_start == before.body_start
    assert (after.method, after.status) == (before.method, before.status)
    assert (after.cseq, after.cseq_method) == (before.cseq, before.cseq_method)
    assert (after.frame, after.time, after.flow) == (before.frame, before.time, before.flow)
    line_ends = [at for at, one in enumerate(before.raw) if one in b"\r\n"]
    head_ends = [at for at in line_ends if at < before.body_start]
    assert all(after.raw[at] == before.raw[at] for at in head_ends)


@given(
    PERSONS,
    STARTS,
    st.lists(st.sampled_from(HEADERS), max_size=12, unique=True),
    st.sampled_from(BODIES),
)
@example(
    Person("79460123", "+4420", "Zebedee Quux", "quux", "0" * 24),
    "SIP/2.0 200 OK",
    list(HEADERS),
    BODIES[1],
)
def test_nobody_is_recognised(
    person: Person, start: str, headers: list[str], body: tuple[str, str]
) -> None:
    raw = raw_message(person, start, headers, body)
    before = message(raw)
    masker = Masker(Profile.PEOPLE, KEY)
    after = masker.message(before)
    assert after is not None
    assert_same_message(before, after)
    text = after.raw.decode("utf-8", "replace")
    assert person.digits not in text
    assert person.digits not in text.replace("-", "").replace(".", "")
    assert "quux" not in text.lower()
    assert "zebedee" not in text.lower()
    assert person.secret not in text
    assert person.fillings["sdes"] not in text
    assert problems(after.raw) <= problems(raw)
    assert masker.counters["messages_withheld_by_mask"] == 0


@given(
    PERSONS, st.lists(st.sampled_from(HEADERS), max_size=8, unique=True), st.sampled_from(BODIES)
)
def test_framing_stays(person: Person, headers: list[str], body: tuple[str, str]) -> None:
    raw = raw_message(person, "INVITE sip:{number}@example.com SIP/2.0", headers, body)
    after = Masker(Profile.PEOPLE, KEY).message(message(raw))
    assert after is not None
    framed = StreamFramer(after.flow).receive(after.raw * 3, 1, 1)
    assert [one.raw for one in framed] == [after.raw] * 3


@given(PERSONS, st.sampled_from(HEADERS), st.sampled_from(BODIES))
def test_the_profile_keys_hides_secrets_only(
    person: Person, header: str, body: tuple[str, str]
) -> None:
    raw = raw_message(person, "INVITE sip:{user}:{password}@example.com SIP/2.0", [header], body)
    after = Masker(Profile.KEYS, KEY).message(message(raw))
    assert after is not None
    assert_same_message(message(raw), after)
    text = after.raw.decode("utf-8", "replace")
    assert person.secret not in text
    assert person.fillings["sdes"] not in text
    assert after.from_.partition(b":")[0] == message(raw).from_.partition(b":")[0]
    assert problems(after.raw) == problems(raw)


def assert_masked(raw: bytes) -> None:
    try:
        before = message(raw)
    except Malformed:
        return
    masker = Masker(Profile.PEOPLE, KEY)
    after = masker.message(before)
    if after is None:
        assert masker.counters["messages_withheld_by_mask"] == 1
        return
    assert_same_message(before, after)
    for digits in digit_strings(raw):
        assert digits.encode() not in after.raw
    assert problems(after.raw) <= problems(raw)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.section)
def test_torture(case: object) -> None:
    assert_masked(case.raw)  # type: ignore[attr-defined]


@pytest.mark.shared
def test_the_messages_of_the_rfcs(shared: Path) -> None:
    files = [path for path in (shared / "corpus" / "sip-torture").glob("rfc*/*") if path.is_file()]
    assert files
    for path in files:
        assert_masked(path.read_bytes())


@given(odd_messages())
def test_any_spelling(raw: bytes) -> None:
    masker = Masker(Profile.PEOPLE, KEY)
    try:
        before = message(raw)
    except Malformed:
        return
    after = masker.message(before)
    if after is not None:
        assert_same_message(before, after)


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_start_line(junk: bytes) -> None:
    raw = b"INVITE sip:b@example.com SIP/2.0\r\n" + junk
    before = message(raw)
    for profile in Profile:
        masker = Masker(profile, KEY)
        after = masker.message(before)
        assert (after is None) == bool(masker.counters["messages_withheld_by_mask"])
        if after is not None:
            assert_same_message(before, after)


@given(PERSONS, st.permutations(list(HEADERS)))
def test_the_same_value_is_masked_the_same_in_any_message(
    person: Person, headers: list[str]
) -> None:
    """What calls are told apart by depends on nothing but itself."""
    raws = [
        raw_message(
            person, "SIP/2.0 200 OK", [*headers[:count], "Call-ID: {number}-x@{user}"], BODIES[0]
        )
        for count in (0, 5, 30)
    ]
    masker = Masker(Profile.PEOPLE, KEY)
    found = [masker.message(message(raw)) for raw in raws]
    line = [one.raw.rpartition(b"\r\nCall-ID: ")[2].partition(b"\r")[0] for one in found if one]
    assert len(line) == 3
    assert len(set(line)) == 1
