"""What opens sessions cannot be masked, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Runner


@pytest.mark.parametrize("export", [["keylog"], ["pcapng", "--secrets"]])
def test_secrets_are_not_handed_on_as_if_they_were_masked(
    run: Runner, capture: Path, key: Path, tmp_path: Path, export: list[str]
) -> None:
    out = tmp_path / "out"
    ran = run("export", *export, capture, "-k", key, "-o", out, "--mask", "people")
    assert ran.status == 2
    assert "session secrets open what was captured" in ran.err
    assert not out.exists()
