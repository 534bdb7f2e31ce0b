"""What codecs cost: Ie and Bpl of the E-model, from ITU-T G.113 (11/2007) Appendix I.

Table I.1 has Ie of codecs without packet loss, table I.4 has Bpl of some, each with one packet length and
one kind of concealment.  :class:`Source` says what was compared with each figure.  Where a codec has no
figure of its own, the figures of another one stand in, and :attr:`Impairment.stands_in` says which.  A rating
with such figures, or with one that nothing confirms, is an estimate (:attr:`Impairment.estimated`): it
compares calls with each other, it is no measurement.

Wideband codecs (G.722, AMR-WB, Opus, EVS) are heard on another scale (G.107.1); on this one the narrow band
is the best there is, so what stands for them is G.711 with concealment: what the same loss would do to it.
Only a mode of AMR-WB that sounds worse than the narrow band at its best costs something of its own.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["SOURCE", "Impairment", "Source", "impairment_of", "impairment_of_modes"]

SOURCE = "ITU-T G.113 (11/2007) Appendix I"


class Source(enum.Enum):
    """What confirms a figure, independent of this program."""

    BOUNDS = (
        "Telektronikk 2001, Internet Traffic Engineering, table 3: the delay at which R is 70 with each "
        "codec. Through the delay impairment of G.107 it gives each Ie to a tenth.",
        "https://fliphtml5.com/cuwft/dvva/Internet_Traffic_Engineering/330",
    )
    SIPNAB = (
        "sipnab, MOS and codecs: what it read in G.113 (09/2024), tables I.1 and IV.1",
        "https://github.com/NormB/sipnab/wiki/MOS-and-Codecs",
    )
    IMPLEMENTATIONS = (
        "public implementations of the E-model that quote table I.4, some in its edition of 09/2024; "
        "of 25.1 and 19.0 sipmon is one",
        "https://docs.rs/crate/sipmon/latest/source/src/analyze/mos.rs",
    )
    INET = (
        "INET, SimpleVoipReceiver: the pair of GSM-EFR is its default",
        "https://github.com/inet-framework/inet/blob/master/src/inet/applications/voip/"
        "SimpleVoipReceiver.ned",
    )

    def __init__(self, what: str, address: str) -> None:
        self.what = what
        self.address = address


class Impairment(NamedTuple):
    """The figures of one codec."""

    codec: str
    """What the figures are for."""
    ie: float
    """Equipment impairment factor."""
    bpl: float
    """Packet-loss robustness factor."""
    stands_in: str = ""
    """Whose figures these are where the codec has none; empty when they are its own."""
    ie_confirmed_by: Source | None = None
    """``None`` when nothing was found to compare it with."""
    bpl_confirmed_by: Source | None = None

    @property
    def confirmed(self) -> bool:
        """Whether something else has the same figures."""
        return self.ie_confirmed_by is not None and self.bpl_confirmed_by is not None

    @property
    def estimated(self) -> bool:
        """Whether a rating with them is an estimate: they are another codec's, or not confirmed."""
        return bool(self.stands_in) or not self.confirmed


G711_PLAIN = Impairment(
    "G.711 without concealment",
    0,
    4.3,
    ie_confirmed_by=Source.BOUNDS,
    bpl_confirmed_by=Source.IMPLEMENTATIONS,
)
"""Table I.4, 10 ms packets, silence for what is lost."""
G711 = Impairment(
    "G.711 with concealment",
    0,
    25.1,
    ie_confirmed_by=Source.BOUNDS,
    bpl_confirmed_by=Source.IMPLEMENTATIONS,
)
"""Table I.4, 10 ms packets, concealment of G.711 Appendix I."""
G729A = Impairment(
    "G.729A + VAD",
    11,
    19.0,
    ie_confirmed_by=Source.IMPLEMENTATIONS,
    bpl_confirmed_by=Source.IMPLEMENTATIONS,
)
"""Table I.4, 20 ms packets, the codec's own concealment.  G.729 itself, without VAD, has 10 in table I.1; on
the wire nothing tells them apart, and few leave annex A out."""
G723_63 = Impairment(
    "G.723.1 6.3 kbit/s + VAD",
    15,
    16.1,
    ie_confirmed_by=Source.BOUNDS,
    bpl_confirmed_by=Source.IMPLEMENTATIONS,
)
"""Table I.4, 30 ms packets, the codec's own concealment."""
GSM_EFR = Impairment(
    "GSM-EFR", 5, 10.0, ie_confirmed_by=Source.BOUNDS, bpl_confirmed_by=Source.INET
)
"""Table I.4, 20 ms packets, the codec's own concealment."""


def _of_table_1(
    codec: str, ie: float, robust_as: Impairment, confirmed_by: Source | None = Source.BOUNDS
) -> Impairment:
    """Return figures whose Ie is in table I.1 while Bpl is that of a relative."""
    stands_in = f"packet loss: {robust_as.codec}"
    return Impairment(codec, ie, robust_as.bpl, stands_in, confirmed_by, robust_as.bpl_confirmed_by)


def _as(codec: str, other: Impairment) -> Impairment:
    """Return the figures of another codec."""
    return other._replace(codec=codec, stands_in=other.codec)


def _of_amr(mode: str, ie: float) -> Impairment:
    """Return figures of a mode of AMR, which G.113 does not have at all.

    Ie is what :attr:`Source.BOUNDS` gives, as it does for the codecs that G.113 has.
    """
    return _of_table_1(f"AMR {mode} kbit/s", ie, GSM_EFR)


_AMR_MODES = {
    122: _as("AMR 12.2 kbit/s", GSM_EFR),
    102: _of_amr("10.2", 6),
    79: _of_amr("7.95", 10),
    74: Impairment(
        "AMR 7.4 kbit/s",
        10,
        GSM_EFR.bpl,
        "IS-641; packet loss: GSM-EFR",
        Source.SIPNAB,
        GSM_EFR.bpl_confirmed_by,
    ),
    67: _of_amr("6.7", 13.7),
    59: _of_amr("5.9", 16.5),
    51: _of_amr("5.15", 19.5),
    47: _of_amr("4.75", 21.3),
}
"""Mode, hundreds of bit/s → figures.  12.2 and 7.4 are the codecs of GSM-EFR and IS-641 (3GPP TS 26.071), of
which table I.1 has Ie; by the bounds 7.4 would have 11.6."""

_WIDEBAND_OFFSET = 129 - 93.2
"""What the best of the narrow band lacks on the scale of the wide band (G.107.1: R is 129 at most)."""


def _of_amr_wb(mode: str, wideband_ie: float) -> Impairment:
    """Return figures of a mode of AMR-WB: what it costs more than the narrow band without any impairment.

    :param wideband_ie: G.113 table IV.1, heard with one ear.
    """
    ie = max(wideband_ie - _WIDEBAND_OFFSET, 0)
    stands_in = f"its own, from the wideband scale; packet loss: {G711.codec}"
    codec = f"AMR-WB {mode} kbit/s"
    return Impairment(
        codec, round(ie, 1), G711.bpl, stands_in, Source.SIPNAB, G711.bpl_confirmed_by
    )


_AMR_WB_MODES = {
    238: _of_amr_wb("23.85", 8),
    230: _of_amr_wb("23.05", 1),
    198: _of_amr_wb("19.85", 3),
    182: _of_amr_wb("18.25", 5),
    158: _of_amr_wb("15.85", 7),
    142: _of_amr_wb("14.25", 10),
    126: _of_amr_wb("12.65", 13),
    88: _of_amr_wb("8.85", 26),
    66: _of_amr_wb("6.6", 41),
}

_CODECS = {
    "PCMU": G711,
    "PCMA": G711,
    "L16": G711,
    "G729": G729A,
    "G723": G723_63,
    "GSM": _of_table_1("GSM full rate", 20, GSM_EFR),
    "GSM-EFR": GSM_EFR,
    "GSM-HR-08": _of_table_1("GSM half rate", 23, GSM_EFR),
    "G726-40": _of_table_1("G.726 40 kbit/s", 2, G711_PLAIN),
    "G726-32": _of_table_1("G.726 32 kbit/s", 7, G711_PLAIN),
    # The bounds only say of these two that they are more than 24.
    "G726-24": _of_table_1("G.726 24 kbit/s", 25, G711_PLAIN, None),
    "G726-16": _of_table_1("G.726 16 kbit/s", 50, G711_PLAIN, None),
    "G728": _of_table_1("G.728 16 kbit/s", 7, G729A),
    "AMR": _AMR_MODES[122],
    "ILBC": _as("iLBC", G729A),
    "SPEEX": _as("Speex", G729A),
    "G722": _as("G.722", G711),
    "G7221": _as("G.722.1", G711),
    "AMR-WB": _as("AMR-WB", G711),
    "EVS": _as("EVS", G711),
    "OPUS": _as("Opus", G711),
    "SILK": _as("SILK", G711),
}

_MODES = {"AMR": _AMR_MODES, "AMR-WB": _AMR_WB_MODES}


def impairment_of_modes(codec: str, modes: Mapping[int, int]) -> Impairment | None:
    """Return the figures of a codec whose mode changes: the mean over its packets.

    :param modes: bit rate, bit/s → packets; those that the codec does not have are left out.
    """
    told = {rate: found for rate in modes if (found := impairment_of(codec, bit_rate=rate))}
    if codec.upper() not in _MODES or not told:
        return impairment_of(codec)
    total = sum(modes[rate] for rate in told)
    main = max(told, key=lambda rate: modes[rate])
    if len(told) == 1:
        return told[main]
    return told[main]._replace(
        codec=f"{told[main].codec} ({modes[main] / total:.0%}) and other modes",
        ie=round(sum(one.ie * modes[rate] for rate, one in told.items()) / total, 1),
    )


def impairment_of(
    codec: str, *, bit_rate: int | None = None, concealed: bool = True
) -> Impairment | None:
    """Return the figures of a codec, ``None`` when nothing can stand for it.

    :param codec: its name as in SDP, in any case.
    :param bit_rate: of its mode, bit/s, where it has several (AMR, G.723.1).
    :param concealed: whether the receiver fills gaps with what came before (G.711 has that as an option).
    """
    name = codec.upper()
    if name in ("PCMU", "PCMA") and not concealed:
        return G711_PLAIN
    if name in _MODES and bit_rate is not None:
        return _MODES[name].get(bit_rate // 100)
    if name == "G723" and bit_rate is not None and bit_rate < 6000:
        return _of_table_1("G.723.1 5.3 kbit/s", 19, G723_63)
    return _CODECS.get(name)
