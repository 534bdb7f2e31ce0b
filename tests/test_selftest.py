"""The selftest passes here, and says so when something does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tqdecrypt import selftest


def test_every_suite_of_this_machine_is_decrypted() -> None:
    trials = list(selftest.run_trials())
    assert [trial for trial in trials if not trial.passed] == []
    assert {trial.version for trial in trials} >= {"TLS 1.2", "TLS 1.3"}
    assert {trial.secrets for trial in trials} == {"RSA key", "session secrets"}
    assert len({(trial.version, trial.suite) for trial in trials}) == len(trials)


def test_what_was_said_otherwise_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is with what was said, not with what was read."""
    call = selftest._call

    def misquote(*arguments: object) -> object:
        said, flights = call(*arguments)  # type: ignore[arg-type]
        return [said[0] + b"!", said[1]], flights

    monkeypatch.setattr(selftest, "_call", misquote)
    monkeypatch.setattr(selftest, "_offers", lambda: iter([("TLSv1.2", ["AES128-GCM-SHA256"])]))
    (trial,) = selftest.run_trials()
    assert not trial.passed
    assert trial.messages == 7


def test_the_command_prints_a_line_for_each_trial() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tqdecrypt", "selftest", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["passed"] for line in lines)
