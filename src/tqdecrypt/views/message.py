"""One SIP message: in a line, and whole."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.sip import Message
from tqdecrypt.views import theme
from tqdecrypt.views.markup import Markup, element, joined, lines_joined, styled
from tqdecrypt.views.syntax import Line, Part, lines_of
from tqdecrypt.views.words import clean, time_of_day

__all__ = ["FullMessage", "message_line", "start_line"]

_STYLES: dict[Part, str] = {
    "start": theme.HEADING,
    "name": theme.NAME,
    "uri": theme.URI,
    "parameter": theme.PARAMETER,
    "description": theme.NAME,
}
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
        f"{time_of_day(message.time, 6)} {flow.source} -> {flow.destination} {flow.transport}"
        f"{'' if flow.mirrored_by is None else ' mirrored'}  "
        f"{start_line(message)}  {message.call_id or '(no Call-ID)'}"
    )


class FullMessage:
    """A message as it was sent, with nothing in it that a terminal or a browser would obey.

    It is shown whole, credentials and keys of media included: whoever asks for the text of a
    message gets it.

    :param problems: what is wrong with it, by the number of the line, from 0.
    """

    def __init__(self, message: Message, problems: Mapping[int, str] | None = None) -> None:
        self._message = message
        self._problems = problems

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        yield self._title(marks)
        for line in lines_of(self._message, self._problems):
            yield _styled(line)
            if line.problem:
                yield Text(f"  {marks.cross} {clean(line.problem)}", theme.NOTICE)

    def html(self) -> Markup:
        """Return the message as a fragment of a page."""
        lines = []
        for line in lines_of(self._message, self._problems):
            words = styled(_styled(line))
            if line.problem:
                note = element("span", f"  {theme.UNICODE.cross} {line.problem}", class_="notice")
                words = joined([element("mark", words), note])
            lines.append(words)
        return element(
            "section",
            element("h3", styled(self._title(theme.UNICODE))),
            element("pre", lines_joined(lines)),
            class_="tq message",
        )

    def _title(self, marks: theme.Glyphs) -> Text:
        message = self._message
        flow = message.flow
        session = "" if flow.session is None else f" session {flow.session}"
        proof = _INTEGRITY[flow.integrity]
        if flow.mirrored_by is not None:
            proof += f", mirrored by {clean(flow.mirrored_by)}"
        title = Text(f"{time_of_day(message.time, 6)}  ", theme.HEADING)
        title.append(f"{clean(flow.source)} {marks.to} {clean(flow.destination)}", theme.HEADING)
        return title.append(
            f"  {flow.transport}{session}, {proof}, frame {message.frame}",
            theme.DIM,
        )


def _styled(line: Line) -> Text:
    text = Text(overflow="fold", no_wrap=False)
    for piece in line.pieces:
        text.append(piece.text, _STYLES.get(piece.part, ""))
    return text
