"""Names of header fields as the IANA registry spells them."""

from __future__ import annotations

from tqdecrypt.sip.grammar import COMPACT_FORMS

__all__ = ["key_of", "long_name"]

_NAMES = """
Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Additional-Identity
Alert-Info Allow Allow-Events Answer-Mode Attestation-Info Authentication-Info Authorization Call-ID
Call-Info Cellular-Network-Info Contact Content-Disposition Content-Encoding Content-ID
Content-Language Content-Length Content-Type CSeq Date Diversion Error-Info Event Expires Feature-Caps
Flow-Timer From Geolocation Geolocation-Error Geolocation-Routing History-Info Identity Identity-Info
Info-Package In-Reply-To Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization
Origination-Id P-Access-Network-Info P-Answer-State P-Asserted-Identity P-Asserted-Service
P-Associated-URI P-Called-Party-ID P-Charge-Info P-Charging-Function-Addresses P-Charging-Vector
P-DCS-Billing-Info P-DCS-LAES P-DCS-OSPS P-DCS-Redirect P-DCS-Trace-Party-ID P-Early-Media
P-Media-Authorization P-Preferred-Identity P-Preferred-Service P-Private-Network-Indication
P-Profile-Key P-Refused-URI-List P-Served-User P-User-Database P-Visited-Network-ID Path
Permission-Missing Policy-Contact Policy-ID Priority Priority-Share Priority-Verstat Priv-Answer-Mode
Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Reason-Phrase Record-Route
Recv-Info Refer-Events-At Refer-Sub Refer-To Referred-By Reject-Contact Relayed-Charge Remote-Party-ID
Replaces Reply-To Request-Disposition Require Resource-Priority Resource-Share
Response-Source Restoration-Info Retry-After Route RSeq Security-Client Security-Server
Security-Verify Server Service-Interact-Info Service-Route Session-Expires Session-ID SIP-ETag
SIP-If-Match Subject Subscription-State Supported Suppress-If-Match Target-Dialog Timestamp To
Trigger-Consent Unsupported User-Agent User-to-User Via Warning WWW-Authenticate
"""

_LONG_NAMES = {name.lower(): name for name in _NAMES.split()}
_COMPACT = {short.decode(): long.decode() for short, long in COMPACT_FORMS.items()}


def key_of(name: str) -> str:
    """Return what names of fields are compared by: lower case, the long form."""
    if not name.isascii():
        return name  # lower() would make a k of the Kelvin sign
    key = name.lower()
    return _COMPACT.get(key, key)


def long_name(key: str, spelled: str) -> str:
    """Return the registered spelling of the field with *key*, or *spelled* when it has none."""
    return _LONG_NAMES.get(key, spelled)
