"""The answer of "what if" as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable

from tqdecrypt.insight.what_if import Forecast, ServerAnswer, WhatIf
from tqdecrypt.insight.what_if.given_up import (
    forward_secrecy_lost,
    given_up,
    other_ways,
    whose_list,
)
from tqdecrypt.tls.cipher_lists import written
from tqdecrypt.tls.constants import VERSION_NAMES
from tqdecrypt.tls.negotiation import Agreement, ServerSettings
from tqdecrypt.tls.suites import suite_name

__all__ = ["what_if_object"]


def what_if_object(answer: WhatIf, spelling: str = "openssl") -> dict[str, object]:
    """Return what ``json.dumps`` takes.

    :param spelling: how lists are written in ``list``; ``suites`` has IANA's names.
    """
    ciphers = answer.wish.ciphers
    return {
        "type": "what_if",
        "ciphers": None if ciphers is None else ciphers.text,
        "suites": None if ciphers is None else _names((*ciphers.tls13_suites, *ciphers.suites)),
        "security_level": None if ciphers is None else ciphers.security_level,
        "left_out": list(answer.notes),
        "servers": [_server(one, spelling) for one in answer.servers],
        "counters": dict(answer.counters),
    }


def _server(answer: ServerAnswer, spelling: str) -> dict[str, object]:
    proposal = answer.proposal
    return {
        "server": answer.server.endpoint,
        "whose": answer.whose.value,
        "whose_list": whose_list(answer),
        "product": answer.product,
        "sessions": answer.server.sessions,
        "sessions_without_offer": answer.server.without_offer,
        "keys": [facts.key for facts in answer.server.certificates.values()],
        "settings": _settings(answer.settings, spelling),
        "assumptions": list(answer.assumptions),
        "clients": [_forecast(one) for one in answer.forecasts],
        "forward_secrecy_lost": forward_secrecy_lost(answer),
        "given_up": list(given_up(answer)),
        "proposal": None
        if proposal is None
        else {
            "changes": [
                {
                    "change": edit.kind.name.lower(),
                    "suite": suite_name(edit.suite) if edit.suite else None,
                    "sentence": str(edit),
                }
                for edit in proposal.edits
            ],
            "smallest": proposal.smallest,
            "settings": _settings(proposal.settings, spelling),
            "clients": [_forecast(one) for one in answer.after],
            "other_ways": list(other_ways(answer)),
        },
    }


def _settings(settings: ServerSettings, spelling: str) -> dict[str, object]:
    return {
        "versions": [VERSION_NAMES[one] for one in sorted(settings.versions)],
        "order": "server" if settings.server_order else "client",
        "suites": _names(settings.suites),
        "tls13_suites": _names(settings.tls13_suites) if settings.tls13 else [],
        "list": written(settings.suites, spelling),
    }


def _forecast(one: Forecast) -> dict[str, object]:
    seen, result = one.seen, one.result
    today = seen.today
    agreed = isinstance(result, Agreement)
    return {
        "client": seen.client,
        "trunk": one.trunk,
        "product": one.product,
        "sessions": seen.sessions,
        "connected": seen.connected,
        "failed": seen.failed,
        "decrypted": seen.clear,
        "first_session": seen.first_session,
        "first_frame": seen.first_frame,
        "offered_versions": [VERSION_NAMES.get(v, f"0x{v:04X}") for v in seen.offer.versions],
        "offered_suites": _names(seen.offer.suites),
        "now": None if today is None else {"version": today[0], "cipher_suite": today[1]},
        "then": {"version": VERSION_NAMES[result.version], "cipher_suite": result.suite.name}
        if isinstance(result, Agreement)
        else None,
        "failure": None if agreed else result.name.lower(),  # type: ignore[union-attr]
        "outcome": one.outcome.value,
        "by_the_other_order": None if one.otherwise is None else one.otherwise.value,
        "why": one.why,
    }


def _names(numbers: Iterable[int]) -> list[str]:
    return [suite_name(number) for number in numbers]
