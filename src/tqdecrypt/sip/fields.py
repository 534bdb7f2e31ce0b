"""Which header field is read by which reader."""

from __future__ import annotations

from collections.abc import Callable

from tqdecrypt.sip.lexical import read_tokens
from tqdecrypt.sip.places import read_address, read_addresses, read_contacts, read_uris, read_vias
from tqdecrypt.sip.problems import Note
from tqdecrypt.sip.values import (
    read_charging_vector,
    read_credentials,
    read_cseq,
    read_date,
    read_max_forwards,
    read_media_type,
    read_named,
    read_named_list,
    read_rack,
    read_replaces,
    read_retry_after,
    read_rseq,
    read_seconds,
    read_session_id,
    read_warnings,
)

__all__ = ["READERS", "STANDS_ONCE", "Reader"]

Reader = Callable[[str, Note], tuple[object, ...]]
"""Takes the unfolded value of one field; returns the values in it."""

READERS: dict[str, Reader] = {
    "alert-info": read_uris,
    "allow": read_tokens,
    "allow-events": read_tokens,
    "authorization": read_credentials,
    "call-info": read_uris,
    "contact": read_contacts,
    "content-disposition": read_named,
    "content-type": read_media_type,
    "cseq": read_cseq,
    "date": read_date,
    "diversion": read_addresses,
    "error-info": read_uris,
    "event": read_named,
    "expires": read_seconds,
    "from": read_address,
    "history-info": read_addresses,
    "join": read_replaces,
    "max-forwards": read_max_forwards,
    "min-expires": read_seconds,
    "min-se": read_seconds,
    "p-asserted-identity": read_addresses,
    "p-associated-uri": read_addresses,
    "p-called-party-id": read_address,
    "p-charging-vector": read_charging_vector,
    "p-preferred-identity": read_addresses,
    "p-served-user": read_address,
    "path": read_addresses,
    "proxy-authenticate": read_credentials,
    "proxy-authorization": read_credentials,
    "proxy-require": read_tokens,
    "rack": read_rack,
    "reason": read_named_list,
    "record-route": read_addresses,
    "refer-to": read_address,
    "referred-by": read_address,
    "remote-party-id": read_addresses,
    "replaces": read_replaces,
    "reply-to": read_address,
    "require": read_tokens,
    "retry-after": read_retry_after,
    "route": read_addresses,
    "rseq": read_rseq,
    "service-route": read_addresses,
    "session-expires": read_seconds,
    "session-id": read_session_id,
    "subscription-state": read_named,
    "supported": read_tokens,
    "to": read_address,
    "unsupported": read_tokens,
    "via": read_vias,
    "warning": read_warnings,
    "www-authenticate": read_credentials,
}
"""Key of a field (lower case, long form) → its reader.  Others are text."""

STANDS_ONCE = frozenset(
    {
        *("call-id", "content-disposition", "content-length", "content-type", "cseq", "date"),
        *("event", "expires", "from", "max-forwards", "mime-version", "min-expires", "min-se"),
        *(
            "p-charging-vector",
            "rack",
            "refer-to",
            "referred-by",
            "replaces",
            "retry-after",
            "rseq",
        ),
        *("server", "session-expires", "session-id", "sip-etag", "sip-if-match", "subject"),
        *("subscription-state", "to", "user-agent"),
    }
)
"""Fields that have one value only, and so stand on one line only."""
