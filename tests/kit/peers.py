"""Programs that we did not write, asked what they see.  Tests that call these carry ``peer``."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

__all__ = ["tshark", "tshark_sip"]


def tshark(
    capture: Path, *arguments: str, key: Path | None = None, keylog: Path | None = None
) -> str:
    """Run tshark on *capture* and return what it prints; problems on stderr fail the test.

    SIP is expected inside TLS on any port.  *key* is an RSA key in PEM.  The user's own profile
    has no say: the configuration directory is an empty place beside the capture.
    """
    command = ["tshark", "-n", "-r", str(capture)]
    # A heuristic finds SIP in TLS on port 5061 only when the port is registered for it.
    command += ["-d", "tls.port==5061,sip"]
    if key is not None:
        command += ["-o", f'uat:rsa_keys:"{key}",""']
    if keylog is not None:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(capture.parent / "no-profile")}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    complaints = [
        line for line in done.stderr.splitlines() if not line.startswith("Running as user")
    ]
    assert done.returncode == 0, complaints
    return done.stdout


def tshark_sip(capture: Path, *, key: Path | None = None, keylog: Path | None = None) -> list[str]:
    """Return the start line of every SIP message that tshark finds, in frame order.

    Within a frame, tshark's order of fields has requests before responses.
    """
    arguments = ["-Y", "sip", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    arguments += ["-e", "sip.Request-Line", "-e", "sip.Status-Line"]
    frames = tshark(capture, *arguments, key=key, keylog=keylog).splitlines()
    return [line for frame in frames for line in re.split(r"[|\t]", frame) if line]
