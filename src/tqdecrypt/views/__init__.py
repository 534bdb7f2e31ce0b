"""What a person sees: pure functions from results to text, shared by every front end.

Nothing here prints, reads or knows a clock.  Everything is a rich renderable that adapts to the
width and the encoding of the terminal.  Explanations (``explanation_drawing``) are imported by whoever
draws one: they bring all that is told of handshakes.
"""

from tqdecrypt.views.calls import CallRows, CallsTable
from tqdecrypt.views.comparison import Comparison, comparisons
from tqdecrypt.views.drawing import CallLadder
from tqdecrypt.views.findings import FindingsList
from tqdecrypt.views.indicators import IndicatorsTable
from tqdecrypt.views.ladder import Ladder, Mark, Story, lay_out
from tqdecrypt.views.marks import dark_marks, session_marks
from tqdecrypt.views.message import FullMessage, message_line
from tqdecrypt.views.problems import problems_by_line
from tqdecrypt.views.sessions import Causes, SessionRows, SessionsTable
from tqdecrypt.views.summary import SummaryLines
from tqdecrypt.views.timeline import TimelineRows
from tqdecrypt.views.timeline_drawing import TimelineChart
from tqdecrypt.views.trials import TrialsTable
from tqdecrypt.views.words import clean

__all__ = [
    "CallLadder",
    "CallRows",
    "CallsTable",
    "Causes",
    "Comparison",
    "FindingsList",
    "FullMessage",
    "IndicatorsTable",
    "Ladder",
    "Mark",
    "SessionRows",
    "SessionsTable",
    "Story",
    "SummaryLines",
    "TimelineChart",
    "TimelineRows",
    "TrialsTable",
    "clean",
    "comparisons",
    "dark_marks",
    "lay_out",
    "message_line",
    "problems_by_line",
    "session_marks",
]
