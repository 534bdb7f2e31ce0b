"""Collects what "what if" reckons with, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.insight.products import ProductTable
from tqdecrypt.insight.what_if.answer import WhatIf, Wish, answer
from tqdecrypt.insight.what_if.offers import OfferTable

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["OfferSink"]


class OfferSink:
    """Takes what the pipeline yields: what was offered, and what the peers call themselves.

    :ivar offers: of every client to every server.
    :ivar products: by address.
    """

    def __init__(self) -> None:
        self.offers = OfferTable()
        self.products = ProductTable()

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.products.add(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.offers.add(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def answer(self, wish: Wish, ring: KeyRing, trunks: Trunks | None) -> WhatIf:
        """Return what would become of everybody who was seen."""

        def key_of(spki: bytes) -> str | None:
            key = ring.match_spki(spki)
            return None if key is None else key.describe()

        return answer(
            self.offers,
            wish,
            key_of=key_of,
            trunks=trunks,
            product_of=self.products.product_at,
        )
