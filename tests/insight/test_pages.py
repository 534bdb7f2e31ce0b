"""The pages of the findings are there for reports, in a repository and in a wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tqdecrypt.insight.pages import finding_page
from tqdecrypt.insight.rules import load_rules

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(load_rules().meanings))
def test_every_finding_has_one_that_says_what_it_means_and_what_to_try(name: str) -> None:
    page = finding_page(name)
    assert page is not None
    for words in page:
        assert words
        assert "](" not in words
        assert "**" not in words
        assert words.count("`") % 2 == 0


def test_what_has_none_has_none() -> None:
    assert finding_page("no-such-finding") is None
    assert finding_page("../verdicts/tls13") is None


def test_a_wheel_has_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"docs/findings": "tqdecrypt/finding_pages"}
