"""Captures that others made, from packets to plaintext: as many bytes, and the same, as tshark reads.

Expectations come from ``corpus/expected.json`` and ``captures/expected.json`` beside the repository,
which independent programs wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conftest import SHARED
from tqdecrypt.calls import Call
from tqdecrypt.errors import InputError
from tqdecrypt.keys import KeyLog, KeyRing, SecretsStore, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import MEANINGS, Plaintext, SessionReport, Verdict

pytestmark = pytest.mark.shared

CORPUS, CAPTURES = SHARED / "corpus", SHARED / "captures"


def expected(directory: Path) -> list[Any]:
    """Return what a directory's ``expected.json`` says; nothing where it is missing."""
    path = directory / "expected.json"
    if not path.exists():
        return []
    loaded = json.loads(path.read_text())
    return list(loaded["tls"] if isinstance(loaded, dict) else loaded)


@dataclass
class Reading:
    """What came out of one capture."""

    messages: list[Message] = field(default_factory=list)
    sessions: list[SessionReport] = field(default_factory=list)
    text: dict[tuple[int, bool], bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    """By session and whether the client said it."""

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        self.sessions.append(report)

    def call(self, call: Call) -> None:
        """Calls are not looked at here."""

    def plaintext(self, session: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        self.text[session, from_client] += b"".join(data for data, _, _ in records)

    def secret(self, report: SessionReport) -> tuple[bytes, bytes]:
        """Return the plaintext of both directions."""
        return bytes(self.text[report.session, True]), bytes(self.text[report.session, False])


def read(
    capture: Path,
    keys: list[Path] | None = None,
    keylog: Path | None = None,
    store: SecretsStore | None = None,
) -> tuple[Reading, Summary]:
    log = KeyLog()
    if keylog is not None:
        log.feed(keylog.read_bytes(), keylog.name)
        log.finish(keylog.name)
    reading = Reading()
    loaded = load_private_keys([str(key) for key in keys or []]).keys if keys else ()
    options = ReadOptions(KeyRing(loaded, log), observers=[reading], store=store)
    summary = read_captures([str(capture)], options, reading)
    return reading, summary


def read_entry(entry: dict[str, Any]) -> Reading:
    keys = [CORPUS / name for name in entry["rsa_keys"] or []]
    keylog = CORPUS / entry["keylog"] if entry["keylog"] else None
    return read(CORPUS / entry["file"], keys, keylog)[0]


def of_stream(reading: Reading, stream: dict[str, Any]) -> SessionReport | None:
    """Return the session of a TCP stream."""
    ends = {_in_brackets(stream["client"]), _in_brackets(stream["server"])}
    found = [r for r in reading.sessions if {r.client, r.server} == ends]
    return found[0] if found else None


def _in_brackets(end: str | None) -> str | None:
    """Return an endpoint as reports have it: IPv6 addresses in brackets."""
    if end is None or end.count(":") < 2:
        return end
    address, _, port = end.rpartition(":")
    return f"[{address}]:{port}"


@pytest.mark.parametrize("entry", expected(CORPUS), ids=lambda entry: entry["file"])
def test_the_corpus(entry: dict[str, Any]) -> None:
    reading = read_entry(entry)
    for stream in entry["streams"]:
        report = of_stream(reading, stream)
        if report is None:
            assert stream["client"] is None or not stream["app_data_records"]
            assert not stream["decrypted"]
            continue
        assert report.why
        texts = reading.secret(report)
        if stream["decrypted"]:
            for text, said in zip(texts, (stream["c2s"], stream["s2c"]), strict=True):
                assert len(text) == said["bytes"]
                if said["bytes"]:
                    assert hashlib.sha256(text).hexdigest() == said["sha256"]
            assert (report.client_bytes, report.server_bytes) == tuple(map(len, texts))
            assert report.verdict is Verdict.DECRYPTED, report.why
        elif "ARIA" in str(report.cipher_suite):  # the oracle has no ARIA; its keys are there
            assert report.verdict is Verdict.DECRYPTED, report.why
            assert len(texts[0]) == 2570
        else:
            assert texts == (b"", b"") or entry["keylog"]
            assert report.verdict in MEANINGS
        if stream["version"] and report.version:
            assert report.version.replace(" ", "") == stream["version"]
            assert report.cipher_suite in stream["cipher_suites"]


@pytest.mark.parametrize("entry", expected(CAPTURES), ids=lambda entry: entry["file"])
@pytest.mark.parametrize("secret", ["key", "keylog"])
def test_the_captures(entry: dict[str, Any], secret: str) -> None:
    wanted = entry.get(f"messages_with_{secret}")
    if wanted is None:
        return
    path = CAPTURES / entry[secret]
    reading, summary = read(
        CAPTURES / entry["file"],
        [path] if secret == "key" else None,
        path if secret == "keylog" else None,
    )
    over_tls = [message for message in reading.messages if message.flow.transport == "TLS"]
    assert len(over_tls) == wanted
    assert summary.sessions == len(reading.sessions)
    assert all(report.why for report in reading.sessions)
    if wanted == 0:
        assert not any(report.verdict is Verdict.DECRYPTED for report in reading.sessions)


def test_a_secrets_store_opens_the_middle_of_a_session(tmp_path: Path) -> None:
    entry = next(e for e in expected(CAPTURES) if e.get("messages_with_secrets_store"))
    store = SecretsStore(tmp_path / "store", b"passphrase")
    read(CAPTURES / "v-gcm128-none.pcap", [CAPTURES / "keys" / "server.key"], store=store)
    store.save()
    again = SecretsStore(tmp_path / "store", b"passphrase")
    again.load()
    reading, _ = read(CAPTURES / entry["file"], store=again)
    over_tls = [message for message in reading.messages if message.flow.transport == "TLS"]
    assert len(over_tls) == entry["messages_with_secrets_store"]


@pytest.mark.parametrize(
    "path", sorted((CORPUS / "malformed").glob("**/*.*cap*")), ids=lambda path: path.name
)
def test_what_once_crashed_others(path: Path) -> None:
    try:
        reading, _ = read(path, [CAPTURES / "keys" / "server.key"])
    except InputError:
        return
    assert all(report.why for report in reading.sessions)
