"""Every kept input, without a fuzzer: what was found once stays mended."""

from __future__ import annotations

import pytest

from fuzz.corpus import inputs, seeds
from fuzz.material import key_ring, sessions
from fuzz.targets import TARGETS, steps
from tls.passive import Passive
from tqdecrypt.tls import SecretFinder


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs(name: str) -> None:
    kept = inputs(name)
    assert len(kept) >= 1
    for path in kept:
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", sessions())
def test_the_seeds_reach_clear_text(name: str) -> None:
    """A fuzzer that starts outside stays outside."""
    passive = Passive(SecretFinder(key_ring()))
    for what, piece in steps(seeds()["tls"][name]):
        passive.hear(what & 1, piece)
    passive.finish()
    assert (bytes(passive.client), bytes(passive.server)) == sessions()[name].said


def test_a_target_that_finds_nothing_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invariant itself is tried: plaintext that nobody said is noticed."""
    session = sessions()["gcm"]
    changed = session._replace(said=(b"something else", b"something else"))
    monkeypatch.setattr("fuzz.targets.sessions", lambda: {"gcm": changed})
    with pytest.raises(AssertionError):
        TARGETS["tls"](seeds()["tls"]["gcm"])
