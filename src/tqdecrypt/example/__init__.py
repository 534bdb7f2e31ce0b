"""The example capture that comes with the package, so that everybody can try every command.

``README.md`` beside this file says what is in it and how it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["FILES", "ExampleFile", "example_path"]

ExampleFile: TypeAlias = Literal[
    "calls.pcap", "client.crt", "ecdhe.keylog", "expected.json", "server.crt", "server.key"
]

FILES: tuple[ExampleFile, ...] = (
    "calls.pcap",
    "client.crt",
    "ecdhe.keylog",
    "expected.json",
    "server.crt",
    "server.key",
)
"""What there is: the capture, the key that opens most of it, the key log that opens the rest."""


@contextmanager
def example_path(name: ExampleFile) -> Iterator[Path]:
    """Yield the path of an example file; it holds inside the ``with`` block.

    (A package that is imported from a zip archive has no files: then this is a copy.)

    >>> with example_path("calls.pcap") as path:
    ...     path.name
    'calls.pcap'
    """
    with resources.as_file(resources.files(__name__) / name) as path:
        yield path
