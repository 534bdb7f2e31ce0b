"""The E-model: how good a telephone call is to the ears (ITU-T G.107, 06/2015).

A function a formula, named after what it gives, its symbol beside it; :class:`Parameters` has the
names and default values of table 2.  ``transmission_rating`` adds up, ``mean_opinion_score`` maps R to the
scale from 1 to 5 (annex B).  With every default R is 93.2.

G.107 is for telephone band, 300 to 3400 Hz.  What is passive cannot know loudness, noise and echo at both
ends: there the defaults stand.  What a capture tells is packet loss, its burstiness and, in part, delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tqdecrypt.media.impairments import Impairment

__all__ = [
    "Parameters",
    "Rating",
    "absolute_delay_impairment",
    "basic_signal_to_noise",
    "burst_ratio",
    "delay_impairment",
    "effective_equipment_impairment",
    "listener_echo_impairment",
    "loudness_impairment",
    "mean_opinion_score",
    "noise_sum",
    "quantizing_impairment",
    "rate",
    "receive_noise",
    "send_noise",
    "sidetone_impairment",
    "simultaneous_impairment",
    "talker_echo_impairment",
    "transmission_rating",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What goes in, with the default values of table 2."""

    slr: float = 8
    """Send loudness rating, dB."""
    rlr: float = 2
    """Receive loudness rating, dB."""
    stmr: float = 15
    """Sidetone masking rating, dB."""
    ds: float = 3
    """D-value of the telephone at the send side."""
    dr: float = 3
    """D-value of the telephone at the receive side."""
    telr: float = 65
    """Talker echo loudness rating, dB."""
    wepl: float = 110
    """Weighted echo path loss, dB."""
    t: float = 0
    """Mean one-way delay of the echo path, ms."""
    tr: float = 0
    """Round-trip delay in a four-wire loop, ms."""
    ta: float = 0
    """Absolute delay in connections without echo, ms."""
    st: float = 1
    """Sensitivity to delay; less than 1 for people who do not mind to wait."""
    mt: float = 100
    """The least delay that anybody notices, ms."""
    qdu: float = 1
    """Number of quantization distortion units."""
    ie: float = 0
    """Equipment impairment factor of the codec."""
    bpl: float = 4.3
    """Packet-loss robustness factor of the codec."""
    ppl: float = 0
    """Random packet-loss probability, percent."""
    burst_r: float = 1
    """Burst ratio: 1 when losses are independent, more when they come in bursts."""
    nc: float = -70
    """Circuit noise referred to the 0 dBr point, dBm0p."""
    nfor: float = -64
    """Noise floor at the receive side, dBmp."""
    ps: float = 35
    """Room noise at the send side, dB(A)."""
    pr: float = 35
    """Room noise at the receive side, dB(A)."""
    a: float = 0
    """Advantage factor."""


@dataclass(frozen=True, slots=True)
class Rating:
    """How good it is."""

    r: float
    """Transmission rating factor."""
    mos: float
    """Mean opinion score of a conversation that R stands for, 1 to 4.5."""
    impairment: Impairment
    """What the codec's figures were, and whose."""


def _powers(*levels: float) -> float:
    """Return the sum of noises that are given in decibels."""
    return 10 * math.log10(sum(10 ** (level / 10) for level in levels))


# Basic signal-to-noise ratio, section 7.2.


def send_noise(p: Parameters) -> float:
    """Return Nos, the room noise at the send side as it arrives at 0 dBr, dBm0p."""
    olr = p.slr + p.rlr
    return p.ps - p.slr - p.ds - 100 + 0.004 * (p.ps - olr - p.ds - 14) ** 2


def receive_noise(p: Parameters) -> float:
    """Return Nor, the room noise at the receive side as it arrives at 0 dBr, dBm0p."""
    lstr = p.stmr + p.dr
    pre = p.pr + 10 * math.log10(1 + 10 ** ((10 - lstr) / 10))
    return p.rlr - 121 + pre + 0.008 * (pre - 35) ** 2


def noise_sum(p: Parameters) -> float:
    """Return No, all noise at the 0 dBr point, dBm0p."""
    return _powers(p.nc, send_noise(p), receive_noise(p), p.nfor + p.rlr)


def basic_signal_to_noise(p: Parameters) -> float:
    """Return Ro."""
    return 15 - 1.5 * (p.slr + noise_sum(p))


# Simultaneous impairments, section 7.3.


def loudness_impairment(p: Parameters) -> float:
    """Return Iolr, for too loud a connection."""
    xolr = p.slr + p.rlr + 0.2 * (64 + noise_sum(p) - p.rlr)
    return float(20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8))


def sidetone_impairment(p: Parameters) -> float:
    """Return Ist, for sidetone that is not as it should be."""
    stmro = -10 * math.log10(10 ** (-p.stmr / 10) + math.exp(-p.t / 4) * 10 ** (-p.telr / 10))
    return float(
        12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )


def quantizing_impairment(p: Parameters) -> float:
    """Return Iq, for quantizing distortion."""
    q = 37 - 15 * math.log10(p.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (basic_signal_to_noise(p) - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    return 15 * math.log10(1 + 10**y + 10**z)


def simultaneous_impairment(p: Parameters) -> float:
    """Return Is."""
    return loudness_impairment(p) + sidetone_impairment(p) + quantizing_impairment(p)


# Impairments by delay, section 7.4.


def talker_echo_impairment(p: Parameters) -> float:
    """Return Idte, for hearing oneself again."""
    if p.t < 1:
        return 0.0
    terv = p.telr - 40 * math.log10((1 + p.t / 10) / (1 + p.t / 150)) + 6 * math.exp(-0.3 * p.t**2)
    if p.stmr < 9:
        terv += sidetone_impairment(p) / 2
    roe = -1.5 * (noise_sum(p) - p.rlr)
    re = 80 + 2.5 * (terv - 14)
    half = (roe - re) / 2
    idte = (half + math.sqrt(half**2 + 100) - 1) * (1 - math.exp(-p.t))
    if p.stmr > 20:
        return math.hypot(idte, sidetone_impairment(p))
    return idte


def listener_echo_impairment(p: Parameters) -> float:
    """Return Idle, for hearing the other side again."""
    rle = 10.5 * (p.wepl + 7) * (p.tr + 1) ** -0.25
    half = (basic_signal_to_noise(p) - rle) / 2
    return float(half + math.sqrt(half**2 + 169))


def absolute_delay_impairment(ta: float, st: float = 1, mt: float = 100) -> float:
    """Return Idd, for having to wait, with echo perfectly controlled.

    :param ta: one-way delay from mouth to ear, ms.
    """
    if ta <= mt:
        return 0.0
    x = math.log(ta / mt) / math.log(2)
    power = 6 * st
    return float(
        25 * ((1 + x**power) ** (1 / power) - 3 * (1 + (x / 3) ** power) ** (1 / power) + 2)
    )


def delay_impairment(p: Parameters) -> float:
    """Return Id."""
    return (
        talker_echo_impairment(p)
        + listener_echo_impairment(p)
        + absolute_delay_impairment(p.ta, p.st, p.mt)
    )


# Equipment, and everything together, sections 7.5 and 7.1.


def effective_equipment_impairment(ie: float, bpl: float, ppl: float, burst_r: float = 1) -> float:
    """Return Ie-eff.

    :param ppl: lost packets, percent.
    """
    if ppl <= 0:
        return ie
    return ie + (95 - ie) * ppl / (ppl / burst_r + bpl)


def transmission_rating(p: Parameters) -> float:
    """Return R."""
    return (
        basic_signal_to_noise(p)
        - simultaneous_impairment(p)
        - delay_impairment(p)
        - effective_equipment_impairment(p.ie, p.bpl, p.ppl, p.burst_r)
        + p.a
    )


def mean_opinion_score(r: float) -> float:
    """Return MOS-CQE of a rating, 1 to 4.5 (annex B).

    Just above R = 0 the polynomial of the recommendation falls below 1, which is the end of the scale.
    """
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def burst_ratio(lost: int, bursts: int, expected: int) -> float:
    """Return BurstR: the mean length of a burst of losses, over that of as many independent losses.

    One that is less than 1 means losses more regular than chance; the model knows no better than 1.

    :param bursts: how many runs of losses one behind another there were.
    """
    if bursts <= 0 or lost >= expected:
        return 1.0
    return max(1.0, lost / bursts * (1 - lost / expected))


def rate(
    impairment: Impairment,
    *,
    loss: float,
    burst_r: float = 1,
    delay: float = 0,
    parameters: Parameters = Parameters(),
) -> Rating:
    """Return how good a stream is with a codec.

    :param loss: packets that were not played, percent.
    :param delay: one-way delay from mouth to ear as far as it is known, ms: echo is taken as controlled.
    """
    p = replace(
        parameters,
        ie=impairment.ie,
        bpl=impairment.bpl,
        ppl=min(max(loss, 0), 100),
        burst_r=burst_r,
        ta=delay,
    )
    r = transmission_rating(p)
    return Rating(r, mean_opinion_score(r), impairment)
