"""GnuTLS's own programs, gnutls-cli and gnutls-serv."""

from __future__ import annotations

from matrix.model import PSK_IDENTITY, PSK_KEY, Case, Command, Place, Unavailable
from matrix.peers.common import first_line, missing_programs

__all__ = ["GnuTls"]

_EXCHANGES = {
    "": "ECDHE-RSA:+ECDHE-ECDSA",
    "RSA": "RSA",
    "DHE_RSA": "DHE-RSA",
    "ECDHE_RSA": "ECDHE-RSA",
    "ECDHE_ECDSA": "ECDHE-ECDSA",
    "PSK": "PSK",
    "RSA_PSK": "RSA-PSK",
    "DHE_PSK": "DHE-PSK",
    "ECDHE_PSK": "ECDHE-PSK",
}
_CIPHERS = {
    "RC4_128": "ARCFOUR-128",
    "3DES_EDE_CBC": "3DES-CBC",
}
_MACS = {"MD5": "MD5", "SHA": "SHA1", "SHA256": "SHA256", "SHA384": "SHA384"}


class GnuTls:
    name = "gnutls"
    title = "GnuTLS (gnutls-cli, gnutls-serv)"
    programs: tuple[str, ...] = ("gnutls-cli", "gnutls-serv")
    keylog = True
    ending = b"\n"

    def reply(self, line: bytes) -> bytes | None:
        return line

    def missing(self) -> str:
        return missing_programs(self.programs)

    def version(self) -> str:
        return first_line("gnutls-cli", "--version")

    def server(self, case: Case, place: Place, port: int) -> Command:
        arguments = [
            *("gnutls-serv", "--echo", "--crlf", "--quiet", "--port", str(port)),
            *("--x509keyfile", str(place.key(case.identity))),
            *("--x509certfile", str(place.certificate(case.identity))),
            *("--priority", _priority(case, server=True)),
        ]
        if case.mutual:
            arguments += ["--require-client-cert", "--x509cafile", str(place.certificate("ca"))]
        else:
            arguments += ["--disable-client-cert"]
        if "PSK" in case.exchange:
            arguments += ["--pskpasswd", str(place.shared / "psk.txt")]
        if case.resume == "session id":
            arguments += ["--noticket"]
        if case.dtls:
            arguments += ["--udp", "--mtu", "1400"]
        return Command(arguments, {"SSLKEYLOGFILE": str(place.keylog("server"))})

    def clients(self, case: Case, place: Place, port: int) -> list[Command]:
        if case.exchange in ("DHE_PSK", "ECDHE_PSK"):
            raise Unavailable("gnutls-cli 3.7 crashes behind an (EC)DHE-PSK handshake")
        arguments = [
            *("gnutls-cli", "--insecure", "--verify-allow-broken", "--port", str(port)),
            *("--logfile", str(place.directory / "gnutls.log")),
            *("--priority", _priority(case, server=False)),
        ]
        if case.mutual:
            arguments += ["--x509keyfile", str(place.key("client"))]
            arguments += ["--x509certfile", str(place.certificate("client"))]
        if "PSK" in case.exchange:
            arguments += ["--pskusername", PSK_IDENTITY, "--pskkey", PSK_KEY]
        if case.feature == "record size limit":
            arguments += ["--recordsize", "1024"]
        elif case.feature == "rehandshake":
            arguments += ["--rehandshake"]
        elif case.feature == "hello retry":
            arguments += ["--single-key-share"]
        if case.resume:
            arguments += ["--resume"]
        if case.resume == "psk":
            arguments += ["--waitresumption"]
        if case.resume == "session id":
            arguments += ["--noticket"]
        if case.dtls:
            arguments += ["--udp", "--mtu", "1400"]
        environment = {"SSLKEYLOGFILE": str(place.keylog("client"))}
        return [Command([*arguments, "127.0.0.1"], environment, silent=int(bool(case.resume)))]


def _priority(case: Case, *, server: bool) -> str:
    cipher, mac = _cipher_and_mac(case.bulk)
    if case.exchange not in _EXCHANGES:
        raise Unavailable(f"GnuTLS has no key exchange {case.exchange}")
    groups = "+GROUP-ALL"
    if case.feature == "hello retry":
        groups = "+GROUP-SECP384R1" + ("" if server else ":+GROUP-X25519")
        groups = groups if server else "+GROUP-X25519:+GROUP-SECP384R1"
    wishes = [
        "NONE",
        f"+VERS-{case.version.replace(' ', '')}",
        f"+{_EXCHANGES[case.exchange]}",
        f"+{cipher}",
        f"+{mac}",
        "+COMP-NULL:+SIGN-ALL:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1",
        groups,
        "%VERIFY_ALLOW_SIGN_WITH_SHA1",
    ]
    if case.extended_master_secret is False:
        wishes.append("%NO_SESSION_HASH")
    if case.encrypt_then_mac is False:
        wishes.append("%NO_ETM")
    return ":".join(wishes)


def _cipher_and_mac(bulk: str) -> tuple[str, str]:
    if "_CCM" in bulk:
        return bulk.removesuffix("_SHA256").replace("_", "-"), "AEAD"
    cipher, _, digest = bulk.rpartition("_")
    if cipher.endswith("_GCM") or cipher.startswith("CHACHA20"):
        return cipher.replace("_", "-"), "AEAD"
    if cipher.startswith(("ARIA", "SEED", "IDEA")):
        raise Unavailable(f"GnuTLS has no {cipher}")
    return _CIPHERS.get(cipher, cipher.replace("_", "-")), _MACS[digest]
