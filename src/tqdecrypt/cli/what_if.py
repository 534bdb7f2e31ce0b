"""``tqdecrypt what-if``: who would decrypt, stay dark or fail with another cipher list."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.inputs import open_trunks
from tqdecrypt.cli.run import read_for
from tqdecrypt.cli.screen import Screen
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.insight.what_if import OfferSink, WhatIf, Wish
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.tls.negotiation import ServerKey
    from tqdecrypt.vendors import Vendor

__all__ = [
    "answer_what_if",
    "make_wish",
    "vendor_named",
    "what_if",
    "what_if_document",
    "what_if_view",
]

_VERSIONS = {"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
_KEYS = {"rsa": ("RSA", 2048), "ecdsa": ("EC", 256)}


@reading
def what_if(
    switches: Switches,
    *,
    ciphers: Annotated[
        str | None,
        typer.Option(
            "--ciphers",
            metavar="LIST",
            help="The server's list: OpenSSL's language, IANA's names or the vendor's. Without it, what the "
            "server was seen to choose.",
            show_default=False,
        ),
    ] = None,
    versions: Annotated[
        str | None,
        typer.Option(
            "--versions",
            metavar="LIST",
            help="Versions of the server, such as 1.2 or 1.2,1.3. Without it, as the server shows them.",
            show_default=False,
        ),
    ] = None,
    servers: Annotated[
        list[str] | None,
        typer.Option(
            "--server",
            metavar="HOST[:PORT]",
            help="Only this server; it is taken for yours. Repeatable.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            "--order", metavar="server|client", help="Whose order of suites the server follows."
        ),
    ] = "server",
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--certificate",
            metavar="rsa|ecdsa",
            help="Kind of the server's key. Repeatable; without it, as the certificates show it.",
            show_default=False,
        ),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Find the smallest change that makes clients decryptable and cuts nobody off.",
        ),
    ] = False,
    trunk: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="TRUNK|ADDRESS",
            help="With --propose: whose clients are to become decryptable. Repeatable; without it, all.",
            show_default=False,
        ),
    ] = None,
    vendor: Annotated[
        str | None,
        typer.Option(
            "--vendor",
            metavar="NAME",
            help="The server's vendor: lists in its spelling, and its settings; advise --list has the names.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Say what each client would get from a server with another cipher list.

    From what the clients in the capture really offered: decrypts with the server's key, stays dark, or
    fails to connect, and why.
    """
    if ciphers is None and versions is None and not propose:
        raise UsageError("say what to reckon with: --ciphers LIST, --versions LIST or --propose.")
    if trunk and not propose:
        raise UsageError("--for goes with --propose.")
    wish = make_wish(
        ciphers=ciphers,
        versions=versions,
        servers=servers or (),
        order=order,
        certificates=certificates or (),
        propose=propose,
        trunks=trunk or (),
    )
    advisor = vendor_named(vendor)
    trunks = open_trunks(switches)
    from tqdecrypt.insight.what_if import OfferSink

    sink = OfferSink()
    outcome = read_for(switches, sink, progress=not (as_json and sys.stdout.isatty()))
    answer = answer_what_if(sink, wish, outcome.inputs.options.ring, trunks)
    if as_json:
        sys.stdout.write(json.dumps(what_if_document(answer, advisor), ensure_ascii=False) + "\n")
    else:
        screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
        screen.print(*what_if_view(answer, advisor))
    return outcome.status


def make_wish(
    *,
    ciphers: str | None = None,
    versions: str | None = None,
    servers: list[str] | tuple[str, ...] = (),
    order: str = "server",
    certificates: list[str] | tuple[str, ...] = (),
    propose: bool = False,
    trunks: list[str] | tuple[str, ...] = (),
) -> Wish:
    """Return what the switches ask.

    :raises UsageError: when one of them says nothing.
    """
    from tqdecrypt.insight.what_if import Wish
    from tqdecrypt.tls.cipher_lists import parse_cipher_list

    if order not in ("server", "client"):
        raise UsageError(f"--order is server or client, not {order!r}.")
    return Wish(
        None if ciphers is None else parse_cipher_list(ciphers),
        None if versions is None else _parse_versions(versions),
        tuple(servers),
        order == "server",
        _parse_certificates(certificates) if certificates else None,
        frozenset(trunks),
        propose,
    )


def answer_what_if(sink: OfferSink, wish: Wish, ring: KeyRing, trunks: Trunks | None) -> WhatIf:
    """Return the answer to *wish* from what was read.

    :raises UsageError: when no server of the capture is the one that was named.
    """
    found = sink.answer(wish, ring, trunks)
    if wish.servers and not found.servers:
        known = ", ".join(list(sink.offers.servers)[:8]) or "none"
        raise UsageError(
            f"no TLS server of the capture is {' or '.join(wish.servers)}; there are: {known}."
        )
    return found


def what_if_document(answer: WhatIf, vendor: Vendor | None) -> dict[str, object]:
    """Return the answer as one JSON object.

    :param vendor: of the server: lists are in its spelling, and its settings are there.
    """
    from tqdecrypt.export.vendors import vendor_object
    from tqdecrypt.export.what_if import what_if_object

    whole = what_if_object(answer, "openssl" if vendor is None else vendor.spelling)
    whole["vendor"] = None if vendor is None else vendor_object(vendor)
    return whole


def what_if_view(answer: WhatIf, vendor: Vendor | None) -> Iterator[RenderableType]:
    """Yield what is printed of an answer: the tables, and the vendor's settings."""
    from rich.text import Text

    from tqdecrypt.vendors import Topic
    from tqdecrypt.views.vendors import VendorAdvice
    from tqdecrypt.views.what_if import WhatIfTables

    yield WhatIfTables(answer, "openssl" if vendor is None else vendor.spelling)
    if vendor is not None:
        topics = (Topic.RSA_KEY_EXCHANGE, Topic.TLS13_OFF, Topic.SESSION_SECRETS, Topic.PLAINTEXT)
        yield Text()
        yield VendorAdvice(vendor, topics)


def vendor_named(name: str | None) -> Vendor | None:
    """Return what is known of a vendor; ``None`` when none is named.

    :raises UsageError: when there is no advice for it, or for several of that name.
    """
    if name is None:
        return None
    from tqdecrypt.vendors import find_vendor

    return find_vendor(name)


def _parse_versions(text: str) -> frozenset[int]:
    versions = set()
    for term in text.replace(",", " ").split():
        number = _VERSIONS.get(term.lower().removeprefix("tls").lstrip(" v-_").replace("_", "."))
        if number is None:
            raise UsageError(f"--versions: {term!r} is none of {', '.join(_VERSIONS)}.")
        versions.add(number)
    if not versions:
        raise UsageError("--versions names no version, such as 1.2.")
    return frozenset(versions)


def _parse_certificates(kinds: list[str] | tuple[str, ...]) -> tuple[ServerKey, ...]:
    from tqdecrypt.tls.negotiation import ServerKey

    keys = []
    for kind in kinds:
        if kind.lower() not in _KEYS:
            raise UsageError(f"--certificate is rsa or ecdsa, not {kind!r}.")
        keys.append(ServerKey(*_KEYS[kind.lower()]))
    return tuple(keys)
