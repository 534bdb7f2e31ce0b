"""What is read from an INVITE and from the 2xx to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tqdecrypt.calls.fields import FieldNames, split_values
from tqdecrypt.sip.address import parameter, uri_of
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Flow, Message

__all__ = ["FactFields", "InviteFacts", "ViaHop", "facts_of", "seconds_of", "short_uri"]

MOST_URIS = 8
"""P-Asserted-Identity has two at most (RFC 3325 section 9.1); peers may send more."""
MOST_VIAS = 32
MOST_SHARED_VIAS = 1 << 14
"""Values of Via, without branch, that are remembered: those of the same elements, all the time."""
MOST_TAGS = 4096
"""Lists of option tags and names of products remembered: the same few, all the time; a full table
is emptied."""
MOST_TEXT = 512
"""Longest value that is kept whole: headers of 64 kB shall not fill the memory."""

_NOTHING: Mapping[str, str] = {}
_via_hops: dict[bytes, tuple[ViaHop, ...]] = {}
_products: dict[bytes, str] = {}
_option_tags: dict[bytes, tuple[str, ...]] = {}


class ViaHop(NamedTuple):
    """One value of Via (RFC 3261 section 20.42)."""

    sent_by: str
    """``host:port`` or ``host`` as it stands."""
    received: str
    """Address that the next hop saw it come from; empty when not told."""
    rport: str
    """Port that it saw (RFC 3581); empty when not told."""


class InviteFacts:
    """What an INVITE, or the 2xx to it, says about the call.  Text fields are empty when missing."""

    __slots__ = (
        "contact",
        "correlation",
        "cseq",
        "diversion",
        "flow",
        "frame",
        "from_",
        "from_tag",
        "icid",
        "max_forwards",
        "p_asserted_identity",
        "record_routes",
        "referred_by",
        "replaces",
        "request_uri",
        "require",
        "session_expires",
        "session_id",
        "supported",
        "time",
        "to",
        "to_tag",
        "user_agent",
        "via",
    )

    time: int
    frame: int
    flow: Flow
    cseq: int
    request_uri: str
    """Empty in the facts of a 2xx."""
    from_: bytes
    """Value of From, whole."""
    from_tag: str
    to: bytes
    """Value of To, whole."""
    to_tag: str
    p_asserted_identity: tuple[str, ...]
    """URIs of P-Asserted-Identity (RFC 3325): a ``sip`` and a ``tel`` one at most."""
    contact: str
    """URI of Contact."""
    via: tuple[ViaHop, ...]
    """Topmost first."""
    record_routes: int
    """How many values Record-Route has."""
    session_id: tuple[str, ...]
    """UUIDs of Session-ID (RFC 7989): the sender's, then that of the other side (``remote``)."""
    icid: str
    """icid-value of P-Charging-Vector (RFC 7315)."""
    supported: tuple[str, ...]
    """Option tags of Supported, in lower case."""
    require: tuple[str, ...]
    """Option tags of Require, in lower case."""
    session_expires: int | None
    """Seconds of Session-Expires (RFC 4028)."""
    user_agent: str
    """User-Agent of a request, Server of a response (or the other where the one is missing)."""
    max_forwards: int | None
    replaces: str
    """Value of Replaces (RFC 3891)."""
    referred_by: str
    """URI of Referred-By (RFC 3892)."""
    diversion: str
    """URI of the topmost Diversion (RFC 5806), or of the last History-Info entry but one (RFC 7044)."""
    correlation: Mapping[str, str]
    """Configured header fields that were there, under the names as they were configured."""

    @property
    def from_uri(self) -> str:
        """URI of From."""
        return uri_of(self.from_)

    @property
    def to_uri(self) -> str:
        """URI of To."""
        return uri_of(self.to)


class FactFields:
    """Which header fields the facts are read from.

    :param correlation: names of further header fields, as the user wrote them.
    """

    __slots__ = ("correlation", "names")

    def __init__(self, correlation: Iterable[str] = ()) -> None:
        self.correlation = tuple(
            (name.strip().lower().encode("utf-8", "replace"), name) for name in correlation
        )
        self.names = FieldNames(frozenset(_READERS) | {key for key, _ in self.correlation})


def facts_of(
    message: Message,
    fields: Mapping[bytes, bytes],
    tags: tuple[str, str],
    wanted: FactFields,
) -> InviteFacts:
    """Return what the analysis keeps of *message*.

    :param fields: its header fields, those of *wanted* at least.
    :param tags: of From and To.
    """
    facts = InviteFacts()
    facts.time, facts.frame, facts.flow = message.time, message.frame, message.flow
    facts.cseq = message.cseq
    facts.request_uri = message.request_uri or ""
    facts.from_, facts.to = message.from_, message.to
    facts.from_tag, facts.to_tag = tags
    facts.via = facts.p_asserted_identity = facts.session_id = facts.supported = facts.require = ()
    facts.contact = facts.icid = facts.user_agent = facts.replaces = facts.referred_by = ""
    facts.diversion = ""
    facts.session_expires = facts.max_forwards = None
    facts.record_routes = 0
    facts.correlation = _NOTHING
    for key, value in fields.items():
        read = _READERS.get(key)
        if read is not None:
            read(facts, value)
    if message.status is not None and b"server" in fields:
        facts.user_agent = _product(fields[b"server"])
    if wanted.correlation:
        found = {name: _short(fields[key]) for key, name in wanted.correlation if key in fields}
        facts.correlation = found or _NOTHING
    return facts


def short_uri(value: bytes) -> str:
    """Return the URI of a header value, as much of it as is kept."""
    if value[:1] == b"<":  # so do most, and no quoted name can hold brackets then
        end = value.find(b">")
        if end > 0:
            return text(value[1:end].strip())[:MOST_TEXT]
    return uri_of(value)[:MOST_TEXT]


def seconds_of(value: bytes | None) -> int | None:
    """Return the number in front of the parameters of Session-Expires or Expires."""
    if not value:
        return None
    digits = value.partition(b";")[0].strip()
    return int(digits) if digits.isdigit() and len(digits) <= 10 else None


def _short(value: bytes) -> str:
    return text(value[:MOST_TEXT])


def _vias(value: bytes) -> tuple[ViaHop, ...]:
    """Return the values of Via; calls share those that differ in the branch only."""
    if b"," in value or b'"' in value:
        return tuple(map(_via, split_values(value)[:MOST_VIAS]))
    key = value
    at = value.find(b";branch=")
    if at >= 0:
        end = value.find(b";", at + 1)
        key = value[:at] if end < 0 else value[:at] + value[end:]
    hops = _via_hops.get(key)
    if hops is None:
        hops = (_via(value),) if value else ()
        if len(_via_hops) >= MOST_SHARED_VIAS:
            _via_hops.clear()
        if len(key) <= MOST_TEXT:
            _via_hops[key] = hops
    return hops


def _via(value: bytes) -> ViaHop:
    """Return one value of Via; sent-by is the word behind ``SIP/2.0/TLS``."""
    words = value.partition(b";")[0].split()
    sent_by = text(words[-1][:MOST_TEXT]) if len(words) > 1 else ""
    return ViaHop(
        sent_by, _short(parameter(value, b"received")), _short(parameter(value, b"rport"))
    )


def _product(value: bytes) -> str:
    name = _products.get(value)
    if name is None:
        if len(_products) >= MOST_TAGS:
            _products.clear()
        name = _products[value[:MOST_TEXT]] = _short(value)
    return name


def _tags(value: bytes) -> tuple[str, ...]:
    tags = _option_tags.get(value)
    if tags is None:
        if len(_option_tags) >= MOST_TAGS:
            _option_tags.clear()
        tags = tuple(tag.lower() for tag in _short(value).replace(",", " ").split())
        _option_tags[value[:MOST_TEXT]] = tags
    return tags


def _read_identity(facts: InviteFacts, value: bytes) -> None:
    facts.p_asserted_identity = tuple(map(short_uri, split_values(value)[:MOST_URIS]))


def _read_contact(facts: InviteFacts, value: bytes) -> None:
    facts.contact = short_uri(value)


def _read_via(facts: InviteFacts, value: bytes) -> None:
    facts.via = _vias(value)


def _read_record_route(facts: InviteFacts, value: bytes) -> None:
    facts.record_routes = len(split_values(value)) if b"," in value else int(bool(value))


def _read_session_id(facts: InviteFacts, value: bytes) -> None:
    local = _short(value.partition(b";")[0].strip())
    remote = _short(parameter(value, b"remote"))
    facts.session_id = (local, remote) if remote else (local,)


def _read_charging(facts: InviteFacts, value: bytes) -> None:
    facts.icid = _short(parameter(b";" + value, b"icid-value").strip(b'"'))


def _read_supported(facts: InviteFacts, value: bytes) -> None:
    facts.supported = _tags(value)


def _read_require(facts: InviteFacts, value: bytes) -> None:
    facts.require = _tags(value)


def _read_session_expires(facts: InviteFacts, value: bytes) -> None:
    facts.session_expires = seconds_of(value)


def _read_user_agent(facts: InviteFacts, value: bytes) -> None:
    facts.user_agent = _product(value)


def _read_server(facts: InviteFacts, value: bytes) -> None:
    facts.user_agent = facts.user_agent or _product(value)


def _read_max_forwards(facts: InviteFacts, value: bytes) -> None:
    facts.max_forwards = int(value) if value.isdigit() and len(value) < 6 else None


def _read_replaces(facts: InviteFacts, value: bytes) -> None:
    facts.replaces = _short(value)


def _read_referred_by(facts: InviteFacts, value: bytes) -> None:
    facts.referred_by = short_uri(value)


def _read_diversion(facts: InviteFacts, value: bytes) -> None:
    entries = split_values(value)
    facts.diversion = short_uri(entries[0]) if entries else facts.diversion


def _read_history(facts: InviteFacts, value: bytes) -> None:
    entries = split_values(value)
    if len(entries) > 1 and not facts.diversion:
        facts.diversion = short_uri(entries[-2])


_READERS = {
    b"p-asserted-identity": _read_identity,
    b"contact": _read_contact,
    b"via": _read_via,
    b"record-route": _read_record_route,
    b"session-id": _read_session_id,
    b"p-charging-vector": _read_charging,
    b"supported": _read_supported,
    b"require": _read_require,
    b"session-expires": _read_session_expires,
    b"user-agent": _read_user_agent,
    b"server": _read_server,
    b"max-forwards": _read_max_forwards,
    b"replaces": _read_replaces,
    b"referred-by": _read_referred_by,
    b"diversion": _read_diversion,
    b"history-info": _read_history,
}
"""One a field, so that those that are missing cost nothing."""
