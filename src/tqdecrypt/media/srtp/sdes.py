"""Keys from session descriptions (RFC 4568): which line was chosen, and who protects with what.

Each end's key protects what that end sends (section 6.1).  An answer repeats the tag of the offered line
that it takes (section 5.1.2); what was offered beside it is tried last, for there are devices that go on
with a line that was not chosen, and the tag of each packet tells anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.suites import find_suite
from tqdecrypt.sip.sdp_attributes import Crypto

__all__ = ["AgreedKeys", "keys_for"]

_NEGOTIATED = ("KDR", "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP")
"""Session parameters that both ends have to give alike (section 6.3); FEC_ORDER, FEC_KEY and WSH tell
only about the sender, and change nothing in how a packet is opened."""
_RATE = re.compile(r"KDR=(\d{1,2})")
_HIGHEST_RATE = 24
"""Section 6.3.1."""
_LONGEST_MKI = 128
"""Section 6.1."""
MOST_LINES = 32
"""Crypto lines that are read of a description; browsers and phones send up to a dozen."""


@dataclass(frozen=True, slots=True)
class AgreedKeys:
    """What an offer and its answer say about the keys of a media stream.  Secret."""

    offerer: tuple[MasterKey, ...]
    """What may protect what the offerer sends, the likeliest first."""
    answerer: tuple[MasterKey, ...]
    """Likewise of the answerer; empty while there is no answer."""
    chosen: int | None
    """Tag of the line that the answer takes; ``None`` when there is no answer, or it takes none."""
    left_out: int
    """Crypto lines beyond those that are read."""

    def bounded(self, since: int | None, until: int | None) -> AgreedKeys:
        """Return the same for a time, ns: from the answer on, until another offer took its place."""
        return replace(
            self,
            offerer=tuple(replace(key, since=since, until=until) for key in self.offerer),
            answerer=tuple(replace(key, since=since, until=until) for key in self.answerer),
        )


def keys_for(offer: Sequence[Crypto], answer: Sequence[Crypto] | None = None) -> AgreedKeys:
    """Return the keys of both directions.

    :param offer: the crypto lines of the offer's media description; empty when it was not seen.
    :param answer: those of the answer's; ``None`` when there is none, or it was not seen.
    """
    offered, answered = list(offer[:MOST_LINES]), list((answer or ())[:MOST_LINES])
    left_out = len(offer) - len(offered) + len(answer or ()) - len(answered)
    taken = [(_taken(line, offered), line) for line in answered]
    first = [line for line, _ in taken if line is not None]
    offerer: list[MasterKey] = []
    answerer: list[MasterKey] = []
    for line, reply in taken:
        parameters = _agreed(line, reply)
        answerer += _keys_of(reply, parameters, "the answer")
        if line is not None:
            offerer += _keys_of(line, parameters, "the offer")
    for line in offered:
        if line not in first:
            what = "the offer, not chosen" if first else "the offer"
            offerer += _keys_of(line, _parameters(line), what)
    chosen = first[0].tag if first else None
    return AgreedKeys(tuple(offerer), tuple(answerer), chosen, left_out)


def _taken(reply: Crypto, offered: list[Crypto]) -> Crypto | None:
    """Return the offered line that *reply* takes: by tag, else by suite."""
    for line in offered:
        if line.tag == reply.tag and _same_suite(line, reply):
            return line
    return next((line for line in offered if _same_suite(line, reply)), None)


def _same_suite(one: Crypto, other: Crypto) -> bool:
    if one.suite == other.suite:
        return True
    suite = find_suite(one.suite)
    return suite is not None and suite is find_suite(other.suite)


def _agreed(line: Crypto | None, reply: Crypto) -> frozenset[str]:
    """Return the negotiated parameters that hold: those that both have, as far as both were seen."""
    parameters = _parameters(reply)
    return parameters if line is None else parameters & _parameters(line)


def _parameters(line: Crypto) -> frozenset[str]:
    words = (word.upper() for word in line.session_parameters)
    return frozenset(word for word in words if word.partition("=")[0] in _NEGOTIATED)


def _keys_of(line: Crypto, parameters: frozenset[str], whose: str) -> list[MasterKey]:
    rate = next((int(m[1]) for word in parameters if (m := _RATE.fullmatch(word))), 0)
    return [
        MasterKey(
            suite_name=line.suite,
            material=key.material,
            origin=f"a=crypto:{line.tag} of {whose}",
            mki=_mki(key.mki, key.mki_length),
            lifetime=key.lifetime,
            unencrypted_rtp="UNENCRYPTED_SRTP" in parameters,
            unencrypted_rtcp="UNENCRYPTED_SRTCP" in parameters,
            unauthenticated_rtp="UNAUTHENTICATED_SRTP" in parameters,
            derivation_rate=min(rate, _HIGHEST_RATE),
        )
        for key in line.keys
    ]


def _mki(value: int | None, length: int) -> bytes:
    """Return the identifier as packets carry it; empty when it cannot be one."""
    if value is None or not 0 < length <= _LONGEST_MKI or value.bit_length() > 8 * length:
        return b""
    return value.to_bytes(length, "big")
