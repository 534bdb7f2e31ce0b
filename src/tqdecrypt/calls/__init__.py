"""Calls: the call list, and the analysis of transactions and dialogs that stands beside it.

Who only wants the list needs no analysis: it is loaded when somebody asks for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tqdecrypt.calls.call import Call, CallState, Party
from tqdecrypt.calls.table import CallTable, Kind

if TYPE_CHECKING:
    from tqdecrypt.calls.analyser import Analyser
    from tqdecrypt.calls.delays import Delays
    from tqdecrypt.calls.dialog import (
        Dialog,
        DialogEnd,
        DialogState,
        Hangup,
        HoldChange,
        SessionTimer,
        Transfer,
    )
    from tqdecrypt.calls.facts import InviteFacts, ViaHop
    from tqdecrypt.calls.joint_call import Confidence, Join, JointCall, Reason
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.offer import Offer
    from tqdecrypt.calls.ping import MissedRun, PingSeries, Silence
    from tqdecrypt.calls.registration import Lapse, Refresh, Registration
    from tqdecrypt.calls.subscription import Notification, Subscription
    from tqdecrypt.calls.transaction import Cancellation, Response, Transaction
    from tqdecrypt.calls.transaction_state import TransactionState
    from tqdecrypt.calls.transaction_table import TransactionTable

__all__ = [
    "Analyser",
    "Call",
    "CallState",
    "CallTable",
    "Cancellation",
    "Confidence",
    "Delays",
    "Dialog",
    "DialogEnd",
    "DialogState",
    "Hangup",
    "HoldChange",
    "InviteFacts",
    "Join",
    "JointCall",
    "Kind",
    "Lapse",
    "Leg",
    "MissedRun",
    "Notification",
    "Offer",
    "Party",
    "PingSeries",
    "Reason",
    "Refresh",
    "Registration",
    "Response",
    "SessionTimer",
    "Silence",
    "Subscription",
    "Transaction",
    "TransactionState",
    "TransactionTable",
    "Transfer",
    "ViaHop",
]

_LATER = {
    "Analyser": "analyser",
    "Cancellation": "transaction",
    "Confidence": "joint_call",
    "Delays": "delays",
    "Dialog": "dialog",
    "DialogEnd": "dialog",
    "DialogState": "dialog",
    "Hangup": "dialog",
    "HoldChange": "dialog",
    "InviteFacts": "facts",
    "Join": "joint_call",
    "JointCall": "joint_call",
    "Lapse": "registration",
    "Leg": "leg",
    "MissedRun": "ping",
    "Notification": "subscription",
    "Offer": "offer",
    "PingSeries": "ping",
    "Reason": "joint_call",
    "Refresh": "registration",
    "Registration": "registration",
    "Response": "transaction",
    "SessionTimer": "dialog",
    "Silence": "ping",
    "Subscription": "subscription",
    "Transaction": "transaction",
    "TransactionState": "transaction_state",
    "TransactionTable": "transaction_table",
    "Transfer": "dialog",
    "ViaHop": "facts",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
