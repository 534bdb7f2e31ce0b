"""What if the server had another cipher list: who decrypts, who stays dark, who fails to connect."""

from tqdecrypt.insight.what_if.answer import ServerAnswer, WhatIf, Wish, answer
from tqdecrypt.insight.what_if.forecast import Forecast, Outcome
from tqdecrypt.insight.what_if.offers import OfferTable, SeenOffer, SeenServer, Whose
from tqdecrypt.insight.what_if.proposal import Edit, Kind, Proposal, propose
from tqdecrypt.insight.what_if.sink import OfferSink

__all__ = [
    "Edit",
    "Forecast",
    "Kind",
    "OfferSink",
    "OfferTable",
    "Outcome",
    "Proposal",
    "SeenOffer",
    "SeenServer",
    "ServerAnswer",
    "WhatIf",
    "Whose",
    "Wish",
    "answer",
    "propose",
]
