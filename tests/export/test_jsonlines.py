"""JSON lines: each one read back with another JSON reader than the one that wrote it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import Call, CallTable
from tqdecrypt.capture import Interface
from tqdecrypt.export import JsonLines, format_time
from tqdecrypt.export import jsonlines as module
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import Verdict

FLOW = Flow("192.0.2.1:5061", "[2001:db8::1]:5061", "TLS", "verified", 3)
TIME = 1_700_000_000_123_456_000


def a_message(
    start: str = "INVITE sip:b@example.com SIP/2.0",
    from_: str = '"A" <sip:a@example.com>;tag=1',
    call_id: str = "1@a",
    cseq: str = "7 INVITE",
    time: int = TIME,
    flow: Flow = FLOW,
) -> Message:
    raw = f"{start}\r\nFrom: {from_}\r\nTo: sip:b@example.com\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\r\n"
    return index_message(raw.encode("utf-8", "surrogateescape"), flow, 12, time)


@dataclass
class Totals:
    """Stands for the pipeline's summary."""

    packets: int = 5
    messages: int = 2
    problems: list[str] = field(default_factory=lambda: ["x.pcap ends in mid-packet."])
    counters: dict[str, int] = field(default_factory=lambda: {"sip_garbage_bytes": 4})
    started: int | None = 1_000_000_000
    ended: int | None = None
    interfaces: list[Interface] = field(
        default_factory=lambda: [Interface(1, 96, "eth0", "x.pcap")]
    )


class Output:
    """A writer over bytes, and what came out."""

    def __init__(self, *, raw: bool = False) -> None:
        self.stream = io.BytesIO()
        self.lines = JsonLines(self.stream, raw=raw)

    def read(self) -> list[dict[str, Any]]:
        self.lines.flush()
        text = self.stream.getvalue().decode("utf-8")
        assert not re.search(r"[^\n -~]", text), "only printable ASCII and line ends"
        assert all(line.startswith('{"type":"') for line in text.splitlines())
        return [json.loads(line) for line in text.splitlines()]

    def read_one(self) -> dict[str, Any]:
        [one] = self.read()
        return one


def written(message: Message, *, raw: bool = False) -> dict[str, Any]:
    output = Output(raw=raw)
    output.lines.message(message)
    return output.read_one()


class TestMessages:
    def test_request(self) -> None:
        assert written(a_message()) == {
            "type": "message",
            "time": "2023-11-14T22:13:20.123456Z",
            "frame": 12,
            "session": 3,
            "source": "192.0.2.1:5061",
            "destination": "[2001:db8::1]:5061",
            "transport": "TLS",
            "integrity": "verified",
            "method": "INVITE",
            "request_uri": "sip:b@example.com",
            "call_id": "1@a",
            "cseq": 7,
            "cseq_method": "INVITE",
            "from": "sip:a@example.com",
            "to": "sip:b@example.com",
        }

    def test_response(self) -> None:
        line = written(a_message("SIP/2.0 486 Busy Here"))
        assert (line["status"], line["reason"]) == (486, "Busy Here")
        assert "method" not in line

    def test_clear_flow(self) -> None:
        flow = Flow("192.0.2.1:5060", "192.0.2.2:5060", "UDP", "clear")
        line = written(a_message(flow=flow))
        assert (line["session"], line["transport"], line["integrity"]) == (None, "UDP", "clear")

    def test_what_is_not_known_is_null(self) -> None:
        line = written(a_message(from_="", cseq="nonsense"))
        assert (line["from"], line["cseq"], line["cseq_method"]) == (None, None, None)

    def test_raw(self) -> None:
        message = a_message(from_="Jörg \udcff <sip:j@example.com>")
        assert written(message, raw=True)["raw"] == message.raw.decode("utf-8", "backslashreplace")
        assert "raw" not in written(message)

    @given(st.text(), st.text(), st.text(), st.integers(0, 2**62))
    def test_any_text(self, uri: str, name: str, call_id: str, time: int) -> None:
        clean = [
            "".join(part.encode("utf-8", "replace").decode().split())
            for part in (uri, name, call_id)
        ]
        message = a_message(f"INVITE x{clean[0]} SIP/2.0", clean[1], clean[2], time=time)
        line = written(message, raw=True)
        assert line["request_uri"] == message.request_uri
        assert line["call_id"] == message.call_id
        assert line["time"] == format_time(time)
        assert line["raw"] == message.raw.decode("utf-8", "backslashreplace")

    @given(st.binary(max_size=60))
    def test_any_bytes(self, junk: bytes) -> None:
        raw = (
            b"BYE sip:\x7f\x9b\xc2\x9b SIP/2.0\r\nFrom: "
            + junk
            + b"\r\nCall-ID: "
            + junk
            + b"\r\n\r\n"
        )
        message = index_message(raw, FLOW, 1, 1)
        assert written(message)["call_id"] == message.call_id

    def test_remembered_parts_do_not_mix(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_ADDRESSES", 2)
        monkeypatch.setattr(module, "MOST_WORDS", 2)
        output = Output()
        for number in range(6):
            output.lines.message(a_message(f"SIP/2.0 20{number} R{number}", f"<sip:{number}>"))
            output.lines.message(a_message(f"M{number} sip:x{number} SIP/2.0", f"<sip:{number}>"))
        lines = output.read()
        assert [line["status"] for line in lines[::2]] == [200 + number for number in range(6)]
        assert [line["reason"] for line in lines[::2]] == [f"R{number}" for number in range(6)]
        assert [line["method"] for line in lines[1::2]] == [f"M{number}" for number in range(6)]
        assert [line["from"] for line in lines[::2]] == [f"sip:{number}" for number in range(6)]


class TestTimes:
    def test_microseconds_and_nanoseconds(self) -> None:
        assert format_time(0) == "1970-01-01T00:00:00.000000Z"
        assert format_time(TIME) == "2023-11-14T22:13:20.123456Z"
        assert format_time(TIME + 1) == "2023-11-14T22:13:20.123456001Z"

    @pytest.mark.parametrize("time", [-(2**63), -1, 2**63 - 1, 2**100])
    def test_damaged_clocks(self, time: int) -> None:
        assert datetime.fromisoformat(format_time(time)[:19]).year in (1, 1677, 1969, 2262, 9999)

    @given(st.integers(0, 2**63 - 1))
    def test_read_back(self, time: int) -> None:
        text = format_time(time)
        whole = datetime.fromisoformat(text[:19] + "+00:00").timestamp()
        fraction = text[20:-1].ljust(9, "0")
        assert int(whole) * 10**9 + int(fraction) == time


class TestOtherLines:
    def test_session(self) -> None:
        output = Output()
        report = SessionReport(
            3, "192.0.2.1:1", "192.0.2.2:5061", TIME, TIME + 10**9, 1, 9,
            version="TLS 1.2", verdict=Verdict.TLS13, why="ünder \x1b", advice=["Do."],
        )  # fmt: skip
        output.lines.session(report)
        line = output.read_one()
        told = [one.name for one in fields(SessionReport) if not one.metadata.get("inside")]
        assert list(line) == ["type", *told]
        assert {"offer", "server_facts", "client_facts"}.isdisjoint(told)
        assert (line["type"], line["verdict"], line["why"]) == ("session", "tls13", "ünder \x1b")
        assert line["started"] == "2023-11-14T22:13:20.123456Z"
        assert (line["sni"], line["mutual_tls"]) == (None, None)

    def test_call(self) -> None:
        output = Output()
        table = CallTable(output.lines.call)
        table.receive(a_message())
        table.receive(a_message("SIP/2.0 486 Busy Here"))
        table.finish()
        assert output.read_one() == {
            "type": "call",
            "call_id": "1@a",
            "started": "2023-11-14T22:13:20.123456Z",
            "answered": None,
            "ended": "2023-11-14T22:13:20.123456Z",
            "state": "failed",
            "from": "sip:a@example.com",
            "to": "sip:b@example.com",
            "caller": "192.0.2.1:5061",
            "callee": "[2001:db8::1]:5061",
            "final_status": 486,
            "reason": "Busy Here",
            "hung_up_by": None,
            "messages": 2,
            "retransmissions": 0,
            "sessions": [3],
            "findings": ["486 Busy Here from 192.0.2.1:5061"],
        }

    def test_who_hung_up(self) -> None:
        calls: list[Call] = []
        table = CallTable(calls.append)
        table.receive(a_message())
        table.receive(a_message("BYE sip:b SIP/2.0", cseq="8 BYE"))
        table.finish()
        output = Output()
        output.lines.call(calls[0])
        assert output.read_one()["hung_up_by"] == "caller"

    def test_summary(self) -> None:
        output = Output()
        output.lines.summary(cast("Any", Totals()))
        assert json.loads(output.stream.getvalue()) == {
            "type": "summary",
            "packets": 5,
            "messages": 2,
            "problems": ["x.pcap ends in mid-packet."],
            "counters": {"sip_garbage_bytes": 4},
            "started": "1970-01-01T00:00:01.000000Z",
            "ended": None,
            "interfaces": [{"link_type": 1, "snap_length": 96, "name": "eth0", "source": "x.pcap"}],
        }


class TestWriting:
    def test_text_streams(self) -> None:
        stream = io.StringIO()
        lines = JsonLines(stream)
        lines.message(a_message(call_id="ä"))
        lines.flush()
        assert json.loads(stream.getvalue())["call_id"] == "ä"

    def test_any_encoding_of_a_text_stream(self) -> None:
        buffer = io.BytesIO()
        lines = JsonLines(io.TextIOWrapper(buffer, "ascii"))
        lines.message(a_message(call_id="ä"))
        lines.flush()
        assert json.loads(buffer.getvalue())["call_id"] == "ä"

    def test_many_lines_are_written_before_the_end(self) -> None:
        output = Output()
        for _ in range(module.LINES_JOINED):
            output.lines.message(a_message())
        assert output.stream.getvalue().count(b"\n") == module.LINES_JOINED
        for _ in range(module.LINES_JOINED):
            output.lines.call(Call(a_message()))
        assert output.stream.getvalue().count(b"\n") == 2 * module.LINES_JOINED

    def test_order_of_kinds_is_kept(self) -> None:
        output = Output()
        output.lines.message(a_message())
        output.lines.call(Call(a_message()))
        output.lines.message(a_message())
        assert [line["type"] for line in output.read()] == ["message", "call", "message"]
