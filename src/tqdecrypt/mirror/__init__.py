"""SIP that others mirror: HEP, in captures and from the network, as messages among those that were decrypted.

A mirrored message says of itself where it came from and when; nothing proves it.  So it counts as not
verified, and names who mirrored it.
"""

from tqdecrypt.mirror.framer import HepFramer
from tqdecrypt.mirror.listener import HepListener
from tqdecrypt.mirror.merger import Merger
from tqdecrypt.mirror.messages import Mirror

__all__ = ["HepFramer", "HepListener", "Merger", "Mirror"]
