"""What a check offers, one ClientHello at a time: a server can only choose from that."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass

__all__ = ["OFFERS", "ClientOffer"]

LEGACY_SERVER_CONNECT = 0x4
"""``SSL_OP_LEGACY_SERVER_CONNECT``: also servers without RFC 5746; Python names it from 3.12 on."""

_1_0, _1_1, _1_2, _1_3 = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)


@dataclass(frozen=True, slots=True)
class ClientOffer:
    """One kind of client."""

    name: str
    """In JSON and on the command line."""
    title: str
    """For people."""
    lowest: ssl.TLSVersion
    highest: ssl.TLSVersion
    ciphers: str
    """OpenSSL's cipher list; security level 0, so that old servers can answer."""

    def context(self) -> ssl.SSLContext:
        """Return a client that offers this and believes every certificate: it only looks.

        :raises ssl.SSLError: when this machine's OpenSSL has nothing of it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(f"{self.ciphers}:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # old versions are asked for on purpose
            context.minimum_version, context.maximum_version = self.lowest, self.highest
        # Nothing is resumed: each question stands for itself.
        context.options |= ssl.OP_NO_TICKET | LEGACY_SERVER_CONNECT
        return context


OFFERS: tuple[ClientOffer, ...] = (
    ClientOffer("usual", "everything, as most clients", _1_2, _1_3, "ALL:!aNULL:!eNULL"),
    ClientOffer("rsa", "RSA key exchange only", _1_0, _1_2, "kRSA:!eNULL"),
    ClientOffer("ecdhe", "ECDHE only", _1_2, _1_2, "kECDHE:!aNULL:!eNULL"),
    ClientOffer("dhe", "DHE only", _1_2, _1_2, "kDHE:!aNULL:!eNULL"),
    ClientOffer("tls13", "TLS 1.3 only", _1_3, _1_3, "ALL"),
    ClientOffer("old", "TLS 1.0 and 1.1 only", _1_0, _1_1, "ALL:!aNULL:!eNULL"),
)
"""In the order in which they are asked."""
