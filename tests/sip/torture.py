"""Messages that try what RFC 4475 and RFC 5118 try: one for each of their sections.

They are this project's own: the rule of the section is the same, names and words are not.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.sip.field_names import key_of

__all__ = ["CASES", "CORPUS", "Case", "build"]

DEFAULTS = {
    "Via": "SIP/2.0/UDP phone.example.com;branch=z9hG4bKt0rtur3",
    "Max-Forwards": "70",
    "From": "<sip:ada@example.com>;tag=a1",
    "To": "<sip:ben@example.org>",
    "Call-ID": "torture@phone.example.com",
    "CSeq": "",
    "Contact": "<sip:ada@phone.example.com>",
    "Content-Length": "",
}
SDP = "v=0\r\no=ada 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
SDP6 = (
    "v=0\r\no=ada 1 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n"
)


class Case(NamedTuple):
    """One message, and what must be said of it."""

    section: str
    """``4475 3.1.1.1``."""
    raw: bytes
    problems: frozenset[str]
    """Names of what is wrong; empty for what parses."""


def build(
    start: str, *lines: str, body: str | bytes = "", without: tuple[str, ...] = (), end: bytes = b""
) -> bytes:
    """Return a message: *lines*, and each usual field that they do not have.

    :param without: usual fields that are left out.
    :param end: bytes behind the message.
    """
    content = body if isinstance(body, bytes) else body.encode()
    told = {key_of(line.partition(":")[0].strip()) for line in lines}
    status = start.startswith("SIP/")
    method = "INVITE" if status else start.split(" ", maxsplit=1)[0]
    usual = dict(DEFAULTS)
    usual["CSeq"] = f"8 {method}"
    usual["Content-Length"] = str(len(content))
    if status:
        usual["To"] += ";tag=b2"
        del usual["Max-Forwards"]
    added = [
        f"{name}: {value}"
        for name, value in usual.items()
        if name not in without and name.lower() not in told
    ]
    if content and "content-type" not in told:
        added.append("Content-Type: application/sdp")
    head = "\r\n".join([start, *lines, *added, "", ""])
    return head.encode() + content + end


def _case(section: str, raw: bytes, *problems: str) -> Case:
    return Case(section, raw, frozenset(problems))


def request(
    section: str, start: str, *lines: str, wrong: tuple[str, ...] = (), **more: object
) -> Case:
    """Return the case of a request."""
    return _case(section, build(start, *lines, **more), *wrong)  # type: ignore[arg-type]


INVITE = "INVITE sip:ben@example.org SIP/2.0"
OPTIONS = "OPTIONS sip:ben@example.org SIP/2.0"
REGISTER = "REGISTER sip:example.com SIP/2.0"

_MULTIPART = (
    b"--next\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n"
    b"--next\r\nContent-Type: application/octet-stream\r\nContent-Length: 6\r\n\r\n\x00\xff\r\n\x80\x01"
    b"\r\n--next--"
)

_VALID_4475 = (
    request(
        "4475 3.1.1.1",
        "INVITE sip:ben@example.org;unheard-of SIP/2.0",
        "TO :\r\n sip:ben@example.org ;   tag    = b0818",
        'from   : "A \\\\\\" Lovelace"   <sip:ada@example.com>\r\n  ;\r\n  tag = 98asjd8',
        "MaX-fOrWaRdS: 0068",
        "Call-ID: torture.1@phone.example.com",
        "Content-Length   : 0",
        "cseq: 0009\r\n  INVITE",
        "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw",
        "s :",
        "New-Thing:   one value\r\n continued on two lines",
        "Never-Heard-Of: ;;,,;;,;",
        "v:  SIP  / 2.0  / TCP     edge.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239",
        'm:"Not quoted: \\"\\"" <sip:ada@example.com> ; new = value ;\r\n  second ; q = 0.33',
    ),
    request(
        "4475 3.1.1.2",
        "!My.Own-Method42_*+`%indeed'~ sip:1_strange~(but-right)&isn't+it$/,;;*:&pa=ss,!*$wo~rd."
        "(ok)@example.org SIP/2.0",
        'To: "BEL:\\\x07 DEL:\\\x7f" <sip:1_strange~(but-right)@example.org>',
        "From: token1~` token2'+_ token3*%!.- <sip:ada@example.com>;fromParam''~+*_!.-%="
        '"£漢 quoted";tag=_t\'o*k`e~n+%!.-',
        "Via: SIP/2.0/TCP phone.example.com;branch=z9hG4bK-.!%66*_+`'~",
        "Extension.!%*+_`'~: one value",
    ),
    request(
        "4475 3.1.1.3",
        "INVITE sip:sips%3Aben%40example.org@example.net SIP/2.0",
        "To: sip:%62e%6E@example.org",
        "From: <sip:I%20have%20blanks@example.net>;tag=938",
        "Contact: <sip:c%61ll@%70hone.example.com;%6C%72;n%61me=v%61lue%25%34%31>".replace(
            "%70hone", "phone"
        ),
    ),
    request(
        "4475 3.1.1.4",
        REGISTER,
        "To: sip:null-%00-null@example.com",
        "From: sip:null-%00-null@example.com;tag=839923423",
        "Contact: <sip:%00@phone.example.com>, <sip:%00%00@phone.example.com>",
    ),
    request(
        "4475 3.1.1.5",
        "OP%54IO%4ES sip:registrar.example.com SIP/2.0",
        'To: "%Q%45" <sip:ben@example.org>',
        'From: "%Q%45" <sip:ada@example.com>;tag=f232',
    ),
    request("4475 3.1.1.6", OPTIONS, "From: ada<sip:ada@example.com>;tag=323"),
    request(
        "4475 3.1.1.7",
        INVITE,
        f'To: "I have a user name of {"extreme " * 20}proportion"<sip:ben{"x" * 200}@example.org'
        f";longparam={'y' * 150};{'z' * 90}=value>",
        f"From: sip:ada{'l' * 300}ong@example.com;tag=12{'9' * 200}424;unknown{'h' * 100}=value",
        f"Call-ID: {'really' * 60}longcallid@phone.example.com",
        f"Unknown-{'Long' * 40}-Name: unknown-{'long' * 60}-value; unknown-{'p' * 100} = v",
        *(f"Via: SIP/2.0/TCP sip{number}.example.com" for number in range(33, 0, -1)),
    ),
    request(
        "4475 3.1.1.8",
        REGISTER,
        end=build(INVITE, "Call-ID: second@phone.example.com", body=SDP),
    ),
    request("4475 3.1.1.9", "OPTIONS sip:ben;par=u%40example.net@example.org SIP/2.0"),
    request(
        "4475 3.1.1.10",
        OPTIONS,
        "Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKa1",
        "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKa2",
        "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bKa3",
        "Via: SIP/2.0/UNHEARD t4.example.com;branch=z9hG4bKa4",
        "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bKa5",
    ),
    request(
        "4475 3.1.1.11",
        "MESSAGE sip:ben@example.org SIP/2.0",
        "Content-Type: multipart/mixed;boundary=next",
        body=_MULTIPART,
    ),
    request("4475 3.1.1.12", 'SIP/2.0 200 = 4 * 5**2 * 2 и всё, \\"конец\\"'),
    request("4475 3.1.1.13", "SIP/2.0 100 ", "To: <sip:ben@example.org>"),
)

_INVALID_4475 = (
    request(
        "4475 3.1.2.1",
        INVITE,
        "Via: SIP/2.0/UDP 192.0.2.15;;,;,,",
        'Contact: "Ada" <sip:ada@example.com>;;;;',
        wrong=("empty-element", "value"),
    ),
    request("4475 3.1.2.2", INVITE, "Content-Length: 9999", body=SDP, wrong=("body-cut",)),
    request("4475 3.1.2.3", INVITE, "Content-Length: -999", body=SDP, wrong=("content-length",)),
    request(
        "4475 3.1.2.4",
        REGISTER,
        "CSeq: 36893488147419103299 REGISTER",
        "Max-Forwards: 301",
        f"Expires: 1{'0' * 120}",
        "Contact: <sip:ada@phone.example.com>;expires=280297596632815",
        wrong=("number-too-large",),
    ),
    request(
        "4475 3.1.2.5",
        "SIP/2.0 503 Service Unavailable",
        "CSeq: 9292394834772304023312 OPTIONS",
        "Retry-After: 949302838503028349304023988",
        'Warning: 1812 proxy.example.com "In progress"',
        wrong=("number-too-large",),
    ),
    request(
        "4475 3.1.2.6",
        INVITE,
        'To: "Mr. Ben <sip:ben@example.org>',
        wrong=("quotation", "display-name"),
    ),
    request("4475 3.1.2.7", "INVITE <sip:ben@example.org> SIP/2.0", wrong=("request-uri",)),
    request("4475 3.1.2.8", "INVITE sip:ben@example.org; lr SIP/2.0", wrong=("uri-blank",)),
    request("4475 3.1.2.9", "INVITE  sip:ben@example.org  SIP/2.0", wrong=("start-line-blanks",)),
    request("4475 3.1.2.10", f"{OPTIONS}  ", wrong=("start-line-blanks",)),
    request(
        "4475 3.1.2.11",
        "INVITE sip:ben@example.org?Route=%3Csip:example.net%3E SIP/2.0",
        wrong=("request-uri-headers",),
    ),
    request("4475 3.1.2.12", INVITE, "Date: Fri, 01 Jan 2021 16:00:00 CET", wrong=("date",)),
    request(
        "4475 3.1.2.13",
        REGISTER,
        "Contact: sip:ada@example.com?Route=%3Csip:sip.example.com%3E",
        wrong=("brackets",),
    ),
    request(
        "4475 3.1.2.14", OPTIONS, 'To: "Babbage" < sip:ben@example.org >', wrong=("uri-blank",)
    ),
    request(
        "4475 3.1.2.15",
        OPTIONS,
        "From: Lovelace, Ada <sip:ada@example.com>;tag=43",
        wrong=("display-name",),
    ),
    request("4475 3.1.2.16", "OPTIONS sip:ben@example.org SIP/7.0", wrong=("version",)),
    request("4475 3.1.2.17", OPTIONS, "CSeq: 8 INVITE", wrong=("method-mismatch",)),
    request(
        "4475 3.1.2.18",
        "FROBNICATE sip:ben@example.org SIP/2.0",
        "CSeq: 8 INVITE",
        wrong=("method-mismatch",),
    ),
    request("4475 3.1.2.19", "SIP/2.0 4294967301 a good deal too much", wrong=("status-code",)),
)

_OTHERS_4475 = (
    request("4475 3.2.1", OPTIONS, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK", wrong=("branch",)),
    request(
        "4475 3.3.1",
        INVITE,
        without=("Call-ID", "From", "To", "Max-Forwards"),
        wrong=("field-missing",),
    ),
    request("4475 3.3.2", "OPTIONS madeUpScheme:anything-at-all SIP/2.0"),
    request("4475 3.3.3", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
    request(
        "4475 3.3.4",
        REGISTER,
        "To: isbn:2983792873",
        "From: <http://www.example.com>;tag=3234233",
        "Contact: <name:Ada_Lovelace>",
    ),
    request(
        "4475 3.3.5", OPTIONS, "Proxy-Require: nothingKnown, noneOfThis", "Require: never-heard"
    ),
    request(
        "4475 3.3.6", INVITE, "Content-Type: application/unheard-of", body="<audio>...</audio>"
    ),
    request(
        "4475 3.3.7",
        REGISTER,
        'Authorization: NeverHeardOf data="and so on", more="1"',
    ),
    request(
        "4475 3.3.8",
        INVITE,
        "CSeq: 5 INVITE",
        "Call-ID: one@192.0.2.1",
        "CSeq: 59 INVITE",
        "Call-ID: two@192.0.2.2",
        "From: sip:ada@example.com;tag=3413415",
        "From: sip:eve@example.net;tag=2923420123",
        "To: sip:ben@example.org",
        "To: sip:carl@example.org",
        "Max-Forwards: 70",
        "Max-Forwards: 5",
        "Contact: <sip:ada@phone.example.com>",
        "Contact: <sip:eve@phone.example.net>",
        wrong=("field-repeated", "contact-count"),
    ),
    request(
        "4475 3.3.9",
        OPTIONS,
        "Content-Length: 13",
        "Content-Length: 5",
        "Content-Type: text/plain",
        body="There is no way to know how much of this is the body.",
        wrong=("field-repeated",),
    ),
    request(
        "4475 3.3.10",
        "SIP/2.0 200 OK",
        "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK13",
        "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK14",
        wrong=("broadcast",),
    ),
    request("4475 3.3.11", OPTIONS, "Max-Forwards: 0"),
    request("4475 3.3.12", REGISTER, "Contact: sip:+19725552222@gw1.example.net;unknownparam"),
    request("4475 3.3.13", REGISTER, "Contact: <sip:+19725552222@gw1.example.net;unknownparam>"),
    request(
        "4475 3.3.14", REGISTER, "Contact: <sip:ada@example.com?Route=%3Csip:sip.example.com%3E>"
    ),
    request("4475 3.3.15", INVITE, "Accept: text/never-heard-of", body=SDP),
    request(
        "4475 3.4.1",
        INVITE,
        "Via: SIP/2.0/UDP old.example.com;branch=0",
        "From: <sip:ada@example.com>",
        body=SDP,
        without=("Max-Forwards", "Contact", "Content-Length"),
    ),
)

_CASES_5118 = (
    request(
        "5118 4.1",
        "REGISTER sip:[2001:db8::10] SIP/2.0",
        "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111",
        "Contact: <sip:ada@[2001:db8::1]>",
    ),
    request("5118 4.2", "REGISTER sip:2001:db8::10 SIP/2.0", wrong=("ipv6-brackets",)),
    request("5118 4.3", "REGISTER sip:[2001:db8::10:5070] SIP/2.0"),
    request("5118 4.4", "REGISTER sip:[2001:db8::10]:5070 SIP/2.0"),
    request(
        "5118 4.5.1",
        OPTIONS,
        "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3",
    ),
    request(
        "5118 4.5.2",
        OPTIONS,
        "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3",
    ),
    request("5118 4.6", "INVITE sip:ben@[2001:db8::10] SIP/2.0", body=SDP6),
    request(
        "5118 4.7",
        "BYE sip:ben@host.example.org SIP/2.0",
        "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
        "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
    ),
    request(
        "5118 4.8",
        "INVITE sip:ben@[2001:db8::10] SIP/2.0",
        body=SDP6 + "m=video 4002 RTP/AVP 31\r\nc=IN IP4 192.0.2.1\r\n",
    ),
    request(
        "5118 4.9",
        INVITE,
        "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
        "Contact: <sip:ada@[::ffff:192.0.2.10]:19823>",
        body=SDP6.replace("2001:db8::7", "::ffff:192.0.2.10"),
    ),
    request(
        "5118 4.10",
        "OPTIONS sip:ben@[2001:db8:::192.0.2.1] SIP/2.0",
        "Via: SIP/2.0/UDP [2001:db8:::192.0.2.9];branch=z9hG4bKas3",
        wrong=("ipv6-colons",),
    ),
)

CASES = (*_VALID_4475, *_INVALID_4475, *_OTHERS_4475, *_CASES_5118)

CORPUS: dict[str, frozenset[str]] = {
    "badaspec.dat": frozenset({"uri-blank"}),
    "baddate.dat": frozenset({"date"}),
    "badinv01.dat": frozenset({"empty-element", "value"}),
    "bcast.dat": frozenset({"broadcast"}),
    "bigcode.dat": frozenset({"status-code"}),
    "escruri.dat": frozenset({"request-uri-headers"}),
    "ltgtruri.dat": frozenset({"request-uri"}),
    "lwsruri.dat": frozenset({"uri-blank"}),
    "mcl01.dat": frozenset({"field-repeated"}),
    "mismatch02.dat": frozenset({"method-mismatch", "sdp-missing"}),
    "multi01.dat": frozenset({"field-repeated", "contact-count"}),
    "quotbal.dat": frozenset({"quotation", "display-name"}),
    "regbadct.dat": frozenset({"brackets"}),
    "scalar02.dat": frozenset({"number-too-large"}),
    "ipv6-bug-abnf-3-colons": frozenset({"ipv6-colons"}),
}
"""What is wrong with the RFCs' own messages, by the name of the file; the others are right.

The session descriptions of RFC 4475 have an rtpmap without a clock rate (``31 LPC``), which RFC 8866
section 6.6 does not allow: that is said of them besides.
"""
