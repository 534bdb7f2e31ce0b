"""What every test can rely on: markers that skip with a reason, and profiles for hypothesis.

The directory of this file is on ``sys.path``, so tests say ``from kit import …``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

PACKAGES = {
    "baresip": "baresip-core",
    "capinfos": "tshark",
    "cc": "gcc libc6-dev",
    "chromium": "chromium",
    "certutil": "libnss3-tools",
    "dumpcap": "tshark",
    "editcap": "tshark",
    "ffmpeg": "ffmpeg",
    "gnutls-cli": "gnutls-bin",
    "gnutls-serv": "gnutls-bin",
    "go": "golang-go",
    "ip": "iproute2",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "kamailio": "kamailio kamailio-tls-modules kamailio-websocket-modules",
    "mergecap": "tshark",
    "node": "nodejs",
    "openssl": "openssl",
    "pdftotext": "poppler-utils",
    "pk12util": "libnss3-tools",
    "reordercap": "tshark",
    "rtpengine": "rtpengine-daemon",
    "selfserv": "libnss3-tools",
    "sipp": "sip-tester",
    "sngrep": "sngrep",
    "ssldump": "ssldump",
    "stunnel": "stunnel4",
    "tcpdump": "tcpdump",
    "text2pcap": "tshark",
    "tshark": "tshark",
    "tstclnt": "libnss3-tools",
    "unshare": "util-linux",
}
"""Program -> the Debian packages that bring it."""

ELSEWHERE = {"sslyze": "pipx install sslyze"}
"""Program -> how to get it, where Debian does not have it."""

# Examples are derived from the test itself, so that two runs see the same ones; only the long run
# rolls dice, and prints what reproduces a failure.
hypothesis.settings.register_profile("dev", max_examples=30, deadline=None, derandomize=True)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
hypothesis.settings.register_profile("full", max_examples=2000, deadline=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the long run: tests marked full, too")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-profile", default=None):
        return
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    hypothesis.settings.load_profile("full" if config.getoption("--full") else profile)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        for program in marker.args:
            if shutil.which(program) is None:
                how = ELSEWHERE.get(program, f"apt-get install {PACKAGES.get(program, program)}")
                pytest.skip(f"{program} is missing: {how}")
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        pytest.skip("the shared captures are missing: ../shared beside the repository")
    if item.get_closest_marker("full") and not item.config.getoption("--full"):
        pytest.skip("belongs to the long run: scripts/test --full")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of the shared captures; its tests carry the marker ``shared``."""
    return SHARED
