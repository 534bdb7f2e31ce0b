"""Messages, calls, TLS sessions and findings as tables of Arrow: typed columns, named as in the JSON lines.

What is read becomes rows, rows become batches of bounded size, and whoever writes or collects takes these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tqdecrypt.errors import UsageError
from tqdecrypt.sip.address import uri_of
from tqdecrypt.tls.timing import Phase, TcpFacts, phases

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight import Finding
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["TABLES", "Column", "TableRows", "arrow", "schema_of"]

ROWS = 1 << 15
"""Rows of a batch, and of a row group: some 30 MB as they are gathered, whatever the capture."""
_LARGEST = 2**63 - 1
"""Damaged captures have times and numbers that no column can hold; the nearest one stands there."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """As in the JSON lines."""
    kind: str
    """``time``, ``integer``, ``boolean``, ``text``, ``word`` (few different ones), ``texts``, ``integers``,
    ``bytes``; ``handshakes`` and ``tcp`` of a session."""
    of: Callable[[Any], Any]
    """Returns its value for a record; ``None`` for nothing."""


def _named(kind: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, _attribute(name)) for name in names)


def _attribute(name: str) -> Callable[[Any], Any]:
    return lambda record: getattr(record, name)


def _cseq(message: Message) -> int | None:
    return message.cseq if message.cseq_method else None


def _handshakes(report: SessionReport) -> list[dict[str, Any]]:
    """Return how long the phases of each handshake took, in milliseconds."""
    return [
        {"resumed": times.resumed}
        | {
            phase.value: took / 1e6
            for phase, took in phases(times, None if number else report.tcp).items()
        }
        for number, times in enumerate(report.handshake_times)
    ]


def _tcp(report: SessionReport) -> dict[str, Any] | None:
    return None if report.tcp is None else {name: getattr(report.tcp, name) for name in TCP}


TCP = tuple(one.name for one in fields(TcpFacts))
MESSAGES = (
    Column("time", "time", lambda m: m.time),
    Column("frame", "integer", lambda m: m.frame),
    Column("session", "integer", lambda m: m.flow.session),
    Column("source", "word", lambda m: m.flow.source),
    Column("destination", "word", lambda m: m.flow.destination),
    Column("transport", "word", lambda m: m.flow.transport),
    Column("integrity", "word", lambda m: m.flow.integrity),
    Column("method", "word", lambda m: m.method),
    Column("request_uri", "text", lambda m: m.request_uri),
    Column("status", "integer", lambda m: m.status),
    Column("reason", "word", lambda m: m.reason),
    Column("call_id", "word", lambda m: m.call_id),
    Column("cseq", "integer", _cseq),
    Column("cseq_method", "word", lambda m: m.cseq_method or None),
    Column("from", "word", lambda m: uri_of(m.from_) or None),
    Column("to", "word", lambda m: uri_of(m.to) or None),
)
RAW = Column("raw", "bytes", lambda m: m.raw)
"""The message whole, when it is wanted."""
CALLS = (
    *_named("text", "call_id"),
    *_named("time", "started", "answered", "ended"),
    Column("state", "word", lambda c: c.state.value),
    Column("from", "text", lambda c: c.from_uri or None),
    Column("to", "text", lambda c: c.to_uri or None),
    *_named("word", "caller", "callee"),
    *_named("integer", "final_status"),
    Column("reason", "word", lambda c: c.reason or None),
    Column("hung_up_by", "word", lambda c: c.hung_up_by.value if c.hung_up_by else None),
    *_named("integer", "messages", "retransmissions"),
    Column("sessions", "integers", lambda c: sorted(c.sessions)),
    Column("findings", "texts", lambda c: c.findings),
)
SESSIONS = (
    *_named("integer", "session"),
    *_named("word", "client", "server"),
    *_named("time", "started", "ended"),
    *_named("integer", "first_frame", "last_frame"),
    *_named("boolean", "roles_known"),
    *_named("word", "version", "cipher_suite", "key_exchange"),
    *_named("texts", "offered_suites"),
    *_named("word", "sni", "alpn", "resumed"),
    *_named("boolean", "mutual_tls", "client_certificate_requested"),
    *_named("boolean", "extended_master_secret", "encrypt_then_mac"),
    *_named("word", "server_certificate", "server_subject"),
    *_named("texts", "server_names"),
    *_named("word", "server_key"),
    *_named("time", "server_not_after"),
    *_named("word", "client_certificate", "client_subject"),
    *_named("texts", "client_names"),
    *_named("time", "client_not_after"),
    *_named("integer", "handshakes"),
    *_named("boolean", "finished_verified"),
    *_named("integers", "handshake_frames"),
    Column("handshake_times", "handshakes", _handshakes),
    Column("tcp", "tcp", _tcp),
    *_named("word", "alert", "ending"),
    *_named("integer", "client_bytes", "server_bytes"),
    *_named(
        "integer", "client_encrypted_bytes", "server_encrypted_bytes", "missing_bytes", "messages"
    ),
    *_named("word", "secrets_from"),
    Column("verdict", "word", lambda s: s.verdict.value),
    *_named("text", "why"),
    *_named("word", "side"),
    *_named("texts", "advice", "notes"),
    *_named("boolean", "opened", "closed"),
)
FINDINGS = (
    Column("finding", "word", lambda f: f.name),
    Column("severity", "word", lambda f: f.severity.value),
    *_named("time", "time"),
    *_named("integer", "count"),
    *_named("text", "sentence"),
    *_named("texts", "advice"),
    *_named("integers", "frames"),
    *_named("texts", "call_ids"),
    *_named("integers", "sessions"),
    *_named("texts", "hosts"),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "messages": MESSAGES,
    "calls": CALLS,
    "sessions": SESSIONS,
    "findings": FINDINGS,
}
"""Name of a table → its columns."""


def arrow() -> ModuleType:
    """Return pyarrow.

    :raises UsageError: when it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Arrow and Parquet need pyarrow, which is not installed: pip install 'tqdecrypt[frames]'"
        ) from None
    module: ModuleType = pyarrow
    return module


def columns_of(table: str, *, raw: bool = False) -> tuple[Column, ...]:
    """Return the columns of a table; with *raw* messages have their bytes."""
    return (*TABLES[table], RAW) if raw and table == "messages" else TABLES[table]


def schema_of(table: str, *, raw: bool = False) -> Any:
    """Return the Arrow schema of a table."""
    pa = arrow()
    types = {
        "time": pa.timestamp("ns", "UTC"),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "text": pa.string(),
        "word": pa.dictionary(pa.int32(), pa.string()),
        "texts": pa.list_(pa.string()),
        "integers": pa.list_(pa.int64()),
        "bytes": pa.binary(),
        "handshakes": pa.list_(
            pa.struct([("resumed", pa.bool_()), *((phase.value, pa.float64()) for phase in Phase)])
        ),
        "tcp": pa.struct(
            [
                (name, pa.timestamp("ns", "UTC") if name.startswith("syn") else pa.int64())
                for name in TCP
            ]
        ),
    }
    return pa.schema([(one.name, types[one.kind]) for one in columns_of(table, raw=raw)])


class TableRows:
    """Takes what the pipeline yields, and hands over a batch of each table whenever one is full.

    :param on_batch: takes the name of a table and a record batch of it.
    :param tables: those that are wanted.
    :param raw: whether messages carry their bytes.
    :ivar rows: how many rows each table has so far.
    """

    def __init__(
        self,
        on_batch: Callable[[str, Any], None],
        tables: Collection[str] = tuple(TABLES),
        *,
        raw: bool = False,
    ) -> None:
        self._arrow = arrow()
        self._on_batch = on_batch
        self._schemas = {name: schema_of(name, raw=raw) for name in tables}
        self._columns = {name: columns_of(name, raw=raw) for name in tables}
        self._values: dict[str, list[list[Any]]] = {
            name: [[] for _ in columns] for name, columns in self._columns.items()
        }
        self.rows = dict.fromkeys(tables, 0)

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._add("messages", message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._add("sessions", report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._add("calls", call)

    def finding(self, finding: Finding) -> None:
        """Take a finding."""
        self._add("findings", finding)

    def finish(self) -> None:
        """Hand over what is left."""
        for name in self._values:
            self._hand_over(name)

    def _add(self, name: str, record: object) -> None:
        values = self._values.get(name)
        if values is None:
            return
        for column, gathered in zip(self._columns[name], values, strict=True):
            gathered.append(column.of(record))
        self.rows[name] += 1
        if len(values[0]) >= ROWS:
            self._hand_over(name)

    def _hand_over(self, name: str) -> None:
        values = self._values[name]
        if not values[0]:
            return
        pa, schema = self._arrow, self._schemas[name]
        arrays = [
            pa.array(_held(column, gathered), type=field.type)
            for column, gathered, field in zip(self._columns[name], values, schema, strict=True)
        ]
        for gathered in values:
            gathered.clear()
        self._on_batch(name, pa.record_batch(arrays, schema=schema))


def _held(column: Column, values: list[Any]) -> list[Any]:
    """Return values that the column can hold."""
    if column.kind not in ("time", "integer"):
        return values
    return [None if value is None else max(-_LARGEST, min(value, _LARGEST)) for value in values]
