"""Programs that we did not write, asked what they see.  Tests that call these carry ``peer``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["tshark", "tshark_fields", "tshark_sip", "tshark_sip_streams"]


def tshark(
    capture: Path, *arguments: str, key: Path | None = None, keylog: Path | None = None
) -> str:
    """Run tshark on *capture* and return what it prints; if it fails, so does the test.

    *key* is an RSA key in PEM.  SIP is expected inside TLS on port 5061, the kit's default.  The
    user's own profile has no say: the configuration directory is an empty place beside the capture.
    """
    command = ["tshark", "-n", "-r", str(capture), "-d", "tls.port==5061,sip"]
    if key is not None:
        command += ["-o", f'uat:rsa_keys:"{key}",""']
    if keylog is not None:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(capture.parent / "no-profile")}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    complaints = [
        line for line in done.stderr.splitlines() if not line.startswith("Running as user")
    ]
    assert done.returncode == 0, complaints
    return done.stdout


def tshark_fields(
    capture: Path,
    display_filter: str,
    *names: str,
    key: Path | None = None,
    keylog: Path | None = None,
) -> list[list[str]]:
    """Return the fields *names* of the frames that pass the filter, one list a frame.

    A field that occurs several times in a frame has its values joined with ``|``.
    """
    arguments = ["-Y", display_filter, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for name in names:
        arguments += ["-e", name]
    printed = tshark(capture, *arguments, key=key, keylog=keylog)
    return [line.split("\t") for line in printed.splitlines()]


def tshark_sip(
    capture: Path,
    display_filter: str = "sip",
    *,
    key: Path | None = None,
    keylog: Path | None = None,
) -> list[str]:
    """Return the start line of every SIP message that tshark finds, in frame order.

    Within a frame, tshark's order of fields has requests before responses.
    """
    names = ("sip.Request-Line", "sip.Status-Line")
    frames = tshark_fields(capture, display_filter, *names, key=key, keylog=keylog)
    return [line for frame in frames for field in frame for line in field.split("|") if line]


def tshark_sip_streams(
    capture: Path, *, key: Path | None = None, keylog: Path | None = None
) -> dict[int, list[str]]:
    """Return the start lines of each TCP connection that has any, by tshark's stream number."""
    streams: dict[int, list[str]] = {}
    names = ("tcp.stream", "sip.Request-Line", "sip.Status-Line")
    for stream, *found in tshark_fields(capture, "sip && tcp", *names, key=key, keylog=keylog):
        lines = [line for field in found for line in field.split("|") if line]
        streams.setdefault(int(stream), []).extend(lines)
    return streams
