"""The pages of the findings are there for reports, in a repository and in a wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.pages import finding_page
from tqdecrypt.insight.rules import load_rules
from tqdecrypt.views import FindingsList
from views.scenes import drawn

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(load_rules().meanings))
def test_every_finding_has_one_that_says_what_it_means_and_what_to_try(name: str) -> None:
    page = finding_page(name)
    assert page is not None
    assert all((page.means, page.proves, page.to_try))
    for words in page:
        assert "](" not in words
        assert "**" not in words
        assert words.count("`") % 2 == 0


@pytest.mark.parametrize(
    "name", sorted(name for name in load_rules().meanings if name.startswith("teams-"))
)
def test_what_teams_demands_has_its_source(name: str) -> None:
    page = finding_page(name)
    assert page is not None
    assert re.match(r"Microsoft Learn, \".+\" \(as of \d{4}\)", page.source)
    finding = Finding(name, Severity.ERROR, 0, "It is so.")
    assert page.source.rstrip(".") in " ".join(drawn(FindingsList([finding]), width=200).split())
    assert "Source. " in FindingsList([finding]).html()


def test_what_has_none_has_none() -> None:
    assert finding_page("no-such-finding") is None
    assert finding_page("../verdicts/tls13") is None


def test_a_wheel_has_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"docs/findings": "tqdecrypt/finding_pages"}
