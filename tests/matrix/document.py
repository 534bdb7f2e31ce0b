"""Runs the whole matrix and writes ``docs/matrix.md``: ``python -m matrix.document`` in ``tests``.

``--keep FILE`` keeps the outcomes as JSON lines; what the file says was decrypted is not run again.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matrix.cases import CASES, ORDINARY
from matrix.listen import check
from matrix.material import make_material
from matrix.model import Case, Place, Unavailable
from matrix.peers import PEERS
from matrix.play import Broken, play

__all__ = ["Outcome", "main", "write"]

ROOT = Path(__file__).resolve().parents[2]

VERSION_ORDER = (
    *("SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"),
    *("DTLS 1.0", "DTLS 1.2"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case."""

    case: Case
    result: str
    """``decrypted``, ``not negotiated``, ``not here`` or ``failed``."""
    words: str = ""


def run(case: Case, shared: Path) -> Outcome:
    """Play one case; a pair that did not get to talk gets a second chance: machines are busy."""
    client, server = PEERS[case.client], PEERS[case.server]
    missing = client.missing() or server.missing()
    if missing:
        return Outcome(case, "not here", f"missing: {missing}")
    for last in (False, True):
        with tempfile.TemporaryDirectory(prefix="tls-matrix-") as name:
            place = Place(Path(name), shared)
            try:
                check(case, play(case, client, server, place), place)
                return Outcome(case, "decrypted")
            except Unavailable as reason:
                return Outcome(case, "not here", str(reason))
            except Broken as broken:
                if last:
                    result = "failed" if case.suite in ORDINARY else "not negotiated"
                    return Outcome(case, result, str(broken))
            except AssertionError as error:
                return Outcome(case, "failed", str(error))
    raise AssertionError("not reached")


Column = tuple[str, Callable[[Case], bool]]


def _plain(case: Case) -> bool:
    return case == Case(
        case.client, case.server, case.version, case.suite, case.identity, fair=case.fair
    )


def _suites(*exchanges: str) -> Callable[[Case], bool]:
    return lambda case: _plain(case) and case.identity != "chain" and case.exchange in exchanges


COLUMNS: tuple[Column, ...] = (
    ("RSA suites", _suites("RSA")),
    ("(EC)DHE suites", _suites("DHE_RSA", "ECDHE_RSA", "ECDHE_ECDSA", "")),
    ("PSK, RSA-PSK", _suites("PSK", "RSA_PSK")),
    ("(EC)DHE-PSK", _suites("DHE_PSK", "ECDHE_PSK")),
    ("EMS on", lambda c: c.extended_master_secret is True),
    ("EMS off", lambda c: c.extended_master_secret is False),
    ("EtM on", lambda c: c.encrypt_then_mac is True),
    ("EtM off", lambda c: c.encrypt_then_mac is False),
    ("mutual TLS", lambda c: c.mutual),
    ("session id", lambda c: c.resume == "session id"),
    ("ticket", lambda c: c.resume == "ticket"),
    ("1.3 PSK", lambda c: c.resume == "psk"),
    ("chain > 16 KB", lambda c: c.identity == "chain"),
    ("features", lambda c: bool(c.feature)),
)


def _cell(outcomes: Iterable[Outcome]) -> str:
    """Return a number for what was decrypted, and what was not in words."""
    counts = Counter(outcome.result for outcome in outcomes)
    if counts["failed"]:
        return f"**{counts['failed']} failed**"
    return str(counts["decrypted"]) if counts["decrypted"] else "–"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _pairs(outcomes: list[Outcome]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        case = outcome.case
        groups[f"{case.client} → {case.server}", case.version].append(outcome)
    rows = []
    for (pair, version), group in sorted(groups.items(), key=lambda i: _row_order(*i[0])):
        cells = [_cell(o for o in group if wanted(o.case)) for _, wanted in COLUMNS]
        if any(cell != "–" for cell in cells):
            rows.append([pair, version, *cells])
    yield from _table(["client → server", "version", *(name for name, _ in COLUMNS)], rows)


def _row_order(pair: str, version: str) -> tuple[object, ...]:
    client, server = pair.split(" → ")
    names = list(PEERS)
    return (
        client != server,
        "openssl" not in (client, server),
        names.index(client),
        names.index(server),
        VERSION_ORDER.index(version),
    )


def _by_suite(outcomes: list[Outcome]) -> Iterator[str]:
    """A row a suite, a column an implementation: with which versions it was decrypted."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for outcome in outcomes:
        if outcome.result == "decrypted":
            for name in (outcome.case.client, outcome.case.server):
                found[outcome.case.suite][name].add(outcome.case.version)
    rows = [
        [suite, *(_versions(found[suite][name]) for name in PEERS)]
        for suite in sorted(found, key=lambda s: ("_WITH_" not in s, s))
    ]
    yield from _table(["suite", *PEERS], rows)


def _versions(versions: set[str]) -> str:
    short = [
        version.replace("DTLS ", "D").replace("SSL 3.0", "S3.0").replace("TLS ", "")
        for version in VERSION_ORDER
        if version in versions
    ]
    return " ".join(short) or "–"


def _features(outcomes: list[Outcome]) -> Iterator[str]:
    found: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        case = outcome.case
        if case.feature:
            word = "" if outcome.result == "decrypted" else f" ({outcome.result})"
            found[case.feature].append(f"{case.client} → {case.server} {case.version}{word}")
    rows = [[name, "; ".join(dict.fromkeys(places))] for name, places in sorted(found.items())]
    yield from _table(["feature", "decrypted between"], rows)


def _dark(outcomes: list[Outcome]) -> Iterator[str]:
    done = [outcome.case for outcome in outcomes if outcome.result == "decrypted"]

    def count(wanted: Callable[[Case], bool]) -> str:
        return f"{sum(map(wanted, done)):,}"

    rows = (
        ("RSA, PSK, RSA-PSK", "no-matching-key", count(lambda c: not c.needs_keylog)),
        (
            "(EC)DHE, (EC)DHE-PSK",
            "forward-secrecy",
            count(lambda c: c.needs_keylog and not c.tls13),
        ),
        ("TLS 1.3", "tls13", count(lambda c: c.tls13)),
        (
            "resumed, the key given, the first connection not seen",
            "resumed-unseen",
            count(lambda c: c.resume in ("session id", "ticket") and not c.needs_keylog),
        ),
    )
    yield from _table(["key exchange", "verdict without secrets", "conversations"], rows)


def _not_talked(outcomes: list[Outcome]) -> Iterator[str]:
    """What could not be tried, by pair and suite family: never a failure of the passive side."""
    found: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        case = outcome.case
        if outcome.result in ("not here", "not negotiated"):
            why = outcome.words if outcome.result == "not here" else "the two did not agree"
            found[f"{case.client} → {case.server}", why] += 1
    rows = [[pair, why, str(number)] for (pair, why), number in sorted(found.items())]
    yield from _table(["client → server", "why", "cases"], rows)


def write(outcomes: list[Outcome]) -> str:
    """Return the document."""
    counts = Counter(outcome.result for outcome in outcomes)
    lines = [
        "# The matrix",
        "",
        "TLS implementations that others wrote talk to each other over a relay on loopback; the",
        "engine reads what passed.  A conversation counts as *decrypted* when the plaintext of both",
        "directions is byte for byte what the programs said, the Finished messages verified, version,",
        "suite and properties are those that were asked for, no byte stayed dark, and the same bytes",
        "without secrets gave no plaintext and the right verdict.",
        "",
        "Secrets: for RSA key exchange the server's private key and nothing else; for PSK the",
        "pre-shared key, for RSA-PSK both; for everything ephemeral, and TLS 1.3, the key log of one",
        "end.",
        "",
        f"Made by `cd tests && python -m matrix.document` on {datetime.now(UTC):%Y-%m-%d}",
        f"(Python {platform.python_version()}): {len(outcomes):,} cases; {counts['decrypted']:,} "
        f"decrypted, {counts['failed']:,} failed, "
        f"{counts['not negotiated'] + counts['not here']:,} could not be tried because one end's "
        "build does not offer them.",
        "",
        "## Implementations",
        "",
    ]
    rows = [[p.name, p.title, p.version() if not p.missing() else "–"] for p in PEERS.values()]
    lines += _table(["name", "implementation", "version"], rows)
    lines += ["## Pairs, versions and properties", ""]
    lines += ["Cells count conversations, all of them decrypted; – means none was possible.", ""]
    lines += _pairs(outcomes)
    lines += ["## Suites", "", "Versions in which a suite was decrypted; D: DTLS, S: SSL.", ""]
    lines += _by_suite(outcomes)
    lines += ["## Features", "", *_features(outcomes)]
    lines += ["## Without secrets", "", *_dark(outcomes)]
    lines += ["## What could not be tried", "", *_not_talked(outcomes)]
    failed = [outcome for outcome in outcomes if outcome.result == "failed"]
    if failed:
        lines += ["## Failures", ""]
        lines += [f"- `{o.case}`: {o.words[:300]}" for o in failed] + [""]
    return "\n".join(lines)


def _kept(path: Path | None) -> dict[str, Outcome]:
    """Return what was decrypted in an earlier run, by the names of the cases."""
    if path is None or not path.exists():
        return {}
    rows = map(json.loads, path.read_text().splitlines())
    by_name = {str(case): case for case in CASES}
    return {
        row["name"]: Outcome(by_name[row["name"]], "decrypted")
        for row in rows
        if row["result"] == "decrypted" and row["name"] in by_name
    }


def main() -> None:
    """Run everything; show progress on stderr."""
    parser = argparse.ArgumentParser(description="run the matrix, write docs/matrix.md")
    parser.add_argument("--keep", type=Path, help="keep the outcomes as JSON lines here")
    parser.add_argument("--threads", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tls-matrix-") as name:
        shared = Path(name)
        make_material(shared)
        outcomes = []
        known = _kept(arguments.keep)
        with ThreadPoolExecutor(arguments.threads) as pool:
            for outcome in pool.map(lambda case: known.get(str(case)) or run(case, shared), CASES):
                outcomes.append(outcome)
                if outcome.result in ("failed", "not negotiated"):
                    print(outcome.result, outcome.case, outcome.words[:300], file=sys.stderr)
                if len(outcomes) % 100 == 0:
                    print(f"{len(outcomes)} of {len(CASES)}", file=sys.stderr, flush=True)
    if arguments.keep:
        rows = ({"name": str(o.case), "result": o.result, "words": o.words} for o in outcomes)
        arguments.keep.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (ROOT / "docs" / "matrix.md").write_text(write(outcomes))


if __name__ == "__main__":
    main()
