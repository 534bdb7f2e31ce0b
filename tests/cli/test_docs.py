"""The documentation tells what the code does, verdict by verdict and command by command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tqdecrypt.cli.reference import reference
from tqdecrypt.tls.verdict import MEANINGS, Verdict

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_current() -> None:
    written = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run: python -m tqdecrypt.cli.reference > docs/reference/cli.md"


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.value)
def test_every_verdict_has_its_page(verdict: Verdict) -> None:
    page = (DOCS / "verdicts" / f"{verdict.value}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {MEANINGS[verdict].title} (`{verdict.value}`)\n")
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## What it means",
        "## What proves it",
        "## What to do",
        "## What it looks like",
    ]


def test_no_page_is_left_over_and_the_index_has_all() -> None:
    pages = {path.stem for path in (DOCS / "verdicts").glob("*.md")} - {"README"}
    assert pages == {verdict.value for verdict in Verdict}
    index = (DOCS / "verdicts" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", index)) == pages


def test_links_lead_somewhere() -> None:
    for page in [DOCS / "guide.md", *DOCS.glob("verdicts/*.md"), *DOCS.glob("reference/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_the_ladder_in_the_guide_is_what_is_drawn() -> None:
    snapshots = DOCS.parent / "tests" / "views" / "snapshots"
    drawn = (snapshots / "ladder-busy-80.txt").read_text(encoding="utf-8").split("\n\n")[1]
    shown = drawn.splitlines()[:6]
    assert "\n".join(shown) in (DOCS / "guide.md").read_text(encoding="utf-8")
