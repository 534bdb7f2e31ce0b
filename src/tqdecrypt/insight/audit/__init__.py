"""Decryptability of a capture: shares, causes, uniformity, changes, and what a reconnect would bring."""

from tqdecrypt.insight.audit.audit import Audit, Audited, Peer, Role, Server
from tqdecrypt.insight.audit.auditor import Auditor, AuditResult
from tqdecrypt.insight.audit.baseline import read_baseline

__all__ = [
    "Audit",
    "AuditResult",
    "Audited",
    "Auditor",
    "Peer",
    "Role",
    "Server",
    "read_baseline",
]
