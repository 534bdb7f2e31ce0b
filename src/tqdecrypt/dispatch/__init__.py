"""What a connection speaks is told from its bytes; whoever reads it takes its place.

``sniffer`` looks at the first bytes, ``tls_connection``, ``sip_connection`` and ``dtls_connection`` read
what comes then, and ``dispatcher`` holds what they share.
"""

from tqdecrypt.dispatch.dispatcher import Dispatcher
from tqdecrypt.dispatch.sniffer import Sniffer
from tqdecrypt.dispatch.tls_connection import TlsConnection

__all__ = ["Dispatcher", "Sniffer", "TlsConnection"]
