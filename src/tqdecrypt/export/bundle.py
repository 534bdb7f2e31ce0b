"""A support bundle: what TLS and SIP looked like from outside, without anything that is anybody's business.

No key, no payload, no number, no name, no address leaves: :mod:`tqdecrypt.export.bundle_facts` picks out
what may, :mod:`tqdecrypt.export.pseudonyms` stands in for the rest.  The bundle is a tar archive in gzip,
which every system opens; there is nothing of the machine or the moment in it but versions.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from array import array
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from tqdecrypt.export.bundle_facts import (
    finding_line,
    handshake_facts,
    message_line,
    session_line,
)
from tqdecrypt.export.jsonlines import format_time
from tqdecrypt.export.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight import Finding
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import Session, SessionReport
    from tqdecrypt.tls.outline import RecordFacts

__all__ = ["README", "Bundle"]

MOST_MESSAGES = 200_000
"""Skeletons of messages, some thirty bytes each when packed; a bundle is to go by mail."""
MOST_SESSIONS = 50_000
"""TLS sessions that are told one by one, some 300 bytes each when packed."""
MOST_FINDINGS = 5_000
MOST_FIRST = MOST_LAST = 100
"""Records of each direction that are told one by one: the first ones, and the last ones."""
MOST_RECORDS = 2_000_000
"""Records that are remembered of all sessions that go on, 24 bytes each; then sessions that begin are
only counted."""

README = """\
What this is
============

A support bundle, written by tqdecrypt {version}. It tells somebody who cannot have the capture what the
TLS sessions and SIP messages in it looked like from outside, so that they can say why something was not
decrypted, or why a handshake failed.

What is not in it
=================

- no key, no secret, no password, no random value of a handshake
- no payload: of messages and records only type, length and time
- no telephone number, no user name, no host name, no certificate subject, no file name
- no address: A1, A2, ... stand for addresses, N1, N2, ... for server names, the same throughout this
  bundle; ports are as they were
- Call-IDs, transactions, certificates and keys are hashed with a key that was drawn for this bundle and
  thrown away: the same gives the same, and no guess can be tried

What is in it
=============

README.txt       this text
versions.json    versions of tqdecrypt, Python, libraries, OpenSSL and the operating system; what kind of
                 keys were given, and how many
summary.json     how much was read, all counters, problems (file names replaced), what this bundle left out
sessions.jsonl   one line a TLS session: verdict with evidence (packet numbers), versions, cipher suites
                 offered and chosen, numbers of extensions, alerts, times of the handshake, facts of
                 certificates (kind and size of the key, signature algorithm, days of validity), TCP
                 retransmissions and gaps
records.jsonl    one line a direction of a TLS session: how many records of which type, and of the first
                 {first} and the last {last} of them: type, length, packet number, and milliseconds
                 since the first
messages.jsonl   one line a SIP message that could be read: time, method or status, length, hashed Call-ID
findings.jsonl   one line a finding: its name, severity, packet numbers, without its sentences

Look before you send: these are text files. To see all of it:  tar xzOf FILE | less
"""


class _Member:
    """A file of the bundle, kept compressed until it is whole."""

    def __init__(self) -> None:
        self.size = 0
        self._packed = BytesIO()
        self._file = gzip.GzipFile(fileobj=self._packed, mode="wb", compresslevel=6, mtime=0)

    def write(self, data: bytes) -> None:
        """Append to it."""
        self.size += len(data)
        self._file.write(data)

    def add(self, line: Mapping[str, object]) -> None:
        """Append a line of JSON."""
        self.write(_encode(line).encode("ascii") + b"\n")

    def reader(self) -> IO[bytes]:
        """Return what reads it from its beginning.  Nothing can be appended any more."""
        self._file.close()
        self._packed.seek(0)
        return cast("IO[bytes]", gzip.GzipFile(fileobj=self._packed, mode="rb"))


_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True)
class _Records:
    """The records of one direction of a session."""

    began: int
    count: int = 0
    bytes: int = 0
    types: Counter[int] = field(default_factory=Counter)
    first: array[int] = field(default_factory=lambda: array("q"))
    """Type, length, frame, time; one after the other."""
    last: deque[RecordFacts] = field(default_factory=lambda: deque(maxlen=MOST_LAST))
    lost: int = 0
    missing: int = 0

    @property
    def kept(self) -> int:
        """How many records are remembered."""
        return len(self.first) // 4 + len(self.last)


class Bundle:
    """Collects what goes into a bundle; a sink and an observer at once.

    :param pseudonyms: made anew for each bundle.
    :ivar counters: what was left out for want of room.
    """

    def __init__(self, pseudonyms: Pseudonyms | None = None) -> None:
        self.pseudonyms = pseudonyms or Pseudonyms()
        self.counters: Counter[str] = Counter()
        self._sessions = _Member()
        self._records = _Member()
        self._messages = _Member()
        self._findings = _Member()
        self._told: Counter[str] = Counter()
        self._going_on: dict[int, dict[str, _Records]] = {}
        self._kept = 0
        self._facts: dict[int, dict[str, object]] = {}

    # What the observer's side is told.

    def records(self, session: int, sender: str, records: Sequence[RecordFacts]) -> None:
        """See :class:`~tqdecrypt.observing.RecordObserver`."""
        directions = self._going_on.setdefault(session, {})
        kept = directions.get(sender)
        if kept is None:
            self.pseudonyms.endpoint(sender)  # numbered in the order in which they appear
            kept = directions[sender] = _Records(records[0].time)
        before = kept.kept
        for record in records:
            kept.count += 1
            kept.bytes += record.length
            kept.types[record.content_type] += 1
            if self._kept >= MOST_RECORDS:
                self.counters["records_only_counted"] += 1
            elif len(kept.first) < 4 * MOST_FIRST:
                kept.first.extend(record)
            else:
                kept.last.append(record)
        self._kept += kept.kept - before

    def boundaries_lost(self, session: int, sender: str, lost: int, missing: int) -> None:
        """See :class:`~tqdecrypt.observing.RecordObserver`."""
        kept = self._going_on.get(session, {}).get(sender)
        if kept is not None:
            kept.lost, kept.missing = lost, missing

    def session_ended(self, number: int, session: Session) -> None:
        """See :class:`~tqdecrypt.observing.RecordObserver`."""
        self._facts.clear()  # of a session that nobody wanted
        self._facts[number] = handshake_facts(session, self.pseudonyms)

    # What the sink's side is told.

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._room("messages", MOST_MESSAGES):
            self._messages.add(message_line(message, self.pseudonyms))

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        facts = self._facts.pop(report.session, {})
        directions = self._going_on.pop(report.session, {})
        self._kept -= sum(kept.kept for kept in directions.values())
        if not self._room("sessions", MOST_SESSIONS):
            return
        self._sessions.add(session_line(report, facts, self.pseudonyms))
        for sender, kept in directions.items():
            self._records.add(self._direction(report.session, sender, kept))

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; the messages tell of it."""

    def finding(self, finding: Finding) -> None:
        """Take a finding."""
        if self._room("findings", MOST_FINDINGS):
            self._findings.add(finding_line(finding, self.pseudonyms))

    # The end.

    def told(self, what: str) -> int:
        """Return how many ``messages``, ``sessions`` or ``findings`` are in it."""
        return self._told[what]

    def write(
        self,
        stream: BinaryIO,
        summary: Summary,
        versions: Mapping[str, object],
        problems: Sequence[str],
    ) -> None:
        """Write the whole bundle.

        :param versions: what versions.json says.
        :param problems: those of the summary, with nothing in them that names anything.
        """
        # Sessions that the choice left out, or that the sink never heard of, had records, too.
        self._going_on.clear()
        readme = README.format(
            version=versions.get("tqdecrypt", ""), first=MOST_FIRST, last=MOST_LAST
        )
        members = {
            "README.txt": _whole(readme.encode("ascii")),
            "versions.json": _document(versions),
            "summary.json": _document(self._summary(summary, problems)),
            "sessions.jsonl": self._sessions,
            "records.jsonl": self._records,
            "messages.jsonl": self._messages,
            "findings.jsonl": self._findings,
        }
        # Neither names nor times of this machine: the same input gives the same bytes.
        with (
            gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for name, member in members.items():
                info = tarfile.TarInfo(f"tqdecrypt-bundle/{name}")
                info.size = member.size
                archive.addfile(info, member.reader())

    def _room(self, what: str, most: int) -> bool:
        if self._told[what] >= most:
            self.counters[f"{what}_beyond_the_bundle"] += 1
            return False
        self._told[what] += 1
        return True

    def _direction(self, session: int, sender: str, kept: _Records) -> dict[str, object]:
        first = [
            _record(kept.first[at : at + 4], kept.began) for at in range(0, len(kept.first), 4)
        ]
        return {
            "session": session,
            "sender": self.pseudonyms.endpoint(sender),
            "records": kept.count,
            "bytes": kept.bytes,
            "types": {str(kind): number for kind, number in sorted(kept.types.items())},
            "boundaries_lost": kept.lost,
            "damaged": kept.missing,
            "began": format_time(kept.began),
            "first": first,
            "not_told": kept.count - kept.kept,
            "last": [_record(record, kept.began) for record in kept.last],
        }

    def _summary(self, summary: Summary, problems: Sequence[str]) -> dict[str, object]:
        values = asdict(summary)
        for name in ("started", "ended"):
            values[name] = None if values[name] is None else format_time(values[name])
        values["interfaces"] = [
            {"link_type": interface.link_type, "snap_length": interface.snap_length}
            for interface in summary.interfaces
        ]
        values["problems"] = list(problems)
        values["left_out"] = dict(self.counters)
        values["addresses"] = self.pseudonyms.addresses
        return values


def _record(record: Sequence[int], began: int) -> list[float]:
    content_type, length, frame, time = record
    return [content_type, length, frame, (time - began) / 1e6]


def _whole(content: bytes) -> _Member:
    member = _Member()
    member.write(content)
    return member


def _document(values: Mapping[str, object]) -> _Member:
    return _whole(json.dumps(values, indent=1).encode("ascii") + b"\n")
