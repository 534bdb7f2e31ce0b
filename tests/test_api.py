"""The Python API: what is yielded, when, and what happens when somebody stops or is mistaken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import tqdecrypt
from calls.script import messages_of
from conftest import SHARED
from kit.capture import write_pcap
from kit.signalling import over_udp
from tqdecrypt import (
    Call,
    Finding,
    InputError,
    Message,
    SessionReport,
    Summary,
    TqdecryptError,
    UsageError,
)
from tqdecrypt.example import example_path


@pytest.fixture(scope="module")
def example() -> Iterator[dict[str, Path]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(example_path(name))
            for name in ("calls.pcap", "server.key", "ecdhe.keylog")
        }


def children() -> set[int]:
    return {
        int(number)
        for task in Path("/proc/self/task").iterdir()
        for number in (task / "children").read_text().split()
    }


class TestPublicNames:
    def test_they_are_sorted_and_there(self) -> None:
        assert tqdecrypt.__all__ == sorted(tqdecrypt.__all__)
        assert dir(tqdecrypt) == tqdecrypt.__all__
        for name in tqdecrypt.__all__:
            assert getattr(tqdecrypt, name) is not None

    def test_others_are_none(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = tqdecrypt.nothing

    def test_importing_loads_nothing_heavy(self) -> None:
        script = (
            "import sys; import tqdecrypt; "
            "print([name for name in ('numpy', 'cryptography', 'pyarrow') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert done.stdout == b"[]\n"

    def test_reading_needs_no_arrow(self, example: dict[str, Path]) -> None:
        script = (
            "import sys; sys.modules['pyarrow'] = None; import tqdecrypt\n"
            f"print(sum(1 for _ in tqdecrypt.read({str(example['calls.pcap'])!r})))\n"
            f"try: tqdecrypt.frames({str(example['calls.pcap'])!r})\n"
            "except tqdecrypt.UsageError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert b"pip install 'tqdecrypt[frames]'" in done.stdout


class TestRead:
    def test_everything_comes_in_order(self, example: dict[str, Path]) -> None:
        results = list(
            tqdecrypt.read(
                example["calls.pcap"], keys=example["server.key"], keylogs=example["ecdhe.keylog"]
            )
        )
        messages = [one for one in results if isinstance(one, Message)]
        assert [one.frame for one in messages] == sorted(one.frame for one in messages)
        assert len(messages) == 66
        sessions = [one for one in results if isinstance(one, SessionReport)]
        assert sorted(one.session for one in sessions) == list(range(1, 9))
        assert sum(isinstance(one, Call) for one in results) == 6
        assert isinstance(results[-1], Summary)
        assert results[-1].messages == len(messages)
        assert all(isinstance(one, Finding) for one in results[-4:-1])

    def test_findings_may_be_left_out(self, example: dict[str, Path]) -> None:
        results = tqdecrypt.read(example["calls.pcap"], findings=False)
        assert not any(isinstance(one, Finding) for one in results)

    def test_several_captures_are_one(self, example: dict[str, Path], tmp_path: Path) -> None:
        messages, _ = messages_of("alice -> bob: OPTIONS 1 id=ping")
        other = write_pcap(tmp_path / "other.pcap", over_udp(messages))
        results = list(tqdecrypt.read([example["calls.pcap"], str(other)]))
        times = [one.time for one in results if isinstance(one, Message)]
        assert len(times) == 28
        assert times == sorted(times)

    def test_results_come_before_all_is_read(self, tmp_path: Path) -> None:
        """A pipe that stays open: what its first packets say is there before the last ones come."""
        import os
        import threading

        fifo = tmp_path / "live.pcap"
        os.mkfifo(fifo)
        with ExitStack() as stack:
            capture = stack.enter_context(example_path("calls.pcap"))
            data = capture.read_bytes()
        first_taken = threading.Event()

        def feed() -> None:
            with open(fifo, "wb", buffering=0) as stream:
                stream.write(data[: len(data) // 2])
                assert first_taken.wait(30)
                stream.write(data[len(data) // 2 :])

        feeder = threading.Thread(target=feed)
        feeder.start()
        results = tqdecrypt.read(fifo)
        first = next(one for one in results if isinstance(one, Message))
        first_taken.set()
        rest = list(results)
        feeder.join()
        assert first.frame > 0
        summary = rest[-1]
        assert isinstance(summary, Summary)
        assert summary.packets == 235

    @pytest.mark.shared
    def test_closing_it_ends_the_children(self) -> None:
        before = children()
        capture = SHARED / "captures" / "many-conn.pcap"
        results = tqdecrypt.read(capture, keys=SHARED / "captures" / "keys" / "server.key")
        with closing(results):
            next(results)
        assert children() <= before
        with pytest.raises(StopIteration):
            next(results)

    def test_the_collector_is_as_it_was_between_results(self, example: dict[str, Path]) -> None:
        import gc

        before = gc.get_threshold()
        with closing(tqdecrypt.read(example["calls.pcap"])) as results:
            next(results)
            assert gc.get_threshold() == before


class TestChoosing:
    @pytest.mark.parametrize("mask", ["none", "people"])
    @pytest.mark.parametrize(
        ("where", "kinds"),
        [
            ("status = 404", {Message: 3, SessionReport: 1, Call: 1, Finding: 1}),
            ("method = REGISTER", {Message: 1, SessionReport: 0}),
            ("from ~ +442079460107", {Message: 3, Call: 1}),
            ("session = 8", {SessionReport: 1, Message: 0, Finding: 1}),
            ("finding = tls-handshake-failed", {Finding: 1}),
        ],
    )
    def test_where(
        self, example: dict[str, Path], where: str, kinds: dict[type, int], mask: str
    ) -> None:
        results = list(
            tqdecrypt.read(
                example["calls.pcap"],
                keys=example["server.key"],
                where=where,
                mask=mask,  # type: ignore[arg-type]
            )
        )
        for kind, count in kinds.items():
            found = sum(isinstance(one, kind) for one in results)
            assert found == count or (kind is SessionReport and not count), kind

    def test_mask(self, example: dict[str, Path]) -> None:
        capture, key = example["calls.pcap"], example["server.key"]
        results = list(tqdecrypt.read(capture, keys=key, mask="people", mask_key=bytes(32)))
        assert not any(b"4420794" in one.raw for one in results if isinstance(one, Message))
        again = list(tqdecrypt.read(capture, keys=key, mask="people", mask_key=bytes(32)))
        assert [one.raw for one in again if isinstance(one, Message)] == [
            one.raw for one in results if isinstance(one, Message)
        ]
        assert isinstance(results[-1], Summary)
        assert results[-1].mask == "people"


class TestMistakes:
    def test_a_key_that_is_none(self, example: dict[str, Path]) -> None:
        with pytest.raises(InputError, match="There is no key file nowhere"):
            tqdecrypt.read(example["calls.pcap"], keys="nowhere")

    def test_a_key_log_that_is_none(self, example: dict[str, Path]) -> None:
        with pytest.raises(InputError, match="nowhere"):
            tqdecrypt.read(example["calls.pcap"], keylogs=["nowhere"])

    def test_a_pre_shared_key_that_is_none(self, example: dict[str, Path]) -> None:
        with pytest.raises(InputError):
            tqdecrypt.read(example["calls.pcap"], psks="zz")

    def test_an_expression_that_means_nothing(self, example: dict[str, Path]) -> None:
        with pytest.raises(UsageError, match="There is no field 'colour'"):
            tqdecrypt.read(example["calls.pcap"], where="colour = red")

    def test_standard_input_is_read_but_once(self) -> None:
        with pytest.raises(UsageError, match="but once"):
            tqdecrypt.read("-", where="state = failed")

    def test_a_profile_that_is_none(self, example: dict[str, Path]) -> None:
        with pytest.raises(UsageError, match="there are: none, keys, people"):
            tqdecrypt.read(example["calls.pcap"], mask="all")  # type: ignore[arg-type]

    def test_a_mask_key_that_is_too_short(self, example: dict[str, Path]) -> None:
        with pytest.raises(UsageError, match="32 bytes"):
            tqdecrypt.read(example["calls.pcap"], mask="people", mask_key=b"short")

    def test_a_capture_that_is_none_is_a_problem(self, tmp_path: Path) -> None:
        [summary] = tqdecrypt.read(tmp_path / "nothing.pcap")
        assert isinstance(summary, Summary)
        assert "nothing.pcap" in summary.problems[0]

    def test_all_are_of_one_kind(self) -> None:
        assert issubclass(InputError, TqdecryptError)
        assert issubclass(UsageError, TqdecryptError)


class TestSecretsStore:
    @pytest.mark.shared
    def test_it_is_kept(self, tmp_path: Path) -> None:
        captures = SHARED / "captures"
        store = tmp_path / "trunk.secrets"
        key = captures / "keys" / "server.key"
        for name, keys in (("v-gcm128-none", [key]), ("d-midstream-v-gcm128-none", [])):
            results = tqdecrypt.read(captures / f"{name}.pcap", keys=keys, secrets_store=store)
            messages = sum(isinstance(one, Message) for one in results)
            assert messages > 0


class TestFrames:
    def test_the_same_as_is_read(self, example: dict[str, Path]) -> None:
        capture, key = example["calls.pcap"], example["server.key"]
        frames = tqdecrypt.frames(capture, keys=key, raw=True)
        results = list(tqdecrypt.read(capture, keys=key))
        messages = [one for one in results if isinstance(one, Message)]
        assert frames.messages.to_arrow()["raw"].to_pylist() == [one.raw for one in messages]
        assert len(frames.calls) == sum(isinstance(one, Call) for one in results)
        assert len(frames.sessions) == 8
        assert frames.summary.messages == len(messages)

    def test_pandas_and_polars_agree(self, example: dict[str, Path]) -> None:
        frames = tqdecrypt.frames(example["calls.pcap"], keys=example["server.key"])
        for frame in (frames.messages, frames.calls, frames.sessions, frames.findings):
            panda, bear = frame.to_pandas(), frame.to_polars()
            assert list(panda.columns) == bear.columns
            assert len(panda) == len(bear) == len(frame)

    def test_an_empty_capture_has_all_columns(self, tmp_path: Path) -> None:
        frames = tqdecrypt.frames(write_pcap(tmp_path / "empty.pcap", []))
        assert len(frames.calls) == 0
        assert "state" in frames.calls.to_polars().columns
