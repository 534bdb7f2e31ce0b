"""All header fields of a message, parsed when somebody looks."""

from __future__ import annotations

from tqdecrypt.sip.grammar import COMPACT_FORMS, pull_fields, text
from tqdecrypt.sip.message import Message

__all__ = ["header", "headers"]


def headers(message: Message) -> list[tuple[str, str]]:
    """Return names and values in their order, unfolded; names as they stand in the message."""
    _, fields = pull_fields(message.raw, message.body_start)
    return [(text(field.name), text(field.value)) for field in fields]


def header(message: Message, name: str) -> str | None:
    """Return the value of the first header field *name*; ``None`` when there is none.

    Case does not matter, nor whether *name* or the message uses the compact form.
    """
    wanted = name.strip().lower().encode("utf-8", "replace")
    key = COMPACT_FORMS.get(wanted, wanted)
    _, fields = pull_fields(message.raw, message.body_start)
    return next((text(field.value) for field in fields if field.key == key), None)
