"""A sentence for each term that somebody who was not there may not know."""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.views.markup import Markup, element, joined

__all__ = ["TERMS", "Term", "glossary", "terms_in"]


class Term(NamedTuple):
    """One term."""

    name: str
    meaning: str
    words: str = ""
    """A regular expression for what calls for the explanation; empty: the name itself."""


TERMS = (
    Term("SIP", "The protocol by which telephone systems set up, change and end calls (RFC 3261)."),
    Term(
        "INVITE",
        "The SIP request that begins a call; the other side answers with a status: 1xx it is being "
        "worked on, 2xx accepted, 3xx try elsewhere, 4xx to 6xx refused or failed.",
    ),
    Term("BYE", "The SIP request that ends a call that was answered."),
    Term(
        "ACK", "The SIP request by which a caller confirms that the answer to its INVITE arrived."
    ),
    Term(
        "OPTIONS",
        "A SIP request by which systems ask each other now and then whether they are there.",
    ),
    Term(
        "REGISTER",
        "The SIP request by which a telephone says where it can be reached.",
        "REGISTER|registration",
    ),
    Term("Call-ID", "The identifier that all SIP messages of one leg of a call carry."),
    Term(
        "leg",
        "One side of a call at a device in the middle: from the caller to it, or from it to the called "
        "side. Session border controllers give each leg a Call-ID of its own.",
        r"\blegs?\b",
    ),
    Term(
        "ladder",
        "A picture of a call: a column for each device, an arrow for each message, time running down.",
    ),
    Term(
        "SBC",
        "Session border controller: the device at the edge of a telephone network through which all its "
        "calls go, and which mostly ends the encryption.",
        r"\bSBCs?\b|session border",
    ),
    Term(
        "proxy",
        "A SIP device that passes requests on without being a party to the call.",
        r"\bprox",
    ),
    Term(
        "trunk",
        "A standing connection between two telephone networks that carries many calls.",
        r"\btrunks?\b",
    ),
    Term("TLS", "The protocol that encrypts a connection (RFC 5246, RFC 8446)."),
    Term(
        "TLS session",
        "One encrypted connection, from its handshake to its end; it may carry any number of calls.",
    ),
    Term(
        "TLS client, TLS server",
        "The side that opened the connection, and the one that accepted it; whoever made the call. It is "
        "the server's private key that can open recorded traffic.",
        "TLS client|TLS server",
    ),
    Term(
        "handshake",
        "The beginning of a TLS session, in which both sides agree on keys; who has not recorded it "
        "cannot decrypt what follows.",
        "[Hh]andshake",
    ),
    Term("ClientHello", "The first message of a handshake: what the client can do."),
    Term("ServerHello", "The server's answer to it: what it chose."),
    Term(
        "ClientKeyExchange",
        "The message of a handshake by which the client sends its part of the keys; with RSA key exchange, "
        "encrypted to the server's key.",
    ),
    Term(
        "Finished",
        "The last message of a handshake from each side; it proves that both have the same keys.",
    ),
    Term(
        "alert", "A TLS message that says why a side gives up, or that it is done.", r"\balerts?\b"
    ),
    Term(
        "cipher suite",
        "The set of methods that protects a TLS session, named like TLS_RSA_WITH_AES_256_GCM_SHA384.",
        "cipher suite|cipher list|TLS_[A-Z0-9]+_WITH",
    ),
    Term(
        "RSA key exchange",
        "A way to agree on keys by which whoever has the server's private key can decrypt a recording.",
    ),
    Term(
        "forward secrecy",
        "The property of a session (ECDHE, DHE, TLS 1.3) that no private key opens its recording; only "
        "the secrets of that very session do.",
    ),
    Term(
        "key log",
        "A file into which a TLS client or server writes the secrets of each session, so that the "
        "recording can be decrypted.",
        "key log|keylog",
    ),
    Term(
        "certificate",
        "What a server (or client) shows to prove who it is; it holds its public key.",
        "[Cc]ertificate",
    ),
    Term("mutual TLS", "TLS in which the client shows a certificate, too."),
    Term(
        "resumed",
        "Of a session: it goes on with secrets of an earlier one, without a key exchange.",
    ),
    Term(
        "dark",
        "Of a TLS session: something in it could not be decrypted. The verdict says why.",
        r"\bdark\b",
    ),
    Term(
        "verified",
        "Nothing stands here as clear text unless its checksum (MAC or tag) proved that the key was right "
        "and nothing was altered.",
        "verif|✓",
    ),
    Term(
        "verdict",
        "What became of a TLS session: decrypted, or one named cause with its evidence.",
        "[Vv]erdict",
    ),
    Term(
        "frame",
        "The number of a packet in the capture, from 1, as Wireshark counts it: where to look for proof.",
        r"[Ff]rames?\b",
    ),
    Term(
        "capture", "A recording of packets from the network (pcap or pcapng file).", r"\b[Cc]aptur"
    ),
    Term(
        "snap length",
        "How many bytes of each packet a capture keeps; TLS needs all of them.",
    ),
    Term(
        "retransmission",
        "The same once more, because an answer was lost or late.",
        "[Rr]etransmi|TCP again",
    ),
    Term(
        "median, 95th percentile",
        "Half of all cases were no longer than the one, 95 of 100 no longer than the other.",
        "percentile|50/95",
    ),
    Term("UTC", "Universal time: all times here are in it, not in local time."),
    Term(
        "SER",
        "Session establishment ratio: how many INVITEs were answered, in per cent (RFC 6076 4.6).",
        r"\bSER\b",
    ),
    Term(
        "SEER",
        "Session establishment effectiveness ratio: the same, busy and declined counted as success (4.7).",
        r"\bSEER\b",
    ),
    Term(
        "ISA",
        "Ineffective session attempts: calls that failed for want of service (4.8).",
        r"\bISA\b",
    ),
    Term(
        "SCR",
        "Session completion ratio: calls that did not fail for want of an answer (4.9).",
        r"\bSCR\b",
    ),
    Term(
        "SRD", "Session request delay: from INVITE to the first sign of ringing (4.3).", r"\bSRD\b"
    ),
    Term("SDD", "Session disconnect delay: from BYE to its answer (4.4).", r"\bSDD\b"),
    Term("SDT", "Session duration: how long people talked (4.5).", r"\bSDT\b"),
    Term("RRD", "Registration request delay: from REGISTER to its answer (4.1).", r"\bRRD\b"),
    Term("IRA", "Ineffective registration attempts, in per cent (4.2).", r"\bIRA\b"),
)
"""In the order in which they are explained: each uses only what stands in front of it, or plain words."""


def terms_in(text: str) -> list[Term]:
    """Return the terms that *text* calls for."""
    return [term for term in TERMS if re.search(term.words or re.escape(term.name), text)]


def glossary(terms: list[Term]) -> Markup:
    """Return them as a list of definitions."""
    return element(
        "dl",
        joined(joined([element("dt", term.name), element("dd", term.meaning)]) for term in terms),
    )
