"""Every suite that a server accepts, found out by sslyze (https://github.com/nabla-c0d3/sslyze).

sslyze brings an OpenSSL of its own that still speaks what this machine's has left out, and asks for one
suite after the other.  It is run as a program: as a library it would hold back the version of
``cryptography`` that decrypts fastest.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from tqdecrypt.check.probe import Target
from tqdecrypt.errors import InputError

__all__ = ["scan"]

PATIENCE = 300
"""Seconds for a whole scan: some three hundred short connections."""
_VERSIONS = {
    "SSL 3.0": ("--sslv3", "ssl_3_0_cipher_suites"),
    "TLS 1.0": ("--tlsv1", "tls_1_0_cipher_suites"),
    "TLS 1.1": ("--tlsv1_1", "tls_1_1_cipher_suites"),
    "TLS 1.2": ("--tlsv1_2", "tls_1_2_cipher_suites"),
    "TLS 1.3": ("--tlsv1_3", "tls_1_3_cipher_suites"),
}


def scan(target: Target) -> dict[str, list[str]]:
    """Return the suites (IANA names) that are accepted, by version; only versions that sslyze could try.

    :raises InputError: when sslyze is not installed, or came to no result.
    """
    program = shutil.which("sslyze")
    if program is None:
        raise InputError(
            "--scan needs the program sslyze, which is not installed; pipx install sslyze."
        )
    place = f"[{target.host}]" if ":" in target.host else target.host
    command = [program, "--json_out=-", "--mozilla_config=disable"]
    command += [switch for switch, _ in _VERSIONS.values()]
    if target.name is not None:
        command += ["--sni", target.name]
    if target.certificate is not None:
        command += ["--cert", target.certificate, "--key", target.key or target.certificate]
    try:
        ran = subprocess.run(  # noqa: S603 - a program found on the path, with arguments of ours
            [*command, f"{place}:{target.port}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        [result] = json.loads(ran.stdout)["server_scan_results"]
        return _accepted(result["scan_result"])
    except subprocess.TimeoutExpired:
        raise InputError(
            f"sslyze had not ended after {PATIENCE} s; the table has what was asked."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"sslyze came to no result for {target.host} port {target.port}; the table has what was asked."
        ) from None


def _accepted(result: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for version, (_, name) in _VERSIONS.items():
        attempt = result[name]["result"]
        if attempt is not None:
            accepted = attempt["accepted_cipher_suites"]
            found[version] = [one["cipher_suite"]["name"] for one in accepted]
    return found
