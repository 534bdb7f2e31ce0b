"""What a bundle keeps, within its bounds."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from insight.found import report
from tqdecrypt.export import bundle as bundle_module
from tqdecrypt.export import pseudonyms as pseudonyms_module
from tqdecrypt.export.bundle import Bundle
from tqdecrypt.export.pseudonyms import Pseudonyms
from tqdecrypt.pipeline import Summary
from tqdecrypt.tls.outline import RecordFacts
from views.scenes import PBX, SBC, two_hop_call


def written(bundle: Bundle) -> dict[str, list[dict[str, object]]]:
    stream = io.BytesIO()
    bundle.write(stream, Summary(), {"tqdecrypt": "1"}, [])
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as archive:
        return {
            info.name.partition("/")[2]: [
                json.loads(line)
                for line in archive.extractfile(info).read().splitlines()  # type: ignore[union-attr]
            ]
            for info in archive
            if info.name.endswith(".jsonl")
        }


def records(first: int, number: int) -> list[RecordFacts]:
    return [RecordFacts(23, at, at, at * 1_000_000) for at in range(first, first + number)]


def test_of_many_records_the_first_and_the_last_are_told() -> None:
    bundle = Bundle()
    most = bundle_module.MOST_FIRST + bundle_module.MOST_LAST
    bundle.records(1, PBX, records(1, 50))
    bundle.records(1, PBX, records(51, most))
    bundle.boundaries_lost(1, PBX, 2, 3)
    bundle.session(report(1, PBX, SBC))
    [line] = written(bundle)["records.jsonl"]
    assert (line["records"], line["not_told"]) == (most + 50, 50)
    assert line["types"] == {"23": most + 50}
    assert (line["boundaries_lost"], line["damaged"]) == (2, 3)
    first, last = line["first"], line["last"]
    assert isinstance(first, list)
    assert isinstance(last, list)
    assert first[0] == [23, 1, 1, 0.0]
    assert last[-1] == [23, most + 50, most + 50, most + 49.0]


def test_what_is_remembered_of_all_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "MOST_RECORDS", 10)
    bundle = Bundle()
    bundle.records(1, PBX, records(1, 10))
    bundle.records(2, PBX, records(1, 4))
    assert bundle.counters == {"records_only_counted": 4}
    bundle.session(report(1, PBX, SBC))
    bundle.records(3, PBX, records(1, 4))  # there is room again
    for number in (2, 3):
        bundle.session(report(number, PBX, SBC))
    lines = written(bundle)["records.jsonl"]
    assert [line["not_told"] for line in lines] == [0, 4, 0]


@pytest.mark.parametrize("what", ["messages", "sessions"])
def test_what_does_not_fit_is_counted(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(bundle_module, f"MOST_{what.upper()}", 3)
    bundle = Bundle()
    for number, message in enumerate(two_hop_call().messages[:5]):
        bundle.message(message)
        bundle.session(report(number, PBX, SBC))
    assert bundle.told(what) == 3
    assert bundle.counters == {f"{what}_beyond_the_bundle": 2}
    assert len(written(bundle)[f"{what}.jsonl"]) == 3


def test_pseudonyms_are_the_same_for_the_same() -> None:
    names = Pseudonyms()
    assert names.endpoint("192.0.2.1:5061") == "A1:5061"
    assert names.endpoint("[2001:db8::1]:5061") == "A2:5061"
    assert names.address("2001:db8::1") == names.address("[2001:db8::1]") == "A2"
    assert names.name("sip.example.com") == "N1"
    assert names.name(None) is None
    assert names.hash("a") == names.hash(b"a") != names.hash("b")
    assert names.hash("a") != Pseudonyms().hash("a"), "the key is another one"
    assert "192" not in repr(names)


def test_pseudonyms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms_module, "MOST_NAMED", 1)
    names = Pseudonyms()
    assert [names.address(one) for one in ("a", "b", "a")] == ["A1", "Aother", "A1"]
