"""``tqdecrypt advise``: what to set on which vendor's device."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from tqdecrypt.cli.screen import Screen
from tqdecrypt.errors import UsageError

__all__ = ["advise"]


def advise(
    vendor: Annotated[
        str | None,
        typer.Argument(
            metavar="[VENDOR]",
            help="Such as kamailio, oracle or audiocodes; the beginning is enough.",
            show_default=False,
        ),
    ] = None,
    *,
    list_them: Annotated[
        bool, typer.Option("--list", help="List the vendors that there is advice for.")
    ] = False,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="Only this: rsa-key-exchange, tls13-off, resumption, mutual-tls, client-role, "
            "session-secrets, plaintext, show, given-up. Repeatable.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object for each vendor, one a line.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as with the variable NO_COLOR.")
    ] = False,
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="ASCII characters only, for terminals without Unicode.")
    ] = False,
) -> int:
    """Say what to set on a vendor's device so that its calls can be decrypted.

    How to force RSA key exchange, to turn TLS 1.3 off, to get session secrets or clear SIP out of it, each
    with its source; what is not confirmed is marked.
    """
    from tqdecrypt.vendors import Topic, find_vendor, load_vendor, vendor_names

    known = {topic.value: topic for topic in Topic}
    for one in topics or ():
        if one not in known:
            raise UsageError(f"--topic: {one!r} is none of {', '.join(known)}.")
    wanted = tuple(known[one] for one in topics or ())
    if vendor is None and not list_them and not as_json:
        raise UsageError("name a vendor, or see --list.")
    names = vendor_names() if vendor is None else (find_vendor(vendor).name,)
    if as_json:
        from tqdecrypt.export.vendors import vendor_object

        for name in names:
            whole = vendor_object(load_vendor(name), wanted)
            sys.stdout.write(json.dumps(whole, ensure_ascii=False) + "\n")
        return 0
    from tqdecrypt.views.vendors import VendorAdvice, VendorList

    screen = Screen(no_color=no_color, ascii_only=ascii_only)
    if vendor is None or list_them:
        screen.print(VendorList())
    else:
        screen.print(VendorAdvice(load_vendor(names[0]), wanted))
    return 0
