"""The list of findings as a person reads it."""

from __future__ import annotations

from tqdecrypt.insight import Finding, Severity
from tqdecrypt.views import FindingsList
from views.scenes import drawn


def finding(name: str, severity: Severity, **more: object) -> Finding:
    return Finding(name, severity, 0, f"It is about {name}.", **more)  # type: ignore[arg-type]


def test_what_proves_it_and_what_to_try() -> None:
    findings = [
        finding(
            "failed-call",
            Severity.ERROR,
            advice=("Ask the carrier.", "Look at the cause \x1b[31m."),
            frames=tuple(range(1, 9)),
            call_ids=("1@a", "2@a", "3@a", "4@a"),
            sessions=(7, 3),
            count=1_200,
        ),
        finding("low-ttl", Severity.NOTICE),
    ]
    assert drawn(FindingsList(findings), width=80) == (
        "2 findings  1 error, 1 notice\n"
        "error: failed-call  1,200 times\n"
        "  It is about failed-call.\n"
        "  → Ask the carrier.\n"
        "  → Look at the cause \\x1b[31m.\n"
        "  frames 1, 2, 3, 4, 5, 6 …; TLS sessions 3, 7; call 1@a, 2@a, 3@a and 1 more\n"
        "notice: low-ttl\n"
        "  It is about low-ttl.\n"
    )


def test_the_rest_is_counted() -> None:
    findings = [finding(f"number-{number}", Severity.WARNING) for number in range(5)]
    text = drawn(FindingsList(findings, most=2))
    assert "number-1" in text
    assert "number-2" not in text
    assert text.endswith("and 3 more findings; --json --findings has all.\n")


def test_without_findings_there_is_nothing_to_say() -> None:
    assert not FindingsList([])
    assert drawn(FindingsList([])) == ""
