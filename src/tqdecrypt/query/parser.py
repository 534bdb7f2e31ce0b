"""Reads an expression.

    expression  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = [ "not" ] ( "(" expression ")" | comparison )
    comparison  = field [ operator value | "in" ( value | "(" value { "," value } ")" ) ]
    value       = word | "quoted \\"string\\"" | /regular expression/

A word is anything without blanks, parentheses, commas and quotes: what it means, its field says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.query.errors import QueryError
from tqdecrypt.query.syntax import And, Comparison, Node, Not, Or, Value

__all__ = ["KEYWORDS", "OPERATORS", "Token", "parse", "tokens_of"]

MOST_CHARACTERS = 10_000
MOST_DEPTH = 50
"""Parentheses and ``not`` within each other."""
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~", "in")
KEYWORDS = ("and", "or", "not", "in")

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator>!=|!~|<=|>=|==|=|<|>|~)
      | (?P<mark>[(),])
      | "(?P<string>(?:[^"\\]|\\.)*)"
      | (?P<word>[^\s()",=<>~!/][^\s()",=<>~!]*)
      | (?P<fault>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"\s*/((?:[^/\\]|\\.)*)/", re.DOTALL)


class Token(NamedTuple):
    """A piece of an expression."""

    kind: str
    """``operator``, ``mark``, ``string``, ``regex``, ``word``."""
    text: str
    position: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Cut an expression into its pieces.  Raises :class:`QueryError`."""
    if len(text) > MOST_CHARACTERS:
        raise QueryError(f"An expression has at most {MOST_CHARACTERS:,} characters.", text, 0)
    tokens: list[Token] = []
    at = 0
    while text[at:].strip():
        regex = _REGEX.match(text, at)
        if regex is not None and tokens and tokens[-1].kind == "operator":
            tokens.append(
                Token("regex", regex[1].replace("\\/", "/"), regex.start(1) - 1, regex.end())
            )
            at = regex.end()
            continue
        match = _TOKEN.match(text, at)
        assert match is not None
        kind = match.lastgroup or "fault"
        begin = match.start(kind) - (kind == "string")
        if kind == "fault":
            raise QueryError(_fault(match["fault"]), text, begin)
        said = match[kind]
        if kind == "string":
            said = re.sub(r"\\(.)", r"\1", said, flags=re.DOTALL)
        elif kind == "operator" and said == "==":
            said = "="
        tokens.append(Token(kind, said, begin, match.end()))
        at = match.end()
    return tokens


def parse(text: str) -> Node:
    """Return the tree of an expression.  Raises :class:`QueryError`."""
    return _Parser(text).parse()


def _fault(char: str) -> str:
    if char == '"':
        return "The quotation mark is not closed."
    if char == "/":
        return "A regular expression stands between two slashes, behind ~ or !~."
    return f"Nothing begins with {char!r}."


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._either()
        token = self._peek()
        if token is not None:
            what = (
                "A parenthesis closes that none opened."
                if token.text == ")"
                else (f"Here 'and' or 'or' is missing in front of {token.text!r}.")
            )
            raise self._error(what, token)
        return node

    def _either(self) -> Node:
        operands = [self._both()]
        while self._takes("or"):
            operands.append(self._both())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _both(self) -> Node:
        operands = [self._negation()]
        while self._takes("and"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _negation(self) -> Node:
        token = self._peek()
        if token is None:
            raise self._error("Something is missing here: a field, such as status or from.", None)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._error("Too many parentheses within each other.", token)
        node: Node
        if self._takes("not"):
            node = Not(self._negation())
        elif self._takes("(", "mark"):
            node = self._either()
            if not self._takes(")", "mark"):
                raise self._error("A parenthesis that opened is not closed.", token)
        else:
            node = self._comparison()
        self._depth -= 1
        return node

    def _comparison(self) -> Comparison:
        token = self._tokens[self._at]
        if token.kind != "word" or token.text in KEYWORDS:
            raise self._error(f"A field is missing here, in front of {token.text!r}.", token)
        self._at += 1
        operator = self._peek()
        if operator is not None and operator.kind == "operator":
            self._at += 1
            return Comparison(token.text, operator.text, (self._value(operator),), token.position)
        if operator is not None and operator.kind == "word" and operator.text == "in":
            self._at += 1
            return Comparison(token.text, "in", self._values(operator), token.position)
        return Comparison(token.text, position=token.position)

    def _values(self, operator: Token) -> tuple[Value, ...]:
        opening = self._peek()
        if not self._takes("(", "mark"):
            return (self._value(operator),)
        values = [self._value(operator)]
        while self._takes(",", "mark"):
            values.append(self._value(operator))
        if not self._takes(")", "mark"):
            raise self._error("The list is not closed.", opening)
        return tuple(values)

    def _value(self, operator: Token) -> Value:
        token = self._peek()
        if token is None or token.kind in ("operator", "mark"):
            raise self._error(f"A value is missing behind {operator.text}.", token)
        if token.kind == "word" and token.text in KEYWORDS:
            sentence = f"A value is missing behind {operator.text}; put {token.text!r} into quotes."
            raise self._error(sentence, token)
        self._at += 1
        return Value(token.text, token.kind, token.position)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, text: str, kind: str = "word") -> bool:
        token = self._peek()
        if token is None or token.kind != kind or token.text != text:
            return False
        self._at += 1
        return True

    def _error(self, sentence: str, token: Token | None) -> QueryError:
        if token is None:
            return QueryError(sentence, self._text, len(self._text.rstrip()))
        return QueryError(sentence, self._text, token.position, token.end - token.position)
