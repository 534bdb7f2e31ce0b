"""What the pages of ``docs/findings/`` say: they come with the package, for reports."""

from __future__ import annotations

import functools
import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

__all__ = ["FindingPage", "finding_page"]

_SOURCE = Path(__file__).resolve().parents[3] / "docs" / "findings"
"""Where the pages are when the package runs from its repository."""
_PARTS = re.compile(r"^\*\*(What [a-z ]+)\.\*\* ", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_DATED = re.compile(r"\(as of \d{4}\)")
_NAME = re.compile(r"[a-z0-9-]+")


class FindingPage(NamedTuple):
    """What there is to know of a finding, whatever call it was found in.  `Code` stands in backticks."""

    means: str
    proves: str
    to_try: str
    source: str = ""
    """Where it is written, when somebody else sets the rule; empty otherwise."""


@functools.lru_cache(maxsize=128)
def finding_page(name: str) -> FindingPage | None:
    """Return the page of a finding; ``None`` when there is none."""
    text = _read(f"{name}.md") if _NAME.fullmatch(name) else None
    if text is None:
        return None
    pieces = _PARTS.split(text)
    parts = {
        heading: " ".join(_LINK.sub(r"\1", body.partition("\n\n")[0]).split())
        for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    return FindingPage(
        parts.get("What it means", ""),
        parts.get("What proves it", ""),
        parts.get("What to try", ""),
        _source_in(pieces[-1]),
    )


def _source_in(text: str) -> str:
    """Return the paragraph at the end that names a source, with its date."""
    *_, last = text.strip().rpartition("\n\n")
    return " ".join(last.split()) if _DATED.search(last) else ""


def _read(file: str) -> str | None:
    installed = resources.files("tqdecrypt") / "finding_pages" / file
    for place in (installed, _SOURCE / file):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    return None
