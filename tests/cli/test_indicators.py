"""``read --indicators``, in the table and in JSON, with names for peers."""

from __future__ import annotations

import json
from pathlib import Path

from cli.conftest import Runner


def test_the_table_has_a_row_for_each_pair_and_one_for_all(
    run: Runner, capture: Path, key: Path
) -> None:
    out = run("read", capture, "-k", key, "--indicators").out
    assert out.startswith("Indicators (RFC 6076)  2 rows\n")
    rows = [line.split() for line in out.splitlines()[2:5]]
    assert rows[0][:4] == ["192.0.2.10", "192.0.2.20", "5", "40.0"]
    assert rows[2][:3] == ["all", "6", "50.0"]


def test_json_has_lines_with_names_from_the_file_of_trunks(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    trunks = tmp_path / "trunks.toml"
    trunks.write_text('[trunk.carrier]\naddresses = ["198.51.100.30"]\n')
    ran = run(
        "read", capture, "-k", key, "--json", "--indicators", "--slice", "10s", "--trunks", trunks
    )
    assert ran.status == 0
    lines = [json.loads(line) for line in ran.out.splitlines()]
    rows = [line for line in lines if line["type"] == "indicator"]
    assert "carrier" in {row["destination"] for row in rows}
    *slices, total = rows
    assert (total["source"], total["time"], total["requests"]) == (None, None, 6)
    assert sum(row["requests"] for row in slices) == 6
    assert all(row["time"].endswith("0.000000Z") for row in slices)
    assert total["session_establishment_ratio"] == 50
    assert total["request_delay"]["count"] == 4
    assert not [line for line in lines if line["type"] == "finding"]


def test_switches_that_do_not_fit(run: Runner, capture: Path, tmp_path: Path) -> None:
    assert "--slice goes with --indicators" in run("read", capture, "--slice", "5m").err
    wrong = run("read", capture, "--indicators", "--slice", "soon")
    assert (wrong.status, "--slice: 'soon' is no duration" in wrong.err) == (2, True)
    missing = run("read", capture, "--trunks", tmp_path / "none.toml")
    assert (missing.status, missing.out) == (1, "")
    assert "cannot be read" in missing.err
