"""Calls that baresip made over TLS: streams, their calls, and what baresip itself counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tqdecrypt.inputs import open_keys
from tqdecrypt.media.association import How, SourceIs
from tqdecrypt.media.description import Protection

from .scenes import run_file

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
KEYS = CORPUS / "generated" / "keys"

pytestmark = pytest.mark.shared


def _entries() -> list[Any]:
    listing = CORPUS / "expected.json"
    if not listing.exists():
        return []
    return [
        one
        for one in json.loads(listing.read_text())["sip_tls_calls"]
        if "ecdhe" not in one["file"] and one["srtp"]
    ]


def _numbers(statistics: list[str], name: str) -> list[float]:
    """Return what baresip sent and received: ``lost:  0  0``."""
    line = next(one for one in statistics if one.startswith(name))
    return [float(number) for number in re.findall(r"\d+\.?\d*", line)][:2]


@pytest.mark.parametrize("entry", _entries(), ids=lambda entry: Path(entry["file"]).stem)
def test_streams_are_those_that_baresip_sent(entry: dict[str, Any]) -> None:
    ring = open_keys([str(path) for path in sorted(KEYS.glob("*.pem"))]).ring
    ran = run_file(CORPUS / entry["file"], ring)
    streams = [one for call in ran.calls for _, one in call.streams]
    assert not ran.unassigned
    found = {f"0x{one.stream.ssrc:08X}": one for one in streams}
    assert found.keys() == {one["ssrc"] for one in entry["srtp"]}
    # Jitter as either end measured it; a capture between them sees about the same.
    ends = entry["truth"].values()
    measured = [number for end in ends for number in _numbers(end["media_stats"], "jitter")]
    for expected in entry["srtp"]:
        one = found[expected["ssrc"]]
        stream = one.stream
        assert stream.packets == expected["packets"]
        assert stream.source.endswith(f":{expected['src_port']}")
        assert stream.destination.endswith(f":{expected['dst_port']}")
        assert (one.how, one.source_is) == (How.ANNOUNCED, SourceIs.ANNOUNCED)
        assert one.line.protection is Protection.SDES
        assert (one.encoding, stream.ptime, stream.lost) == ("PCMU/8000", 20.0, 0)
        assert stream.jitter is not None
        assert stream.jitter <= max(measured) + 1.0
    lost = [number for end in ends for number in _numbers(end["media_stats"], "lost")]
    assert lost == [0.0] * 4
