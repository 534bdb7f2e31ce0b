"""The scenes that tests here share."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.kamailio import module_folder
from media.peers.baresip import MODULES
from media.peers.recording import Heard, heard, recorded


@dataclass(frozen=True)
class Calls:
    """The capture of :mod:`media.peers.calls`."""

    folder: Path
    told: dict[str, dict[str, Any]]
    """What the programs themselves counted, by the name of the call."""

    @property
    def capture(self) -> Path:
        return self.folder / "calls.pcap"

    @property
    def key(self) -> tuple[str, ...]:
        """Switches: the key of the SIP servers."""
        return "--key", str(self.folder / "server.key")

    @property
    def keys(self) -> tuple[str, ...]:
        """Switches: also the key log of the telephones, where one could be written."""
        log = self.folder / "keys.log"
        return (*self.key, "--keylog", str(log)) if log.exists() else self.key

    def with_key(self) -> Heard:
        """What is heard with the key of the SIP servers."""
        return heard(self.capture, *self.key)

    def with_keys(self) -> Heard:
        """What is heard with the key log of the telephones, too."""
        return heard(self.capture, *self.keys)


@pytest.fixture(scope="session")
def shared_by_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is the same for all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def calls(shared_by_all: Path) -> Calls:
    if not MODULES.name:
        pytest.skip("baresip has no modules: apt-get install baresip-core")
    if module_folder("tls", "rtpengine") is None:
        pytest.skip("kamailio lacks a module: apt-get install kamailio kamailio-tls-modules")
    folder = recorded("calls", shared_by_all)
    told = json.loads((folder / "calls.json").read_text())
    return Calls(folder, {one["name"]: one for one in told})


@pytest.fixture(scope="session")
def trunk(shared_by_all: Path) -> Path:
    """The folder of :mod:`media.peers.trunk`."""
    return recorded("trunk", shared_by_all)


@pytest.fixture(scope="session")
def senders(shared_by_all: Path) -> Path:
    """The folder of :mod:`media.peers.senders`."""
    return recorded("senders", shared_by_all)
