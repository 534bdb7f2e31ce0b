"""Failed calls, added up by who refused them."""

from __future__ import annotations

from pathlib import Path

import pytest

from calls.script import watch
from tqdecrypt.insight import Finding
from tqdecrypt.insight.assessor import Assessor
from tqdecrypt.insight.rules import load_rules


def found(script: str) -> list[Finding]:
    assessor = Assessor()
    for leg in watch(script).legs:
        assessor.leg(leg)
    return [one for one in assessor.finish() if one.name == "call-failed"]


@pytest.mark.parametrize(
    ("status", "severity"),
    [("503", "error"), ("404", "error"), ("407", "warning"), ("486", "notice"), ("603", "notice")],
)
def test_severity_by_status(status: str, severity: str) -> None:
    (finding,) = found(
        f"""
        alice -> bob: INVITE 1
        bob -> alice: {status} INVITE 1
        alice -> bob: ACK 1
        """
    )
    assert finding.severity == severity
    assert len(finding.frames) == 2
    assert f"answered an INVITE {status}" in finding.sentence
    assert finding.hosts[0] in finding.sentence


def test_an_answered_call_is_none() -> None:
    assert not found(
        """
        alice -> bob: INVITE 1
        bob -> alice: 200 INVITE 1
        alice -> bob: ACK 1
        alice -> bob: BYE 2
        bob -> alice: 200 BYE 2
        """
    )


def test_credentials_that_are_met_are_no_failure() -> None:
    assert not found(
        """
        alice -> bob: INVITE 1
        bob -> alice: 407 INVITE 1
        alice -> bob: ACK 1
        alice -> bob: INVITE 2
        bob -> alice: 200 INVITE 2
        alice -> bob: ACK 2
        """
    )


def test_every_finding_has_its_page_and_every_page_its_finding() -> None:
    folder = Path(__file__).parents[2] / "docs" / "findings"
    meanings = load_rules().meanings
    assert {page.stem for page in folder.glob("*.md")} - {"README"} == set(meanings)
    table = (folder / "README.md").read_text()
    for name, meaning in meanings.items():
        assert f"| [{name}]({name}.md) | {meaning.title} |" in table
