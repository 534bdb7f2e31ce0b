"""The programs of NSS, tstclnt and selfserv: the only ones here that still speak SSL 3.0 readily.

Debian's NSS writes no key log: where one is needed, the other end's serves.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from matrix.model import Case, Command, Place, Unavailable
from matrix.peers.common import missing_programs

__all__ = ["Nss"]

_VERSIONS = {
    "SSL 3.0": "ssl3",
    "TLS 1.0": "tls1.0",
    "TLS 1.1": "tls1.1",
    "TLS 1.2": "tls1.2",
    "TLS 1.3": "tls1.3",
}

_PAGE = (
    b"HTTP/1.0 200 OK\r\nServer: Generic Web Server\r\nDate: Tue, 26 Aug 1997 22:10:05 GMT\r\n"
    b"Content-type: text/plain\r\n\r\n%sEOF\r\n\r\n\r\n"
)


class Nss:
    name = "nss"
    title = "NSS (tstclnt, selfserv)"
    programs: tuple[str, ...] = ("tstclnt", "selfserv", "certutil", "pk12util")
    keylog = False
    ending = b"\r\n\r\n"

    def reply(self, line: bytes) -> bytes | None:
        return _PAGE % line

    def missing(self) -> str:
        return missing_programs(self.programs)

    def version(self) -> str:
        return f"NSS of {_debian_version('libnss3-tools')}"

    def server(self, case: Case, place: Place, port: int) -> Command:
        nickname = "-e" if case.identity == "ec" else "-n"
        arguments = [
            *("selfserv", "-d", f"sql:{place.shared}/nss-{case.identity}", "-p", str(port)),
            *(nickname, "throw-away", "-H", "1", *_common(case)),
        ]
        if case.mutual:
            arguments += ["-r", "-r"]
        elif case.feature == "renegotiation asks for a certificate":
            arguments += ["-r", "-r", "-r", "-r"]
        if case.resume == "ticket":
            arguments += ["-u"]
        return Command(arguments, {"NSS_DEFAULT_DB_TYPE": "sql"})

    def clients(self, case: Case, place: Place, port: int) -> list[Command]:
        arguments = ["tstclnt", "-h", "127.0.0.1", "-p", str(port), "-o", *_common(case)]
        if case.mutual or case.feature == "renegotiation asks for a certificate":
            arguments += ["-d", f"sql:{place.shared}/nss-client", "-n", "throw-away"]
        else:
            arguments += ["-D"]
        if case.resume == "ticket":
            arguments += ["-u"]
        if case.feature == "hello retry":
            arguments += ["-I", "x25519,P384"]
        return [Command(arguments, patience=0.2)]  # it never ends by itself


def _common(case: Case) -> list[str]:
    if case.version not in _VERSIONS:
        raise Unavailable(f"not tried: {case.version} with NSS")
    version = _VERSIONS[case.version]
    arguments = ["-V", f"{version}:{version}", "-c", f":{case.number:04X}"]
    if case.extended_master_secret is not False:
        arguments += ["-G"]
    return arguments


def _debian_version(package: str) -> str:
    status = Path("/var/lib/dpkg/status")
    if shutil.which("dpkg") and status.exists():
        for paragraph in status.read_text(errors="replace").split("\n\n"):
            if paragraph.startswith(f"Package: {package}\n"):
                for line in paragraph.splitlines():
                    if line.startswith("Version: "):
                        return f"{package} {line[9:]}"
    return package
