"""What in a text is a number, a name, an address, and what stands there for it.

Every rule returns a text as long as the one that it was given, with the same blanks, marks and line ends,
and makes each number and each word of it by itself: so the same one has the same pseudonym wherever it
stands, in a URI, a Call-ID or a body.  Bytes come as Latin-1, a character a byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from tqdecrypt.masking.pseudonyms import LEAST_DIGITS, Pseudonyms

__all__ = ["LONGEST_READ", "LONGEST_REMEMBERED", "MOST_REMEMBERED", "Words"]

MOST_REMEMBERED = 1 << 15
"""Values remembered with what stands for them, at most a kilobyte each; a full table is emptied."""
LONGEST_REMEMBERED = 512
LONGEST_READ = 1 << 13
"""Longer values are masked whole: no implementation sends such, and reading them might take its time."""

_KEPT_NAMES = frozenset(
    {"anonymous", "invalid", "private", "restricted", "unavailable", "unknown", "withheld"}
)
"""What says that somebody is not named (RFC 3323 section 4.1 and usage)."""
_KEPT_IN_IDENTIFIERS = frozenset({"to", "from", "tag", "early", "only", "sip", "sips", "tel"})
"""Of URIs, and of the parameters of Replaces in one, escaped (RFC 3891 section 6.1)."""
_KEPT_PARAMETERS_NAMES = """
audio automata comp counter cpc duration expires index isub-encoding limit lr method methods ob oli
isup-oli mobility npdi party privacy q rc reason refresher reg-id rport screen text transport ttl
user verstat video
"""
_KEPT_PARAMETERS = frozenset(_KEPT_PARAMETERS_NAMES.split())
"""Parameters whose values are words and small numbers of the protocol."""
_TRUNK_PARAMETERS = frozenset({"dtg", "otg", "tgrp", "trunk-context"})
"""Parameters that name trunks (RFC 4904)."""

_A = re.ASCII
_SMALL_NUMBER = re.compile(r"[ \t]*\d{1,10}[ \t]*", _A)
_LETTERS = r"A-Za-z\x80-\xff"
_ESCAPE = r"%[0-9A-Fa-f]{2}"
_IN_USER = re.compile(
    rf"(?P<number>(?:\+|%2[Bb])?\(?\d(?:[\d\-.()]*\d)?)|(?P<escape>{_ESCAPE})|(?P<word>[{_LETTERS}]+)",
    _A,
)
_IN_NAME = re.compile(
    rf"(?P<number>\+?\(?\d(?:[\d\-.() /]*\d)?)|(?P<word>[{_LETTERS}]+)",
    _A,
)
_IN_TEXT = re.compile(
    rf"(?P<entity>&(?:amp|lt|gt|quot|apos);)|(?P<number>\+?\(?\d(?:[\d\-.() /]*\d)?)"
    rf"|(?P<word>[{_LETTERS}]+)",
    _A,
)
_IN_IDENTIFIER = re.compile(rf"(?P<escape>{_ESCAPE})|(?P<token>[0-9{_LETTERS}]+)", _A)
_WORD = re.compile(rf"[{_LETTERS}]+")
_LONG_DIGITS = re.compile(r"\d{5,}", _A)
_ENUM = re.compile(r"\d(?:\.\d){4,}(?=\.e164\.arpa)", _A | re.IGNORECASE)
_ESCAPED_HOST = re.compile(r"(?<=%40)([A-Za-z0-9.\-]+)", _A)
_DOTTED_NUMBER = re.compile(r"0\d[\d\-.]{5,}", _A)
_HOST_PORT = re.compile(
    r"(\[[^\]\s]*\]|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*|[^\s:;?/,<>\"]*)(:\d{1,5}(?!\d))?", _A
)
_PARAMETER = re.compile(
    r';([ \t]*)([^;=\s"]*)(?:([ \t]*=[ \t]*)("[^"\\]*(?:\\.[^"\\]*)*"|[^;]*))?', _A | re.DOTALL
)
_SCHEME = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9+.\-]*):", _A)
_PERSONS = frozenset(
    {"sip", "sips", "tel", "fax", "im", "pres", "mailto", "xmpp", "h323", "callto"}
)
_ANYWHERE = re.compile(
    r"(?P<uri>\b(?:sips?|tel|fax|im|pres|mailto|xmpp|h323|callto):[^\s<>\"'`,]+)"
    r"|(?P<mail>[^\s<>\"',;:=@()/]{1,256}@[A-Za-z0-9.\-\[\]:]+)"
    r"|(?P<kept>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])(?::\d{1,5}\b)?"
    r"|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5}\b)?"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?)"
    r"|(?P<place>\b(?:[A-Za-z0-9\-]{1,63}\.){1,32}[A-Za-z0-9\-]{1,63}(?::\d{1,5}\b)?)"
    r"|(?P<number>(?:\+|\(|\b0)[\d(][\d\-.() /]{4,40}\d|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b|\d{5,})",
    _A | re.IGNORECASE,
)


class Words:
    """The rules, under the key of a run.

    :ivar named: words that were names, since it was emptied: free text may have them, too.
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self.named: set[str] = set()
        self._identifiers: dict[tuple[str, bool], str] = {}

    def user(self, text: str) -> str:
        """Mask the user part of a URI: a number or a name, with its parameters."""
        front, *parameters = text.split(";")
        parts = [self._user(front)]
        for one in parameters:
            name, equals, value = one.partition("=")
            key = name.lower()
            if key in _KEPT_PARAMETERS:
                parts.append(one)
            elif key in _TRUNK_PARAMETERS:
                parts.append(name + equals + self.identifier(value))
            elif equals:
                parts.append(self.identifier(name) + equals + self._user(value))
            else:
                parts.append(self._user(one))
        return ";".join(parts)

    def name(self, text: str) -> str:
        """Mask a display name."""
        if text.strip(' \t"').lower() in _KEPT_NAMES:
            return text
        return _IN_NAME.sub(self._named, text)

    def text(self, text: str) -> str:
        """Mask what somebody wrote: every word and every digit."""
        return _IN_TEXT.sub(self._written, text)

    def host(self, text: str) -> str:
        """Mask numbers in a host name; names of hosts and their addresses stay."""
        if not any(character in "0123456789" for character in text):
            return text
        masked = _ENUM.sub(lambda match: self.pseudonyms.number(match[0]), text)
        return _LONG_DIGITS.sub(lambda match: self.pseudonyms.number(match[0]), masked)

    def identifier(self, text: str, *, names: bool = False) -> str:
        """Mask what may be a number in an identifier: digits of which five or more stand together.

        :param names: whether a token of letters alone may be a name (in a Call-ID), and is masked, too.
        """
        key = (text, names)
        known = self._identifiers.get(key)
        if known is None:
            known = _IN_IDENTIFIER.sub(self._token if names else self._digits, text)
            if len(text) <= LONGEST_REMEMBERED:
                if len(self._identifiers) >= MOST_REMEMBERED:
                    self._identifiers.clear()
                self._identifiers[key] = known
        return known

    def call_id(self, text: str) -> str:
        """Mask a Call-ID: what it names stays one, and hosts stay."""
        local, at, host = text.partition("@")
        return self.identifier(local, names=True) + at + self.host(host)

    def uri(self, text: str) -> str:
        """Mask a URI of any scheme, or what stands in its place."""
        if len(text) > LONGEST_READ:
            return self.text(text)
        match = _SCHEME.match(text)
        scheme = match[1].lower() if match else ""
        if match is None or (scheme not in _PERSONS and "/" not in text and "@" in text):
            return self._person("", text)
        begin, rest = text[: match.end()], text[match.end() :]
        if scheme in ("tel", "fax"):
            return begin + self.user(rest)
        if scheme in _PERSONS:
            return begin + self._person(begin, rest)
        if scheme in ("urn", "data"):
            return begin + self.identifier(rest)
        if scheme == "cid":
            return begin + self.call_id(rest)
        if rest.startswith("//"):
            host, slash, path = rest[2:].partition("/")
            user, at, place = host.rpartition("@")
            return begin + "//" + self.text(user) + at + self.host(place) + slash + self.text(path)
        return begin + self.user(rest)

    def parameters(self, text: str) -> str:
        """Mask ``;name=value;…`` behind an address, or behind a host in a URI."""
        parts: list[str] = []
        at = 0
        for match in _PARAMETER.finditer(text):
            parts += (self.user(text[at : match.start()]), self._parameter(match))
            at = match.end()
        return "".join(parts) + self.user(text[at:])

    def free(self, text: str) -> str:
        """Mask numbers, URIs and addresses of people in text that is not about people."""
        return _ANYWHERE.sub(self._found, text)

    def unnamed(self, text: str, names: Collection[str]) -> str:
        """Mask the words *names* in text that is not about people, wherever they stand."""
        word = self.pseudonyms.word
        return _WORD.sub(
            lambda match: word(match[0]) if match[0].lower() in names else match[0], text
        )

    def _person(self, begin: str, text: str) -> str:
        """Mask ``user:password@host:port;parameters?headers``; the password was masked before."""
        user, at, behind = text.rpartition("@")
        if not at and not begin:
            return self.user(text)
        if "?" in user and begin:  # an @ that is not escaped, in the headers
            question = user.index("?")
            if "@" in user[:question] or "@" not in user:
                user, at, behind = text.partition("@")
        name, colon, password = user.partition(":")
        masked = self.user(name) + colon + password + at
        place = _HOST_PORT.match(behind)
        assert place is not None  # both parts may be empty
        tail, question_mark, headers = behind[place.end() :].partition("?")
        masked += self.host(place[1]) + (place[2] or "") + self.parameters(tail)
        return masked + question_mark + self._headers(headers)

    def _headers(self, text: str) -> str:
        """Mask header fields in a URI, whose values are escaped."""
        parts = []
        for one in text.split("&"):
            name, equals, value = one.partition("=")
            found = _ESCAPED_HOST.split(value)
            masked = [
                self.host(one) if place % 2 else self.identifier(one, names=True)
                for place, one in enumerate(found)
            ]
            parts.append(self.identifier(name) + equals + "".join(masked))
        return "&".join(parts)

    def _parameter(self, match: re.Match[str]) -> str:
        blanks, name, equals, value = match.groups()
        key = name.lower()
        front = f";{blanks}{self.identifier(name)}"
        if equals is None:
            return front
        if key in _KEPT_PARAMETERS:
            small = _SMALL_NUMBER.fullmatch(value)
            return front + equals + (value if small else self.free(value))
        if key in ("tag", "branch", "to-tag", "from-tag"):
            return front + equals + self.identifier(value)
        if value[:1] == '"' and ":" not in value and "%3a" not in value.lower():
            return front + equals + self.text(value)
        if "@" in value or value[:1] == '"' or ":" in value:
            return front + equals + self.free(value)
        return front + equals + self.host(value)

    def _user(self, text: str) -> str:
        if text.lower() in _KEPT_NAMES:
            return text
        return _IN_USER.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        kind, found = match.lastgroup, match[0]
        if kind == "number":
            return self.pseudonyms.number(found)
        if kind == "escape":
            character = chr(int(found[1:], 16))
            hides = character.isalnum() or character >= "\x80"
            return self.pseudonyms.secret(found, "abcdefghijklmnopqrstuvwxyz") if hides else found
        if len(found) > 2:
            self.named.add(found.lower())
        return self.pseudonyms.word(found)

    def _written(self, match: re.Match[str]) -> str:
        kind, found = match.lastgroup, match[0]
        if kind == "entity":
            return found
        if kind == "word":
            return self.pseudonyms.word(found)
        if sum(one in "0123456789" for one in found) >= LEAST_DIGITS:
            return self.pseudonyms.number(found)
        return re.sub(r"\d", "x", found, flags=_A)

    def _digits(self, match: re.Match[str]) -> str:
        if match.lastgroup == "escape":
            return match[0]
        return _LONG_DIGITS.sub(lambda digits: self.pseudonyms.number(digits[0]), match[0])

    def _token(self, match: re.Match[str]) -> str:
        found = match[0]
        if match.lastgroup == "token" and len(found) > 1 and not re.search(r"\d", found, _A):
            kept = found.lower() in _KEPT_IN_IDENTIFIERS
            return found if kept else self.pseudonyms.word(found)
        return self._digits(match)

    def _found(self, match: re.Match[str]) -> str:
        kind, found = match.lastgroup, match[0]
        masks: dict[str | None, Callable[[str], str]] = {
            "uri": self.uri,
            "mail": lambda text: self._person("", text),
            "kept": lambda text: text,
            "number": self.pseudonyms.number,
        }
        if kind == "place":
            host, colon, port = found.partition(":")
            spelled = _DOTTED_NUMBER.fullmatch(host)
            return (self.pseudonyms.number(host) if spelled else self.host(host)) + colon + port
        return masks[kind](found)
