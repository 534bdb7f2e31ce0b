"""Names of what hellos list: extensions, groups, signature schemes, kinds of certificates (IANA).

Nothing here is needed to decrypt; it is for who wants to read a handshake.
"""

from __future__ import annotations

from tqdecrypt.tls.suites import is_grease

__all__ = ["certificate_type_name", "extension_name", "group_name", "signature_scheme_name"]

EXTENSION_NAMES: dict[int, str] = {
    0: "server_name",
    1: "max_fragment_length",
    2: "client_certificate_url",
    3: "trusted_ca_keys",
    4: "truncated_hmac",
    5: "status_request",
    6: "user_mapping",
    7: "client_authz",
    8: "server_authz",
    9: "cert_type",
    10: "supported_groups",
    11: "ec_point_formats",
    12: "srp",
    13: "signature_algorithms",
    14: "use_srtp",
    15: "heartbeat",
    16: "application_layer_protocol_negotiation",
    17: "status_request_v2",
    18: "signed_certificate_timestamp",
    19: "client_certificate_type",
    20: "server_certificate_type",
    21: "padding",
    22: "encrypt_then_mac",
    23: "extended_master_secret",
    24: "token_binding",
    25: "cached_info",
    26: "tls_lts",
    27: "compress_certificate",
    28: "record_size_limit",
    29: "pwd_protect",
    30: "pwd_clear",
    31: "password_salt",
    32: "ticket_pinning",
    33: "tls_cert_with_extern_psk",
    34: "delegated_credential",
    35: "session_ticket",
    36: "TLMSP",
    37: "TLMSP_proxying",
    38: "TLMSP_delegate",
    39: "supported_ekt_ciphers",
    41: "pre_shared_key",
    42: "early_data",
    43: "supported_versions",
    44: "cookie",
    45: "psk_key_exchange_modes",
    47: "certificate_authorities",
    48: "oid_filters",
    49: "post_handshake_auth",
    50: "signature_algorithms_cert",
    51: "key_share",
    52: "transparency_info",
    53: "connection_id (deprecated)",
    54: "connection_id",
    55: "external_id_hash",
    56: "external_session_id",
    57: "quic_transport_parameters",
    58: "ticket_request",
    59: "dnssec_chain",
    60: "sequence_number_encryption_algorithms",
    61: "rrc",
    13172: "next_protocol_negotiation",
    17513: "application_settings (draft)",
    17613: "application_settings",
    30032: "channel_id",
    65037: "encrypted_client_hello",
    65281: "renegotiation_info",
    65486: "encrypted_server_name",
}
"""IANA registry "TLS ExtensionType Values", and those that browsers used before there was a number."""

_SECT = "163k1 163r1 163r2 193r1 193r2 233k1 233r1 239k1 283k1 283r1 409k1 409r1 571k1 571r1"
_SECP = "160k1 160r1 160r2 192k1 192r1 224k1 224r1 256k1 256r1 384r1 521r1"
GROUP_NAMES: dict[int, str] = {
    **{number: f"sect{name}" for number, name in enumerate(_SECT.split(), 1)},
    **{number: f"secp{name}" for number, name in enumerate(_SECP.split(), 15)},
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    29: "x25519",
    30: "x448",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
    34: "GC256A",
    35: "GC256B",
    36: "GC256C",
    37: "GC256D",
    38: "GC512A",
    39: "GC512B",
    40: "GC512C",
    41: "curveSM2",
    256: "ffdhe2048",
    257: "ffdhe3072",
    258: "ffdhe4096",
    259: "ffdhe6144",
    260: "ffdhe8192",
    512: "MLKEM512",
    513: "MLKEM768",
    514: "MLKEM1024",
    4587: "SecP256r1MLKEM768",
    4588: "X25519MLKEM768",
    4589: "SecP384r1MLKEM1024",
    25497: "X25519Kyber768Draft00",
    65281: "arbitrary_explicit_prime_curves",
    65282: "arbitrary_explicit_char2_curves",
}
"""IANA registry "TLS Supported Groups"."""

SCHEME_NAMES: dict[int, str] = {
    0x0201: "rsa_pkcs1_sha1",
    0x0203: "ecdsa_sha1",
    0x0401: "rsa_pkcs1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0708: "sm2sig_sm3",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}
"""IANA registry "TLS SignatureScheme"."""
_HASHES = ("none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_SIGNATURES = ("anonymous", "rsa", "dsa", "ecdsa")
"""RFC 5246 section 7.4.1.4.1: the two halves of what became one number."""

_CERTIFICATE_TYPES: dict[int, str] = {
    1: "rsa_sign",
    2: "dss_sign",
    3: "rsa_fixed_dh",
    4: "dss_fixed_dh",
    5: "rsa_ephemeral_dh",
    6: "dss_ephemeral_dh",
    20: "fortezza_dms",
    64: "ecdsa_sign",
    65: "rsa_fixed_ecdh",
    66: "ecdsa_fixed_ecdh",
    67: "gost_sign256",
    68: "gost_sign512",
}
"""IANA registry "TLS ClientCertificateType Identifiers"."""


def _named(names: dict[int, str], number: int) -> str:
    if is_grease(number):
        return "GREASE"
    return names.get(number) or f"0x{number:04X}"


def extension_name(number: int) -> str:
    """Return the registry's name of an extension, or its number in hexadecimal."""
    return _named(EXTENSION_NAMES, number)


def group_name(number: int) -> str:
    """Return the name of a curve or a finite-field group."""
    return _named(GROUP_NAMES, number)


def signature_scheme_name(number: int) -> str:
    """Return the name of a signature scheme; those of TLS 1.2 alone are put together (``dsa_sha1``)."""
    known = SCHEME_NAMES.get(number)
    digest, signature = number >> 8, number & 0xFF
    if known is None and digest < len(_HASHES) and signature < len(_SIGNATURES):
        return f"{_SIGNATURES[signature]}_{_HASHES[digest]}"
    return known or _named({}, number)


def certificate_type_name(number: int) -> str:
    """Return what kind of certificate a CertificateRequest wants."""
    return _CERTIFICATE_TYPES.get(number) or f"0x{number:02X}"
