"""SRTP: keys from SDP and from DTLS, and packets opened with them, each with its proof."""

from tqdecrypt.media.srtp.dtls import DtlsKeys, DtlsTable, chosen_profile, keys_from_handshake
from tqdecrypt.media.srtp.keys import MasterKey, Unusable
from tqdecrypt.media.srtp.legs import LegKeys, keys_of_leg
from tqdecrypt.media.srtp.opener import SrtpOpener
from tqdecrypt.media.srtp.outcome import Opened, SourceReport, SrtpReport
from tqdecrypt.media.srtp.sdes import AgreedKeys, keys_for
from tqdecrypt.media.srtp.track import TrialBudget

__all__ = [
    "AgreedKeys",
    "DtlsKeys",
    "DtlsTable",
    "LegKeys",
    "MasterKey",
    "Opened",
    "SourceReport",
    "SrtpOpener",
    "SrtpReport",
    "TrialBudget",
    "Unusable",
    "chosen_profile",
    "keys_for",
    "keys_from_handshake",
    "keys_of_leg",
]
