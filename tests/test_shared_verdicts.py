"""Real captures: each has its verdict, nothing comes out without secrets, a store outlives a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tqdecrypt.calls import Call
from tqdecrypt.keys import KeyRing, SecretsStore, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import Plaintext, SessionReport, Verdict

SHARED = Path(__file__).parent.parent.parent / "shared"
pytestmark = pytest.mark.shared


class Results:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.sessions: list[SessionReport] = []
        self.calls: list[Call] = []
        self.text: dict[tuple[int, bool], bytearray] = {}

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        self.sessions.append(report)

    def call(self, call: Call) -> None:
        self.calls.append(call)

    def plaintext(self, session: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        text = self.text.setdefault((session, from_client), bytearray())
        text += b"".join(data for data, _, _ in records)


def read(
    capture: Path, ring: KeyRing, store: SecretsStore | None = None
) -> tuple[Results, Summary]:
    results = Results()
    options = ReadOptions(ring, observers=[results], store=store)
    return results, read_captures([str(capture)], options, results)


def entries() -> list[Any]:
    path = SHARED / "captures" / "expected.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    return [pytest.param(entry, id=entry["file"]) for entry in found]


@pytest.mark.parametrize("entry", entries())
def test_without_secrets_nothing_comes_out(entry: dict[str, Any]) -> None:
    results, summary = read(SHARED / "captures" / entry["file"], KeyRing())
    assert summary.messages == 0
    assert results.text == {}
    assert results.sessions


DARK = {
    "d-abbrev-only-resume-id.pcap": Verdict.RESUMED_UNSEEN,
    "d-midstream-v-gcm128-none.pcap": Verdict.HANDSHAKE_NOT_CAPTURED,
    "d-snap200-v-aes128sha-none.pcap": Verdict.SNAP_LENGTH,
    "d-loss1-v-gcm128-none.pcap": Verdict.PACKETS_MISSING,
    "ecdhe.pcap": Verdict.FORWARD_SECRECY,
    "v-dhe-gcm128.pcap": Verdict.FORWARD_SECRECY,
    "tls13.pcap": Verdict.TLS13,
    "small.pcap": Verdict.DECRYPTED,
}


@pytest.mark.parametrize(("name", "verdict"), DARK.items())
def test_each_capture_has_its_verdict(name: str, verdict: Verdict) -> None:
    keys = load_private_keys([str(SHARED / "captures" / "keys" / "server.key")]).keys
    results, _ = read(SHARED / "captures" / name, KeyRing(keys))
    assert {report.verdict for report in results.sessions} == {verdict}


def test_a_secrets_store_opens_a_resumption_of_yesterday(tmp_path: Path) -> None:
    captures = SHARED / "captures"
    keys = load_private_keys([str(captures / "keys" / "server.key")]).keys
    store = SecretsStore(tmp_path / "store")
    read(captures / "resume-id.pcap", KeyRing(keys), store)
    _, summary = read(captures / "d-abbrev-only-resume-id.pcap", KeyRing(), store)
    assert summary.messages == 45
