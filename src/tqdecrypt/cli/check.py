"""``tqdecrypt check``: ask a TLS server what it negotiates, and whether its sessions could be read."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from tqdecrypt.cli.run import Status
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.errors import InputError, UsageError

__all__ = ["check"]

SIPS_PORT = 5061
_PLACE = re.compile(
    r"(?:sips?:)?(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:@;?/\s]+))(?::(?P<port>\d+))?"
)


def check(
    server: Annotated[
        str,
        typer.Argument(
            metavar="HOST[:PORT]", help="Whom to ask; port 5061 unless named.", show_default=False
        ),
    ],
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "-k",
            "--server-key",
            metavar="KEY",
            help="Private key of the server: then the verdict is that of an observer who has it. "
            "Repeatable.",
            show_default=False,
        ),
    ] = None,
    cert: Annotated[
        str | None,
        typer.Option(
            "--cert",
            metavar="FILE",
            help="Client certificate and its chain (PEM), for servers that ask for one.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Private key of the client certificate, if it is not in the same file.",
            show_default=False,
        ),
    ] = None,
    authorities: Annotated[
        str | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="Authorities to believe (PEM); without it, those of this machine.",
            show_default=False,
        ),
    ] = None,
    sni: Annotated[
        str | None,
        typer.Option(
            "--sni",
            metavar="NAME",
            help="Server name to ask for; without it, HOST.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=0.1, max=120, help="For each step."),
    ] = 5.0,
    options: Annotated[
        bool, typer.Option("--options/--no-options", help="Whether to send SIP OPTIONS over it.")
    ] = True,
    scan: Annotated[
        bool,
        typer.Option(
            "--scan",
            help="Try every suite, too, with the program sslyze (pipx install sslyze): some three hundred "
            "connections.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="ASCII characters only.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an internal error.")
    ] = False,
) -> int:
    """Ask a TLS server what it negotiates with RSA-only, ECDHE-only and TLS 1.3-only clients.

    Actively, and only the server that is named: a handshake for each kind of client, one that checks its
    certificate, and SIP OPTIONS. Says whether a passive observer with the server's key could read such
    sessions, and what would have to change.
    """
    from tqdecrypt.check import DialError, Target
    from tqdecrypt.check import check as ask
    from tqdecrypt.keys import KeyRing, load_private_keys

    host, port = _place(server)
    loaded = load_private_keys(keys or [])
    for sentence in (*loaded.problems, *loaded.notes):
        complain(sentence)
    _readable(cert, key, authorities)
    if key is not None and cert is None:
        raise UsageError("--key goes with --cert; the server's own key is given with -k.")
    name = sni if sni is not None else host
    target = Target(host, port, None if _is_address(name) else name, timeout, cert, key)
    try:
        checked = ask(target, KeyRing(loaded.keys), authorities=authorities, ask=options)
    except DialError as failed:
        if as_json:
            json.dump(
                {"type": "check", "host": host, "port": port, "failed": failed.dial.value},
                sys.stdout,
            )
            sys.stdout.write("\n")
        raise
    if scan and checked.negotiates_anything:
        from tqdecrypt.check.scan import scan as scan_suites

        try:
            checked.suites = scan_suites(target)
        except InputError as error:
            complain(str(error))
    if as_json:
        from tqdecrypt.check.document import check_document

        json.dump(check_document(checked), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        from tqdecrypt.views.check import CheckView

        Screen(no_color=no_color, ascii_only=ascii_only).print(CheckView(checked))
    lacks = scan and checked.suites is None
    return Status.DONE if checked.negotiates_anything and not lacks else Status.INPUT


def _place(text: str) -> tuple[str, int]:
    match = _PLACE.fullmatch(text.strip())
    if match is None or not 0 < int(match["port"] or SIPS_PORT) < 1 << 16:
        raise UsageError(f"{text!r} is no server; write HOST, HOST:PORT or [IPv6 address]:PORT.")
    return match["six"] or match["host"], int(match["port"] or SIPS_PORT)


def _is_address(name: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _readable(cert: str | None, key: str | None, authorities: str | None) -> None:
    """Say which file cannot be used before anybody is asked anything.

    :raises InputError: when one cannot.
    """
    import ssl

    for path in (cert, key, authorities):
        if path is not None:
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise InputError(
                    f"{path} cannot be read ({error.strerror}); check its path."
                ) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if cert is not None:
            context.load_cert_chain(cert, key, b"")
    except (ssl.SSLError, ValueError):
        raise InputError(
            f"{cert} and its key cannot be used as a client certificate; give a PEM file with the "
            "certificate, and its unencrypted private key with --key."
        ) from None
    try:
        if authorities is not None:
            context.load_verify_locations(authorities)
    except ssl.SSLError:
        raise InputError(
            f"{authorities} has no certificates in PEM; name a file that has."
        ) from None
