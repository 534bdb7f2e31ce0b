"""Tables: the same fields as the JSON lines, typed, in bounded pieces."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import polars
import pyarrow as pa
import pytest

from tqdecrypt.calls import CallTable
from tqdecrypt.export import JsonLines
from tqdecrypt.export import tables as module
from tqdecrypt.export.frames import ArrowStream, ParquetTables
from tqdecrypt.export.tables import TABLES, TableRows, schema_of
from tqdecrypt.insight import Finding
from tqdecrypt.insight.finding import Severity
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tls.report import SessionReport

FLOW = Flow("192.0.2.1:5061", "[2001:db8::1]:5061", "TLS", "verified", 3)
TIME = 1_700_000_000_123_456_789


def a_message(
    start: str = "INVITE sip:b@h SIP/2.0", time: int = TIME, call_id: str = "1@a"
) -> Message:
    raw = f"{start}\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: {call_id}\r\nCSeq: 7 INVITE\r\n\r\n"
    return index_message(raw.encode(), FLOW, 12, time)


def filled(sink: Any) -> None:
    """Give a sink some of everything."""
    table = CallTable(sink.call)
    for start in ("INVITE sip:b@h SIP/2.0", "SIP/2.0 486 Busy Here"):
        sink.message(a_message(start))
        table.receive(a_message(start))
    table.finish()
    sink.session(SessionReport(3, "192.0.2.1:1", "192.0.2.2:5061", TIME, TIME + 1, 1, 9, why="x"))
    sink.finding(
        Finding("no-ack", Severity.ERROR, TIME, "So.", ("Do.",), (1, 2), ("1@a",), (3,), ("h",))
    )


def tables_of(**options: Any) -> dict[str, pa.Table]:
    batches: dict[str, list[Any]] = {name: [] for name in TABLES}
    rows = TableRows(lambda name, batch: batches[name].append(batch), **options)
    filled(rows)
    rows.finish()
    return {
        name: pa.Table.from_batches(found, schema_of(name, raw=options.get("raw", False)))
        for name, found in batches.items()
    }


def test_rows_are_what_the_json_lines_say() -> None:
    stream = io.BytesIO()
    lines = JsonLines(stream)
    filled(lines)
    lines.flush()
    written: dict[str, list[dict[str, Any]]] = {}
    for line in map(json.loads, stream.getvalue().splitlines()):
        written.setdefault(f"{line.pop('type')}s", []).append(line)
    for name, table in tables_of().items():
        for row, line in zip(table.to_pylist(), written[name], strict=True):
            assert line.keys() <= row.keys()
            for column, value in row.items():
                expected: Any = line.get(column)
                if hasattr(value, "isoformat"):
                    expected = datetime.fromisoformat(expected[:26] + "+00:00")
                    value = value.replace(nanosecond=0)  # noqa: PLW2901 - JSON has it as text
                    assert value == expected.astimezone(UTC)
                else:
                    assert value == expected, (name, column)


def test_columns_are_the_fields_of_the_report() -> None:
    told = [one.name for one in fields(SessionReport) if not one.metadata.get("inside")]
    assert [one.name for one in TABLES["sessions"]] == told


def test_types() -> None:
    schema = schema_of("messages", raw=True)
    assert schema.field("time").type == pa.timestamp("ns", "UTC")
    assert schema.field("frame").type == pa.int64()
    assert pa.types.is_dictionary(schema.field("method").type)
    assert schema.field("raw").type == pa.binary()
    assert schema_of("calls").field("sessions").type == pa.list_(pa.int64())
    assert "raw" not in schema_of("messages").names


def test_raw() -> None:
    assert tables_of(raw=True)["messages"]["raw"][0].as_py() == a_message().raw


def test_nanoseconds_are_kept() -> None:
    assert tables_of()["messages"]["time"].cast(pa.int64())[0].as_py() == TIME


@pytest.mark.parametrize("time", [-(2**70), 2**70, -1, 0])
def test_damaged_clocks_fit(time: int) -> None:
    batches: list[Any] = []
    rows = TableRows(lambda _, batch: batches.append(batch), ("messages",))
    rows.message(a_message(time=time))
    rows.finish()
    assert abs(batches[0]["time"].cast(pa.int64())[0].as_py()) <= 2**63


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 10)
    sizes: list[int] = []
    rows = TableRows(lambda _, batch: sizes.append(batch.num_rows), ("messages",))
    for _ in range(35):
        rows.message(a_message())
    rows.finish()
    assert sizes == [10, 10, 10, 5]
    assert rows.rows == {"messages": 35}


def test_a_parquet_file_that_another_implementation_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 10)
    stream = io.BytesIO()
    with ParquetTables({"messages": stream}) as rows:
        for number in range(25):
            rows.message(a_message(call_id=f"{number}@a"))
    stream.seek(0)
    frame = polars.read_parquet(stream, use_pyarrow=False)
    assert frame["call_id"].cast(polars.String).to_list() == [f"{number}@a" for number in range(25)]
    assert frame["time"].dt.epoch("ns").to_list() == [TIME] * 25
    assert frame["source"].cast(polars.String).unique().to_list() == ["192.0.2.1:5061"]


def test_a_stream_that_another_implementation_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch has words of its own."""
    monkeypatch.setattr(module, "ROWS", 10)
    stream = io.BytesIO()
    with ArrowStream("messages", stream) as rows:
        for number in range(25):
            rows.message(a_message(f"M{number} sip:b@h SIP/2.0"))
    stream.seek(0)
    frame = polars.read_ipc_stream(stream)
    assert frame["method"].cast(polars.String).to_list() == [f"M{number}" for number in range(25)]


def test_nothing_at_all_is_a_table_too() -> None:
    streams = {name: io.BytesIO() for name in TABLES}
    with ParquetTables(streams):
        pass
    for name, stream in streams.items():
        stream.seek(0)
        assert polars.read_parquet(stream).columns == [one.name for one in TABLES[name]]
