"""Against figures that were worked by hand, and tables of the recommendation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.media.emodel import (
    Parameters,
    absolute_delay_impairment,
    basic_signal_to_noise,
    burst_ratio,
    delay_impairment,
    effective_equipment_impairment,
    listener_echo_impairment,
    loudness_impairment,
    mean_opinion_score,
    noise_sum,
    quantizing_impairment,
    rate,
    receive_noise,
    send_noise,
    sidetone_impairment,
    simultaneous_impairment,
    talker_echo_impairment,
    transmission_rating,
)
from tqdecrypt.media.impairments import G711, G711_PLAIN, G729A, impairment_of

DEFAULT = Parameters()


def test_default_values_give_93_2() -> None:
    r = transmission_rating(DEFAULT)
    assert round(r, 1) == 93.2
    assert round(mean_opinion_score(r), 2) == 4.41


@pytest.mark.parametrize(
    ("r", "mos"),
    [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (-5, 1), (100, 4.5)],
)
def test_ratings_map_to_the_scores_of_annex_b(r: float, mos: float) -> None:
    assert mean_opinion_score(r) == pytest.approx(mos, abs=0.0065)  # the table has 4.03 for 4.024


def test_noise_by_hand() -> None:
    # 35 - 8 - 3 - 100 + 0.004 * (35 - 10 - 3 - 14)^2 = -76 + 0.004 * 64
    assert send_noise(DEFAULT) == pytest.approx(-75.744)
    # LSTR = 18; Pre = 35 + 10 lg(1 + 10^-0.8) = 35.6389...; 2 - 121 + Pre + 0.008 * 0.6389^2
    assert receive_noise(DEFAULT) == pytest.approx(-83.3578, abs=1e-3)
    # 10^-7 + 10^-7.5744 + 10^-8.33578 + 10^-6.2 = 7.6221e-7
    assert noise_sum(DEFAULT) == pytest.approx(-61.179, abs=1e-3)
    # 15 - 1.5 * (8 - 61.179)
    assert basic_signal_to_noise(DEFAULT) == pytest.approx(94.769, abs=1e-3)


def test_impairments_that_come_with_the_signal_by_hand() -> None:
    # Xolr = 10 + 0.2 (64 - 61.179 - 2) = 10.1642; 20 (7.7899^(1/8) - 1.27052)
    assert loudness_impairment(DEFAULT) == pytest.approx(0.4402, abs=1e-3)
    # Q = 37, G = 93.0298; Y = -0.3487 + 5.4762 - 10.3366 = -5.2092; Z = 1.5333 - 2.3257 = -0.7924
    assert quantizing_impairment(DEFAULT) == pytest.approx(0.9746, abs=1e-3)
    assert simultaneous_impairment(DEFAULT) == pytest.approx(
        loudness_impairment(DEFAULT) + sidetone_impairment(DEFAULT) + quantizing_impairment(DEFAULT)
    )


def test_delay_by_hand() -> None:
    assert absolute_delay_impairment(100) == 0
    # X = lg 2 / lg 2 = 1: 25 (2^(1/6) - 3 (1 + 3^-6)^(1/6) + 2)
    assert absolute_delay_impairment(200) == pytest.approx(3.0444, abs=1e-3)
    # X = 2: 25 (65^(1/6) - 3 (1 + (2/3)^6)^(1/6) + 2)
    assert absolute_delay_impairment(400) == pytest.approx(24.07, abs=0.01)
    # Rle = 10.5 * 117 = 1228.5: (94.77 - 1228.5) / 2 and a root that nearly cancels it
    assert listener_echo_impairment(DEFAULT) == pytest.approx(0.149, abs=1e-3)
    assert delay_impairment(DEFAULT) == pytest.approx(0.149, abs=1e-3)


def test_echo_is_heard_from_a_millisecond_on_and_the_more_the_later_it_comes() -> None:
    assert talker_echo_impairment(Parameters(t=0.9)) == 0
    heard = [talker_echo_impairment(Parameters(t=t, telr=45)) for t in (10, 50, 150, 300)]
    assert heard == sorted(heard)
    assert heard[-1] > 30
    assert talker_echo_impairment(Parameters(t=50, stmr=25)) > talker_echo_impairment(
        Parameters(t=50, stmr=20)
    )
    assert talker_echo_impairment(Parameters(t=50, stmr=5)) != talker_echo_impairment(
        Parameters(t=50, stmr=9)
    )


@pytest.mark.parametrize(
    ("ie", "bpl", "ppl", "burst_r", "found"),
    [
        (0, 4.3, 0, 1, 0),
        (11, 19.0, 1, 1, 15.2),  # 11 + 84 / 20
        (0, 25.1, 5, 1, 15.7807),  # 95 * 5 / 30.1
        (0, 4.3, 1, 1, 17.9245),  # 95 / 5.3
        (0, 4.3, 10, 2, 102.1505),  # 950 / 9.3: bursts may exceed 95
    ],
)
def test_equipment_by_hand(ie: float, bpl: float, ppl: float, burst_r: float, found: float) -> None:
    assert effective_equipment_impairment(ie, bpl, ppl, burst_r) == pytest.approx(found, abs=1e-3)


def test_g729_with_a_percent_of_loss_is_rated_78() -> None:
    rating = rate(G729A, loss=1)
    assert rating.r == pytest.approx(93.2 - 15.2, abs=0.05)
    assert rating.mos == pytest.approx(3.95, abs=0.01)
    assert rating.impairment.stands_in == ""


def test_bursts_of_losses() -> None:
    # Ten lost of 100 in two runs: runs of 5, where chance makes runs of 1 / 0.9.
    assert burst_ratio(10, 2, 100) == pytest.approx(4.5)
    assert burst_ratio(0, 0, 100) == 1
    assert burst_ratio(10, 10, 100) == 1
    assert burst_ratio(100, 1, 100) == 1


def test_codecs_have_the_figures_of_g_113() -> None:
    assert impairment_of("pcmu") == G711
    assert G711[:4] == ("G.711 with concealment", 0, 25.1, "")
    assert impairment_of("PCMA", concealed=False) == G711_PLAIN
    assert G711_PLAIN.bpl == 4.3
    g729 = impairment_of("G729")
    assert g729 is not None
    assert g729[:4] == ("G.729A + VAD", 11, 19.0, "")
    g723 = impairment_of("G723")
    assert g723 is not None
    assert g723[1:4] == (15, 16.1, "")
    slow = impairment_of("G723", bit_rate=5300)
    assert slow is not None
    assert slow.ie == 19
    assert slow.stands_in


@pytest.mark.parametrize(
    ("codec", "bit_rate", "bound"),
    [
        ("PCMU", None, 400),
        ("GSM-HR-08", None, 177),
        ("GSM", None, 210),
        ("G728", None, 322),
        ("G726-32", None, 322),
        ("G726-40", None, 375),
        ("G723", 5_300, 219),
        ("G723", 6_300, 251),
        ("GSM-EFR", None, 342),
        ("AMR", 12_200, 342),
        ("AMR", 10_200, 332),
        ("AMR", 7_950, 293),
        ("AMR", 6_700, 262),
        ("AMR", 5_900, 239),
        ("AMR", 5_150, 214),
        ("AMR", 4_750, 197),
    ],
)
def test_figures_fit_delay_bounds_that_others_published(
    codec: str, bit_rate: int | None, bound: float
) -> None:
    """Telektronikk 2001, table 3: the delay in ms at which R falls to 70 from the 94 of G.711."""
    found = impairment_of(codec, bit_rate=bit_rate)
    assert found is not None
    left = absolute_delay_impairment(400)  # G.711 reaches the bound by delay alone
    assert found.ie == pytest.approx(left - absolute_delay_impairment(bound), abs=0.1)


def test_what_is_confirmed_and_its_own_is_no_estimate() -> None:
    for codec in ("PCMU", "G729", "G723", "GSM-EFR"):
        found = impairment_of(codec)
        assert found is not None
        assert found.confirmed
        assert not found.estimated
    assert not G711_PLAIN.estimated


@pytest.mark.parametrize("codec", ["G726-24", "G726-16"])
def test_what_nothing_confirms_is_an_estimate(codec: str) -> None:
    found = impairment_of(codec)
    assert found is not None
    assert found.ie_confirmed_by is None
    assert found._replace(stands_in="").estimated


@pytest.mark.parametrize("codec", ["opus", "G722", "AMR-WB", "iLBC", "GSM", "AMR"])
def test_a_codec_without_figures_says_whose_it_has(codec: str) -> None:
    found = impairment_of(codec)
    assert found is not None
    assert found.stands_in
    assert found.estimated


def test_of_amr_the_mode_counts() -> None:
    modes = [12_200, 10_200, 7_950, 7_400, 6_700, 5_900, 5_150, 4_750]
    found = [impairment_of("AMR", bit_rate=mode) for mode in modes]
    costs = [one.ie for one in found if one is not None]
    assert len(costs) == len(modes)
    assert costs == sorted(costs)
    assert impairment_of("AMR", bit_rate=1) is None


def test_what_nothing_can_stand_for_is_not_rated() -> None:
    assert impairment_of("telephone-event") is None
    assert impairment_of("x-something") is None


percent = st.floats(0, 100)


@given(percent, percent, st.floats(1, 8))
def test_more_loss_is_never_better(one: float, other: float, burst_r: float) -> None:
    less, more = sorted((one, other))
    assert rate(G711, loss=more, burst_r=burst_r).r <= rate(G711, loss=less, burst_r=burst_r).r


@given(st.floats(0, 2000), st.floats(0, 2000))
def test_more_delay_is_never_better(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert rate(G711, loss=0, delay=more).r <= rate(G711, loss=0, delay=less).r + 1e-9


@given(st.floats(-50, 150), st.floats(-50, 150))
def test_a_better_rating_is_never_a_worse_score(one: float, other: float) -> None:
    worse, better = sorted((one, other))
    assert 1 <= mean_opinion_score(worse) <= mean_opinion_score(better) + 1e-9 <= 4.5 + 1e-9


@given(percent, st.floats(1, 8), st.floats(1, 8))
def test_bursts_are_never_better(loss: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert rate(G729A, loss=loss, burst_r=more).r <= rate(G729A, loss=loss, burst_r=less).r
