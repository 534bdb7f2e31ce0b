"""The implementations, by name."""

from __future__ import annotations

from matrix.model import Implementation
from matrix.peers.gnutls import GnuTls
from matrix.peers.nss import Nss
from matrix.peers.openssl import OpenSsl
from matrix.peers.programs import Go, Java, MbedTls, Node, PythonSsl, Tlslite

__all__ = ["PEERS"]

PEERS: dict[str, Implementation] = {
    peer.name: peer
    for peer in (
        OpenSsl(),
        GnuTls(),
        Nss(),
        PythonSsl(),
        Node(),
        Java(),
        Go(),
        Tlslite(),
        MbedTls(),
    )
}
