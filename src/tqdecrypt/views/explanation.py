"""One TLS session explained, before it is drawn: sections of blocks, without width, colour or clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tqdecrypt.explain import Derived, Explanation, Fact, Need, OfferedSuite, Phase, Step
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views.theme import Tone
from tqdecrypt.views.words import count, date_of, time_of_day

__all__ = [
    "Arrow",
    "Block",
    "Bullet",
    "Facts",
    "Page",
    "Paragraph",
    "Phases",
    "Secret",
    "Section",
    "Suites",
    "lay_out_explanation",
]

SUITE_LETTERS = {
    "RSA": "R",
    "forward secret": "F",
    "TLS 1.3": "3",
    "PSK": "P",
    "static": "S",
    "signal": " ",
    "unknown": "?",
}
"""What stands in front of an offered suite; told below the list."""
SUITE_TONES: dict[str, Tone] = {"RSA": "good", "signal": "dim", "unknown": "dim"}
_LEGEND = {
    "R": "R: RSA key exchange, the server's key opens it",
    "F": "F: forward secret, no key does",
    "3": "3: TLS 1.3, no key does",
    "P": "P: pre-shared key",
    "S": "S: static Diffie-Hellman, the server's key opens it",
    "?": "?: unknown here",
}
_SIDES = {
    "server": "Whose configuration has to change: the server's, {server}.",
    "client": "Whose configuration has to change: the client's, {client}.",
    "observer": "What has to change is on your side: keys, capture point or capture options.",
}


class Paragraph(NamedTuple):
    """Text that is wrapped."""

    text: str
    tone: Tone = "plain"


class Arrow(NamedTuple):
    """A step between the two lanes."""

    step: Step
    label: str
    to_right: bool | None
    """``None``: it has no direction."""
    dashed: bool
    """Whether it could not be read."""
    tone: Tone


class Facts(NamedTuple):
    """Names with values."""

    facts: tuple[Fact, ...]


class Suites(NamedTuple):
    """Offered cipher suites in the client's order."""

    suites: tuple[OfferedSuite, ...]

    @property
    def legend(self) -> str:
        """What the letters mean, of those that occur."""
        letters = dict.fromkeys(SUITE_LETTERS[suite.kind] for suite in self.suites)
        return "; ".join(_LEGEND[letter] for letter in letters if letter in _LEGEND)


class Phases(NamedTuple):
    """Where the time went."""

    phases: tuple[Phase, ...]


class Secret(NamedTuple):
    """One secret of a derivation."""

    derived: Derived

    @property
    def tone(self) -> Tone:
        """How it looks."""
        return "plain" if self.derived.public else "good" if self.derived.known else "bad"


class Bullet(NamedTuple):
    """A sentence of a list, and what is to be copied word for word."""

    text: str
    sign: str
    """``tick``, ``cross``, ``to`` or ``separator``: the glyph in front of it."""
    tone: Tone = "plain"
    literally: str = ""


Block = Paragraph | Arrow | Facts | Suites | Phases | Secret | Bullet


class Section(NamedTuple):
    """Blocks under a title."""

    title: str
    blocks: tuple[Block, ...]


class Page(NamedTuple):
    """Everything that is shown."""

    title: str
    subtitle: str
    verdict: Verdict
    why: str
    client: str
    server: str
    sections: tuple[Section, ...]


def lay_out_explanation(explanation: Explanation) -> Page:
    """Return the page of one session."""
    report = explanation.report
    session = [report.version or "", report.cipher_suite or ""]
    described = " ".join(filter(None, session)) or "no ServerHello seen"
    if report.resumed != "no":
        described += f", resumed ({report.resumed})"
    started = explanation.started
    return Page(
        f"TLS session {report.session}",
        f"{described}; {date_of(started)} {time_of_day(started, 6)} UTC",
        report.verdict,
        report.why,
        report.client,
        report.server,
        tuple(section for section in _sections(explanation) if section.blocks),
    )


def _sections(explanation: Explanation) -> Iterator[Section]:
    yield Section("What happened", tuple(_steps(explanation.steps)))
    yield Section("Where the time went", tuple(_phases(explanation.phases)))
    for number, derivation in enumerate(explanation.derivations, 1):
        several = len(explanation.derivations) > 1
        which = f", handshake {number}" if several else ""
        yield Section(
            f"From the key exchange to the keys{which}",
            tuple(_secrets(derivation, shown=explanation.secrets_shown)),
        )
    yield Section("What opens it", tuple(_needs(explanation)))
    yield Section(
        "What else was seen",
        tuple(Bullet(note, "separator", "notice") for note in explanation.notes),
    )


def _steps(steps: Sequence[Step]) -> Iterator[Block]:
    if not steps:
        return
    yield Paragraph(
        "Seconds since the first packet; seconds since the step before, and the side that took them; frame. "
        "The way from the capture point to a side and back is in that side's time.",
        "dim",
    )
    handshake = 1
    for step in steps:
        if step.handshake > handshake and not step.data:
            handshake = step.handshake
            yield Paragraph(f"Handshake {handshake} of this session", "strong")
        to_right = None if step.sender == "nobody" else step.sender == "client"
        yield Arrow(step, _label(step), to_right, not step.readable, step.look)
        yield Paragraph(step.says)
        if step.suites:
            yield Suites(step.suites)
        if step.facts:
            yield Facts(step.facts)


def _label(step: Step) -> str:
    if step.encrypted and step.readable and not step.data:
        return f"{step.name} (was encrypted)"
    return step.name


def _phases(phases: Sequence[Phase]) -> Iterator[Block]:
    if phases:
        yield Phases(tuple(phases))


def _secrets(derivation: Sequence[Derived], *, shown: bool) -> Iterator[Block]:
    if not derivation:
        return
    if shown:
        yield Paragraph(
            "Secrets are shown as they are, in hexadecimal: whoever sees this page opens the session.",
            "notice",
        )
    else:
        yield Paragraph(
            "Each secret is made of those above it. Of a secret that is known stands the beginning of its "
            "SHA-256: enough to compare it, not to use it (--show-secrets shows secrets).",
            "dim",
        )
    for derived in derivation:
        yield Secret(derived)


def _needs(explanation: Explanation) -> Iterator[Block]:
    report = explanation.report
    opened = any(need.given for need in explanation.needs)
    if opened:
        yield Paragraph("What opens this session; the mark says what did:", "strong")
    elif explanation.needs:
        one = len(explanation.needs) == 1
        yield Paragraph(f"To open this session{', it takes' if one else ', one of'}:", "strong")
    for need in explanation.needs:
        yield _bullet(need, opened)
    if explanation.useless:
        yield Paragraph("What does not help:", "strong")
        for sentence in explanation.useless:
            yield Bullet(sentence, "separator")
    side = _SIDES.get(report.side, "")
    if report.advice:
        yield Paragraph("What to do:", "strong")
        if side and not MEANINGS[report.verdict].clear:
            yield Paragraph(side.format(client=report.client, server=report.server))
    for sentence in report.advice:
        yield Bullet(sentence, "to")


def _bullet(need: Need, opened: bool) -> Bullet:
    if need.given:
        return Bullet(need.what, "tick", "good", need.literally)
    sign = "separator" if opened else "cross"
    return Bullet(need.what, sign, "plain", need.literally)


def length_of(derived: Derived) -> str:
    """Return ``48 bytes``; of what cannot be told, nothing."""
    return "" if derived.length is None else count(derived.length, "byte")
