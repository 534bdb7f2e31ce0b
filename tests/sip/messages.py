"""Messages to parse: usual ones, and strategies that make them in every spelling."""

from __future__ import annotations

from hypothesis import strategies as st

from tqdecrypt.sip import Flow, Message

FLOW = Flow("192.0.2.1:5061", "192.0.2.2:5061", "TLS", "verified", 1)
UDP = Flow("192.0.2.1:5060", "192.0.2.2:5060", "UDP", "clear")

INVITE = (
    b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS client.atlanta.example.com:5061;branch=z9hG4bK74bf9\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n'
    b"To: Bob <sip:bob@biloxi.example.com>\r\n"
    b"Call-ID: 3848276298220188511@atlanta.example.com\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 5\r\n\r\nv=0\r\n"
)
RINGING = (
    b"SIP/2.0 180 Ringing\r\n"
    b"Via: SIP/2.0/TLS client.atlanta.example.com:5061;branch=z9hG4bK74bf9;received=192.0.2.101\r\n"
    b'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n'
    b"To: Bob <sip:bob@biloxi.example.com>;tag=8321234356\r\n"
    b"Call-ID: 3848276298220188511@atlanta.example.com\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)

FIELDS = (
    *("raw", "body_start", "method", "request_uri", "status", "reason"),
    *("call_id", "cseq", "cseq_method", "from_", "to", "branch"),
)


def fields_of(message: Message) -> dict[str, object]:
    """Everything the index pass found."""
    return {name: getattr(message, name) for name in FIELDS}


START_LINES = st.sampled_from(
    [
        b"INVITE sip:bob@example.com SIP/2.0",
        b"BYE sip:bob@[2001:db8::1]:5061;transport=tls SIP/2.0",
        b"ACK  sip:bob@example.com  SIP/2.0 ",
        b"OPTIONS \tsip:a b\t SIP/2.0",
        b"OPTIONS \x0bsip:a SIP/2.0",
        b"!odd.Method%~ tel:+12025550100 SIP/2.0",
        b"SIP/2.0 200 OK",
        b"SIP/2.0 200  two  blanks ",
        b"SIP/2.0 183",
        b"sip/2.0 486 Busy Here",
        b"SIP/2.0 699 \xff\xc3\xa4",
    ]
)
BAD_START_LINES = st.sampled_from(
    [
        b"INVITE  SIP/2.0",
        b"INVITE \x0b SIP/2.0",
        b"ACK \x0c SIP/2.0",
        b"SIP/2.0 20 OK",
        b"SIP/2.0 20000000000 OK",
        b"SIP/2.0 0xx",
        b"GET / HTTP/1.1",
    ]
)
_NAMES = st.sampled_from(
    [
        *("Via", "v", "VIA", "From", "f", "from", "To", "t", "TO", "Call-ID", "i", "call-id"),
        *("CSeq", "cseq", "Content-Length", "l", "content-length", "Vendor", "Subject", "X-To"),
    ]
)
_COLONS = st.sampled_from([":", ": ", ": ", ": ", ": ", " : ", "\t:", ":  "])
_VALUES = st.sampled_from(
    [
        b"SIP/2.0/UDP a.example.com;branch=z9hG4bK1",
        b"SIP/2.0/UDP a;rport;branch=z9hG4bK2;received=192.0.2.1",
        b"SIP/2.0/UDP a;branch=z9hG4bK3, SIP/2.0/UDP b;branch=z9hG4bK4",
        b"SIP/2.0/UDP a, SIP/2.0/UDP b;branch=z9hG4bK5",
        b'SIP/2.0/UDP a;x="y;branch=no";branch=z9hG4bK6',
        b"SIP / 2.0 / UDP a ; Branch = z9hG4bK7 ; ttl=1",
        b'"A ; <B>" <sip:a@example.com;x=y>;tag=1',
        b"<sip:a@example.com>;tag=88sja8x",
        b"sip:b@example.com;tag=2",
        b"1 INVITE",
        b"0009\t BYE",
        b"4294967296 \xff",
        b"x 1 INVITE",
        b"",
        b" ",
        b"5",
        b"  17 ",
        b"-1",
        b"1_0",
        b"lone\rcr",
        b"lone\nlf",
        b"\xe4\xc3\xa4\x00",
    ]
)
_FOLDS = st.sampled_from([b"", b"", b"", b"", b"\r\n folded", b"\r\n\t;branch=zz", b"\r\n "])


@st.composite
def header_lines(draw: st.DrawFn) -> bytes:
    """One header field in any spelling."""
    name, colon = draw(_NAMES), draw(_COLONS)
    return name.encode() + colon.encode() + draw(_VALUES) + draw(_FOLDS)


USUAL_LINES = st.sampled_from([line for line in INVITE.split(b"\r\n")[1:] if b":" in line])


@st.composite
def odd_messages(draw: st.DrawFn, starts: st.SearchStrategy[bytes] = START_LINES) -> bytes:
    """A message whose headers stand in any order and spelling, several times or not at all."""
    lines = draw(st.lists(USUAL_LINES | header_lines(), max_size=12))
    return b"\r\n".join([draw(starts), *lines, b"", b""]) + draw(st.binary(max_size=8))


@st.composite
def whole_messages(draw: st.DrawFn, most: int = 40) -> bytes:
    """A message as a stream carries it: with a length that is true."""
    body = draw(st.binary(max_size=most))
    call_id = draw(st.integers(0, 999))
    length = draw(
        st.sampled_from(
            [b"Content-Length: %d", b"l:%d", b"content-length : %d", b"Content-Length:  %d"]
        )
    )
    line_end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    lines = [
        draw(st.sampled_from([b"INVITE sip:b@example.com SIP/2.0", b"SIP/2.0 200 OK"])),
        b"Via: SIP/2.0/TLS a;branch=z9hG4bK%d" % call_id,
        b"From: <sip:a@example.com>;tag=1",
        b"To: <sip:b@example.com>",
        b"Call-ID: %d" % call_id,
        b"CSeq: 1 INVITE",
        length % len(body),
    ]
    if draw(st.booleans()):
        lines.append(b"Subject: last")
    return line_end.join([*lines, b"", b""]) + body
