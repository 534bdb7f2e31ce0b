"""Two implementations that we did not write talk; our engine reads exactly what they said.

Where the programs cannot agree on a rare suite (their builds differ), the case is skipped with what
they wrote; what every build can do must work.  ``python -m matrix.document`` runs everything and
writes ``docs/matrix.md``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.cases import CASES, ORDINARY
from matrix.listen import check
from matrix.material import make_material
from matrix.model import Case, Place, Unavailable
from matrix.peers import PEERS
from matrix.play import Broken, play


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("material")
    make_material(directory)
    return directory


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Without ``--full`` only the fair share is collected at all: the rest are thousands."""
    full = metafunc.config.getoption("--full")
    parameters = []
    for case in CASES:
        if case.fair or full:
            programs = {*PEERS[case.client].programs, *PEERS[case.server].programs}
            marks = [pytest.mark.peer(*sorted(programs))] if programs else []
            marks += [] if case.fair else [pytest.mark.full]
            parameters.append(pytest.param(case, id=str(case), marks=marks))
    metafunc.parametrize("case", parameters)


def test_reads_what_two_programs_said(case: Case, material: Path, tmp_path: Path) -> None:
    client, server = PEERS[case.client], PEERS[case.server]
    missing = client.missing() or server.missing()
    if missing:
        pytest.skip(f"missing: {missing}")
    place = Place(tmp_path, material)
    try:
        conversation = play(case, client, server, place)
    except Unavailable as reason:
        pytest.skip(str(reason))
    except Broken as broken:
        if case.suite in ORDINARY:
            raise
        pytest.skip(f"the two do not talk: {broken}"[:200])
    check(case, conversation, place)
