"""What stands above a ladder: who called whom on each leg, how it came out, over which sessions."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tqdecrypt.calls import Call
from tqdecrypt.sip import Message, uri_of
from tqdecrypt.views import theme
from tqdecrypt.views.calls import outcome
from tqdecrypt.views.ladder import Ladder, Story
from tqdecrypt.views.sessions import connection
from tqdecrypt.views.words import clean, count, date_of, duration

__all__ = ["heading"]

SECOND = 1_000_000_000


def heading(story: Story, ladder: Ladder, marks: theme.Glyphs) -> Iterator[Text]:
    """Yield the lines above a ladder."""
    calls = {call.call_id: call for call in story.calls}
    several = len(ladder.legs) > 1
    for number, call_id in enumerate(ladder.legs, 1):
        messages = [m for m in story.messages if m.call_id == call_id]
        call = calls.get(call_id)
        yield _title(messages[0], number if several else None)
        from_uri = call.from_uri if call else uri_of(messages[0].from_)
        to_uri = call.to_uri if call else uri_of(messages[0].to)
        yield theme.said(f"{from_uri} {marks.to} {to_uri}")
        if several and call is not None:
            yield outcome(call).append(f"  {_story(call).removesuffix('; ')}", theme.DIM)
        if call_id in story.joins:
            yield theme.said(f"joined {story.joins[call_id]}", theme.DIM)
    line = _when(story)
    if not several and ladder.legs and ladder.legs[0] in calls:
        call = calls[ladder.legs[0]]
        line = outcome(call).append(f"  {_story(call)}", theme.DIM).append_text(line)
    yield line
    for number in sorted({hop.session for hop in ladder.hops if hop.session is not None}):
        report = story.reports.get(number)
        if report is not None:
            yield connection(report, marks)
    for note in story.notes:
        yield theme.said(f"{marks.separator} {note}", theme.NOTICE)
    for leg in ladder.legs:
        for finding in calls[leg].findings if leg in calls else ():
            which = f"leg {ladder.legs.index(leg) + 1}: " if several else ""
            yield theme.said(f"{marks.separator} {which}{finding}", theme.NOTICE)


def _title(first: Message, number: int | None) -> Text:
    call_id = clean(first.call_id) or "(no Call-ID)"
    leg = "" if number is None else f"Leg {number}: "
    return Text(f"{leg}{first.cseq_method or 'Messages'} {call_id}", theme.HEADING, overflow="fold")


def _when(story: Story) -> Text:
    times = [message.time for message in story.messages[:1]]
    first = min(times + [mark.time for mark in story.marks[:1]], default=0)
    text = f"{date_of(first)}, times in UTC; {count(len(story.messages), 'message')}"
    line = Text(text)
    line.stylize(theme.DIM)
    return line


def _story(call: Call) -> str:
    """Return how long it rang and how long they talked, as far as it was captured."""
    words = []
    if call.answered is not None:
        words.append(f"answered after {(call.answered - call.started) / SECOND:.1f} s")
        if call.ended is not None:
            words.append(f"talked {duration(call.ended - call.answered)}")
    if call.hung_up_by is not None:
        words.append(f"{call.hung_up_by.value} hung up")
    return "".join(f"{word}; " for word in words)
