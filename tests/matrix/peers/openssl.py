"""OpenSSL's own programs, s_client and s_server."""

from __future__ import annotations

from matrix.features import EARLY_DATA
from matrix.model import PSK_IDENTITY, PSK_KEY, Case, Command, Place
from matrix.peers.common import (
    first_line,
    missing_programs,
    openssl_configuration,
    openssl_name,
)

__all__ = ["OpenSsl"]

_VERSIONS = {
    "TLS 1.0": "-tls1",
    "TLS 1.1": "-tls1_1",
    "TLS 1.2": "-tls1_2",
    "TLS 1.3": "-tls1_3",
    "DTLS 1.0": "-dtls1",
    "DTLS 1.2": "-dtls1_2",
}

_TALKATIVE = {
    "client renegotiates",
    "server renegotiates",
    "renegotiation asks for a certificate",
    "key update",
    "post-handshake authentication",
}
"""Features whose commands the programs take only when they are not told to be quiet."""


class OpenSsl:
    name = "openssl"
    title = "OpenSSL (s_client, s_server)"
    programs: tuple[str, ...] = ("openssl",)
    keylog = True
    ending = b"\n"

    def reply(self, line: bytes) -> bytes | None:
        return None

    def missing(self) -> str:
        return missing_programs(self.programs)

    def version(self) -> str:
        return first_line("openssl", "version")

    def server(self, case: Case, place: Place, port: int) -> Command:
        arguments = [
            *("openssl", "s_server", "-accept", f"127.0.0.1:{port}"),
            *("-cert", str(place.certificate(case.identity))),
            *("-key", str(place.key(case.identity))),
            *("-cert_chain", str(place.certificate(case.identity))),
            *("-keylogfile", str(place.keylog("server"))),
            *_common(case),
        ]
        if case.mutual:
            arguments += ["-Verify", "1", "-CAfile", str(place.certificate("ca"))]
        if case.feature in (
            "renegotiation asks for a certificate",
            "post-handshake authentication",
        ):
            arguments += ["-CAfile", str(place.certificate("ca")), "-verify_quiet"]
        if case.feature == "client renegotiates":
            arguments += ["-client_renegotiation"]
        elif case.feature == "renegotiation asks for a certificate":
            arguments += ["-no_resumption_on_reneg"]
        elif case.feature == "hello retry":
            arguments += ["-groups", "P-384"]
        elif case.feature == "PSK alone":  # no group in common, and it need not be
            arguments += ["-groups", "P-384", "-allow_no_dhe_kex"]
        elif case.feature == "early data":
            arguments += ["-early_data", "-no_anti_replay"]
        if case.resume == "session id":
            arguments += ["-no_ticket"]  # over DTLS GnuTLS offers tickets whatever it is told
        if case.dtls:
            arguments += ["-timeout", "-mtu", "1400"]
        return Command(arguments, openssl_configuration(case, place))

    def clients(self, case: Case, place: Place, port: int) -> list[Command]:
        arguments = [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}"),
            *("-keylogfile", str(place.keylog("client"))),
            *_common(case),
            "-no_ign_eof",  # behind -quiet, which says the opposite
        ]
        with_certificate = (
            "renegotiation asks for a certificate",
            "post-handshake authentication",
        )
        if case.mutual or case.feature in with_certificate:
            arguments += ["-cert", str(place.certificate("client"))]
            arguments += ["-key", str(place.key("client"))]
        if case.feature == "post-handshake authentication":
            arguments += ["-enable_pha"]
        elif case.feature == "hello retry":
            arguments += ["-groups", "X25519:P-384"]
        elif case.feature == "PSK alone":
            arguments += ["-groups", "X25519", "-allow_no_dhe_kex"]
        elif case.feature == "max fragment length":
            arguments += ["-maxfraglen", "1024"]
        if case.dtls:
            arguments += ["-timeout", "-mtu", "1400"]
        environment = openssl_configuration(case, place)
        if not case.resume:
            return [Command(arguments, environment)]
        if case.resume == "session id":
            arguments += ["-no_ticket"]
        session = str(place.directory / "session.pem")
        again = [*arguments, "-sess_in", session]
        if case.feature == "early data":
            early = place.directory / "early"
            early.write_bytes(EARLY_DATA)
            again += ["-early_data", str(early)]
        return [
            Command([*arguments, "-sess_out", session], environment),
            Command(again, environment),
        ]


def _common(case: Case) -> list[str]:
    arguments = [_VERSIONS[case.version]]
    if case.tls13:
        arguments += ["-ciphersuites", openssl_name(case)]
    else:
        arguments += ["-cipher", f"{openssl_name(case)}:@SECLEVEL=0"]
    if case.feature not in _TALKATIVE:
        arguments += ["-quiet"]
    if case.has_psk:
        arguments += ["-psk", PSK_KEY, "-psk_identity", PSK_IDENTITY]
    if case.encrypt_then_mac is False:
        arguments += ["-no_etm"]
    if case.feature == "record padding":
        arguments += ["-record_padding", "512"]
    elif case.feature == "small records":
        arguments += ["-max_send_frag", "512"]
    return arguments
