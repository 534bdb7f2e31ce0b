"""Every session of every real capture is explained, with and without what opens it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import SHARED
from explain.stories import EVERY, Story, read_watched
from tqdecrypt.errors import InputError
from tqdecrypt.explain import explain
from tqdecrypt.export.explanation import explanation_json
from tqdecrypt.keys import KeyLog, KeyRing, load_private_keys
from tqdecrypt.tls import Verdict
from tqdecrypt.views.explanation_drawing import ExplainedSession
from views.pages import words_of
from views.scenes import drawn

pytestmark = pytest.mark.shared

CORPUS, CAPTURES = SHARED / "corpus", SHARED / "captures"
MOST_DRAWN = 20
"""Sessions of a capture that are drawn as well: many-conn has two thousand alike."""


def entries(folder: Path) -> list[Any]:
    path = folder / "expected.json"
    if not path.exists():
        return []
    loaded = json.loads(path.read_text())
    return list(loaded["tls"] if isinstance(loaded, dict) else loaded)


def ring(keys: list[Path], keylog: Path | None) -> KeyRing:
    log = KeyLog()
    if keylog is not None:
        log.feed(keylog.read_bytes(), keylog.name)
        log.finish(keylog.name)
    return KeyRing(load_private_keys(keys).keys if keys else (), log)


def check(path: Path, keys: KeyRing) -> None:
    sink, watch, _ = read_watched(path, keys, EVERY)
    for number, report in sink.reports.items():
        explanation = explain(report, watch.recordings.get(number), keys)
        story = Story(explanation)
        frames = [step.frame for step in story.steps if step.name != "end"]
        assert frames == sorted(frames)
        assert json.loads(explanation_json(explanation))["session"] == number
        if report.verdict is Verdict.DECRYPTED:
            assert story.given, report.why
            keyed = [d for each in explanation.derivations for d in each if d.parts]
            assert any(derived.known for derived in keyed) or not report.roles_known
        for derivation in explanation.derivations:
            for derived in derivation:
                assert derived.known or not derived.shown
        if number <= MOST_DRAWN:
            view = ExplainedSession(explanation)
            assert drawn(view, width=100)
            words_of(view.html())
            words_of(view.svg())


@pytest.mark.parametrize("entry", entries(CAPTURES), ids=lambda entry: entry["file"])
@pytest.mark.parametrize("secret", ["nothing", "key", "keylog"])
def test_the_captures(entry: dict[str, Any], secret: str) -> None:
    if entry["file"] == "many-conn.pcap" and secret != "nothing":
        pytest.skip("two thousand private-key operations, each twice, say nothing new")
    if secret != "nothing" and not entry.get(secret):
        pytest.skip(f"has no {secret}")
    path = CAPTURES / entry[secret] if secret != "nothing" else None
    keys = ring(
        [path] if path is not None and secret == "key" else [],
        path if secret == "keylog" else None,
    )
    check(CAPTURES / entry["file"], keys)


@pytest.mark.parametrize("entry", entries(CORPUS), ids=lambda entry: entry["file"])
def test_the_corpus(entry: dict[str, Any]) -> None:
    keylog = CORPUS / entry["keylog"] if entry["keylog"] else None
    check(CORPUS / entry["file"], ring([CORPUS / k for k in entry["rsa_keys"] or []], keylog))


@pytest.mark.parametrize(
    "path", sorted((CORPUS / "malformed").glob("**/*.*cap*")), ids=lambda path: path.name
)
def test_what_once_crashed_others(path: Path) -> None:
    try:
        check(path, ring([CAPTURES / "keys" / "server.key"], None))
    except InputError:
        return
