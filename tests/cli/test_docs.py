"""The documentation tells what the code does, verdict by verdict and command by command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from calls.script import messages_of
from cli.conftest import Runner
from cli.test_legs import SCRIPT as LEGS
from insight.audit import town
from kit.capture import write_pcap
from kit.signalling import over_udp
from tqdecrypt.cli.reference import reference
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views.vendors import devices_page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_current() -> None:
    written = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run: python -m tqdecrypt.cli.reference > docs/reference/cli.md"


def test_the_settings_by_device_are_those_of_the_data_files() -> None:
    written = (DOCS / "reference" / "devices.md").read_text(encoding="utf-8")
    assert written == devices_page(), (
        "run: python -m tqdecrypt.views.vendors > docs/reference/devices.md"
    )


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
    for page in [
        DOCS / "guide.md",
        DOCS / "api.md",
        *DOCS.glob("verdicts/*.md"),
        *DOCS.glob("reference/*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_the_ladder_in_the_guide_is_what_is_drawn() -> None:
    snapshots = DOCS.parent / "tests" / "views" / "snapshots"
    drawn = (snapshots / "ladder-busy-80.txt").read_text(encoding="utf-8").split("\n\n")[1]
    shown = drawn.splitlines()[:6]
    assert "\n".join(shown) in (DOCS / "guide.md").read_text(encoding="utf-8")


def fields_in_the_page(name: str = "json.md", heading: str = "##") -> dict[str, set[str]]:
    """Return what a page of docs/reference says: type of line or object -> its fields."""
    page = (DOCS / "reference" / name).read_text(encoding="utf-8")
    sections = re.split(rf"^{heading} (\w+)$", page, flags=re.MULTILINE)[1:]
    return {
        kind: set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
        for kind, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_field_of_the_json_lines_is_told(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    switches = ("--json", "--raw", "--problems", "--findings", "--indicators")
    messages, _ = messages_of(LEGS)
    legs = write_pcap(tmp_path / "legs.pcap", over_udp(messages))
    out = run("read", capture, "-k", key, *switches).out + run("read", legs, *switches).out
    written: dict[str, set[str]] = {}
    for line in map(json.loads, out.splitlines()):
        written.setdefault(line.pop("type"), set()).update(line)
    assert written == fields_in_the_page()


def test_every_field_of_the_audit_is_told(run: Runner, tmp_path: Path) -> None:
    capture, key = town.capture(tmp_path), town.server_key(tmp_path)
    trunks, baseline = tmp_path / "trunks.toml", tmp_path / "baseline.json"
    trunks.write_text(town.TRUNKS)
    baseline.write_text(run("audit", capture, "--json").out)
    audit = ("audit", capture, "-k", key, "--json", "--trunks", trunks, "--baseline", baseline)
    document = json.loads(run(*audit).out)
    objects = {
        "audit": [document],
        "decryptability": [document["decryptability"]],
        "properties": [document["properties"]],
        "timing": [document["timing"]],
        "peer": document["peers"],
        "relation": [one for peer in document["peers"] for one in peer["relations"]],
        "server": document["servers"],
        "certificate": list(document["certificates"].values()),
        "chain": [one for facts in document["certificates"].values() for one in facts["chains"]],
        "difference": document["differences"],
        "change": document["changes"],
        "reconnect": document["reconnects"],
        "advice": document["advice"],
    }
    written = {name: {field for one in some for field in one} for name, some in objects.items()}
    assert written == fields_in_the_page("audit.md", "###")
