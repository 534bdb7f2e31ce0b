"""A page that stands alone: one file, no script, nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.palette import page_style_sheet

__all__ = ["page"]


def page(title: str, body: Iterable[Markup | None]) -> Markup:
    """Return an HTML document.

    Its security policy allows nothing but the style sheet in it, which it names by its hash: whatever
    a peer sent, should it ever become markup, could neither run nor load nor look like anything.
    """
    style = page_style_sheet()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=Markup(policy)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    whole = element("html", head, element("body", joined(body)), lang="en")
    return Markup(f"<!doctype html>\n{whole}\n")
