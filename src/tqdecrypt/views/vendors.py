"""What to set on a vendor's device: for a terminal, and as the page in the documentation.

``python -m tqdecrypt.views.vendors > docs/reference/devices.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.vendors import Role, Statement, Topic, Vendor, load_vendor, vendor_names
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw

__all__ = ["VendorAdvice", "VendorList", "devices_page"]

NOT_CONFIRMED = "not confirmed"
_ROLES = {Role.SERVER: "as TLS server", Role.CLIENT: "as TLS client", Role.BOTH: ""}


class VendorAdvice:
    """One vendor's statements, each with its source, and whether it is confirmed.

    :param topics: which ones; empty: all.
    """

    def __init__(self, vendor: Vendor, topics: Sequence[Topic] = ()) -> None:
        self._vendor = vendor
        self._topics = topics or tuple(Topic)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        yield Text(self._vendor.title, theme.HEADING)
        for topic in self._topics:
            for one in self._vendor.about(topic):
                yield Text()
                yield _title(one)
                yield Padding(theme.said(one.says), (0, 0, 0, 2))
                for line in one.settings.splitlines():
                    yield Padding(theme.said(line, theme.NAME), (0, 0, 0, 6))
                sign = marks.tick if one.confirmed else marks.cross
                word = "confirmed" if one.confirmed else NOT_CONFIRMED
                style = theme.DIM if one.confirmed else theme.NOTICE
                source = f"{sign} {word}: {one.source}"
                yield Padding(theme.said(source, style), (0, 0, 0, 2))


def _title(one: Statement) -> Text:
    title = Text(one.topic.title, theme.HEADING)
    parts = [part for part in (_ROLES[one.role], one.versions) if part]
    return title.append_text(theme.said(f"  {', '.join(parts)}", theme.DIM))


class VendorList:
    """The vendors that there is advice for."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = (Column("Name", least=8), Column("Product", least=10), Column("Statements"))
        rows = []
        for name in vendor_names():
            vendor = load_vendor(name)
            sure = sum(one.confirmed for one in vendor.statements)
            counts = f"{sure} of {len(vendor.statements)} confirmed"
            rows.append(Row([Text(name), theme.said(vendor.title), Text(counts)]))
        yield from draw(columns, rows, options.max_width)


def devices_page() -> str:
    """Return the page of all vendors in Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Settings by device"
    yield ""
    yield (
        "What makes a device's TLS decryptable with the server's private key, and how to get session "
        "secrets or clear SIP out of it instead. `tqdecrypt advise VENDOR` prints the same."
    )
    yield ""
    yield (
        "Made by `python -m tqdecrypt.views.vendors` from the files in `src/tqdecrypt/vendors/`. Every "
        "statement has its source; **not confirmed** is what was not found in a document, and not tried. "
        "Names are those of the vendors; menus move between releases, so look them up in the one that you "
        "run. `<…>` is for you to fill in; `<cipher-list>` is what `tqdecrypt what-if --propose` proposes."
    )
    yield ""
    yield "Rules of thumb:"
    yield ""
    for rule in _RULES:
        yield f"- {rule}"
    yield ""
    names = [load_vendor(name) for name in vendor_names()]
    yield from (f"- [{one.title}](#{one.name})" for one in names)
    for vendor in names:
        yield ""
        yield from _vendor_section(vendor)


def _vendor_section(vendor: Vendor) -> Iterator[str]:
    yield f'<a id="{vendor.name}"></a>'
    yield ""
    yield f"## {vendor.title}"
    for one in sorted(vendor.statements, key=lambda one: list(Topic).index(one.topic)):
        parts = [part for part in (_ROLES[one.role], one.versions) if part]
        yield ""
        yield f"### {one.topic.title} ({', '.join(parts)})"
        yield ""
        yield _escaped(one.says)
        if one.settings:
            yield ""
            yield "```"
            yield one.settings
            yield "```"
        yield ""
        prefix = "Source" if one.confirmed else "**Not confirmed**"
        yield f"{prefix}: {_escaped(one.source)}."


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*").replace("_", "\\_")


_RULES = (
    "The key that is needed is the TLS server's. On connections that the SBC opens, let the peer open "
    "them, or take the secrets from the SBC.",
    "An ECDSA certificate makes RSA key exchange impossible.",
    "A change of ciphers counts from the next connection; long-lived ones have to be opened again.",
    "RSA key exchange has no forward secrecy, and RFC 9325 section 4.1 advises against it. Weigh that "
    "before you change a cipher list; a key log gives nothing up but itself.",
    "Whom a new list would cut off, `tqdecrypt what-if` says beforehand.",
)


if __name__ == "__main__":
    sys.stdout.write(devices_page())
