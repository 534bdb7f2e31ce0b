"""SRTP as it stands in captures: begun in the middle, lost, reordered, twice, under new keys."""

from __future__ import annotations

import random
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from kit.srtp import Protector, packet_number, rtcp_packet, rtp_packet
from tqdecrypt.errors import UsageError
from tqdecrypt.media.srtp import MasterKey, SrtpOpener, TrialBudget
from tqdecrypt.media.srtp.library import load_library
from tqdecrypt.media.srtp.opener import MOST_KEYS, MOST_SENDERS
from tqdecrypt.media.srtp.suites import SUITES
from tqdecrypt.media.srtp.track import MOST_ROLLOVERS
from tqdecrypt.media.verdict import MediaVerdict

CM = "AES_CM_128_HMAC_SHA1_80"
SSRC = 0x1234ABCD


def material(suite: str = CM, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(SUITES[suite].material_length)


def key(suite: str = CM, seed: int = 1, **more: object) -> MasterKey:
    return MasterKey(suite, material(suite, seed), **more)  # type: ignore[arg-type]


def protected(numbers: list[int] | range, protector: Protector | None = None) -> list[bytes]:
    """Packets with these numbers; what is above 16 bits is the roll-over counter."""
    protector = protector or Protector(CM, material())
    return [protector.rtp(rtp_packet(number), number >> 16) for number in numbers]


def numbers_of(clear: list[bytes | None]) -> list[int | None]:
    return [None if packet is None else packet_number(packet) for packet in clear]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mki", [b"", b"\x01", b"\xe1\xf9\x7a\x0d"])
def test_every_suite_opens_what_the_specification_makes(suite: str, mki: bytes) -> None:
    protector = Protector(suite, material(suite), mki)
    opener = SrtpOpener([key(suite, mki=mki)])
    rtp = [rtp_packet(number) for number in range(5)]
    rtcp = [rtcp_packet(number) for number in range(5)]
    assert opener.receive([protector.rtp(packet, 0) for packet in rtp]).clear == rtp
    sealed = [protector.rtcp(packet, index) for index, packet in enumerate(rtcp)]
    assert opener.receive(sealed).clear == rtcp
    null = suite.startswith("NULL")
    report = opener.report()
    assert report.verdict is (MediaVerdict.AUTHENTICATED if null else MediaVerdict.DECRYPTED)
    assert [(source.rtcp, source.authenticated) for source in report.sources] == [
        (False, 5),
        (True, 5),
    ]


@pytest.mark.parametrize("suite", [name for name in SUITES if name.endswith("_32")])
def test_reports_with_the_short_tag_of_srtp_open_too(suite: str) -> None:
    """As baresip 1.0 protects them, against RFC 4568 section 6.2.2."""
    protector = Protector(suite, material(suite))
    protector.tags[1] = protector.tags[0]
    rtcp = [rtcp_packet(number) for number in range(5)]
    sealed = [protector.rtcp(packet, index) for index, packet in enumerate(rtcp, 1)]
    opener = SrtpOpener([key(suite, seed=2), key(suite)])
    assert [opener.receive([packet]).clear[0] for packet in sealed] == rtcp
    forged = bytes([*sealed[4][:-1], sealed[4][-1] ^ 1])
    assert opener.receive([forged]).clear == [None]


@pytest.mark.parametrize("suite", SUITES)
def test_the_e_flag_says_whether_a_report_is_encrypted(suite: str) -> None:
    protector = Protector(suite, material(suite))
    packets = [rtcp_packet(number) for number in range(6)]
    sealed = [protector.rtcp(p, i, encrypt=i % 2 == 0) for i, p in enumerate(packets)]
    for unencrypted in (False, True):
        opener = SrtpOpener([key(suite, unencrypted_rtcp=unencrypted)])
        assert opener.receive(sealed).clear == packets


def test_unencrypted_srtp_is_authenticated_and_called_so() -> None:
    protector = Protector(CM, material())
    packets = [rtp_packet(number) for number in range(4)]
    sealed = [protector.rtp(packet, 0, encrypt=False) for packet in packets]
    opener = SrtpOpener([key(unencrypted_rtp=True)])
    assert opener.receive([*sealed, b"\x80" + bytes(60)]).clear == [*packets, None]
    assert opener.report_on(SSRC).verdict is MediaVerdict.AUTHENTICATED


def test_unauthenticated_srtp_is_marked_as_unproven() -> None:
    protector = Protector(CM, material())
    packets = [rtp_packet(number) for number in range(4)]
    opener = SrtpOpener([key(unauthenticated_rtp=True)])
    opened = opener.receive([protector.rtp(p, 0, authenticate=False) for p in packets])
    assert opened.clear == packets
    assert opened.unproven == [0, 1, 2, 3]
    report = opener.report()
    assert report.verdict is MediaVerdict.UNAUTHENTICATED
    assert report.sources[0].authenticated == 0


def test_a_key_that_proves_goes_before_one_that_opens_anything() -> None:
    opener = SrtpOpener([key(seed=2, unauthenticated_rtp=True), key()])
    opened = opener.receive(protected(range(3)))
    assert numbers_of(opened.clear) == [0, 1, 2]
    assert not opened.unproven


@pytest.mark.parametrize("rollovers", [0, 1, 2, 100, MOST_ROLLOVERS - 1])
@pytest.mark.parametrize("suite", [CM, "AEAD_AES_256_GCM"])
def test_a_capture_begins_in_the_middle(rollovers: int, suite: str) -> None:
    first = rollovers << 16 | 0xFFFE
    protector = Protector(suite, material(suite))
    opener = SrtpOpener([key(suite)])
    numbers = range(first, first + 6)
    assert numbers_of(opener.receive(protected(numbers, protector)).clear) == list(numbers)
    assert opener.report().sources[0].first_rollovers == rollovers


def test_a_roll_over_counter_beyond_all_that_are_tried_is_called_unknown_when_srtcp_proves_the_key() -> (
    None
):
    protector = Protector(CM, material())
    opener = SrtpOpener([key()])
    first = (MOST_ROLLOVERS + 20) << 16
    assert opener.receive(protected([first, first + 1])).clear == [None, None]
    assert opener.report().verdict is MediaVerdict.AUTHENTICATION_FAILED
    opener.receive([protector.rtcp(rtcp_packet(1), 70000)])
    assert opener.report().verdict is MediaVerdict.ROLLOVER_UNKNOWN


def test_want_of_trials_is_not_called_a_wrong_key() -> None:
    opener = SrtpOpener([key()], budget=TrialBudget(100))
    assert opener.receive(protected([3000 << 16])).clear == [None]
    assert opener.report().verdict is MediaVerdict.ROLLOVER_UNKNOWN
    assert numbers_of(opener.receive(protected([7])).clear) == [7]


@pytest.mark.parametrize("lost", [40_000, 65_536, 70_000, 300_000])
def test_a_loss_across_the_wrap_of_sequence_numbers(lost: int) -> None:
    numbers = [*range(60_000, 60_005), *range(60_005 + lost, 60_010 + lost)]
    opener = SrtpOpener([key()])
    assert numbers_of(opener.receive(protected(numbers)).clear) == numbers


def test_what_came_before_the_wrap_and_late_is_opened() -> None:
    numbers = [65_530, 65_537, 65_534, 65_538, 65_531, 65_536, 65_533]
    opener = SrtpOpener([key()])
    assert numbers_of(opener.receive(protected(numbers)).clear) == numbers


def test_a_packet_far_too_late_for_a_receiver_is_opened_all_the_same() -> None:
    numbers = [*range(5000), 3, 70_000, 70_001, 4, 70_002]
    numbers.remove(3)
    numbers.remove(4)
    numbers += [200_000, 100]
    opener = SrtpOpener([key()])
    assert numbers_of(opener.receive(protected(numbers)).clear) == numbers


@pytest.mark.parametrize("copies", [2, 3, 4, 6])
def test_packets_captured_several_times_come_out_as_often(copies: int) -> None:
    numbers = [number for number in range(65_500, 65_560) for _ in range(copies)]
    opener = SrtpOpener([key()])
    opened = opener.receive(protected(numbers))
    assert numbers_of(opened.clear) == numbers
    source = opener.report().sources[0]
    assert source.repeated == len(opened.repeated) == 60 * (copies - 1)
    assert source.authenticated == len(numbers)


def test_reports_captured_twice_come_out_twice() -> None:
    protector = Protector(CM, material())
    packets = [rtcp_packet(number // 2) for number in range(20)]
    sealed = [protector.rtcp(packet, number // 2) for number, packet in enumerate(packets)]
    opener = SrtpOpener([key()])
    assert opener.receive(sealed).clear == packets
    assert opener.report().sources[0].repeated == 10


def test_a_forged_copy_of_a_packet_stays_dark() -> None:
    good = protected(range(3))
    forged = good[1][:-1] + bytes([good[1][-1] ^ 1])
    opened = SrtpOpener([key()]).receive([good[0], good[1], forged, good[2], forged])
    assert numbers_of(opened.clear) == [0, 1, None, 2, None]


def test_the_sender_begins_anew_at_zero_with_the_same_key() -> None:
    numbers = [*range(200_000, 200_050), *range(30, 80)]
    opener = SrtpOpener([key()])
    assert numbers_of(opener.receive(protected(numbers)).clear) == numbers


def test_a_new_key_overlaps_with_the_old_one() -> None:
    old, new = Protector(CM, material()), Protector(CM, material(seed=2))
    packets = [
        (new if number > 20 or number in (12, 15, 17) else old).rtp(rtp_packet(number), 0)
        for number in range(40)
    ]
    keys = [key(until=15), key(seed=2, since=15)]
    opener = SrtpOpener(keys)
    opened = opener.receive(packets, range(40))
    assert numbers_of(opened.clear) == list(range(40))
    assert opener.report().sources[0].keys == keys


def test_the_roll_over_counter_goes_on_under_a_new_key() -> None:
    old, new = Protector(CM, material()), Protector(CM, material(seed=2))
    first = 700 << 16
    packets = protected(range(first, first + 5), old) + protected(range(first + 5, first + 9), new)
    budget = TrialBudget(2000)
    opener = SrtpOpener([key(), key(seed=2)], budget=budget)
    assert None not in opener.receive(packets).clear
    assert budget.left > 2000 - 2 * 700 - 100


def test_the_identifier_selects_among_the_keys_of_a_line() -> None:
    keys = [key(seed=seed, mki=bytes([0, seed])) for seed in (1, 2, 3)]
    senders = [Protector(CM, material(seed=seed), bytes([0, seed])) for seed in (1, 2, 3)]
    packets = [senders[number // 5 % 3].rtp(rtp_packet(number), 0) for number in range(30)]
    opened = SrtpOpener(keys).receive(packets)
    assert numbers_of(opened.clear) == list(range(30))


def test_a_right_key_under_a_wrong_identifier_stays_dark() -> None:
    sender = Protector(CM, material(), b"\2")
    opener = SrtpOpener([key(mki=b"\1")])
    assert opener.receive([sender.rtp(rtp_packet(1), 0)]).clear == [None]


def test_senders_keep_roll_over_counters_of_their_own() -> None:
    protector = Protector(CM, material())
    packets = [
        protector.rtp(rtp_packet(65_530 + number, ssrc), ssrc + (65_530 + number >> 16))
        for number in range(10)
        for ssrc in (1, 2, 3)
    ]
    opener = SrtpOpener([key()])
    assert None not in opener.receive(packets).clear
    assert [source.first_rollovers for source in opener.report().sources] == [1, 2, 3]


def test_the_key_of_the_other_direction_is_told_and_opens_nothing() -> None:
    opener = SrtpOpener([key(seed=2)], [key()])
    assert opener.receive(protected(range(20))).clear == [None] * 20
    assert opener.report().verdict is MediaVerdict.OTHER_DIRECTION


def test_a_key_for_both_directions_is_no_mix_up() -> None:
    opener = SrtpOpener([key()], [key()])
    assert None not in opener.receive(protected(range(20))).clear
    assert opener.report().verdict is MediaVerdict.DECRYPTED


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ([], MediaVerdict.NO_KEY_IN_SDP),
        ([key(seed=2)], MediaVerdict.AUTHENTICATION_FAILED),
        ([MasterKey("F8_128_HMAC_SHA1_80", material())], MediaVerdict.UNSUPPORTED_SUITE),
        ([MasterKey(CM, None)], MediaVerdict.KEY_MASKED),
        ([MasterKey(CM, bytes(12))], MediaVerdict.AUTHENTICATION_FAILED),
        ([key(seed=2, derivation_rate=16)], MediaVerdict.UNSUPPORTED_SUITE),
        ([key(derivation_rate=16)], MediaVerdict.DECRYPTED),
    ],
)
def test_the_verdict_says_what_the_keys_are_worth(
    keys: list[MasterKey], verdict: MediaVerdict
) -> None:
    opener = SrtpOpener(keys)
    opener.receive(protected(range(10)))
    assert opener.report().verdict is verdict


def test_a_stream_whose_second_half_has_another_key_is_opened_in_part() -> None:
    packets = protected(range(50)) + protected(range(50, 90), Protector(CM, material(seed=2)))
    opener = SrtpOpener([key()])
    assert numbers_of(opener.receive(packets).clear) == [*range(50), *[None] * 40]
    report = opener.report()
    assert report.verdict is MediaVerdict.PARTLY_DECRYPTED
    assert report.sources[0].dark == 40


def test_more_packets_than_the_lifetime_are_noticed() -> None:
    for lifetime, outlived in ((10, False), (9, True)):
        opener = SrtpOpener([key(lifetime=lifetime)])
        opener.receive(protected(range(10)) * 2)
        assert opener.report().sources[0].outlived is outlived


def test_rtcp_in_clear_on_the_path_is_told_from_damage() -> None:
    ping = struct.pack(">BBHI4sI", 0x80, 204, 3, SSRC, b"PING", 0)
    compound = rtcp_packet(1) + struct.pack(">BBHI", 0x81, 203, 1, SSRC)
    sealed = Protector(CM, material()).rtcp(rtcp_packet(3), 1)
    opener = SrtpOpener([key()])
    opener.receive(protected(range(3)))
    assert opener.receive([ping, compound, sealed[:20], sealed[:-1]]).clear == [None] * 4
    source = opener.report().sources[1]
    assert (source.in_clear, source.too_short, source.dark) == (2, 1, 4)
    assert opener.report().verdict is MediaVerdict.DECRYPTED


def test_what_is_no_rtp_is_counted() -> None:
    opener = SrtpOpener([key()])
    assert (
        opener.receive([b"", b"\x80", bytes(40), b"\x16\xfe\xfd" + bytes(30)]).clear == [None] * 4
    )
    assert opener.report().foreign == 4


def test_behind_a_damaged_first_packet_the_next_one_opens() -> None:
    packets = protected([65_535, 65_536])
    packets[0] = packets[0][:-1] + bytes([packets[0][-1] ^ 1])
    assert numbers_of(SrtpOpener([key()]).receive(packets).clear) == [None, 65_536]


def test_a_damaged_beginning_is_opened_once_the_place_is_known() -> None:
    numbers = list(range(900 << 16, (900 << 16) + 12))
    packets = protected(numbers)
    packets[0] = packets[0][:-1] + b"?"
    opened = SrtpOpener([key()]).receive(packets)
    assert numbers_of(opened.clear) == [None, *numbers[1:]]


def test_ten_thousand_senders_are_bounded_and_the_call_goes_on() -> None:
    packets = protected(range(300))
    noise = [rtp_packet(number, ssrc=number, payload=bytes(60)) for number in range(10_000)]
    opener = SrtpOpener([key(), key(seed=2)], budget=TrialBudget(5000))
    opener.receive(packets[:100])
    opener.receive(noise)
    assert numbers_of(opener.receive(packets[100:]).clear) == list(range(100, 300))
    report = opener.report()
    assert len(report.sources) == MOST_SENDERS
    assert report.evicted == report.evicted_packets == 10_001 - MOST_SENDERS


def test_the_latest_of_very_many_keys_are_tried() -> None:
    keys = [key(seed=seed) for seed in range(100, 100 + MOST_KEYS)] + [key()]
    opener = SrtpOpener(keys)
    assert None not in opener.receive(protected(range(3))).clear
    assert opener.report().unused_keys == 1


def test_an_opener_that_was_let_go_keeps_its_report_and_opens_again() -> None:
    opener = SrtpOpener([key()])
    opener.receive(protected(range(5)))
    opener.let_go()
    assert opener.report().sources[0].authenticated == 5
    assert numbers_of(opener.receive(protected(range(5, 9))).clear) == [5, 6, 7, 8]


def test_who_sends_without_end_what_nothing_opens_costs_no_trials_without_end() -> None:
    budget = TrialBudget(1 << 20)
    opener = SrtpOpener([key(seed=2)], budget=budget)
    opener.receive(protected(range(3000)))
    assert (1 << 20) - budget.left < 5 * MOST_ROLLOVERS


def test_keys_never_show() -> None:
    shown = repr(key(origin="a=crypto:1 of the offer")) + repr(SrtpOpener([key()]).report())
    assert material().hex() not in shown
    assert repr(material()) not in shown


def test_without_the_library_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_library.cache_clear()
    monkeypatch.setitem(sys.modules, "pylibsrtp", None)
    with pytest.raises(UsageError, match=r"pip install 'tqdecrypt\[media\]'"):
        SrtpOpener([key()])


# What libsrtp sends, damaged in every way, comes out as it was sent.

_LIBSRTP = {
    CM: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@given(
    suite=st.sampled_from(sorted(_LIBSRTP)),
    start=st.integers(65_400, 65_535),
    fates=st.lists(
        st.sampled_from(["pass", "pass", "lose", "twice", "late", "break"]), max_size=80
    ),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    seed=st.integers(0, 1 << 32),
)
def test_exactly_what_was_sent_comes_out(
    suite: str, start: int, fates: list[str], sizes: list[int], seed: int
) -> None:
    policy = Policy(
        key=material(suite),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=_LIBSRTP[suite],
    )
    sender, chance = Session(policy), random.Random(seed)
    wire: list[tuple[bytes, int | None]] = []
    late: list[tuple[bytes, int | None]] = []
    for number, fate in enumerate(fates, start):
        packet = sender.protect(rtp_packet(number))
        if fate == "break":
            place = chance.randrange(len(packet))
            packet = (
                packet[:place]
                + bytes([packet[place] ^ 1 << chance.randrange(8)])
                + packet[place + 1 :]
            )
            wire.append((packet, None))
        elif fate == "late":
            late.append((packet, number))
        else:
            wire += [(packet, number)] * {"pass": 1, "twice": 2, "lose": 0}[fate]
        if late and chance.random() < 0.3:
            wire.append(late.pop(0))
    wire += late
    opener = SrtpOpener([key(suite, seed=9), key(suite)])
    came: list[bytes | None] = []
    rest = wire
    for size in sizes:
        opened = opener.receive([packet for packet, _ in rest[: size * 10]])
        came += opened.clear
        rest = rest[size * 10 :]
    came += opener.receive([packet for packet, _ in rest]).clear
    assert numbers_of(came) == [number for _, number in wire]


@given(
    suite=st.sampled_from(sorted(SUITES)),
    rollovers=st.integers(0, MOST_ROLLOVERS - 2),
    steps=st.lists(st.integers(1, 30_000), min_size=1, max_size=8),
)
def test_any_place_and_any_loss_up_to_half_the_numbers(
    suite: str, rollovers: int, steps: list[int]
) -> None:
    numbers = [rollovers << 16]
    for step in steps:
        numbers.append(numbers[-1] + step)
    protector = Protector(suite, material(suite))
    opener = SrtpOpener([key(suite)])
    assert numbers_of(opener.receive(protected(numbers, protector)).clear) == numbers


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(lambda b: b"\x80" + b)))
def test_any_bytes_stay_dark_and_are_counted(packets: list[bytes]) -> None:
    opener = SrtpOpener(
        [key(), key("AEAD_AES_128_GCM"), key(mki=b"\1", seed=3)], budget=TrialBudget(50)
    )
    assert opener.receive(packets).clear == [None] * len(packets)
    report = opener.report()
    assert report.foreign + sum(source.packets for source in report.sources) == len(packets)
    assert all(source.dark == source.packets for source in report.sources)
