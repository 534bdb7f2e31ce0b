"""Messages that nobody here wrote, read as tshark reads them."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tqdecrypt.sip import (
    Flow,
    Message,
    StreamFramer,
    headers,
    looks_like_sip,
    parse_datagram,
    sdp_marks,
    tag_of,
    uri_of,
)

from .messages import FLOW, UDP

pytestmark = [pytest.mark.shared]

TORTURE = {
    # name: method or status, Call-ID, CSeq, branch, From URI, To URI (RFC 4475 section 3, RFC 5118)
    "rfc4475/intmeth.dat": (
        "!interesting-Method0123456789_*+`.%indeed'~",
        "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        139122385,
        "z9hG4bK-.!%66*_+`'~",
        "sip:mundane@example.com",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
    ),
    "rfc4475/esc02.dat": (
        "RE%47IST%45R",
        "esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf",
        29344,
        "z9hG4bK209%fzsnel234",
        "sip:resource@example.com",
        "sip:resource@example.com",
    ),
    "rfc4475/noreason.dat": (
        100,
        "noreason.asndj203insdf99223ndf",
        35,
        "z9hG4bK2398ndaoe",
        "sip:user@example.com",
        "sip:user@example.edu",
    ),
    "rfc4475/lwsruri.dat": (
        "INVITE",
        "lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423",
        2130706432,
        "z9hG4bKkdjuw2395",
        "sip:caller@example.net",
        "sip:user@example.com",
    ),
    "rfc5118/mult-ip-in-header": (
        "BYE",
        "997077@lau_4100",
        89187,
        "z9hG4bKas3-111",
        "sip:user@example.com",
        "sip:user@example.net",
    ),
}


def read(path: Path) -> Message | None:
    return parse_datagram(path.read_bytes(), UDP, 1, 1)


class TestTorture:
    def test_each_is_a_message(self, shared: Path) -> None:
        paths = sorted((shared / "corpus" / "sip-torture").glob("rfc*/*"))
        assert len(paths) > 25
        for path in paths:
            message = read(path)
            assert message is not None, path
            assert message.call_id, path
            headers(message)
            sdp_marks(message)
            tag_of(message.from_)

    @pytest.mark.parametrize("name", TORTURE)
    def test_fields(self, shared: Path, name: str) -> None:
        message = read(shared / "corpus" / "sip-torture" / name)
        assert message is not None
        found = (
            message.method or message.status,
            message.call_id,
            message.cseq,
            message.branch,
            uri_of(message.from_),
            uri_of(message.to),
        )
        assert found == TORTURE[name]

    def test_as_a_stream(self, shared: Path) -> None:
        for path in sorted((shared / "corpus" / "sip-torture").glob("rfc*/*")):
            framer = StreamFramer(FLOW)
            for byte in path.read_bytes():
                framer.receive(bytes((byte,)), 1, 1)
            framer.end()


class Seen(NamedTuple):
    """What one program read in one datagram."""

    frame: int
    method: str
    status: str
    call_id: str
    cseq: str
    cseq_method: str
    branch: str
    from_: str
    to: str


def by_tshark(capture: Path) -> tuple[dict[int, Seen], dict[int, bytes]]:
    fields = ["frame.number", "udp.payload", "sip.Method", "sip.Status-Code", "sip.Call-ID"]
    fields += ["sip.CSeq.seq", "sip.CSeq.method", "sip.Via.branch", "sip.from.addr", "sip.to.addr"]
    output = subprocess.run(
        [
            *("tshark", "-r", str(capture), "-Y", "udp", "-T", "fields", "-E", "occurrence=f"),
            *(part for field in fields for part in ("-e", field)),
        ],
        check=True,
        capture_output=True,
    ).stdout.decode("utf-8", "backslashreplace")
    seen, payloads = {}, {}
    for line in output.splitlines():
        frame, payload, *rest = line.split("\t")
        payloads[int(frame)] = bytes.fromhex(payload)
        if rest[0] or rest[1]:
            seen[int(frame)] = Seen(int(frame), *rest)
    return seen, payloads


@pytest.mark.peer("tshark")
@pytest.mark.parametrize(
    "name",
    [
        "sipnab/b2bua-asterisk.pcapng",
        "sipnab/codec-negotiation.pcap",
        "sipnab/sip-proxy.pcap",
        "sipnab/sip-488-codec-reject.pcapng",
        "suricata-verify/sip-compact-form.pcap",
        "ndpi/sip.pcap",
        "ndpi/sip_hello.pcapng",
    ],
)
def test_datagrams_as_tshark_reads_them(shared: Path, name: str) -> None:
    expected, payloads = by_tshark(shared / "corpus" / "sip" / name)
    found = {}
    for frame, payload in payloads.items():
        message = parse_datagram(payload, UDP, frame, 0)
        assert (looks_like_sip(payload) is True) == (message is not None)
        if message is not None:
            found[frame] = Seen(
                frame,
                message.method or "",
                str(message.status or ""),
                message.call_id,
                str(message.cseq),
                message.cseq_method,
                message.branch,
                uri_of(message.from_),
                uri_of(message.to),
            )
    assert found == expected


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("name", ["small", "v-split300-aes128sha-none", "v-reneg-gcm128-ems"])
def test_streams_of_decrypted_records(shared: Path, name: str) -> None:
    """Framing of what tshark decrypted, record by record, against the captures' own expectations."""
    captures = shared / "captures"
    messages = sum(follow(captures, name, stream) for stream in range(2))
    expectation = json.loads((captures / "expected.json").read_text())
    [expected] = [one for one in expectation if one["file"] == f"{name}.pcap"]
    assert messages == expected["messages_with_key"]


def follow(captures: Path, name: str, stream: int) -> int:
    """Return how many messages are in the decrypted records of a stream."""
    output = subprocess.run(
        [
            *("tshark", "-r", str(captures / f"{name}.pcap"), "-q"),
            *("-z", f"follow,tls,raw,{stream}", "-o", f"tls.keylog_file:{captures / name}.keylog"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    framers = (StreamFramer(FLOW), StreamFramer(Flow("b:1", "a:1", "TLS", "verified", 1)))
    messages = 0
    for line in output.splitlines()[6:-1]:
        record = bytes.fromhex(line.strip())
        messages += len(framers[line.startswith("\t")].receive(record, 1, 0))
    return messages


def test_malformed_captures_as_streams(shared: Path) -> None:
    """Files that once crashed other programs, taken for the bytes of a stream."""
    framer = StreamFramer(FLOW)
    read_bytes = 0
    for path in sorted((shared / "corpus" / "malformed").rglob("*.pcap*"))[:200]:
        data = path.read_bytes()[:50_000]
        read_bytes += len(data)
        framer.receive(data, 1, 1)
        parse_datagram(data[struct.calcsize("16s") :], UDP, 1, 1)
    framer.end()
    counted = framer.counters["sip_garbage_bytes"] + framer.counters["sip_partial_bytes"]
    assert counted + 2 * framer.counters["sip_keep_alives"] >= read_bytes - 200
