"""TLS, passively: bytes of both directions become verified plaintext and a verdict."""

from tqdecrypt.tls.contracts import Listener, SecretSource, WaitingBudget
from tqdecrypt.tls.judge import report_session
from tqdecrypt.tls.record import DarkData, Plaintext
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.secrets import SecretFinder
from tqdecrypt.tls.session import Session, TlsSession
from tqdecrypt.tls.timing import HandshakeTimes, Phase, TcpFacts
from tqdecrypt.tls.verdict import MEANINGS, Verdict

__all__ = [
    "MEANINGS",
    "DarkData",
    "HandshakeTimes",
    "Listener",
    "Phase",
    "Plaintext",
    "SecretFinder",
    "SecretSource",
    "Session",
    "SessionReport",
    "TcpFacts",
    "TlsSession",
    "Verdict",
    "WaitingBudget",
    "report_session",
]
