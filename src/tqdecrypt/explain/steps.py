"""The steps of a session in order of time: what was said, what was only seen, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tqdecrypt.explain import messages
from tqdecrypt.explain.data import DataSeen, data_events
from tqdecrypt.explain.model import Sender, Step
from tqdecrypt.explain.reading import Message, Round, role_of
from tqdecrypt.explain.telling import Scene, Told, count, fact
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.alerts import ADVICE, Alert
from tqdecrypt.tls.constants import ContentType, HandshakeType
from tqdecrypt.tls.recording import Recording, SeenAlert
from tqdecrypt.tls.report import SessionReport

__all__ = ["steps_of"]

_SENDERS: tuple[Sender, Sender] = ("client", "server")
_FIRST, _PLAIN, _CHANGE, _PROTECTED, _DATA, _LAST = range(6)
"""What stands in one packet, in the order in which it can stand there."""


class _Event(NamedTuple):
    """Something that happened."""

    frame: int
    rank: int
    role: int | None
    """``None``: nobody's, or not known whose."""
    time: int
    name: str
    told: Told
    handshake: int = 1
    encrypted: bool = False
    readable: bool = True
    data: bool = False


def steps_of(
    recording: Recording, report: SessionReport, ring: KeyRing, rounds: Sequence[Round]
) -> tuple[Step, ...]:
    """Return the steps of a session."""
    events = [
        *_opening(recording),
        *_messages(recording, report, ring, rounds),
        *_changes(recording, rounds),
        *_encrypted_handshake(recording, rounds),
        *_alerts(recording, rounds),
        *_gaps(recording),
        *(_of_data(seen) for seen in data_events(recording, rounds)),
    ]
    events.sort(key=lambda event: (event.frame, event.rank))
    events += _ending(report)
    return tuple(_timed(events))


def _timed(events: Sequence[_Event]) -> Iterator[Step]:
    before: int | None = None
    for event in events:
        start = events[0].time
        yield Step(
            name=event.told.name or event.name,
            sender="nobody" if event.role is None else _SENDERS[event.role],
            frame=event.frame,
            time=event.time,
            since_start=event.time - start,
            since_before=None if before is None else event.time - before,
            says=event.told.says,
            facts=event.told.facts,
            suites=event.told.suites,
            encrypted=event.encrypted,
            readable=event.readable,
            look=event.told.look,
            handshake=event.handshake,
            data=event.data,
        )
        before = event.time


def _opening(recording: Recording) -> Iterator[_Event]:
    opening = recording.opening
    if opening.syn_side is None:
        return
    opener = role_of(recording, opening.syn_side)
    if opening.syn_frame:
        told = Told(f"The {_SENDERS[opener]} opens a TCP connection.")
        yield _Event(opening.syn_frame, _FIRST, opener, opening.syn_time, "TCP SYN", told)
    if opening.answer_frame:
        told = Told(
            f"The {_SENDERS[1 - opener]} accepts it. The time since the SYN is the network's round trip, "
            "seen from the capture point."
        )
        yield _Event(
            opening.answer_frame, _FIRST, 1 - opener, opening.answer_time, "TCP SYN, ACK", told
        )


def _messages(
    recording: Recording, report: SessionReport, ring: KeyRing, rounds: Sequence[Round]
) -> Iterator[_Event]:
    changes = _first_changes(recording)
    for one in rounds:
        scene = Scene(recording, report, ring, rounds, one)
        for message in one.messages:
            protected = _is_protected(one, message, changes)
            yield _Event(
                message.frame,
                _PROTECTED if protected else _PLAIN,
                message.role,
                message.time,
                messages.name_of(message.kind),
                messages.tell(scene, message),
                one.number + 1,
                encrypted=protected or one.renegotiated,
            )


def _first_changes(recording: Recording) -> dict[int, int]:
    """Return in which frame each role first changed to keys."""
    frames: dict[int, int] = {}
    for record in recording.records:
        if record.content_type == ContentType.change_cipher_spec:
            frames.setdefault(role_of(recording, record.side), record.frame)
    return frames


def _is_protected(one: Round, message: Message, changes: dict[int, int]) -> bool:
    """Return whether a message stands behind its sender's change of keys."""
    if message.kind == HandshakeType.finished:
        return True
    if one.tls13:
        return message.kind not in (HandshakeType.client_hello, HandshakeType.server_hello)
    return not one.renegotiated and message.frame > changes.get(message.role, message.frame)


def _changes(recording: Recording, rounds: Sequence[Round]) -> Iterator[_Event]:
    seen = [0, 0]
    tls13 = bool(rounds) and rounds[0].tls13
    for record in recording.records:
        if record.content_type != ContentType.change_cipher_spec:
            continue
        role = role_of(recording, record.side)
        seen[role] += 1
        says = f"From here on the {_SENDERS[role]} encrypts with the keys that were just agreed on."
        if tls13:
            says = (
                "Means nothing in TLS 1.3; it is sent so that old middleboxes let the session pass."
            )
        yield _Event(
            record.frame,
            _CHANGE,
            role,
            record.time,
            "ChangeCipherSpec",
            Told(says, look="dim" if tls13 else "plain"),
            1 if tls13 else seen[role],
        )


def _encrypted_handshake(recording: Recording, rounds: Sequence[Round]) -> Iterator[_Event]:
    """Yield handshake records behind ChangeCipherSpec whose messages could not be read.

    TLS 1.3 has none: what it encrypts says "application data".
    """
    if rounds and rounds[0].tls13:
        return
    changes = _first_changes(recording)
    read = {
        (message.role, message.frame)
        for one in rounds
        for message in one.messages
        if one.renegotiated or _is_protected(one, message, changes)
    }
    changed, finished = [0, 0], [0, 0]
    for record in recording.records:
        role = role_of(recording, record.side)
        if record.content_type == ContentType.change_cipher_spec:
            changed[role] += 1
        elif record.content_type == ContentType.handshake and changed[role]:
            first = finished[role] < changed[role]
            finished[role] = changed[role]
            if (role, record.frame) in read:
                continue
            told = Told(
                f"By its place the {_SENDERS[role]}'s Finished: the check sum over the handshake. It is "
                "encrypted, and the keys are not known."
                if first
                else "A handshake message that is encrypted with keys that are not known.",
                (fact("size", count(record.size, "byte")),),
                look="dim",
            )
            yield _Event(
                record.frame,
                _PROTECTED,
                role,
                record.time,
                "Finished (encrypted)" if first else "handshake message (encrypted)",
                told,
                changed[role],
                encrypted=True,
                readable=False,
            )


def _alerts(recording: Recording, rounds: Sequence[Round]) -> Iterator[_Event]:
    read = {(alert.side, alert.frame) for alert in recording.alerts}
    changed = [False, False]
    for alert in recording.alerts:
        role = role_of(recording, alert.side)
        yield _Event(
            alert.frame,
            _LAST,
            role,
            alert.time,
            "Alert",
            _tell_alert(alert, role),
            len(rounds) or 1,
        )
    for record in recording.records:
        if record.content_type == ContentType.change_cipher_spec:
            changed[record.side] = True
        if record.content_type != ContentType.alert or (record.side, record.frame) in read:
            continue
        role = role_of(recording, record.side)
        told = Told(
            f"An alert of the {_SENDERS[role]} that is encrypted with keys that are not known; at the end "
            "of a session it is mostly close_notify, the orderly end.",
            look="dim",
        )
        yield _Event(
            record.frame,
            _LAST,
            role,
            record.time,
            "Alert (encrypted)",
            told,
            len(rounds) or 1,
            encrypted=True,
            readable=False,
        )


def _tell_alert(seen: SeenAlert, role: int) -> Told:
    alert = Alert(role, seen.level, seen.description, seen.frame)
    sender, other = _SENDERS[role], _SENDERS[1 - role]
    if alert.name == "close_notify":
        says = f"The {sender} ends the session in an orderly way: it sends nothing more."
        return Told(says, name="Alert close_notify", look="dim")
    advice = ADVICE.get(alert.name, "").format(sender=sender, other=other)
    begin = f"The {sender} {'ends the session' if alert.fatal else 'warns'}"
    return Told(
        f"{begin}: {alert.name}. {advice}".rstrip(),
        (fact("level", "fatal" if alert.fatal else "warning"),),
        name=f"Alert {alert.name}",
        look="bad" if alert.fatal else "notice",
    )


def _gaps(recording: Recording) -> Iterator[_Event]:
    for gap in recording.gaps:
        role = role_of(recording, gap.side)
        why = "the capture cut packets off" if gap.snapped else "packets are not in the capture"
        told = Told(
            f"{count(gap.size, 'byte')} that the {_SENDERS[role]} sent are missing here: {why}.",
            look="bad",
        )
        yield _Event(gap.frame, _LAST, role, gap.time, "bytes missing", told, readable=False)


def _of_data(seen: DataSeen) -> _Event:
    facts = [fact("records", f"{seen.records:,}")]
    if seen.wire:
        facts.append(fact("size", f"{count(seen.wire, 'byte')} encrypted"))
    if seen.plain:
        facts.append(fact("plaintext", count(seen.plain, "byte"), look="good"))
    if seen.last_frame != seen.frame:
        facts.append(fact("up to", f"frame {seen.last_frame}"))
    told = Told(seen.says, tuple(facts), look=seen.look)
    return _Event(
        seen.frame,
        _DATA,
        seen.role,
        seen.time,
        seen.name,
        told,
        encrypted=True,
        readable=seen.readable,
        data=not seen.handshake,
    )


def _ending(report: SessionReport) -> Iterable[_Event]:
    if not report.ending:
        return ()
    told = Told(f"How it ended: {report.ending}.", look="dim")
    return (_Event(report.last_frame, _LAST, None, report.ended, "end", told),)
