"""The switches that every command which reads captures has, declared once.

:class:`Switches` is their list and their type; :func:`reading` gives them to a command::

    @reading
    def count(switches: Switches, *, fast: Annotated[bool, typer.Option("--fast")] = False) -> int:
        ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, ClassVar, get_type_hints

import typer

from tqdecrypt.masking import Profile

__all__ = [
    "HEP_LISTEN_VARIABLE",
    "HEP_PASSWORD_VARIABLE",
    "PASSPHRASE_VARIABLE",
    "SECRETS_PASSPHRASE_VARIABLE",
    "Switches",
    "reading",
]

PASSPHRASE_VARIABLE = "TQDECRYPT_KEY_PASSPHRASE"  # noqa: S105 - its name
SECRETS_PASSPHRASE_VARIABLE = "TQDECRYPT_SECRETS_PASSPHRASE"  # noqa: S105 - its name
HEP_PASSWORD_VARIABLE = "TQDECRYPT_HEP_PASSWORD"  # noqa: S105 - its name
HEP_LISTEN_VARIABLE = "TQDECRYPT_HEP_LISTEN_PASSWORD"


def _check_ports(ports: list[int]) -> list[int]:
    for port in ports:
        if not 0 < port < 1 << 16:
            raise typer.BadParameter(f"{port} is not between 1 and 65535.")
    return ports


@dataclass(slots=True, kw_only=True)
class Switches:
    """What the user gave, before anything is opened."""

    USUAL_MASK: ClassVar[Profile] = Profile.NONE
    """How much is masked unless the user says it."""

    captures: Annotated[
        list[str],
        typer.Argument(
            metavar="CAPTURE",
            help="pcap or pcapng, compressed or not; - is standard input. Several are one capture "
            "in time order.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    keys: Annotated[
        list[str],
        typer.Option(
            "-k",
            "--key",
            metavar="KEY",
            help="Private key of the TLS server (PEM, DER, PKCS#12), or a directory of them. "
            "Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    key_passphrase_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the passphrase of encrypted keys in its first line. Otherwise "
            f"{PASSPHRASE_VARIABLE} is used, or you are asked.",
        ),
    ] = None
    keylogs: Annotated[
        list[str],
        typer.Option(
            "--keylog",
            metavar="FILE",
            help="Key log with session secrets (the format of SSLKEYLOGFILE). Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    keylog_listen: Annotated[
        list[str],
        typer.Option(
            "--keylog-listen",
            metavar="PLACE",
            help="Receive key-log lines over the network: udp:HOST:PORT (Kamailio's keylog_peer) or "
            "tcp:HOST:PORT. Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    hep_listen: Annotated[
        list[str],
        typer.Option(
            "--hep-listen",
            metavar="PLACE",
            help="Receive SIP that servers mirror as HEP: udp:HOST[:PORT] or tcp:HOST[:PORT], port "
            "9060 by default. Repeatable; without a CAPTURE until Ctrl-C.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    hep_password_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the password that received HEP must have in its first line. Otherwise "
            f"{HEP_LISTEN_VARIABLE} is used; without any, all HEP is taken.",
        ),
    ] = None
    psks: Annotated[
        list[str],
        typer.Option(
            "--psk",
            metavar="[IDENTITY:]HEX",
            help="Pre-shared key. Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    secrets_store: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep session secrets here, so that connections and resumptions whose handshake "
            "was in an earlier capture open, too.",
        ),
    ] = None
    secrets_passphrase_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the passphrase of the secrets store in its first line. Otherwise "
            f"{SECRETS_PASSPHRASE_VARIABLE} is used; without any the store is not encrypted.",
        ),
    ] = None
    trunks: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Names for addresses, and which of them are one box (TOML; "
            "docs/reference/trunks.md).",
        ),
    ] = None
    ports: Annotated[
        list[int],
        typer.Option(
            "--port",
            metavar="PORT",
            callback=_check_ports,
            help="Look at this TCP or UDP port only. Repeatable; without it, at all.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    mask: Annotated[
        Profile | None,
        typer.Option(
            "--mask",
            metavar="PROFILE",
            help="none; keys: no keys of media, passwords, credentials, dialled digits; people: no "
            "telephone numbers, names and texts either, pseudonyms instead. Exports and --raw mask keys "
            "unless told otherwise (docs/reference/masking.md).",
            show_default=False,
        ),
    ] = None
    mask_key_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep the key of pseudonyms here, so that other runs have the same; made where there "
            "is none.",
        ),
    ] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 3 when a TLS session stayed dark.")
    ] = False
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as with the variable NO_COLOR.")
    ] = False
    ascii: Annotated[
        bool, typer.Option("--ascii", help="ASCII characters only, for terminals without Unicode.")
    ] = False
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an internal error.")
    ] = False

    @property
    def mask_profile(self) -> Profile:
        """How much is masked."""
        return self.USUAL_MASK if self.mask is None else self.mask


def reading(command: Callable[..., int]) -> Callable[..., int]:
    """Return *command* with the shared switches in its signature, behind its own.

    Its first parameter is the :class:`Switches`, or a class derived from it; the others are its own,
    keyword-only.
    """
    hints = get_type_hints(command, include_extras=True)
    first, *own = inspect.signature(command).parameters.values()
    kind = hints[first.name]
    shared = _shared_parameters(kind)
    captures, *others = shared
    parameters = [
        captures,
        *(parameter.replace(annotation=hints[parameter.name]) for parameter in own),
        *others,
    ]

    def with_switches(**values: Any) -> int:
        given = {parameter.name: values.pop(parameter.name) for parameter in shared}
        return command(kind(**given), **values)

    with_switches.__name__ = command.__name__
    with_switches.__doc__ = command.__doc__
    with_switches.__module__ = command.__module__
    with_switches.__annotations__ = {p.name: p.annotation for p in parameters}
    with_switches.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return with_switches


def _shared_parameters(kind: type[Switches]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    parameters = []
    for one in fields(kind):
        default: object = one.default
        if one.default_factory is not MISSING:
            default = one.default_factory()
        parameters.append(
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if default is MISSING else default,
                annotation=hints[one.name],
            )
        )
    return parameters
