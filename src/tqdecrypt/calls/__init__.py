"""Calls: the call list, and the analysis of transactions and dialogs that stands beside it."""

from tqdecrypt.calls.analyser import Analyser
from tqdecrypt.calls.call import Call, CallState, Party
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
from tqdecrypt.calls.table import CallTable, Kind
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
