"""Troubleshoot encrypted SIP: decrypt it passively, or say why not and what to change.

From Python::

    import tqdecrypt

    for result in tqdecrypt.read("trunk.pcap", keys="server.key"):
        ...                                        # Message, SessionReport, Call, Finding, Summary

    failed = tqdecrypt.frames("trunk.pcap", keys="server.key").calls.to_pandas()

``docs/api.md`` shows more.  Names are loaded when they are used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdecrypt.api import Frame, Frames, Result, frames, read
    from tqdecrypt.calls import Call
    from tqdecrypt.errors import InputError, OutputError, TqdecryptError, UsageError
    from tqdecrypt.insight.finding import Finding, Severity
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.sip.message import Message
    from tqdecrypt.sip.parser import ParsedMessage, parse_message
    from tqdecrypt.tls.report import SessionReport
    from tqdecrypt.tls.verdict import Verdict

__version__ = "0.1.0"

__all__ = [
    "Call",
    "Finding",
    "Frame",
    "Frames",
    "InputError",
    "Message",
    "OutputError",
    "ParsedMessage",
    "Result",
    "SessionReport",
    "Severity",
    "Summary",
    "TqdecryptError",
    "UsageError",
    "Verdict",
    "__version__",
    "frames",
    "parse_message",
    "read",
]

_LATER = {
    "Call": "calls",
    "Finding": "insight.finding",
    "Frame": "api",
    "Frames": "api",
    "InputError": "errors",
    "Message": "sip.message",
    "OutputError": "errors",
    "ParsedMessage": "sip.parser",
    "Result": "api",
    "SessionReport": "tls.report",
    "Severity": "insight.finding",
    "Summary": "pipeline",
    "TqdecryptError": "errors",
    "UsageError": "errors",
    "Verdict": "tls.verdict",
    "frames": "api",
    "parse_message": "sip.parser",
    "read": "api",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
