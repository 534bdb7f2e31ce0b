"""Calls written down as dialogues, as in RFC 3665.

    alice_calls.sends("INVITE"); alice_calls.hears(180); …

A :class:`Dialogue` is one Call-ID.  Each exchange is told as it passes the observer, with the hops
that it takes: on one hop, or on both sides of a proxy, each of which has a Via of its own.
"""

from __future__ import annotations

from tqdecrypt.calls import Call, CallTable
from tqdecrypt.sip import Flow, Message, index_message

__all__ = ["ALICE", "BOB", "CAROL", "MILLISECOND", "PROXY", "SECOND", "Dialogue", "Line"]

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

ALICE, PROXY, BOB, CAROL = (f"192.0.2.{number}:5061" for number in (1, 5, 7, 9))
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    302: "Moved Temporarily",
    401: "Unauthorized",
    407: "Proxy Authentication Required",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
}


class Line:
    """An observer with a call table: what passes it, and which calls come out."""

    def __init__(self, most_calls: int = 1000) -> None:
        self.calls: list[Call] = []
        self.table = CallTable(self.calls.append, most_calls)
        self.time = 0
        self.sessions: dict[frozenset[str], int] = {}
        self.flows: dict[tuple[str, str], Flow] = {}

    def flow(self, source: str, destination: str) -> Flow:
        pair = frozenset((source, destination))
        session = self.sessions.setdefault(pair, len(self.sessions) + 1)
        new = Flow(source, destination, "TLS", "verified", session)
        return self.flows.setdefault((source, destination), new)

    def wait(self, nanoseconds: int) -> None:
        self.time += nanoseconds

    def finish(self) -> list[Call]:
        self.table.finish(self.time)
        return self.calls

    def the_call(self) -> Call:
        [call] = self.finish()
        return call


class Dialogue:
    """What is said with one Call-ID, 10 ms from message to message."""

    def __init__(self, line: Line, call_id: str = "1@a", *, hop: tuple[str, str] = (ALICE, BOB)):
        self.line = line
        self.call_id = call_id
        self.hop = hop
        self.cseq = 1
        self.from_ = '"Alice" <sip:alice@atlanta.example.com>;tag=a1'
        self.to = "Bob <sip:bob@biloxi.example.com>"
        self.said: list[Message] = []

    def request(
        self,
        method: str,
        *,
        hop: tuple[str, str] | None = None,
        tag: str = "",
        cseq: int | None = None,
        branch: str = "",
        backwards: bool = False,
    ) -> Message:
        """*tag* is the callee's; *backwards*: the callee sends it."""
        cseq = self.cseq if cseq is None else cseq
        source, destination = hop or self.hop
        if backwards and hop is None:
            source, destination = destination, source
        return self._pass(
            f"{method} sip:bob@192.0.2.7 SIP/2.0", source, destination, method, cseq, tag, branch,
            backwards,
        )  # fmt: skip

    def response(
        self,
        status: int,
        method: str = "INVITE",
        *,
        hop: tuple[str, str] | None = None,
        tag: str = "b1",
        cseq: int | None = None,
        branch: str = "",
        backwards: bool = False,
    ) -> Message:
        """*hop* is that of the request."""
        cseq = self.cseq if cseq is None else cseq
        destination, source = hop or self.hop
        if backwards and hop is None:
            source, destination = destination, source
        tag = "" if status == 100 else tag
        start = f"SIP/2.0 {status} {REASONS.get(status, 'Unheard Of')}"
        return self._pass(start, source, destination, method, cseq, tag, branch, backwards)

    def again(self, message: Message) -> None:
        """The same message on the same hop, half a second later."""
        self.line.wait(500 * MILLISECOND)
        self.line.table.receive(
            index_message(message.raw, message.flow, message.frame, self.line.time)
        )

    def answered(self) -> None:
        """INVITE, 100, 180, 200, ACK."""
        self.request("INVITE")
        self.response(100)
        self.response(180)
        self.response(200)
        self.request("ACK", tag="b1", branch="ack")

    def hung_up(self, *, by_callee: bool = False) -> None:
        """BYE, 200."""
        self.cseq += 1
        self.request("BYE", tag="b1", branch="bye", backwards=by_callee)
        self.response(200, "BYE", branch="bye", backwards=by_callee)

    def _pass(
        self,
        start: str,
        source: str,
        destination: str,
        method: str,
        cseq: int,
        tag: str,
        branch: str,
        backwards: bool,
    ) -> Message:
        client, server = (source, destination)
        if start.startswith("SIP/"):
            client, server = server, client
        to = f"{self.to};tag={tag}" if tag else self.to
        from_ = self.from_
        if backwards:
            from_, to = to, from_
        lines = [
            start,
            f"Via: SIP/2.0/TLS {client};branch=z9hG4bK{branch}-{cseq}-{client}-{server}",
            f"From: {from_}",
            f"To: {to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
            "",
            "",
        ]
        self.line.wait(10 * MILLISECOND)
        message = index_message(
            "\r\n".join(lines).encode(),
            self.line.flow(source, destination),
            len(self.said) + 1,
            self.line.time,
        )
        self.said.append(message)
        self.line.table.receive(message)
        return message
