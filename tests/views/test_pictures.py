"""The pictures of the documentation are what commands and views make of the example today."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tqdecrypt.views.terminal_picture import terminal_picture
from views.pages import HOSTILE, inside, picture

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
NAMES = ["calls.svg", "dark.svg", "diff.svg", "explain.svg", "ladder.svg", "timeline.svg"]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))["pictures"]()
    return made


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_current(made: dict[str, str], name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == f"{made[name]}\n", "run: scripts/make-pictures, and look at them"
    assert inside(picture(written))


def test_there_are_no_others_and_the_readme_shows_five(made: dict[str, str]) -> None:
    assert sorted(made) == NAMES
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted([*NAMES, "report.png"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("calls.svg", "ladder.svg", "dark.svg", "explain.svg", "report.png"):
        assert f"](docs/pictures/{name})" in readme


def test_the_photograph_is_of_the_report_as_it_is_today() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))
    photograph = (FOLDER / "report.png").read_bytes()
    assert script["mark"](script["report"]()) in photograph, "run: scripts/make-pictures, and look"


def test_words_stand_in_their_columns() -> None:
    line = Text("a   bc ", "bold").append("世d", "green").append("  e")
    svg = terminal_picture([line, Text()], title="t", description="d", columns=20)
    texts = [
        (one.text, one.get("x"), one.get("class"), one.get("textLength"))
        for one in picture(svg).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert texts == [
        ("a", "14", "strong", "7.8"),
        ("bc ", "45.2", "strong", "23.4"),
        ("世d", "68.6", "strong good", "23.4"),
        ("e", "107.6", "strong", "7.8"),
    ]


@given(st.lists(st.sampled_from([*HOSTILE, "", "  ", "a  b"]), max_size=4))
def test_any_line_can_be_a_picture(lines: list[str]) -> None:
    svg = terminal_picture([Text(line) for line in lines], title="t", description="d")
    picture(svg)
