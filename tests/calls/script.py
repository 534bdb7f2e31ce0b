"""What passes an observer, written down as lines of a ladder.

    alice -> bob: INVITE 1 | offer 4000
    bob -> alice: 180 INVITE 1 to=b1
    wait 32 s

A request is its method and CSeq, a response its status, method and CSeq.  ``from=`` and ``to=`` are
tags; ``a1`` and none unless told, except that responses other than 100 have ``to=b1``.  The branch
is named after the method and CSeq (``branch=`` says otherwise) and after who sent the request, so
that hops differ by themselves; ``branch=!text`` is taken as it is.  ``id=`` is the Call-ID, ``caller=`` and
``callee=`` are the users in From and To.  Behind ``|`` follow header fields, ``uri …`` for the
Request-URI, or a body: ``offer PORT [DIRECTION]``, which is some session description with that port,
or ``body TYPE TEXT`` with ``\\n`` for the ends of lines.  A line that is there twice is a
retransmission.  Lines are 10 ms apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tqdecrypt.calls import (
    Analyser,
    Call,
    JointCall,
    Leg,
    PingSeries,
    Registration,
    Subscription,
    Transaction,
)
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.sip.message import Transport
from tqdecrypt.tls import SessionReport

__all__ = ["MILLISECOND", "SECOND", "Kept", "Watched", "analyse", "messages_of", "sdp", "watch"]

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

ADDRESSES = {
    name: f"192.0.2.{number}:5060"
    for number, name in enumerate(
        ("alice", "proxy", "bob", "carol", "edge", "core", "registrar", "dave", "peer"), 1
    )
}
UNITS = {"ms": MILLISECOND, "s": SECOND, "min": 60 * SECOND, "h": 3600 * SECOND}


@dataclass
class Watched:
    """What the analysis made of it."""

    legs: list[Leg] = field(default_factory=list)
    registrations: list[Registration] = field(default_factory=list)
    pings: list[PingSeries] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    calls: list[JointCall] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    messages: list[Message] = field(default_factory=list)

    @property
    def leg(self) -> Leg:
        [leg] = self.legs
        return leg

    def transaction(self, method: str, cseq: int | None = None) -> Transaction:
        """The only one of that method (and CSeq)."""
        [found] = [
            one for one in self.transactions if one.method == method and cseq in (None, one.cseq)
        ]
        return found


class Kept:
    """A sink that keeps messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        pass

    def call(self, call: Call) -> None:
        pass


def watch(
    script: str,
    transport: Transport = "UDP",
    correlation_headers: tuple[str, ...] = (),
    most_legs: int = 1000,
    boxes: tuple[tuple[str, ...], ...] = (),
) -> Watched:
    """Return what comes out at the end of the capture."""
    messages, end = messages_of(script, transport)
    return analyse(messages, end, correlation_headers, most_legs, boxes)


def analyse(
    messages: list[Message],
    end: int | None = None,
    correlation_headers: tuple[str, ...] = (),
    most_legs: int = 1000,
    boxes: tuple[tuple[str, ...], ...] = (),
) -> Watched:
    watched = Watched(messages=messages)
    analyser = Analyser(
        watched.legs.append,
        on_call=watched.calls.append,
        boxes=boxes,
        on_registration=watched.registrations.append,
        on_ping=watched.pings.append,
        on_subscription=watched.subscriptions.append,
        on_transaction=watched.transactions.append,
        correlation_headers=correlation_headers,
        most_legs=most_legs,
    )
    for message in messages:
        analyser.receive(message)
    analyser.finish(end)
    watched.transactions.sort(key=lambda one: one.started)
    watched.legs.sort(key=lambda leg: leg.number)
    watched.counters = analyser.counters
    return watched


def messages_of(script: str, transport: Transport = "UDP") -> tuple[list[Message], int]:
    """Return the messages of a script, and the time at its end."""
    messages: list[Message] = []
    flows: dict[tuple[str, str], Flow] = {}
    time = 0
    for line in script.strip().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "wait":
            time += int(float(words[1]) * UNITS[words[2]])
            continue
        time += 10 * MILLISECOND
        head, *more = (part.strip() for part in line.split("|"))
        route, _, what = head.partition(": ")
        source, _, destination = (ADDRESSES.get(name, name) for name in route.split())
        if (source, destination) not in flows:
            session = None if transport == "UDP" else 1 + len(flows) // 2
            flows[source, destination] = Flow(source, destination, transport, "clear", session)
            flows[destination, source] = Flow(destination, source, transport, "clear", session)
        flow = flows[source, destination]
        raw = _worded(what.split(), more, flow)
        messages.append(index_message(raw, flow, len(messages) + 1, time))
    return messages, time


def sdp(port: int, direction: str = "sendrecv") -> bytes:
    """Some session description with that port."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na={direction}\r\n"
    ).encode()


def _worded(words: list[str], more: list[str], flow: Flow) -> bytes:
    options = dict(word.split("=", 1) for word in words if "=" in word)
    words = [word for word in words if "=" not in word]
    is_response = words[0].isdigit()
    method, cseq = words[-2:]
    body, uri = b"", "sip:bob@192.0.2.3"
    lines: list[str] = []
    for part in more:
        kind, _, rest = part.partition(" ")
        if kind == "offer":
            port, _, direction = rest.partition(" ")
            body = sdp(int(port), direction or "sendrecv")
            lines.append("Content-Type: application/sdp")
        elif kind == "body":
            content_type, _, text = rest.partition(" ")
            body = text.replace("\\n", "\r\n").encode()
            lines.append(f"Content-Type: {content_type}")
        elif kind == "uri":
            uri = rest
        else:
            lines.append(part)
    client = flow.destination if is_response else flow.source
    branch = options.get("branch", f"{method}{cseq}")
    branch = branch[1:] if branch.startswith("!") else f"z9hG4bK{branch}-{client}"
    to_tag = options.get("to", "b1" if is_response and words[0] != "100" else "")
    from_tag = options.get("from", "a1")
    start = f"SIP/2.0 {words[0]} Said" if is_response else f"{method} {uri} SIP/2.0"
    return (
        "\r\n".join(
            [
                start,
                f"Via: SIP/2.0/{flow.transport} {client};branch={branch}",
                f"From: <sip:{options.get('caller', 'alice')}@example.com>;tag={from_tag}",
                f"To: <sip:{options.get('callee', 'bob')}@example.com>{';tag=' if to_tag else ''}{to_tag}",
                f"Call-ID: {options.get('id', 'call-1')}",
                f"CSeq: {cseq} {method}",
                *lines,
                f"Content-Length: {len(body)}",
                "",
                "",
            ]
        ).encode()
        + body
    )
