"""What codecs cost: Ie and Bpl of the E-model, from ITU-T G.113 (11/2007) Appendix I.

Table I.1 has Ie of codecs without packet loss, table I.4 has Bpl of some, each with one packet length and
one kind of concealment.  Where a codec has no figure of its own, the figures of another one stand in, and
:attr:`Impairment.stands_in` says which: such a rating compares calls with each other, it is no measurement.
Wideband codecs (G.722, AMR-WB, Opus, EVS) are heard on another scale (G.107.1); on this one the narrow band
is the best there is, so what stands for them is G.711 with concealment: what the same loss would do to it.

25.1 and 19.0 agree with several public implementations; the other figures and the numbers of the tables
have not been compared with the text of the recommendation.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SOURCE", "Impairment", "impairment_of"]

SOURCE = "ITU-T G.113 (11/2007) Appendix I"


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


G711_PLAIN = Impairment("G.711 without concealment", 0, 4.3)
"""Table I.4, 10 ms packets, silence for what is lost."""
G711 = Impairment("G.711 with concealment", 0, 25.1)
"""Table I.4, 10 ms packets, concealment of G.711 Appendix I."""
G729A = Impairment("G.729A + VAD", 11, 19.0)
"""Table I.4, 20 ms packets, the codec's own concealment."""
G723_63 = Impairment("G.723.1 6.3 kbit/s + VAD", 15, 16.1)
"""Table I.4, 30 ms packets, the codec's own concealment."""
GSM_EFR = Impairment("GSM-EFR", 5, 10.0)
"""Table I.4, 20 ms packets, the codec's own concealment."""


def _of_table_1(codec: str, ie: float, robust_as: Impairment) -> Impairment:
    """Return figures whose Ie is in table I.1 while Bpl is that of a relative."""
    return Impairment(codec, ie, robust_as.bpl, f"packet loss: {robust_as.codec}")


def _as(codec: str, other: Impairment) -> Impairment:
    """Return the figures of another codec."""
    return Impairment(codec, other.ie, other.bpl, other.codec)


_AMR_74 = Impairment("AMR 7.4 kbit/s", 10, GSM_EFR.bpl, "IS-641; packet loss: GSM-EFR")
"""The mode is the codec of IS-641 (3GPP TS 26.071), which table I.1 has."""
_GSM_HALF_RATE = _of_table_1("GSM half rate", 23, GSM_EFR)

_AMR_MODES = {
    122: Impairment("AMR 12.2 kbit/s", GSM_EFR.ie, GSM_EFR.bpl, "GSM-EFR"),
    102: _as("AMR 10.2 kbit/s", _AMR_74),
    79: _as("AMR 7.95 kbit/s", _AMR_74),
    74: _AMR_74,
    67: _as("AMR 6.7 kbit/s", _GSM_HALF_RATE),
    59: _as("AMR 5.9 kbit/s", _GSM_HALF_RATE),
    51: _as("AMR 5.15 kbit/s", _GSM_HALF_RATE),
    47: _as("AMR 4.75 kbit/s", _GSM_HALF_RATE),
}
"""Mode, hundreds of bit/s → figures.  Between those that are known, a mode has the figures of the next
lower one, which is careful; below 7.4 kbit/s the half-rate codec stands for them, as the worst of its time.
"""

_CODECS = {
    "PCMU": G711,
    "PCMA": G711,
    "L16": G711,
    "G729": G729A,
    "G723": G723_63,
    "GSM": _of_table_1("GSM full rate", 20, GSM_EFR),
    "GSM-EFR": GSM_EFR,
    "GSM-HR-08": _GSM_HALF_RATE,
    "G726-40": _of_table_1("G.726 40 kbit/s", 2, G711_PLAIN),
    "G726-32": _of_table_1("G.726 32 kbit/s", 7, G711_PLAIN),
    "G726-24": _of_table_1("G.726 24 kbit/s", 25, G711_PLAIN),
    "G726-16": _of_table_1("G.726 16 kbit/s", 50, G711_PLAIN),
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
    if name == "AMR" and bit_rate is not None:
        return _AMR_MODES.get(bit_rate // 100)
    if name == "G723" and bit_rate is not None and bit_rate < 6000:
        return _of_table_1("G.723.1 5.3 kbit/s", 19, G723_63)
    return _CODECS.get(name)
