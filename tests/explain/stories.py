"""Sessions that are explained: from packets, through the whole pipeline.

>>> story = explained(pair, ring([server_key()]))
>>> story.names[:3]
['TCP SYN', 'TCP SYN, ACK', 'ClientHello']
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit import Conversation, Packet, TlsPair, interleave, tcp_packets, write_pcap
from tqdecrypt.calls import Call
from tqdecrypt.explain import Derived, Explanation, Step, explain
from tqdecrypt.keys import KeyRing
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport
from tqdecrypt.tls.watching import Watch

EVERY = range(1, 1 << 20)


@dataclass
class Sessions:
    """A sink that keeps the reports of sessions."""

    reports: dict[int, SessionReport] = field(default_factory=dict)

    def message(self, message: Message) -> None:
        """Messages are not looked at."""

    def session(self, report: SessionReport) -> None:
        self.reports[report.session] = report

    def call(self, call: Call) -> None:
        """Calls are not looked at."""


@dataclass
class Story:
    """An explanation, and short ways to what is in it."""

    explanation: Explanation

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.explanation.steps

    @property
    def names(self) -> list[str]:
        return [step.name for step in self.steps]

    def step(self, name: str, sender: str = "") -> Step:
        """The first step of a name."""
        return next(s for s in self.steps if s.name == name and sender in ("", s.sender))

    def fact(self, step: str, name: str, sender: str = "") -> str:
        """The values of a fact, joined."""
        facts = [f for f in self.step(step, sender).facts if f.name.strip() == name]
        return ", ".join(facts[0].values) if facts else ""

    def secret(self, name: str, handshake: int = 0) -> Derived:
        return next(d for d in self.explanation.derivations[handshake] if d.name == name)

    @property
    def given(self) -> list[str]:
        """What opened it."""
        return [need.what for need in self.explanation.needs if need.given]


def read_watched(
    path: Path, ring: KeyRing, wanted: range | set[int] = EVERY
) -> tuple[Sessions, Watch, Summary]:
    """Read a capture with all sessions watched."""
    sink, watch = Sessions(), Watch(wanted)
    summary = read_captures([str(path)], ReadOptions(ring, watch=watch), sink)
    return sink, watch, summary


def explain_all(path: Path, ring: KeyRing, *, show_secrets: bool = False) -> dict[int, Story]:
    """Explain every session of a capture."""
    sink, watch, _ = read_watched(path, ring)
    return {
        number: Story(
            explain(report, watch.recordings.get(number), ring, show_secrets=show_secrets)
        )
        for number, report in sink.reports.items()
    }


def explain_packets(
    packets: Sequence[Packet], ring: KeyRing, *, show_secrets: bool = False
) -> dict[int, Story]:
    """Explain every session of some packets."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_pcap(Path(folder) / "watched.pcap", packets, nanoseconds=True)
        return explain_all(path, ring, show_secrets=show_secrets)


def conversation(number: int) -> Conversation:
    """A connection of its own, a second behind the one before."""
    talk = Conversation(client=("192.0.2.10", 40000 + number))
    return talk.wait(float(number))


def packets_of(*pairs: TlsPair) -> list[Packet]:
    """The pairs' connections, one after the other."""
    return interleave(
        *(tcp_packets(pair.flights, conversation(number)) for number, pair in enumerate(pairs))
    )


def explained(pair: TlsPair, ring: KeyRing, *, show_secrets: bool = False) -> Story:
    """Explain the session of one pair."""
    return explain_packets(packets_of(pair), ring, show_secrets=show_secrets)[1]
