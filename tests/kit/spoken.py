"""A call in clear SIP over UDP, with RTP in both directions."""

from __future__ import annotations

from collections.abc import Sequence

from kit.packets import CLIENT, SERVER, Endpoint, Segment
from media.reading import datagram, rtp

__all__ = ["CALL", "GATEWAY", "PHONE", "call", "talk"]

PHONE = (CLIENT[0], 11_000)
GATEWAY = (SERVER[0], 12_000)
CALL = "audible@pbx.example.net"


def message(start: str, tags: tuple[str, str], cseq: str, sdp: str = "") -> bytes:
    lines = [
        start,
        "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-" + cseq.replace(" ", ""),
        f"From: <sip:1001@pbx.example.net>{tags[0]}",
        f"To: <sip:2002@pbx.example.net>{tags[1]}",
        f"Call-ID: {CALL}",
        f"CSeq: {cseq}",
        *(["Content-Type: application/sdp"] if sdp else []),
        f"Content-Length: {len(sdp)}",
    ]
    return "\r\n".join([*lines, "", sdp]).encode()


def description(end: Endpoint, formats: str) -> str:
    number = formats.partition(" ")[0]
    lines = ["v=0", f"o=- 1 1 IN IP4 {end[0]}", "s=-", f"c=IN IP4 {end[0]}", "t=0 0"]
    lines += [f"m=audio {end[1]} RTP/AVP {number} 101", f"a=rtpmap:{formats}"]
    lines.append("a=rtpmap:101 telephone-event/8000")
    return "".join(f"{line}\r\n" for line in lines)


def call(
    formats: str, there: Sequence[Segment], back: Sequence[Segment], lasts: float = 9000
) -> list[Segment]:
    """A call of so many milliseconds with what was said in it."""
    begin, both = (";tag=a", ""), (";tag=a", ";tag=b")
    invite = message(
        "INVITE sip:2002@pbx.example.net SIP/2.0", begin, "1 INVITE", description(PHONE, formats)
    )
    answer = message("SIP/2.0 200 OK", both, "1 INVITE", description(GATEWAY, formats))
    bye = message("BYE sip:2002@pbx.example.net SIP/2.0", both, "2 BYE")
    said = [
        datagram(0, invite, CLIENT, SERVER),
        datagram(50, answer, SERVER, CLIENT),
        datagram(60, message("ACK sip:2002@pbx.example.net SIP/2.0", both, "1 ACK")),
        *there,
        *back,
        datagram(lasts, bye),
        datagram(lasts + 10, message("SIP/2.0 200 OK", both, "2 BYE"), SERVER, CLIENT),
    ]
    return sorted(said, key=lambda segment: segment.time_ns)


def talk(
    payloads: Sequence[bytes],
    begin: float,
    source: Endpoint,
    to: Endpoint,
    kind: int = 0,
    step: int = 160,
) -> list[Segment]:
    return [
        datagram(
            begin + 20 * i,
            rtp(i, i * step, ssrc=source[1], payload_type=kind, payload=payload),
            source,
            to,
        )
        for i, payload in enumerate(payloads)
    ]
