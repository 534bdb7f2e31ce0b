"""Asking a TLS server: what it negotiates, and whether a passive observer with its key could read it.

Nothing here runs unless the user names a server: it sends packets.  Each question is one handshake by
OpenSSL over a connection of its own; its bytes go through the passive engine as well, so that the answer
has the same facts and the same verdict as a capture would give.
"""

from tqdecrypt.check.checker import Checked, check
from tqdecrypt.check.dial import Dial, DialError
from tqdecrypt.check.offers import OFFERS, ClientOffer
from tqdecrypt.check.options import OptionsAnswer
from tqdecrypt.check.probe import Outcome, Probed, Target

__all__ = [
    "OFFERS",
    "Checked",
    "ClientOffer",
    "Dial",
    "DialError",
    "OptionsAnswer",
    "Outcome",
    "Probed",
    "Target",
    "check",
]
