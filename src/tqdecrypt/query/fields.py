"""The catalogue: which fields there are, of what, what they hold, and how they are read.

A field more is a line more.  Names are those of the JSON lines where there are such.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tqdecrypt.calls.call import Call, CallState, Party
from tqdecrypt.insight.finding import Finding, Severity
from tqdecrypt.query.types import (
    ADDRESS,
    BOOLEAN,
    DURATION,
    NUMBER,
    TEXT,
    TIME,
    Choice,
    FieldType,
)
from tqdecrypt.sip.address import uri_of
from tqdecrypt.sip.message import Message
from tqdecrypt.tls import MEANINGS, SessionReport, Verdict

__all__ = ["CATALOGUE", "Field", "Kind", "field_named"]


class Kind(enum.StrEnum):
    """What a field belongs to, in the order in which a name without prefix is looked up."""

    CALL = "call"
    SESSION = "session"
    FINDING = "finding"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Field:
    """Something to ask for."""

    kind: Kind
    name: str
    type: FieldType
    of: Callable[[Any], Any]
    """Returns what the field holds; ``None`` for nothing, a tuple for several."""
    meaning: str


_STATE = Choice("state of a call", [state.value for state in CallState])
_PARTY = Choice("party", [party.value for party in Party])
_TRANSPORT = Choice("transport", ["UDP", "TCP", "TLS", "WS", "WSS"])
_VERDICT = Choice("verdict", [verdict.value for verdict in Verdict])
_SIDE = Choice("side", ["server", "client", "observer", "nobody"])
_RESUMED = Choice("resumption", ["no", "session id", "ticket", "psk"])
_SEVERITY = Choice("severity", [severity.value for severity in reversed(Severity)], ordered=True)


def _talked(call: Call) -> int | None:
    if call.answered is None:
        return None
    return (call.last_time if call.ended is None else call.ended) - call.answered


def _rang(call: Call) -> int | None:
    end = call.ended if call.answered is None else call.answered
    return None if end is None else end - call.started


def _call(name: str, kind: FieldType, of: Callable[[Call], Any], meaning: str) -> Field:
    return Field(Kind.CALL, name, kind, of, meaning)


def _session(name: str, kind: FieldType, of: Callable[[SessionReport], Any], meaning: str) -> Field:
    return Field(Kind.SESSION, name, kind, of, meaning)


def _finding(name: str, kind: FieldType, of: Callable[[Finding], Any], meaning: str) -> Field:
    return Field(Kind.FINDING, name, kind, of, meaning)


def _message(name: str, kind: FieldType, of: Callable[[Message], Any], meaning: str) -> Field:
    return Field(Kind.MESSAGE, name, kind, of, meaning)


CATALOGUE: tuple[Field, ...] = (
    _call("call_id", TEXT, lambda c: c.call_id, "Call-ID"),
    _call("from", TEXT, lambda c: c.from_uri, "URI of From"),
    _call("to", TEXT, lambda c: c.to_uri, "URI of To"),
    _call("status", NUMBER, lambda c: c.final_status, "final response to the INVITE"),
    _call("reason", TEXT, lambda c: c.reason, "its reason phrase"),
    _call("state", _STATE, lambda c: c.state, "how far the call came"),
    _call("duration", DURATION, _talked, "from the answer to the end"),
    _call("setup", DURATION, _rang, "from the INVITE to the answer, or the refusal"),
    _call("answered", BOOLEAN, lambda c: c.answered is not None, "whether somebody answered"),
    _call("hung_up_by", _PARTY, lambda c: c.hung_up_by, "whose BYE ended it"),
    _call("caller", ADDRESS, lambda c: c.caller, "where the INVITE came from"),
    _call("callee", ADDRESS, lambda c: c.callee, "where it was sent to"),
    _call("time", TIME, lambda c: c.started, "when it began"),
    _call("started", TIME, lambda c: c.started, "the same"),
    _call("ended", TIME, lambda c: c.ended, "when it was over"),
    _call("messages", NUMBER, lambda c: c.messages, "how many"),
    _call("retransmissions", NUMBER, lambda c: c.retransmissions, "how many of them came again"),
    _session("session", NUMBER, lambda s: s.session, "number of the TLS session"),
    _session("client", ADDRESS, lambda s: s.client, "TLS client"),
    _session("server", ADDRESS, lambda s: s.server, "TLS server"),
    _session("verdict", _VERDICT, lambda s: s.verdict.value, "why it is clear or dark"),
    _session(
        "dark", BOOLEAN, lambda s: not MEANINGS[s.verdict].clear, "whether anything stayed dark"
    ),
    _session("side", _SIDE, lambda s: s.side, "whose side has to change"),
    _session("version", TEXT, lambda s: s.version, "such as TLS 1.2"),
    _session("suite", TEXT, lambda s: s.cipher_suite, "IANA name of the suite that was chosen"),
    _session("offered", TEXT, lambda s: s.offered_suites, "suites that the client offered"),
    _session("key_exchange", TEXT, lambda s: s.key_exchange, "RSA, ECDHE, DHE, PSK …"),
    _session("sni", TEXT, lambda s: s.sni, "server name that the client asked for"),
    _session("resumed", _RESUMED, lambda s: s.resumed, "whether and how it was resumed"),
    _session("mutual_tls", BOOLEAN, lambda s: s.mutual_tls, "whether the client has a certificate"),
    _session("subject", TEXT, lambda s: (s.server_subject, s.client_subject), "of a certificate"),
    _session("alert", TEXT, lambda s: s.alert, "the alert that ended it"),
    _session("began", TIME, lambda s: s.started, "when the session began"),
    _session("closed", TIME, lambda s: s.ended, "when it ended"),
    _session("lasted", DURATION, lambda s: s.ended - s.started, "how long it lasted"),
    _finding("finding", TEXT, lambda f: f.name, "its name, such as no-ack"),
    _finding("severity", _SEVERITY, lambda f: f.severity.value, "how much it matters"),
    _finding("count", NUMBER, lambda f: f.count, "how often it was found"),
    _finding("host", ADDRESS, lambda f: f.hosts, "addresses that it is about"),
    _message("method", TEXT, lambda m: m.method, "of a request"),
    _message("status", NUMBER, lambda m: m.status, "of a response"),
    _message("reason", TEXT, lambda m: m.reason, "its reason phrase"),
    _message("cseq_method", TEXT, lambda m: m.cseq_method, "method of CSeq"),
    _message("call_id", TEXT, lambda m: m.call_id, "Call-ID"),
    _message("from", TEXT, lambda m: uri_of(m.from_), "URI of From"),
    _message("to", TEXT, lambda m: uri_of(m.to), "URI of To"),
    _message("uri", TEXT, lambda m: m.request_uri, "Request-URI"),
    _message("source", ADDRESS, lambda m: m.flow.source, "where it came from"),
    _message("destination", ADDRESS, lambda m: m.flow.destination, "where it went to"),
    _message("transport", _TRANSPORT, lambda m: m.flow.transport, "what carried it"),
    _message("session", NUMBER, lambda m: m.flow.session, "number of the TLS session"),
    _message("mirrored_by", TEXT, lambda m: m.flow.mirrored_by, "who mirrored it as HEP"),
    _message("frame", NUMBER, lambda m: m.frame, "number of the packet"),
    _message("time", TIME, lambda m: m.time, "when it was captured"),
    _message("size", NUMBER, lambda m: len(m.raw), "bytes"),
    _message("text", TEXT, lambda m: m.raw.decode("utf-8", "replace"), "the message whole"),
)

_BY_NAME: dict[str, Field] = {}
for _field in sorted(CATALOGUE, key=lambda field: [*Kind].index(field.kind)):
    _BY_NAME[f"{_field.kind}.{_field.name}"] = _field
    _BY_NAME.setdefault(_field.name, _field)


def field_named(name: str) -> Field | None:
    """Return the field ``call.status``, or ``status`` of the first kind that has it."""
    return _BY_NAME.get(name.lower())


def names() -> list[str]:
    """Return every name that :func:`field_named` knows."""
    return list(_BY_NAME)
