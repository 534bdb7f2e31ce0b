"""A chain of certificates as it was sent: whether each is issued by the next, and where it ends.

RFC 5246 section 7.4.2 wants every certificate to certify the one in front of it; RFC 8446 section 4.4.2
lets any order pass.  The root may be left out in both, so that a chain that ends at a name that was not
sent is in order; only one with something else behind that end lacks an intermediate.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from tqdecrypt.keys.certificate import CertificateFacts

__all__ = ["Chain", "Linking", "judge_chain"]


class Linking(enum.StrEnum):
    """How the certificates of a chain hang together; the value is the word in JSON."""

    SELF_SIGNED = "self-signed"
    """The sender's certificate is its own issuer."""
    TO_ROOT = "root sent"
    """Each is issued by the next, up to one that is self-signed."""
    ROOT_NOT_SENT = "root not sent"
    """Each is issued by the next; the issuer of the last was not sent, which is the rule."""
    OUT_OF_ORDER = "out of order"
    """All are there that are needed, but not one behind the other."""
    BROKEN = "does not link"
    """The issuer of one was not sent although others were: an intermediate is missing."""


class Chain(NamedTuple):
    """What there is to say of a chain."""

    length: int
    linking: Linking
    not_sent: str = ""
    """Name of the issuer at which the chain ends; empty when it ends at a self-signed certificate."""

    @property
    def sound(self) -> bool:
        """Whether a client that knows the root can follow it."""
        return self.linking not in (Linking.OUT_OF_ORDER, Linking.BROKEN)

    def __str__(self) -> str:
        if self.linking is Linking.SELF_SIGNED:
            return "1, self-signed"
        if self.linking is Linking.BROKEN:
            return f"{self.length}, intermediate missing? {self.not_sent} was not sent"
        return f"{self.length}, {self.linking.value}"


def judge_chain(chain: Sequence[CertificateFacts]) -> Chain:
    """Return how a chain hangs together; *chain* has the sender's own certificate first."""
    last = chain[0]
    if last.self_signed:
        return Chain(len(chain), Linking.SELF_SIGNED if len(chain) == 1 else Linking.TO_ROOT)
    rest = list(chain[1:])
    in_order = True
    while issuer := next((one for one in rest if one.subject == last.issuer), None):
        in_order = in_order and issuer is rest[0]
        rest.remove(issuer)
        last = issuer
        if last.self_signed:
            break
    not_sent = "" if last.self_signed else last.issuer
    if not_sent and rest:
        return Chain(len(chain), Linking.BROKEN, not_sent)
    if not in_order:
        return Chain(len(chain), Linking.OUT_OF_ORDER, not_sent)
    return Chain(len(chain), Linking.ROOT_NOT_SENT if not_sent else Linking.TO_ROOT, not_sent)
