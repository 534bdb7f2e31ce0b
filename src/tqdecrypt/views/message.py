"""One SIP message: in a line, and whole."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.sip import Message
from tqdecrypt.views import theme
from tqdecrypt.views.words import clean, time_of_day

__all__ = ["FullMessage", "message_line", "start_line"]

_INTEGRITY = {
    "verified": "every TLS record verified",
    "clear": "clear",
    "unverified": "not verified",
}


def start_line(message: Message) -> str:
    """Return ``INVITE``, or ``200 OK (BYE)``: responses name the request when it is no INVITE."""
    if message.status is None:
        return message.method or "?"
    text = f"{message.status} {message.reason or ''}".rstrip()
    method = message.cseq_method
    return text if method in ("INVITE", "") else f"{text} ({method})"


def message_line(message: Message) -> str:
    """Return a message in a line of plain text, for a stream of them."""
    flow = message.flow
    return clean(
        f"{time_of_day(message.time, 6)} {flow.source} -> {flow.destination} {flow.transport}  "
        f"{start_line(message)}  {message.call_id or '(no Call-ID)'}"
    )


class FullMessage:
    """A message as it was sent, with nothing in it that a terminal would obey."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        message = self._message
        flow = message.flow
        marks = theme.glyphs(options)
        session = "" if flow.session is None else f" session {flow.session}"
        title = Text(f"{time_of_day(message.time, 6)}  ", theme.HEADING)
        title.append(f"{flow.source} {marks.to} {flow.destination}", theme.HEADING)
        title.append(
            f"  {flow.transport}{session}, {_INTEGRITY[flow.integrity]}, frame {message.frame}",
            theme.DIM,
        )
        yield title
        lines = message.raw.decode("utf-8", "backslashreplace").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        head = message.raw[: message.body_start].count(b"\n")
        for number, line in enumerate(lines):
            shown = clean(line.removesuffix("\r").replace("\t", "    "))
            yield _styled(shown, number, head)


def _styled(line: str, number: int, head: int) -> Text:
    text = Text(line, overflow="fold", no_wrap=False)
    if number == 0:
        text.stylize(theme.HEADING)
    elif number < head:
        name, colon, _ = line.partition(":")
        if colon:
            text.stylize(theme.DIM, 0, len(name) + 1)
    return text
