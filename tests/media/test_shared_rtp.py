"""Loss, spacing and jitter of captures that nobody here made, as tshark has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .reading import streams_of_file

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

pytestmark = pytest.mark.shared


def _entries() -> list[Any]:
    listing = CORPUS / "expected.json"
    if not listing.exists():
        return []
    return [one for one in json.loads(listing.read_text())["sip"] if one["rtp_heuristic"]]


@pytest.mark.parametrize("entry", _entries(), ids=lambda entry: entry["file"])
def test_streams_are_those_of_tshark(entry: dict[str, Any]) -> None:
    found = {
        (one.source, one.destination, one.ssrc): one
        for one in streams_of_file(CORPUS / entry["file"])
    }
    for expected in entry["rtp_heuristic"]:
        key = expected["src"], expected["dst"], int(expected["ssrc"], 16)
        stream = found[key]
        assert stream.packets == expected["packets"]
        if expected["problems"] or stream.restarts:
            continue  # there tshark counts what is not a loss by RFC 3550
        assert stream.lost == expected["lost"]
        if stream.packets < 2:
            continue
        for ours, theirs in (
            (stream.spacing_min, "min_delta_ms"),
            (stream.spacing_max, "max_delta_ms"),
        ):
            assert ours == pytest.approx(float(expected[theirs]), abs=0.002)
        if len(stream.payload_types) == 1 and stream.payload_type < 96 and stream.markers < 3:
            # Around comfort noise and events, tshark counts one or two spacings more or fewer.
            assert stream.spacing_mean == pytest.approx(float(expected["mean_delta_ms"]), abs=0.002)
        theirs_last = float(expected["max_jitter_ms"])
        if theirs_last > 0 and stream.clock_rate and not stream.clock_rate_inferred:
            assert stream.jitter_max == pytest.approx(theirs_last, rel=0.02, abs=0.002)
            assert stream.jitter_mean == pytest.approx(
                float(expected["mean_jitter_ms"]), rel=0.25, abs=0.05
            )
