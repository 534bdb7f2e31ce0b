"""The direction of imports, as docs/architecture.md draws it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "tqdecrypt"

MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "wire": frozenset({"errors"}),
    "files": frozenset({"errors"}),
    "network": frozenset({"errors"}),
    "hep": frozenset({"errors", "wire"}),
    "capture": frozenset({"errors", "wire", "hep"}),
    "packet": frozenset({"errors", "wire", "capture"}),
    "tcp": frozenset({"errors", "wire", "capture", "packet"}),
    "keys": frozenset({"errors", "wire", "files", "network"}),
    "tls": frozenset({"errors", "wire", "keys"}),
    "websocket": frozenset({"errors"}),
    "sip": frozenset({"errors", "wire", "websocket"}),
    "mirror": frozenset({"errors", "network", "hep", "sip"}),
    "calls": frozenset({"errors", "wire", "sip"}),
    "media": frozenset({"errors", "wire", "capture", "packet", "sip", "calls", "tls"}),
    "masking": frozenset({"errors", "files", "keys", "sip", "tls"}),
    "example": frozenset(),
    "vendors": frozenset({"errors"}),
}
"""Stages.  Everything else sits above them and may import any."""

ABOVE = {
    "api": frozenset({"cli", "views"}),
    "inputs": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
    "insight": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
    "explain": frozenset({"cli", "views", "export", "pipeline", "dispatch", "insight"}),
    "export": frozenset({"cli"}),
    "views": frozenset({"cli", "export", "dispatch"}),
    "workers": frozenset({"cli", "views", "export", "pipeline"}),
    "check": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
    "selftest": frozenset({"cli", "views", "pipeline"}),
    "endings": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
    "dispatch": frozenset({"cli", "views", "export", "pipeline"}),
    "observing": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
    "pipeline": frozenset({"cli", "views", "export"}),
    "query": frozenset({"cli", "views", "export", "pipeline", "dispatch"}),
}
"""What sits above the stages, and what it may not import."""


def imports_of(path: Path) -> set[str]:
    """Return the rooms that a module imports when it is loaded, or later."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tqdecrypt" and len(parts) > 1:
                found.add(parts[1])
    return found


def modules_of(room: str) -> list[Path]:
    """Return the modules of a room, which is a folder or a single module."""
    folder = SOURCE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [SOURCE / f"{room}.py"]


def only_for_types(path: Path) -> set[str]:
    """Return the rooms that a module imports under ``if TYPE_CHECKING`` only."""
    tree = ast.parse(path.read_text())
    guarded: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.module:
                    parts = inner.module.split(".")
                    if parts[0] == "tqdecrypt" and len(parts) > 1:
                        guarded.add(parts[1])
    return guarded


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_stage_imports_only_what_flows_into_it(room: str) -> None:
    for module in modules_of(room):
        assert imports_of(module) - {room} <= MAY_IMPORT[room], module.name


@pytest.mark.parametrize("room", ABOVE)
def test_nothing_imports_the_shells(room: str) -> None:
    for module in modules_of(room):
        real = imports_of(module) - only_for_types(module) - {room}
        assert not real & ABOVE[room], module.name


def test_every_room_is_drawn() -> None:
    drawn = MAY_IMPORT.keys() | ABOVE.keys() | {"cli", "__init__"}
    rooms = {p.stem if p.is_file() else p.name for p in SOURCE.iterdir() if p.name[:2] != "__"}
    assert rooms - {"py.typed", "py"} <= drawn


def test_tls_and_sip_never_see_packets() -> None:
    for room in ("tls", "sip"):
        for module in modules_of(room):
            assert not imports_of(module) & {"capture", "packet", "tcp"}, module.name
