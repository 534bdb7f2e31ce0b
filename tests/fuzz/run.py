"""Fuzzes one target with atheris: ``python -m fuzz.run TARGET SECONDS [--keep]`` in ``tests``.

A failing input is written to ``fuzz/failures`` and named.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["tqdecrypt"]):
    from fuzz.targets import TARGETS
from fuzz.corpus import CORPUS

LONGEST = 20_000
"""Bytes of an input: a session with its handshake, or a dozen messages."""


def main() -> None:
    """Run until the time is over or something fails; the exit status tells which."""
    name, seconds, *switches = sys.argv[1:]
    failures = Path(__file__).parent / "failures"
    failures.mkdir(exist_ok=True)
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as scratch:
        found = CORPUS / name if "--keep" in switches else Path(scratch)
        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={seconds}",
                f"-max_len={LONGEST}",
                "-timeout=20",
                "-rss_limit_mb=1500",
                "-verbosity=0",
                "-print_final_stats=1",
                f"-artifact_prefix={failures}/{name}-",
                str(found),
                str(CORPUS / name),
            ],
            target,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
