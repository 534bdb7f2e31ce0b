"""What is read from an INVITE and from the 2xx to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tqdecrypt.calls.fields import split_values
from tqdecrypt.sip.address import parameter, uri_of
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Flow, Message

__all__ = ["InviteFacts", "ViaHop", "facts_of", "seconds_of", "short_uri"]

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
_via_hops: dict[tuple[bytes, bytes, bytes], ViaHop] = {}
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
        "from_tag",
        "from_uri",
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
        "to_tag",
        "to_uri",
        "user_agent",
        "via",
    )

    time: int
    frame: int
    flow: Flow
    cseq: int
    request_uri: str
    """Empty in the facts of a 2xx."""
    from_uri: str
    from_tag: str
    to_uri: str
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


def facts_of(
    message: Message,
    fields: Mapping[bytes, bytes],
    tags: tuple[str, str],
    correlation: Sequence[tuple[bytes, str]] = (),
) -> InviteFacts:
    """Return what the analysis keeps of *message*.

    :param fields: its header fields, as :func:`~tqdecrypt.calls.fields.fields_of` finds them.
    :param tags: of From and To.
    :param correlation: names of further header fields, each as its key in lower case and as the
        user wrote it.
    """
    get = fields.get
    facts = InviteFacts()
    facts.time, facts.frame, facts.flow = message.time, message.frame, message.flow
    facts.cseq = message.cseq
    facts.request_uri = message.request_uri or ""
    facts.from_uri, facts.to_uri = uri_of(message.from_), uri_of(message.to)
    facts.from_tag, facts.to_tag = tags
    identity = get(b"p-asserted-identity")
    facts.p_asserted_identity = (
        tuple(short_uri(value) for value in split_values(identity)[:MOST_URIS]) if identity else ()
    )
    facts.contact = short_uri(get(b"contact", b""))
    facts.via = tuple(_via(value) for value in split_values(get(b"via", b""))[:MOST_VIAS])
    routes = get(b"record-route")
    facts.record_routes = len(split_values(routes)) if routes else 0
    session_id = get(b"session-id")
    facts.session_id = _session_id(session_id) if session_id else ()
    charging = get(b"p-charging-vector")
    facts.icid = _short(parameter(b";" + charging, b"icid-value").strip(b'"')) if charging else ""
    facts.supported = _tags(get(b"supported"))
    facts.require = _tags(get(b"require"))
    facts.session_expires = seconds_of(get(b"session-expires"))
    first, second = (b"user-agent", b"server")
    if message.status is not None:
        first, second = second, first
    facts.user_agent = _product(get(first) or get(second) or b"")
    hops = get(b"max-forwards", b"")
    facts.max_forwards = int(hops) if hops.isdigit() and len(hops) < 6 else None
    facts.replaces = _short(get(b"replaces", b""))
    referred_by = get(b"referred-by")
    facts.referred_by = short_uri(referred_by) if referred_by else ""
    facts.diversion = _diversion(get(b"diversion"), get(b"history-info"))
    facts.correlation = _NOTHING
    if correlation:
        found = {name: _short(fields[key]) for key, name in correlation if key in fields}
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


def _via(value: bytes) -> ViaHop:
    """Return one value of Via; sent-by is the word behind ``SIP/2.0/TLS``."""
    front = value.partition(b";")[0]
    lower = value.lower()
    if b"rport" in lower or b"received" in lower:
        key = front, parameter(value, b"received"), parameter(value, b"rport")
    else:
        key = front, b"", b""
    hop = _via_hops.get(key)
    if hop is None:
        if len(_via_hops) >= MOST_SHARED_VIAS:
            _via_hops.clear()
        words = front.split()
        sent_by = text(words[-1][:MOST_TEXT]) if len(words) > 1 else ""
        hop = ViaHop(sent_by, _short(key[1]), _short(key[2]))
        if len(front) <= MOST_TEXT:
            _via_hops[key] = hop
    return hop


def _session_id(value: bytes) -> tuple[str, ...]:
    local = _short(value.partition(b";")[0].strip())
    remote = _short(parameter(value, b"remote"))
    return (local, remote) if remote else (local,)


def _product(value: bytes) -> str:
    name = _products.get(value)
    if name is None:
        if len(_products) >= MOST_TAGS:
            _products.clear()
        name = _products[value[:MOST_TEXT]] = _short(value)
    return name


def _tags(value: bytes | None) -> tuple[str, ...]:
    if not value:
        return ()
    tags = _option_tags.get(value)
    if tags is None:
        if len(_option_tags) >= MOST_TAGS:
            _option_tags.clear()
        tags = tuple(tag.lower() for tag in _short(value).replace(",", " ").split())
        _option_tags[value[:MOST_TEXT]] = tags
    return tags


def _diversion(diversion: bytes | None, history: bytes | None) -> str:
    if diversion:
        return short_uri(split_values(diversion)[0]) if split_values(diversion) else ""
    entries = split_values(history) if history else []
    return short_uri(entries[-2]) if len(entries) > 1 else ""


def _short(value: bytes) -> str:
    return text(value[:MOST_TEXT])
