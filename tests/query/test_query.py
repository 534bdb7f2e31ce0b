"""The language: how it is read, what is said about faults, and what it means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.script import messages_of
from insight.found import report
from tqdecrypt.calls import Call, CallTable
from tqdecrypt.insight import Finding, Severity
from tqdecrypt.query import CATALOGUE, Kind, QueryError, Selection, compile_query, complete, parse
from tqdecrypt.query.syntax import And, Comparison, Node, Not, Or, Value, written
from tqdecrypt.tls import Verdict

DAY = 86_400_000_000_000
AT_14_05_30 = 20_000 * DAY + (14 * 3600 + 5 * 60 + 30) * 1_000_000_000


def call(script: str = "alice -> bob: INVITE 1\nbob -> alice: 486 INVITE 1") -> Call:
    calls: list[Call] = []
    table = CallTable(calls.append)
    for message in messages_of(script)[0]:
        table.receive(message)
    table.finish()
    return calls[0]


def meets(expression: str, kind: Kind, record: object) -> bool:
    query = compile_query(expression)
    return query.decide(query.bits(kind, record))


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("a and b or c", Or((And((Comparison("a"), Comparison("b"))), Comparison("c")))),
        ("a and (b or c)", And((Comparison("a"), Or((Comparison("b"), Comparison("c")))))),
        ("not a and b", And((Not(Comparison("a")), Comparison("b")))),
        ('a="x y"', Comparison("a", "=", (Value("x y", "string"),))),
        ("a ~ /x\\/y+/", Comparison("a", "~", (Value("x/y+", "regex"),))),
        ("a in (1,2)", Comparison("a", "in", (Value("1"), Value("2")))),
        ("a in 10.0.0.0/8", Comparison("a", "in", (Value("10.0.0.0/8"),))),
        ("a >= -5", Comparison("a", ">=", (Value("-5"),))),
        ("a == +4420", Comparison("a", "=", (Value("+4420"),))),
    ],
)
def test_how_it_is_read(expression: str, tree: Node) -> None:
    assert parse(expression) == tree


@pytest.mark.parametrize(
    ("expression", "sentence", "fault"),
    [
        ("statsu = 5", "There is no field 'statsu'; did you mean status?", "statsu"),
        ("status >=", "A value is missing behind >=.", ""),
        ("status >= and", "A value is missing behind >=; put 'and' into quotes.", "and"),
        ("", "Something is missing here: a field, such as status or from.", ""),
        ("(status", "A parenthesis that opened is not closed.", "("),
        ("status)", "A parenthesis closes that none opened.", ")"),
        ("status 5", "Here 'and' or 'or' is missing in front of '5'.", "5"),
        ("status = five", "status: 'five' is no number.", "five"),
        ("status ~ 5", "status: ~ does not work with a number; use = != < <= > >= in.", "status"),
        ("duration < 5x", "duration: '5x' is no duration; write 200ms, 5s, 3m or 1.5h.", "5x"),
        ("time > 25:00", "time: '25:00' is no time; write 14:05, 14:05:30, 2026-03-09 or", "25:00"),
        ("caller = nobody", "caller: 'nobody' is no address; write 192.0.2.1,", "nobody"),
        (
            "verdict = forwardsecrecy",
            "is no verdict; did you mean forward-secrecy?",
            "forwardsecrecy",
        ),
        ("from ~ /(a+)+/", "from: it could take for ever: repeat no group", "/(a+)+"),
        ("from ~ /[/", "from: no regular expression:", "/["),
        ("from = /a/", "from: a regular expression goes with ~ or !~.", "/a/"),
        ('from = "a', "The quotation mark is not closed.", '"'),
        ("answered = perhaps", "answered: 'perhaps' is neither yes nor no.", "perhaps"),
        ("and = 5", "A field is missing here, in front of 'and'.", "and"),
    ],
)
def test_faults_are_named_and_pointed_at(expression: str, sentence: str, fault: str) -> None:
    with pytest.raises(QueryError) as raised:
        compile_query(expression)
    error = raised.value
    assert sentence in str(error)
    shown, carets = error.picture.splitlines()
    assert shown == f"  {expression}"
    assert carets.index("^") - 2 == error.position
    assert expression[error.position :].startswith(fault)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("status = 486", True),
        ("status in (480, 486)", True),
        ("status > 486", False),
        ("status != 486", False),
        ("call.status >= 400 and not answered", True),
        ("from ~ ALICE", True),
        ("from !~ alice", False),
        ("to = sip:bob@example.com", True),
        ("from ~ /^sip:al.*@/", True),
        ("caller = 192.0.2.1", True),
        ("caller = 192.0.2.1:5060", True),
        ("caller = :5060", True),
        ("caller in (10.0.0.0/8, 192.0.2.0/24)", True),
        ("caller in 2001:db8::/32", False),
        ("caller ~ 0.2.1", True),
        ("state = failed", True),
        ("state = FAILED", True),
        ("duration < 5s", False),
        ("not duration < 5s", True),
        ("setup < 1s and setup > 1ms", True),
        ("answered = no", True),
        ("hung_up_by", False),
        ("messages = 2", True),
    ],
)
def test_what_is_asked_of_calls(expression: str, expected: bool) -> None:
    assert meets(expression, Kind.CALL, call()) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("14:05", True),
        ("14:06", False),
        ("14:05:30", True),
        ("2024-10-04", True),
        ("2024-10-04T14:05Z", True),
        ("2024-10-04T16:05:30+02:00", True),
        ("2024-10-05", False),
    ],
)
def test_times(expression: str, expected: bool) -> None:
    session = report(1, "192.0.2.1:4", "192.0.2.3:5061", AT_14_05_30)
    assert meets(f"began = {expression}", Kind.SESSION, session) is expected
    assert meets(f"began != {expression}", Kind.SESSION, session) is not expected
    assert (
        meets(f"began >= {expression} and began <= {expression}", Kind.SESSION, session) is expected
    )
    assert not meets(f"began < {expression} and began > {expression}", Kind.SESSION, session)


def test_severities_have_an_order() -> None:
    finding = Finding("no-ack", Severity.ERROR, 0, "x.", hosts=("192.0.2.1",))
    assert meets("severity >= warning and severity < critical", Kind.FINDING, finding)
    assert meets("host in 192.0.2.0/24 and finding = no-ack", Kind.FINDING, finding)
    assert not meets("host != 192.0.2.1", Kind.FINDING, finding)


def selected(
    expression: str, script: str, *reports: object, findings: tuple[Finding, ...] = ()
) -> str:
    """Call-IDs and session numbers."""
    selection = Selection(compile_query(expression))
    table = CallTable(selection.call)
    for message in messages_of(script, "TLS")[0]:
        table.receive(message)
        selection.message(message)
    table.finish()
    for one in reports:
        selection.session(one)  # type: ignore[arg-type]
    selection.finish(findings)
    numbers = [one.session for one in reports if selection.has_session(one)]  # type: ignore[attr-defined,arg-type]
    return " ".join([*selection.ordered_call_ids, *map(str, numbers)])


TWO_CALLS = """
    alice -> bob: INVITE 1 id=good from=1
    bob -> alice: 200 INVITE 1 id=good from=1
    alice -> bob: BYE 2 id=good from=1 to=b1
    carol -> dave: INVITE 1 id=bad from=2
    dave -> carol: 503 INVITE 1 id=bad from=2
    carol -> dave: OPTIONS 1 id=ping from=3
"""
CLEAR = report(1, "192.0.2.1:5060", "192.0.2.3:5060")
DARK = report(2, "192.0.2.4:5060", "192.0.2.8:5060", verdict=Verdict.PACKETS_MISSING)
OTHER = report(3, "192.0.2.9:5060", "192.0.2.8:5060", verdict=Verdict.TLS13)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("status >= 500", "bad 2"),
        ("dark", "bad ping 2 3"),
        ("dark and status >= 500", "bad 2"),
        ("not dark", "good 1"),
        ("method = BYE", "good 1"),
        ("method = INVITE and source = 192.0.2.4", "bad 2"),
        ("method = BYE and source = 192.0.2.4", ""),
        ("method = OPTIONS", "ping 2"),
        ("not answered", "bad 2"),
        ("status = 200 or verdict = tls13", "good 1 3"),
        ("finding = no-ack", "good 1"),
        ("status >= 200 and not finding", "bad 2"),
        ("session = 1", "good 1"),
    ],
)
def test_what_is_selected(expression: str, expected: str) -> None:
    finding = Finding("no-ack", Severity.ERROR, 0, "x.", call_ids=("good",), sessions=(1,))
    assert selected(expression, TWO_CALLS, CLEAR, DARK, OTHER, findings=(finding,)) == expected


def test_completion_goes_on_from_where_it_is() -> None:
    def words(text: str) -> list[str]:
        return [completion.word for completion in complete(text)]

    assert {"status", "from", "not"} <= set(words(""))
    assert words("verd") == ["verdict"]
    assert words("verdict = forward") == ["forward-secrecy"]
    assert words("status ")[:3] == ["=", "!=", "<"]
    assert words("status >= 500 ") == ["and", "or"]
    assert "message.status" in words("answered and mess")
    assert complete("verdict = forward")[0].text == "verdict = forward-secrecy"
    assert words('from = "') == []


@pytest.mark.parametrize("field", CATALOGUE, ids=lambda field: f"{field.kind}.{field.name}")
def test_every_field_takes_its_own_example(field: object) -> None:
    name, kind = f"{field.kind}.{field.name}", field.type  # type: ignore[attr-defined]
    for operator in kind.operators:
        value = f"({kind.example})" if operator == "in" else f'"{kind.example}"'
        compile_query(f"{name} {operator} {value}")


NODES: st.SearchStrategy[Node] = st.recursive(
    st.builds(
        lambda name, operator, text, form: Comparison(
            name, operator, (Value(text, form if operator == "~" or form != "regex" else "string"),)
        ),
        st.sampled_from(["status", "call.from", "x"]),
        st.sampled_from(["=", "!=", "<=", "~", "in"]),
        st.text('ab c"\\/().*é', min_size=1, max_size=6),
        st.sampled_from(["string", "regex"]),
    )
    | st.builds(Comparison, st.sampled_from(["dark", "answered"])),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(lambda a, b: And((a, b)), inner, inner)
        | st.builds(lambda a, b: Or((a, b)), inner, inner)
    ),
    max_leaves=6,
)


def flat(node: Node) -> Node:
    """Operands of the same kind in one list, as the parser makes them."""
    if isinstance(node, Not):
        return Not(flat(node.operand))
    if isinstance(node, And | Or):
        return type(node)(tuple(flat(operand) for operand in node.operands))
    return node


@given(NODES.filter(lambda node: not re.search(r"\\(?:/|$)|^/", written(node))))
def test_what_is_written_is_read_again(node: Node) -> None:
    regexes = [v for v in _values(node) if v.form == "regex"]
    if any(value.text.endswith("\\") or "\\" in value.text for value in regexes):
        return  # an odd backslash cannot stand in front of a slash
    assert written(parse(written(node))) == written(node)


def _values(node: Node) -> list[Value]:
    if isinstance(node, Comparison):
        return list(node.values)
    operands = (node.operand,) if isinstance(node, Not) else node.operands
    return [value for operand in operands for value in _values(operand)]


PIECES = st.sampled_from(
    """status from dark verdict time caller = != ~ >= in and or not ( ) , 5 5s 14:05 10.0.0.0/8 é "x"
    /a+/ forward-secrecy \\ """.split()  # noqa: SIM905 - a list would be thirty lines
)


@given(st.text(max_size=40) | st.lists(PIECES, max_size=12).map(" ".join))
def test_any_text_is_a_query_or_a_fault(text: str) -> None:
    complete(text)
    fault = None
    try:
        query = compile_query(text)
    except QueryError as error:
        fault = error
    if fault is not None:
        assert 0 <= fault.position <= len(text)
        assert fault.picture.count("\n") == 1
        return
    record = call()
    query.decide(query.bits(Kind.CALL, record))
    for message in messages_of("alice -> bob: INVITE 1")[0]:
        query.decide(query.bits(Kind.MESSAGE, message))
    query.decide(query.bits(Kind.SESSION, DARK))
