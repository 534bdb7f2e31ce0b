"""What would be negotiated, held to what OpenSSL and GnuTLS do negotiate."""

from __future__ import annotations

import contextlib
import datetime
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from kit import certificates
from kit.certificates import Identity
from kit.handshakes import CURVES, End, Shook, openssl_suites, shake_hands
from kit.tls import Version as OpenSslVersion
from matrix.relay import TcpRelay
from tqdecrypt.keys.certificate import read_certificate
from tqdecrypt.tls.cipher_lists import parse_cipher_list, suite_named, written
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.handshake import pull_client_hello
from tqdecrypt.tls.negotiation import (
    DEFAULT_GROUPS,
    Agreement,
    Disagreement,
    ServerKey,
    ServerSettings,
    least_version,
    negotiate,
)
from tqdecrypt.tls.offer import Offer, offer_of
from tqdecrypt.tls.suites import find_suite

VERSIONS = (
    OpenSslVersion.TLSv1,
    OpenSslVersion.TLSv1_1,
    OpenSslVersion.TLSv1_2,
    OpenSslVersion.TLSv1_3,
)
NAMES = {
    "TLSv1": Version.TLS10,
    "TLSv1.1": Version.TLS11,
    "TLSv1.2": Version.TLS12,
    "TLSv1.3": Version.TLS13,
}
KEYS: dict[Literal[2048, "ec"], ServerKey] = {
    2048: ServerKey("RSA", 2048),
    "ec": ServerKey("EC", 256),
}
RSA = "AES128-SHA:AES256-GCM-SHA384"


def settings_of(end: End) -> ServerSettings:
    """The same server for the simulation; its list is read as a user's would be."""
    return ServerSettings(
        parse_cipher_list(end.ciphers).suites,
        frozenset(int(v) for v in VERSIONS if end.least <= v <= end.most),
        tuple(KEYS[kind] for kind in end.keys),
        server_order=end.own_order,
        groups=DEFAULT_GROUPS if end.curve is None else (CURVES[end.curve],),
    )


def simulated(offer: Offer, settings: ServerSettings) -> tuple[int, int] | None:
    result = negotiate(offer, settings)
    return (result.version, result.suite.number) if isinstance(result, Agreement) else None


def real(shook: Shook) -> tuple[int, int] | None:
    if shook.agreed is None:
        return None
    version, name = shook.agreed
    number = suite_named(name)
    assert number is not None
    return NAMES[version], number


def check(client: End, server: End) -> Agreement | Disagreement | None:
    """Hold the simulation to OpenSSL; ``None`` when the client had nothing to say."""
    shook = shake_hands(client, server)
    if not shook.hello:
        return None
    offer = offer_of(pull_client_hello(shook.hello))
    result = negotiate(offer, settings_of(server))
    expected = real(shook)
    if (
        expected is None
        and isinstance(result, Agreement)
        and not offer.lists_versions
        and result.version < int(client.least)
    ):
        return result  # that the client does not go down so far is not in its ClientHello
    assert simulated(offer, settings_of(server)) == expected, (result, shook)
    return result


@st.composite
def ends(draw: st.DrawFn, *, server: bool) -> End:
    names = draw(st.lists(st.sampled_from(openssl_suites()), max_size=30, unique=True))
    # Lists without anything in common are the most likely ones, and all alike.
    names += draw(st.lists(st.sampled_from(RSA.split(":")), max_size=2, unique=True))
    names = list(dict.fromkeys(draw(st.permutations(names)))) or ["ECDHE-RSA-AES128-GCM-SHA256"]
    least, most = sorted(draw(st.tuples(st.sampled_from(VERSIONS), st.sampled_from(VERSIONS))))
    return End(
        ":".join(names),
        least,
        most,
        draw(st.none() | st.sampled_from(sorted(CURVES))),
        draw(st.sampled_from([(2048,), ("ec",), (2048, "ec")])) if server else (2048,),
        draw(st.booleans()),
    )


@given(ends(server=False), ends(server=True))
@example(End("ALL"), End("ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA", most=OpenSslVersion.TLSv1_2))
@example(End("ALL"), End(RSA, keys=("ec",), most=OpenSslVersion.TLSv1_2))
@example(End(RSA, most=OpenSslVersion.TLSv1_2), End("ALL", least=OpenSslVersion.TLSv1_3))
@example(End("ALL", least=OpenSslVersion.TLSv1_3), End(RSA, most=OpenSslVersion.TLSv1_2))
@example(End("ECDHE-RSA-AES128-SHA", curve="secp384r1"), End("ALL", curve="prime256v1"))
def test_it_comes_out_as_with_openssl(client: End, server: End) -> None:
    check(client, server)


@pytest.mark.full
@given(ends(server=False), ends(server=True))
def test_it_comes_out_as_with_openssl_in_a_long_run(client: End, server: End) -> None:
    check(client, server)


@pytest.mark.parametrize("own_order", [True, False], ids=["server's order", "client's order"])
@pytest.mark.parametrize("name", openssl_suites())
def test_every_suite_is_reckoned_with(name: str, own_order: bool) -> None:
    """Alone, and against RSA key exchange behind it, in the newest version that has it."""
    client = End(f"{name}:{RSA}", most=OpenSslVersion.TLSv1_2)
    result = check(client, End(name, keys=(2048, "ec"), own_order=own_order))
    check(client, End(f"{RSA}:{name}", keys=(2048, "ec"), own_order=own_order))
    if isinstance(result, Agreement):
        assert least_version(result.suite) <= result.version


def test_what_is_said_where_nothing_is_agreed_on() -> None:
    modern, old = OpenSslVersion.TLSv1_3, OpenSslVersion.TLSv1_2
    cases = {
        Disagreement.PROTOCOL_VERSION: (End("ALL", least=modern), End(RSA, most=old)),
        Disagreement.NO_SHARED_SUITE: (End("AES256-SHA", most=old), End("AES128-SHA")),
        Disagreement.NO_SHARED_GROUP: (
            End("ALL", curve="secp384r1"),
            End("ALL", curve="prime256v1"),
        ),
    }
    for expected, (client, server) in cases.items():
        assert check(client, server) is expected


# With what the standard library cannot set: suites of TLS 1.3, groups, signature algorithms.

SERVERS = (
    ("-cipher", "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
    ("-cipher", "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"),
    ("-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
    ("-cipher", "AES128-SHA", "-no_tls1_3"),
)
CLIENTS = (
    (),
    ("-tls1_2",),
    ("-tls1_2", "-sigalgs", "ECDSA+SHA256"),
    ("-tls1_2", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"),
    ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"),
    ("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"),
    ("-tls1_3", "-groups", "P-521"),
    ("-tls1_3", "-sigalgs", "ECDSA+SHA256"),
    ("-tls1_2", "-groups", "P-521", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("-tls1_2", "-cipher", "AES256-SHA256"),
)


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("kinds", [(2048,), ("ec",), (2048, "ec")], ids=["RSA", "ECDSA", "both"])
@pytest.mark.parametrize("server", SERVERS, ids=" ".join)
def test_it_comes_out_as_with_s_server(
    server: tuple[str, ...], kinds: tuple[Literal[2048, "ec"], ...], tmp_path: Path
) -> None:
    settings = ServerSettings(
        parse_cipher_list(server[1]).suites,
        frozenset({Version.TLS12} if "-no_tls1_3" in server else {Version.TLS12, Version.TLS13}),
        tuple(KEYS[kind] for kind in kinds),
    )
    with _s_server(server, kinds, tmp_path) as port, TcpRelay(port) as relay:
        for number, client in enumerate(CLIENTS):
            agreed = _s_client(client, relay.port)
            offer = _offer(relay, number)
            assert simulated(offer, settings) == agreed, (client, negotiate(offer, settings))


def _certificate(kinds: Sequence[Literal[2048, "ec"]], directory: Path) -> list[str]:
    arguments = []
    for option, kind in zip(("", "d"), kinds, strict=False):
        files = certificates.server(kind).write(directory, str(kind))
        arguments += [f"-{option}cert", str(files.certificate), f"-{option}key", str(files.key)]
    return arguments


@contextlib.contextmanager
def _s_server(
    arguments: Sequence[str], kinds: Sequence[Literal[2048, "ec"]], directory: Path
) -> Iterator[int]:
    port = _free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet", "-serverpref"]
    command += [*_certificate(kinds, directory), *arguments]
    with _running(command, port):
        yield port


def _s_client(arguments: Sequence[str], port: int) -> tuple[int, int] | None:
    """Return what s_client says that it got."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *arguments]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=20)
    said = (done.stdout + done.stderr).decode(errors="replace")
    version = re.search(r"Protocol version: (\S+)", said)
    suite = re.search(r"Ciphersuite: (\S+)", said)
    if version is None or suite is None:
        return None
    number = suite_named(suite[1])
    assert number is not None
    return NAMES[version[1]], number


# GnuTLS as a client, with what it offers, and as a server that follows its own order.

PRIORITIES = (
    "NORMAL",
    "NORMAL:-VERS-TLS1.3",
    "NORMAL:-VERS-TLS1.3:-ECDHE-RSA:-DHE-RSA:-ECDHE-ECDSA",
    "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    "NORMAL:-VERS-TLS1.3:-RSA",
    "NORMAL:-VERS-TLS1.3:-AES-128-CBC:-AES-128-GCM",
)


@pytest.mark.peer("openssl", "gnutls-cli")
@pytest.mark.parametrize("priority", PRIORITIES)
def test_it_comes_out_as_with_gnutls_as_client(priority: str, tmp_path: Path) -> None:
    for ciphers in ("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"):
        settings = ServerSettings(
            parse_cipher_list(ciphers).suites, frozenset({Version.TLS12, Version.TLS13})
        )
        with (
            _s_server(("-cipher", ciphers), (2048,), tmp_path) as port,
            TcpRelay(port) as relay,
        ):
            agreed = _gnutls_cli(priority, relay.port)
            assert simulated(_offer(relay), settings) == agreed


@pytest.mark.peer("openssl", "gnutls-serv")
@pytest.mark.parametrize(
    "client",
    [("-tls1_2",), ("-tls1_2", "-cipher", "AES256-SHA"), ("-tls1_2", "-cipher", "AES128-CCM")],
    ids=" ".join,
)
def test_it_comes_out_as_with_gnutls_as_server(client: tuple[str, ...], tmp_path: Path) -> None:
    port = _free_port()
    files = certificates.server(2048).write(tmp_path)
    # %SERVER_PRECEDENCE: the server's order, which is that of key exchanges first.
    priority = (
        "NONE:+VERS-TLS1.2:+RSA:+ECDHE-RSA:+AES-128-CBC:+AES-128-GCM:+SHA1:+AEAD:+SIGN-ALL:+GROUP-ALL:"
        "+COMP-NULL:%SERVER_PRECEDENCE"
    )
    command = ["gnutls-serv", "--port", str(port), "--echo", "--priority", priority, "--noticket"]
    command += ["--x509keyfile", str(files.key), "--x509certfile", str(files.certificate)]
    settings = ServerSettings(
        parse_cipher_list(
            "AES128-SHA,AES128-GCM-SHA256,ECDHE-RSA-AES128-SHA,ECDHE-RSA-AES128-GCM-SHA256"
        ).suites
    )
    with _running(command, port), TcpRelay(port) as relay:
        agreed = _s_client(client, relay.port)
        result = simulated(_offer(relay), settings)
    assert (result is None) == (agreed is None)
    if result is not None and agreed is not None:
        # Which of its ciphers comes first GnuTLS decides by itself; which key exchange, the list.
        assert result[0] == agreed[0]
        assert find_suite(result[1]).rsa_key_exchange == find_suite(agreed[1]).rsa_key_exchange


@pytest.mark.peer("openssl", "gnutls-cli")
@pytest.mark.parametrize("usage", [True, False, None])
def test_clients_may_refuse_a_certificate_without_key_encipherment(
    usage: bool | None, tmp_path: Path
) -> None:
    """What the answer warns of: GnuTLS looks at the key usage, OpenSSL does not."""
    identity = _with_usage(usage)
    assert read_certificate(identity.certificate_der()).key_encipherment is usage
    files = identity.write(tmp_path, "usage")
    port = _free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet", "-no_tls1_3"]
    command += ["-cert", str(files.certificate), "-key", str(files.key), "-cipher", "AES128-SHA"]
    with _running(command, port):
        assert _s_client((), port) is not None
        assert (_gnutls_cli("NORMAL", port) is None) is (usage is False)


def _with_usage(key_encipherment: bool | None) -> Identity:
    key = certificates.rsa_key(2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip.example.com")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2049, 1, 1, tzinfo=datetime.UTC))
    )
    if key_encipherment is not None:
        others = dict.fromkeys(
            (
                "content_commitment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        usage = x509.KeyUsage(digital_signature=True, key_encipherment=key_encipherment, **others)
        builder = builder.add_extension(usage, critical=True)
    return Identity(key, builder.sign(key, hashes.SHA256()))


def _gnutls_cli(priority: str, port: int) -> tuple[int, int] | None:
    command = ["gnutls-cli", "--insecure", "--port", str(port), "--priority", priority, "127.0.0.1"]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=20)
    found = re.search(r"Description: \(TLS(1\.\d)[^)]*\)(.*)", done.stdout.decode(errors="replace"))
    if found is None:
        return None
    words = found[2].strip("- \n")
    version = Version.TLS13 if found[1] == "1.3" else Version.TLS12
    cipher = re.search(r"\(AES-(\d+)-(GCM|CBC)\)(?:-\(SHA(\d+)\))?", words)
    assert cipher is not None, found[0]
    bits, mode = cipher[1], cipher[2]
    if version == Version.TLS13:
        return version, 0x1301 if bits == "128" else 0x1302
    exchange = "ECDHE-RSA-" if "ECDHE" in words else "DHE-RSA-" if "DHE" in words else ""
    hashes = {("128", "GCM"): "GCM-SHA256", ("256", "GCM"): "GCM-SHA384"}
    number = suite_named(f"{exchange}AES{bits}-{hashes.get((bits, mode), 'SHA')}")
    assert number is not None
    return version, number


@contextlib.contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
            yield
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _offer(relay: TcpRelay, number: int = 0) -> Offer:
    """Return the offer of a connection that is over, as far as the client is concerned."""
    said = b"".join(data for from_client, data in relay.connections[number] if from_client)
    length = int.from_bytes(said[6:9], "big")
    return offer_of(pull_client_hello(said[9 : 9 + length]))


def test_lists_are_written_as_they_are_read() -> None:
    for spelling in ("openssl", "iana", "asterisk", "cisco", "ribbon"):
        numbers = parse_cipher_list("AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA").suites
        assert parse_cipher_list(written(numbers, spelling)).suites == numbers
