"""How a stream sounded, in the words of every view that shows media."""

from __future__ import annotations

from tqdecrypt.media.heard import Heard
from tqdecrypt.views.timeline_drawing import length
from tqdecrypt.views.words import time_of_day

__all__ = ["heard_text", "silence_text"]


def heard_text(heard: Heard) -> str:
    """Return ``-23 dBov, 38% silent, longest 12.1 s at 10:15:02``."""
    if not heard.decoded:
        return "comfort noise only"
    share = f"{heard.level} dBov, {heard.share:.0%} silent"
    return share if heard.longest_at is None else f"{share}, longest {_stretch(heard)}"


def silence_text(heard: Heard) -> str:
    """Return ``38%, longest 12.1 s at 10:15:02``."""
    share = f"{heard.share:.0%}" if heard.decoded else "comfort noise only"
    return share if heard.longest_at is None else f"{share}, longest {_stretch(heard)}"


def _stretch(heard: Heard) -> str:
    assert heard.longest_at is not None
    return f"{length(round(heard.longest * 1e9))} at {time_of_day(heard.longest_at, 0)}"
