"""SIP calls of seven messages, worded as SIPp and Kamailio word them."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["MESSAGES_PER_CALL", "Call"]

MESSAGES_PER_CALL = 7
_PASSPORT_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(slots=True)
class Call:
    """One call between a caller's and a callee's signalling address, each with its media port."""

    caller: str
    callee: str
    caller_media: int
    callee_media: int
    call_id: str
    branch: str
    caller_tag: str
    callee_tag: str
    caller_number: str
    callee_number: str
    passport: str
    transport: str = "tls"
    port: int = 5061

    @classmethod
    def drawn(
        cls,
        rng: random.Random,
        number: int,
        caller: str,
        callee: str,
        media_ports: tuple[int, int],
    ) -> Call:
        """The ``number``-th call.

        One call in twenty carries an Identity header as long as a signed PASSporT makes it
        (RFC 8224), which is what makes real INVITEs larger than a segment.
        """
        passport = ""
        if number % 20 == 7:
            passport = "".join(rng.choices(_PASSPORT_ALPHABET, k=900))
        return cls(
            caller,
            callee,
            *media_ports,
            call_id=f"{number + 1}-{rng.getrandbits(32):08x}@{caller}",
            branch=f"z9hG4bK{rng.getrandbits(16):04x}.{rng.getrandbits(128):032x}.0",
            caller_tag=f"{rng.getrandbits(32):08x}SIPpTag00{number}",
            callee_tag=f"{rng.getrandbits(32):08x}SIPpTag01{number}",
            caller_number=f"+4930{rng.randrange(10**6, 10**8)}",
            callee_number=f"+4989{rng.randrange(10**6, 10**8)}",
            passport=passport,
        )

    def messages(self) -> list[tuple[bool, bytes]]:
        """The seven messages, each with whether the caller sends it."""
        local = f"From: <sip:{self.caller_number}@{self.caller};user=phone>;tag={self.caller_tag}"
        peer = f"<sip:{self.callee_number}@{self.callee};user=phone>"
        transport, port = self.transport, self.port
        via = f"Via: SIP/2.0/{transport.upper()} {self.caller}:{port};rport;branch={self.branch}"
        route = f"<sip:{self.caller};transport={transport};lr;ftag={self.caller_tag}>"
        contact = (
            f"Contact: <sip:{self.callee_number}@{self.callee}:{port};transport={transport}>\r\n"
        )
        allow = "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, PRACK, UPDATE\r\n"
        agent = "Server: kamailio (5.6.3 (x86_64/linux))\r\n"

        def request(method: str, sequence: int, to: str, more: str, body: str = "") -> bytes:
            uri = f"sip:{self.callee_number}@{self.callee}:{port};transport={transport}"
            return (
                f"{method} {uri} SIP/2.0\r\n{via}{sequence}\r\nMax-Forwards: 69\r\n{local}\r\n"
                f"To: {to}\r\nCall-ID: {self.call_id}\r\nCSeq: {sequence} {method}\r\n{more}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()

        def response(
            status: str, sequence: int, method: str, to: str, more: str, body: str = ""
        ) -> bytes:
            return (
                f"SIP/2.0 {status}\r\n{via}{sequence};received={self.caller}\r\n{local}\r\n"
                f"To: {to}\r\nCall-ID: {self.call_id}\r\nCSeq: {sequence} {method}\r\n{more}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()

        answered = f"{peer};tag={self.callee_tag}"
        sdp = "Content-Type: application/sdp\r\n"
        identity = ""
        if self.passport:
            identity = (
                f"Identity: {self.passport};info=<https://cert.example.org/p.cer>;ppt=shaken\r\n"
            )
        invite = (
            f"Record-Route: {route}\r\nContact: <sip:{self.caller_number}@{self.caller}:{port};"
            f"transport={transport}>\r\n{allow}User-Agent: SIPp/v3.7.2-TLS-PCAP\r\n{identity}{sdp}"
        )
        routed = f"Record-Route: {route}\r\n{contact}"
        return [
            (True, request("INVITE", 1, peer, invite, _sdp(self.caller, self.caller_media))),
            (
                False,
                response("100 trying -- your call is important to us", 1, "INVITE", peer, agent),
            ),
            (False, response("180 Ringing", 1, "INVITE", answered, routed)),
            (
                False,
                response(
                    "200 OK",
                    1,
                    "INVITE",
                    answered,
                    routed + allow + sdp,
                    _sdp(self.callee, self.callee_media),
                ),
            ),
            (True, request("ACK", 1, answered, f"Route: {route}\r\n")),
            (True, request("BYE", 2, answered, f"Route: {route}\r\nReason: Q.850;cause=16\r\n")),
            (False, response("200 OK", 2, "BYE", answered, contact)),
        ]


def _sdp(address: str, port: int) -> str:
    """An offer or answer of G.711 with telephone events."""
    return (
        f"v=0\r\no=user1 53655765 {port} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\n"
        f"t=0 0\r\nm=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        "a=ptime:20\r\na=sendrecv\r\n"
    )
