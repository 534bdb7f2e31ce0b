"""The order of time, and each message once, whoever saw it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hep.packets import INVITE
from tqdecrypt.mirror import Merger
from tqdecrypt.mirror.merger import HOLD, REMEMBERED
from tqdecrypt.sip import Flow, Message, index_message

SECOND = 1_000_000_000
A, B, C = "192.0.2.1:5060", "192.0.2.2:5061", "192.0.2.3:5060"


def seen(
    time: int, by: str | None = None, ends: tuple[str, str] = (A, B), call: int = 1
) -> Message:
    """Return the INVITE, decrypted, or mirrored by somebody."""
    flow = Flow(*ends, "TLS", "verified" if by is None else "unverified", mirrored_by=by)
    raw = INVITE.replace(b"Call-ID: 1", f"Call-ID: {call}".encode())
    return index_message(raw, flow, 1, time)


def merged(*messages: Message) -> tuple[Sequence[Message], dict[str, int]]:
    """Return what comes out when each message arrives at its time."""
    merger = Merger()
    out: list[Message] = []
    for message in messages:
        merger.add([message], message.time)
        out += merger.take(message.time)
    return [*out, *merger.take(None)], {k: v for k, v in merger.counters.items() if v}


def test_messages_wait_for_earlier_ones_and_come_out_in_the_order_of_time() -> None:
    merger = Merger()
    late, early = seen(5 * SECOND, call=1), seen(4 * SECOND, "k", call=2)
    merger.add([late], 5 * SECOND)
    assert merger.take(5 * SECOND) == []
    merger.add([early], 5 * SECOND + HOLD // 2)
    assert merger.take(5 * SECOND + HOLD) == [early, late]


def test_a_clock_that_is_ahead_holds_nobody_up() -> None:
    merger = Merger()
    ahead = seen(9_000 * SECOND, "k", call=1)
    merger.add([ahead], SECOND)
    merger.add([seen(2 * SECOND, call=2)], 2 * SECOND)
    assert [one.call_id[0] for one in merger.take(3 * SECOND)] == ["2", "1"]


def test_a_copy_of_what_was_decrypted_is_left_out() -> None:
    decrypted = seen(1)
    out, counters = merged(decrypted, seen(2, "k"))
    assert out == [decrypted]
    assert counters == {"mirrored_copies": 1}


def test_what_was_decrypted_takes_the_place_of_its_copy() -> None:
    decrypted = seen(2)
    out, counters = merged(seen(1, "k"), decrypted)
    assert out == [decrypted]
    assert counters == {"mirrored_copies": 1}


def test_what_is_decrypted_too_late_is_the_copy() -> None:
    mirrored = seen(1, "k")
    out, counters = merged(mirrored, seen(10 * SECOND, call=2), seen(20 * SECOND))
    assert [one.call_id[0] for one in out] == ["1", "2"]
    assert out[0] is mirrored
    assert counters == {"decrypted_copies": 1}


def test_a_message_that_both_ends_mirror_is_there_once() -> None:
    out, counters = merged(seen(1, "k"), seen(2, "f"))
    assert len(out) == 1
    assert counters == {"mirrored_copies": 1}


def test_a_retransmission_stays_one() -> None:
    """Two transmissions, each decrypted and mirrored by two: the n-th sighting is the n-th transmission."""
    messages = [seen(1), seen(2, "k"), seen(3, "f"), seen(500), seen(501, "f"), seen(502, "k")]
    out, counters = merged(*messages)
    assert out == [messages[0], messages[3]]
    assert counters == {"mirrored_copies": 4}


def test_a_retransmission_that_only_one_saw_is_there() -> None:
    out, counters = merged(seen(1, "k"), seen(2), seen(500, "k"))
    assert [one.time for one in out] == [2, 500]
    assert counters == {"mirrored_copies": 1}


def test_the_same_bytes_on_another_hop_are_another_message() -> None:
    """In front of the server stands a TLS offloader that sends on what it gets."""
    hop = ("127.0.0.1:40000", "127.0.0.1:5060")
    out, counters = merged(seen(1), seen(2, "k", hop), seen(3, "k"))
    assert [one.flow.source for one in out] == [A, hop[0]]
    assert counters == {"mirrored_copies": 1}


def test_ports_and_one_unknown_end_do_not_matter() -> None:
    listening = (A.replace("5060", "5061"), "0.0.0.0:5061")
    out, _ = merged(seen(1), seen(2, "asterisk", listening))
    assert len(out) == 1


def test_after_a_while_the_same_bytes_are_a_new_message() -> None:
    out, counters = merged(seen(1), seen(2 * REMEMBERED, "k"))
    assert len(out) == 2
    assert not counters


def test_what_went_on_before_anything_was_mirrored_is_known() -> None:
    merger = Merger()
    merger.remember([seen(1)])
    merger.add([seen(2, "k")], 2)
    assert merger.take(None) == ()
    assert merger.counters["mirrored_copies"] == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3_000_000_000), st.sampled_from([None, "k", "f"]), st.integers(1, 3)
        ),
        max_size=40,
    )
)
def test_nothing_is_lost_and_every_transmission_is_there_once(
    steps: list[tuple[int, str | None, int]],
) -> None:
    messages = [seen(time, by, call=call) for time, by, call in steps]
    merger = Merger()
    out: list[Message] = []
    for now, message in enumerate(messages):
        merger.add([message], now * SECOND // 4)
        out += merger.take(now * SECOND // 4)
    out += merger.take(None)
    copies = merger.counters["mirrored_copies"] + merger.counters["decrypted_copies"]
    assert len(out) + copies == len(messages)
    for call in (1, 2, 3):
        sightings = [
            sum(1 for _, by, number in steps if by == one and number == call)
            for one in (None, "k", "f")
        ]
        assert sum(1 for one in out if one.call_id.startswith(str(call))) == max(sightings)
