"""OpenSSL's test vector files: blocks of ``Name = value``, ``Ctrl.name = kind:value``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class Block(dict[str, str]):
    """One test; ``seeds`` are its hexadecimal seeds in order."""

    seeds: list[str]


def blocks(path: Path) -> Iterator[Block]:
    """Yield the tests of a file."""
    for text in path.read_text().split("\n\n"):
        block = Block()
        block.seeds = []
        for line in text.splitlines():
            name, equals, value = line.partition(" = ")
            if not equals or line.startswith("#"):
                continue
            kind, _, rest = value.partition(":")
            if name.startswith("Ctrl."):
                name, value = name.removeprefix("Ctrl."), rest
            if kind == "hexseed":
                block.seeds.append(value)
            block[name] = value
        if block:
            yield block
