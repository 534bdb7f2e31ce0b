"""Libraries without such programs of their own: small ones beside this file, ``programs/talk.*``.

They all take ``name=value`` arguments.  The server answers each line with ``200 OK: `` and the line;
the client reads lines on its standard input and writes what comes back; ``.`` ends a connection and
opens the next with the same session.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

from matrix.model import PASSPHRASE, Case, Command, Place, Unavailable
from matrix.peers.common import (
    first_line,
    missing_programs,
    openssl_configuration,
    openssl_name,
)

__all__ = ["Go", "Java", "MbedTls", "Node", "PythonSsl", "Tlslite"]

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


class _Talk(ABC):
    """What all have in common."""

    programs: tuple[str, ...] = ()
    keylog = True
    ending = b"\n"

    def reply(self, line: bytes) -> bytes | None:
        return b"200 OK: " + line

    def missing(self) -> str:
        return missing_programs(self.programs)

    def server(self, case: Case, place: Place, port: int) -> Command:
        return self._command(case, place, port, "server")

    def clients(self, case: Case, place: Place, port: int) -> list[Command]:
        command = self._command(case, place, port, "client")
        command.connections = 2 if case.resume else 1
        return [command]

    def _command(self, case: Case, place: Place, port: int, role: str) -> Command:
        if case.dtls:
            raise Unavailable("not tried: DTLS")
        own = case.identity if role == "server" else "client"
        wishes = {
            "role": role,
            "port": str(port),
            "version": case.version,
            "suite": self._suite(case),
            "certificate": str(place.certificate(own)),
            "key": str(place.key(own)),
            "p12": str(place.shared / f"{own}.p12"),
            "passphrase": PASSPHRASE,
            "authority": str(place.certificate("ca")),
            "groups": str(place.shared / "dh.pem"),
            "keylog": str(place.keylog(role)),
            "mutual": str(int(case.mutual)),
            "ticket": str(int(case.resume != "session id")),
            "ems": str(int(case.extended_master_secret is not False)),
            "etm": str(int(case.encrypt_then_mac is not False)),
            "retry": str(int(case.feature == "hello retry")),
        }
        arguments = [f"{name}={value}" for name, value in wishes.items()]
        return Command(self._program(case) + arguments, self._environment(case, place))

    def _suite(self, case: Case) -> str:
        return case.suite

    @abstractmethod
    def _program(self, case: Case) -> list[str]:
        """Return how the program is started, without its wishes."""

    def _environment(self, case: Case, place: Place) -> dict[str, str]:
        return {}


class PythonSsl(_Talk):
    name = "python"
    title = "Python's ssl (its own OpenSSL)"

    def version(self) -> str:
        import ssl

        return f"Python {sys.version.split()[0]} with {ssl.OPENSSL_VERSION}"

    def _suite(self, case: Case) -> str:
        return openssl_name(case)

    def _program(self, case: Case) -> list[str]:
        return [sys.executable, "-W", "ignore", str(PROGRAMS / "talk.py")]

    def _environment(self, case: Case, place: Place) -> dict[str, str]:
        return openssl_configuration(case, place)

    def missing(self) -> str:
        return missing_programs(("openssl",))  # for the names of suites


class Node(PythonSsl):
    name = "node"
    title = "Node.js tls (its own OpenSSL)"
    programs: tuple[str, ...] = ("node",)

    def missing(self) -> str:
        return missing_programs(("node", "openssl"))

    def version(self) -> str:
        crypto = first_line("node", "-p", "process.versions.openssl")
        return f"Node.js {first_line('node', '--version')} with OpenSSL {crypto}"

    def _program(self, case: Case) -> list[str]:
        return ["node", "--tls-min-v1.0", str(PROGRAMS / "talk.mjs")]

    def _environment(self, case: Case, place: Place) -> dict[str, str]:
        return {}


class Java(_Talk):
    name = "java"
    title = "Java JSSE"
    programs: tuple[str, ...] = ("java", "javac")
    keylog = False

    def version(self) -> str:
        return first_line("java", "-version")

    def _suite(self, case: Case) -> str:
        old = (
            "NULL_MD5",
            "NULL_SHA",
            "RC4_128_MD5",
            "RC4_128_SHA",
            "3DES_EDE_CBC_SHA",
            "DES_CBC_SHA",
        )
        ssl_name = case.exchange in ("RSA", "DHE_RSA") and case.bulk in old
        return case.suite.replace("TLS_", "SSL_", 1) if ssl_name else case.suite

    def _program(self, case: Case) -> list[str]:
        ems = "false" if case.extended_master_secret is False else "true"
        ticket = "false" if case.resume == "session id" else "true"
        return [
            *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"),
            f"-Djdk.tls.useExtendedMasterSecret={ems}",
            f"-Djdk.tls.client.enableSessionTicketExtension={ticket}",
            f"-Djdk.tls.server.enableSessionTicketExtension={ticket}",
            *(["-Djdk.tls.namedGroups=secp384r1"] if case.feature == "hello retry" else []),
            *("-cp", str(_build("java")), "Talk"),
        ]


class Go(_Talk):
    name = "go"
    title = "Go crypto/tls"
    programs: tuple[str, ...] = ("go",)

    def version(self) -> str:
        return first_line("go", "version")

    def _suite(self, case: Case) -> str:
        return str(case.number)

    def _program(self, case: Case) -> list[str]:
        if case.encrypt_then_mac or case.extended_master_secret:
            raise Unavailable("this Go knows neither")
        return [str(_build("go"))]


class _PythonLibrary(_Talk):
    module = ""
    package = ""
    program = ""

    def missing(self) -> str:
        found = importlib.util.find_spec(self.module)
        return "" if found else f"Python package {self.package} (pip install {self.package})"

    def version(self) -> str:
        from importlib.metadata import version

        return f"{self.package} {version(self.package)}"

    def _program(self, case: Case) -> list[str]:
        return [sys.executable, "-W", "ignore", str(PROGRAMS / self.program)]


class Tlslite(_PythonLibrary):
    name = "tlslite"
    title = "tlslite-ng (pure Python)"
    module, package, program = "tlslite", "tlslite-ng", "talk_tlslite.py"
    keylog = False


class MbedTls(_PythonLibrary):
    name = "mbedtls"
    title = "Mbed TLS (python-mbedtls)"
    module, package, program = "mbedtls", "python-mbedtls", "talk_mbedtls.py"
    keylog = False


@functools.cache
def _build(language: str) -> Path:
    """Compile a program once for every process of the test run."""
    source = PROGRAMS / {"go": "talk.go", "java": "Talk.java"}[language]
    stamp = f"{source.stat().st_mtime_ns:x}-{os.getuid()}"
    directory = Path(tempfile.gettempdir()) / f"tls-matrix-{language}-{stamp}"
    made = directory / "talk" if language == "go" else directory
    if (directory / "built").exists():
        return made
    with tempfile.TemporaryDirectory(prefix="tls-matrix-") as name:
        building = Path(name)
        if language == "go":
            command = ["go", "build", "-o", str(building / "talk"), str(source)]
        else:
            command = ["javac", "-d", str(building), str(source)]
        environment = {
            **os.environ,
            "GOFLAGS": "-mod=mod",
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=300, env=environment
        )
        if done.returncode:
            raise RuntimeError(f"{source.name} does not compile: {done.stderr[-400:]}")
        (building / "built").touch()
        directory.mkdir(mode=0o700, exist_ok=True)
        for file in building.iterdir():  # "built" last
            if file.name != "built":
                os.replace(file, directory / file.name)
        (directory / "built").touch()
    return made
