"""Calls: transactions and dialogs, as far as a call list and a ladder need them."""

from tqdecrypt.calls.call import Call, CallState, Party
from tqdecrypt.calls.table import CallTable, Kind

__all__ = ["Call", "CallState", "CallTable", "Kind", "Party"]
