"""What the implementations share."""

from __future__ import annotations

import functools
import shutil
import subprocess

from matrix.model import Case, Place, Unavailable

__all__ = ["first_line", "missing_programs", "openssl_configuration", "openssl_name"]


def missing_programs(programs: tuple[str, ...]) -> str:
    """Return which programs are not installed, in words."""
    return ", ".join(program for program in programs if shutil.which(program) is None)


@functools.cache
def first_line(*command: str) -> str:
    """Return the first line that a program writes."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


@functools.cache
def _openssl_names() -> dict[str, str]:
    done = subprocess.run(
        ["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[0]: row[2] for row in rows}


def openssl_name(case: Case) -> str:
    """Return what OpenSSL calls the suite of a case."""
    if case.tls13:
        return case.suite
    try:
        return _openssl_names()[case.suite]
    except KeyError:
        raise Unavailable("not in this build of OpenSSL") from None


def openssl_configuration(case: Case, place: Place) -> dict[str, str]:
    """Return the environment with a configuration for what OpenSSL has no switch for."""
    options = []
    if case.extended_master_secret is False:
        options.append("-ExtendedMasterSecret")
    if case.encrypt_then_mac is False:
        options.append("-EncryptThenMac")
    wishes = ["CipherString = ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    if options:
        wishes.append(f"Options = {','.join(options)}")
    if case.tls13:
        wishes.append(f"Ciphersuites = {case.suite}")
    path = place.directory / "openssl.cnf"
    path.write_text(
        "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = wish\n[wish]\n"
        + "\n".join([*wishes, ""])
    )
    return {"OPENSSL_CONF": str(path)}
