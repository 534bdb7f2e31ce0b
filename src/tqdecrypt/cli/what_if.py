"""``tqdecrypt what-if``: who would decrypt, stay dark or fail with another cipher list."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.inputs import open_trunks
from tqdecrypt.cli.run import read_for
from tqdecrypt.cli.screen import Screen
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.insight.products import ProductTable
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.insight.what_if import OfferTable, WhatIf, Wish
    from tqdecrypt.keys import KeyRing
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.negotiation import ServerKey
    from tqdecrypt.tls.report import SessionReport

__all__ = ["OfferSink", "answer_what_if", "make_wish", "print_what_if", "what_if"]

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
    advisor = _vendor(vendor)
    trunks = open_trunks(switches)
    sink = OfferSink()
    outcome = read_for(switches, sink, progress=not (as_json and sys.stdout.isatty()))
    answer = answer_what_if(sink, wish, outcome.inputs.options.ring, trunks)
    print_what_if(switches, answer, advisor, as_json=as_json)
    return outcome.status


class OfferSink:
    """Collects offers, and what the peers call themselves."""

    def __init__(self) -> None:
        from tqdecrypt.insight.products import ProductTable
        from tqdecrypt.insight.what_if import OfferTable

        self.offers: OfferTable = OfferTable()
        self.products: ProductTable = ProductTable()

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.products.add(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.offers.add(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""


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
    from tqdecrypt.insight.what_if import answer

    def key_of(spki: bytes) -> str | None:
        key = ring.match_spki(spki)
        return None if key is None else key.describe()

    found = answer(
        sink.offers, wish, key_of=key_of, trunks=trunks, product_of=sink.products.product_at
    )
    if wish.servers and not found.servers:
        known = ", ".join(list(sink.offers.servers)[:8]) or "none"
        raise UsageError(
            f"no TLS server of the capture is {' or '.join(wish.servers)}; there are: {known}."
        )
    return found


def print_what_if(
    switches: Switches, answer: WhatIf, vendor: str | None = None, *, as_json: bool
) -> None:
    """Print it as tables, or as one JSON object.

    :param vendor: name of the server's vendor: its settings come below.
    """
    from tqdecrypt.vendors import Topic, load_vendor

    known = load_vendor(vendor) if vendor is not None else None
    spelling = known.spelling if known is not None else "openssl"
    if as_json:
        from tqdecrypt.export.vendors import vendor_object
        from tqdecrypt.export.what_if import what_if_object

        whole = what_if_object(answer, spelling)
        whole["vendor"] = None if known is None else vendor_object(known)
        sys.stdout.write(json.dumps(whole, ensure_ascii=False) + "\n")
        return
    from rich.text import Text

    from tqdecrypt.views.vendors import VendorAdvice
    from tqdecrypt.views.what_if import WhatIfTables

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    screen.print(WhatIfTables(answer, spelling))
    if known is not None:
        topics = (Topic.RSA_KEY_EXCHANGE, Topic.TLS13_OFF, Topic.SESSION_SECRETS, Topic.PLAINTEXT)
        screen.print(Text(), VendorAdvice(known, topics))


def _vendor(name: str | None) -> str | None:
    """Return the name of a vendor's file."""
    if name is None:
        return None
    from tqdecrypt.vendors import find_vendor

    return find_vendor(name).name


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
