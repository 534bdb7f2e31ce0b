"""One small language for filters: ``from ~ "+4420" and status >= 500 and duration < 5s``."""

from tqdecrypt.query.compiler import Query, compile_query
from tqdecrypt.query.completion import Completion, complete
from tqdecrypt.query.errors import QueryError
from tqdecrypt.query.fields import CATALOGUE, Field, Kind
from tqdecrypt.query.parser import parse
from tqdecrypt.query.selection import Selection

__all__ = [
    "CATALOGUE",
    "Completion",
    "Field",
    "Kind",
    "Query",
    "QueryError",
    "Selection",
    "compile_query",
    "complete",
    "parse",
]
