"""Messages and reports with pseudonyms in the place of what is not to be seen."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.errors import Malformed
from tqdecrypt.masking.bodies import Bodies
from tqdecrypt.masking.fields import FREE_TEXT, Fields
from tqdecrypt.masking.hidden import Hidden, maybe_secret
from tqdecrypt.masking.layout import HeaderLine, header_lines, in_one_line, multipart_pieces
from tqdecrypt.masking.profile import Profile
from tqdecrypt.masking.pseudonyms import Pseudonyms
from tqdecrypt.masking.reports import masked_report
from tqdecrypt.masking.words import LONGEST_REMEMBERED, MOST_REMEMBERED, Words
from tqdecrypt.sip.grammar import find_body
from tqdecrypt.sip.index import index_message
from tqdecrypt.sip.message import Message

if TYPE_CHECKING:
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Masker"]

MOST_DEPTH = 4
"""How deep bodies in bodies are taken apart; what lies deeper is filled."""
_BOUNDARY = re.compile(r';[ \t]*boundary[ \t]*=[ \t]*(?:"([^"]+)"|([^\s;"]+))', re.ASCII | re.I)
_REQUEST_END = re.compile(r"SIP/\d+\.\d+[ \t]*\Z", re.I)
_STATUS = re.compile(r"(SIP/\d+\.\d+[ \t]+\d{3,10})(.*)", re.DOTALL | re.I)


class Masker:
    """Masks whatever is read, by one profile and under one key.

    A message keeps its length, its lines and its place; only what stands in them is another.

    :param key: makes the pseudonyms; without it, a new one that nobody knows.
    :ivar counters: ``messages_masked``: in which something was replaced; ``messages_withheld_by_mask``:
        which would not have been the same message afterwards, and are left out.
    """

    def __init__(self, profile: Profile, key: bytes | None = None) -> None:
        self.profile = profile
        self.counters: Counter[str] = Counter()
        pseudonyms = Pseudonyms(key)
        self._people = profile is Profile.PEOPLE
        self._words = Words(pseudonyms)
        self._hidden = Hidden(pseudonyms)
        self._fields = Fields(self._words)
        self._bodies = Bodies(self._words)
        self._values: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}

    def message(self, message: Message) -> Message | None:
        """Return the message as it may be seen; ``None`` when it may not be seen at all."""
        raw = message.raw
        if self.profile is Profile.NONE or not (
            self._people or maybe_secret(raw, message.body_start)
        ):
            return message
        masked = self._masked(raw.decode("latin-1"), message.body_start).encode("latin-1")
        if masked == raw:
            return message
        again = _again(masked, message)
        if again is None:
            self.counters["messages_withheld_by_mask"] += 1
            return None
        self.counters["messages_masked"] += 1
        return again

    def session(self, report: SessionReport) -> SessionReport:
        """Return the report as it may be seen."""
        return masked_report(report, self._words) if self._people else report

    def call_id(self, call_id: str) -> str:
        """Return what :meth:`message` makes of a Call-ID."""
        if self.profile is Profile.NONE:
            return call_id
        value = call_id.encode("utf-8", "surrogateescape").decode("latin-1")
        masked = self._one_value("call-id", value)
        return masked.encode("latin-1").decode("utf-8", "backslashreplace")

    def _masked(self, text: str, body_start: int, depth: int = 1) -> str:
        head, body = text[:body_start], text[body_start:]
        lines = list(header_lines(head))
        start = re.match(r"[\r\n]*[^\r\n]*", head)
        assert start is not None  # every part may be empty
        self._words.named.clear()
        names: set[str] = set()
        values = [self._value(line, head[line.begin : line.end], names) for line in lines]
        parts = [self._start_line(start[0], names)]
        at = start.end()
        for line, value in zip(lines, values, strict=True):
            in_text = self._people and names and line.key in FREE_TEXT
            parts += (
                head[at : line.begin],
                self._words.unnamed(value, names) if in_text else value,
            )
            at = line.end
        parts.append(head[at:])
        if body:
            kinds = {line.key: head[line.begin : line.end] for line in reversed(lines)}
            parts.append(self._body(body, kinds, depth))
        return "".join(parts)

    def _start_line(self, text: str, names: set[str]) -> str:
        hidden = self._hidden.start_line(text)
        if not self._people:
            return hidden
        end = _REQUEST_END.search(hidden)
        if end is not None:
            method, blank, uri = hidden[: end.start()].partition(" ")
            self._words.named.clear()
            masked = in_one_line(uri, self._uri)
            names |= self._words.named
            return method + blank + masked + hidden[end.start() :]
        status = _STATUS.fullmatch(hidden)
        if status is None:
            return self._words.text(hidden)
        reason = self._words.free(status[2])
        return status[1] + (self._words.unnamed(reason, names) if names else reason)

    def _uri(self, text: str) -> str:
        """Mask a Request-URI with blanks around it."""
        bare = text.strip(" \t")
        if not bare:
            return text
        begin = text.index(bare)
        return text[:begin] + self._words.uri(bare) + text[begin + len(bare) :]

    def _value(self, line: HeaderLine, value: str, names: set[str]) -> str:
        """Return the value of a field masked; add the words in it that are names."""
        known = self._values.get((line.key, value))
        if known is None:
            self._words.named.clear()
            known = (
                in_one_line(value, lambda text: self._one_value(line.key, text)),
                frozenset(self._words.named),
            )
            if len(value) <= LONGEST_REMEMBERED:
                if len(self._values) >= MOST_REMEMBERED:
                    self._values.clear()
                self._values[line.key, value] = known
        names |= known[1]
        return known[0]

    def _one_value(self, key: str, value: str) -> str:
        hidden = self._hidden.field(key, value) if key else value
        if not self._people:
            return hidden
        return self._fields.mask(key, hidden) if key else self._words.text(hidden)

    def _body(self, body: str, fields: dict[str, str], depth: int) -> str:
        content_type = fields.get("content-type", "").replace("\r", " ").replace("\n", " ")
        media_type = content_type.partition(";")[0].strip().lower()
        encoded = fields.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        transfer = fields.get("content-transfer-encoding", "binary").strip().lower()
        if encoded or transfer in ("base64", "quoted-printable"):
            return self._bodies.filled(body)  # nobody knows what is in it without unpacking it
        boundary = _BOUNDARY.search(content_type)
        if media_type.startswith("multipart/") and boundary is not None:
            if depth > MOST_DEPTH:
                return self._bodies.filled(body)
            pieces = multipart_pieces(body, boundary[1] or boundary[2])
            return "".join(
                self._part(piece, depth) if is_part else self._around(piece, boundary)
                for is_part, piece in pieces
            )
        if media_type in ("message/sip", "message/sipfrag"):
            return self._fragment(body, depth)
        hidden = self._hidden.body(body, media_type)
        return self._bodies.mask(hidden, media_type) if self._people else hidden

    def _around(self, piece: str, boundary: re.Match[str]) -> str:
        """Mask what stands between parts: the boundary itself stays."""
        if piece.startswith("--" + (boundary[1] or boundary[2])):
            return piece
        hidden = self._hidden.body(piece, "")
        return self._words.text(hidden) if self._people else hidden

    def _part(self, piece: str, depth: int) -> str:
        """Mask one part of a multipart body: header fields, an empty line, content.

        The line end in front of a boundary belongs to the boundary (RFC 2046 section 5.1.1).
        """
        content = piece.removesuffix("\n").removesuffix("\r")
        piece, tail = content, piece[len(content) :]
        ends = [match.end() for match in re.finditer(r"\A\r?\n|\r?\n\r?\n", piece)]
        start = ends[0] if ends else len(piece)
        # As if a start line stood above it, so that the first line is a field.
        lines = [
            line._replace(begin=line.begin - 2, end=line.end - 2)
            for line in header_lines("-\n" + piece[:start])
        ]
        parts: list[str] = []
        at = 0
        for line in lines:
            parts += (
                piece[at : line.begin],
                self._value(line, piece[line.begin : line.end], set()),
            )
            at = line.end
        kinds = {line.key: piece[line.begin : line.end] for line in reversed(lines)}
        return "".join(parts) + piece[at:start] + self._body(piece[start:], kinds, depth + 1) + tail

    def _fragment(self, body: str, depth: int) -> str:
        """Mask a message in a message, or the beginning of one (RFC 3420)."""
        if depth > MOST_DEPTH:
            return self._bodies.filled(body)
        start = find_body(body.encode("latin-1"))
        return self._masked(body, len(body) if start < 0 else start, depth + 1)


def _again(raw: bytes, message: Message) -> Message | None:
    """Return the masked message, indexed anew; ``None`` when it is not the same one any more."""
    try:
        again = index_message(raw, message.flow, message.frame, message.time)
    except Malformed:
        return None
    same = (
        len(raw) == len(message.raw)
        and again.body_start == message.body_start
        and again.method == message.method
        and again.status == message.status
        and again.cseq == message.cseq
        and again.cseq_method == message.cseq_method
    )
    return again if same else None
