"""Calls, messages and sessions to draw, and a terminal of a fixed size to draw them on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from tqdecrypt.calls import Call, CallTable
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import Story

PBX, SBC, SBC_OUT, CARRIER = (
    "192.0.2.10:41000",
    "192.0.2.20:5061",
    "198.51.100.20:5060",
    "198.51.100.30:5060",
)
MILLISECOND = 1_000_000
START = 1_773_050_400_123_456_789
"""2026-03-09 10:00:00.123 UTC."""
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 30000 RTP/AVP 8\r\na=sendrecv\r\n"
)
SNAPSHOTS = Path(__file__).parent / "snapshots"


class _Ascii(StringIO):
    encoding = "ascii"


def drawn(*renderables: RenderableType, width: int = 80, ascii_only: bool = False) -> str:
    """What a terminal of this width shows, without blanks at the ends of lines."""
    stream = _Ascii() if ascii_only else StringIO()
    console = Console(
        file=stream, width=width, color_system=None, legacy_windows=False, _environ={}
    )
    for renderable in renderables:
        console.print(renderable)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def assert_snapshot(name: str, text: str, suffix: str = ".txt") -> None:
    """*text* is what the file says; UPDATE_SNAPSHOTS=1 writes the file, to be looked at."""
    path = SNAPSHOTS / f"{name}{suffix}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


class Talk:
    """Messages of one Call-ID, 12 ms from one to the next."""

    def __init__(self, call_id: str = "3848276298220188511@pbx.example.net") -> None:
        self.call_id = call_id
        self.messages: list[Message] = []
        self._flows: dict[tuple[str, str], Flow] = {}

    def say(
        self, start: str, source: str, destination: str, cseq: str = "1 INVITE", body: bytes = b""
    ) -> Message:
        tls = ":5061" in source + destination
        flow = self._flows.setdefault(
            (source, destination),
            Flow(source, destination, "TLS", "verified", 3)
            if tls
            else Flow(source, destination, "UDP", "clear"),
        )
        hop = "-".join(sorted((source, destination)))
        tag = ";tag=b" if start.startswith(("SIP/2.0 2", "ACK", "BYE")) else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        raw = (
            f"{start}\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK{hop}{cseq.split(maxsplit=1)[0]}\r\n"
            f'From: "Reception" <sip:+442079460103@pbx.example.net>;tag=a\r\n'
            f"To: <sip:+12025550110@sip.example.com>{tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq}\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        number = len(self.messages)
        message = index_message(raw, flow, 40 + 3 * number, START + 12 * MILLISECOND * number)
        self.messages.append(message)
        return message

    def call(self) -> Call:
        calls: list[Call] = []
        table = CallTable(calls.append)
        for message in self.messages:
            table.receive(message)
        table.finish()
        [call] = calls
        return call

    def story(self, reports: Mapping[int, SessionReport] | None = None) -> Story:
        return Story(self.messages, (self.call(),), reports or {})


def two_hop_call() -> Talk:
    """PBX, SBC and carrier: answered, and hung up by the caller."""
    talk = Talk()
    invite, to = "INVITE sip:+12025550110@sip.example.com SIP/2.0", "sip:+12025550110@carrier"
    talk.say(invite, PBX, SBC, body=SDP)
    talk.say("SIP/2.0 100 Trying", SBC, PBX)
    talk.say(invite, SBC_OUT, CARRIER, body=SDP)
    talk.say("SIP/2.0 180 Ringing", CARRIER, SBC_OUT)
    talk.say("SIP/2.0 180 Ringing", SBC, PBX)
    talk.say("SIP/2.0 200 OK", CARRIER, SBC_OUT, body=SDP)
    talk.say("SIP/2.0 200 OK", SBC, PBX, body=SDP)
    talk.say(f"ACK {to} SIP/2.0", PBX, SBC, "1 ACK")
    talk.say(f"BYE {to} SIP/2.0", PBX, SBC, "2 BYE")
    talk.say("SIP/2.0 200 OK", SBC, PBX, "2 BYE")
    return talk


def two_legs() -> Story:
    """The same call when the SBC gives its other leg a Call-ID of its own."""
    talk = two_hop_call()
    other = Talk("b2b-77@sbc.example.com")
    for number, message in enumerate(talk.messages):
        flow = message.flow
        if flow.transport == "UDP":
            raw = message.raw.replace(talk.call_id.encode(), other.call_id.encode())
            raw = raw.replace(b"SIP/2.0/TLS a", b"SIP/2.0/UDP b").replace(
                b"192.0.2.10", b"198.51.100.20"
            )
            talk.messages[number] = index_message(raw, flow, message.frame, message.time)
    legs = [Talk(talk.call_id), other]
    for leg in legs:
        leg.messages = [m for m in talk.messages if m.call_id == leg.call_id]
    return Story(talk.messages, tuple(leg.call() for leg in legs))


def busy_call(call_id: str = "busy@pbx.example.net") -> Talk:
    """PBX and SBC: 486, and the ACK twice."""
    talk = Talk(call_id)
    talk.say("INVITE sip:+12025550110@sip.example.com SIP/2.0", PBX, SBC, body=SDP)
    talk.say("SIP/2.0 100 Trying", SBC, PBX)
    talk.say("SIP/2.0 486 Busy Here", SBC, PBX)
    talk.say("ACK sip:+12025550110@sip.example.com SIP/2.0", PBX, SBC, "1 ACK")
    talk.say("ACK sip:+12025550110@sip.example.com SIP/2.0", PBX, SBC, "1 ACK")
    return talk


def report(
    number: int = 3,
    verdict: Verdict = Verdict.DECRYPTED,
    *,
    client: str = PBX,
    server: str = SBC,
    why: str = "Decrypted with RSA key server.key.",
    advice: tuple[str, ...] = (),
    messages: int = 7,
) -> SessionReport:
    return SessionReport(
        session=number,
        client=client,
        server=server,
        started=START,
        ended=START,
        first_frame=1,
        last_frame=9,
        version="TLS 1.2",
        cipher_suite="TLS_RSA_WITH_AES_256_GCM_SHA384",
        messages=messages,
        verdict=verdict,
        why=why,
        advice=list(advice),
    )


def dark(number: int = 7, client: str = "192.0.2.10:46289", server: str = SBC) -> SessionReport:
    """A session of a client that offers no RSA suite."""
    one = report(
        number,
        Verdict.FORWARD_SECRECY,
        client=client,
        server=server,
        why="The server chose TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384.",
        advice=(f"The client {client} offered no suite with RSA key exchange.",),
        messages=0,
    )
    one.cipher_suite = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    return one
