"""Records of application data, added up between the steps of the handshake.

In TLS 1.3 every encrypted record says "application data", handshake messages too (RFC 8446 section 5.2).
Where nothing can be read, their place tells what the first of each side must be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tqdecrypt.explain.model import Look
from tqdecrypt.explain.reading import Round, role_of
from tqdecrypt.tls.constants import ContentType, HandshakeType
from tqdecrypt.tls.exchange import CLIENT, SERVER
from tqdecrypt.tls.recording import Recording, Volume

__all__ = ["DataSeen", "data_events"]


@dataclass(slots=True)
class DataSeen:
    """Records of one side in a row."""

    role: int
    frame: int
    """Of the first of them."""
    time: int
    last_frame: int
    name: str = "application data"
    records: int = 0
    wire: int = 0
    """Bytes of their fragments."""
    plain: int = 0
    """Bytes that were in them, of those that could be read."""
    readable: bool = False
    handshake: bool = False
    """Whether they are, by their place, the encrypted part of a TLS 1.3 handshake."""

    @property
    def says(self) -> str:
        """What it is."""
        who = ("client", "server")[self.role]
        if self.handshake:
            return _BY_PLACE[self.role]
        if self.readable:
            return f"What the {who} had to say, decrypted and verified."
        return f"What the {who} had to say. It stays dark."

    @property
    def look(self) -> Look:
        """How it is meant."""
        return "dim" if self.handshake else "good" if self.readable else "notice"


_BY_PLACE = (
    "Encrypted. By its place: the client's Finished, in front of it its certificate if the server asked "
    "for one; application data may follow in the same records.",
    "Encrypted. By its place: EncryptedExtensions, the server's Certificate and CertificateVerify, and "
    "Finished; CertificateRequest if it wants one of the client.",
)


@dataclass(frozen=True, slots=True)
class _Record:
    role: int
    frame: int
    time: int
    wire: int
    plain: int | None
    """``None``: seen on the wire; else what was in it."""
    readable: bool


def data_events(recording: Recording, rounds: Sequence[Round]) -> list[DataSeen]:
    """Return records of application data, those of one side between two other steps in one."""
    steps = _frames_of_steps(recording, rounds)
    answered = _answer_frame(rounds)
    flights = _Flights(_dark_in_tls13(rounds))
    groups: dict[tuple[int, int, str], DataSeen] = {}
    last: dict[int, DataSeen] = {}
    for record in sorted(_records(recording, rounds), key=lambda record: record.frame):
        name = "application data"
        if answered and record.role == CLIENT and record.frame < answered:
            name = "early data"
        elif flights.holds(record):
            name = "encrypted handshake"
        key = bisect_right(steps, record.frame), record.role, name
        seen = groups.get(key)
        if seen is None:
            seen = groups[key] = DataSeen(
                record.role, record.frame, record.time, record.frame, name
            )
            seen.handshake = name == "encrypted handshake"
        _add(seen, record)
        last[record.role] = seen
    for side in (0, 1):
        seen = last.get(role_of(recording, side))
        if seen is not None:
            _add_more(seen, recording.more_records[side], recording.more_opened[side])
    return list(groups.values())


class _Flights:
    """Tells the first encrypted records of each side, while the other one is silent."""

    def __init__(self, roles: frozenset[int]) -> None:
        self._roles = roles
        self._begun = [False, False]
        self._over = [False, False]

    def holds(self, record: _Record) -> bool:
        """Return whether a record belongs to its side's part of the handshake, by its place."""
        role, other = record.role, 1 - record.role
        self._over[other] = self._over[other] or self._begun[other]
        self._over[role] = self._over[role] or record.readable
        self._begun[role] = True
        return role in self._roles and not self._over[role]


def _add(seen: DataSeen, record: _Record) -> None:
    seen.last_frame = max(seen.last_frame, record.frame)
    seen.readable |= record.readable
    if record.plain is None:
        seen.records += 1
        seen.wire += record.wire
    else:
        seen.plain += record.plain


def _add_more(seen: DataSeen, records: Volume, opened: Volume) -> None:
    seen.records += records.count
    seen.wire += records.size
    seen.plain += opened.size
    seen.last_frame = max(seen.last_frame, records.frame, opened.frame)


def _records(recording: Recording, rounds: Sequence[Round]) -> Iterator[_Record]:
    opened = {(record.side, record.frame) for record in recording.opened}
    tls13 = bool(rounds) and rounds[0].tls13
    read = {
        (message.role, message.frame)
        for one in rounds
        for message in one.messages
        if message.kind not in (HandshakeType.client_hello, HandshakeType.server_hello)
    }
    read.update((role_of(recording, alert.side), alert.frame) for alert in recording.alerts)
    for record in recording.records:
        if record.content_type != ContentType.application_data:
            continue
        role, place = role_of(recording, record.side), (record.side, record.frame)
        if tls13 and place not in opened and (role, record.frame) in read:
            continue  # what it held was a handshake message
        yield _Record(role, record.frame, record.time, record.size, None, place in opened)
    for record in recording.opened:
        role = role_of(recording, record.side)
        yield _Record(role, record.frame, record.time, 0, record.size, True)


def _frames_of_steps(recording: Recording, rounds: Sequence[Round]) -> list[int]:
    frames = {message.frame for one in rounds for message in one.messages}
    frames.update(alert.frame for alert in recording.alerts)
    frames.update(
        record.frame
        for record in recording.records
        if record.content_type != ContentType.application_data
    )
    return sorted(frames)


def _answer_frame(rounds: Sequence[Round]) -> int:
    """Return the frame of the ServerHello of a TLS 1.3 session; 0 without one."""
    if not rounds or not rounds[0].tls13:
        return 0
    hello = rounds[0].first(SERVER, HandshakeType.server_hello)
    return 0 if hello is None else hello.frame


def _dark_in_tls13(rounds: Sequence[Round]) -> frozenset[int]:
    """Return the roles whose part of a TLS 1.3 handshake could not be read."""
    if not rounds or not rounds[0].tls13:
        return frozenset()
    finished = {m.role for m in rounds[0].messages if m.kind == HandshakeType.finished}
    return frozenset((CLIENT, SERVER)) - finished
