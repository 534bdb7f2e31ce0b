"""Numbers of the TLS registries (IANA), under the names that the specifications give them."""

from __future__ import annotations

import enum

__all__ = [
    "VERSION_NAMES",
    "AlertDescription",
    "ContentType",
    "ExtensionType",
    "HandshakeType",
    "Version",
]


class ContentType(enum.IntEnum):
    """RFC 8446 section 5.1, RFC 5246 section 6.2.1, RFC 6520."""

    change_cipher_spec = 20
    alert = 21
    handshake = 22
    application_data = 23
    heartbeat = 24


class HandshakeType(enum.IntEnum):
    """RFC 8446 section 4, RFC 5246 section 7.4, and their extensions."""

    hello_request = 0
    client_hello = 1
    server_hello = 2
    hello_verify_request = 3
    new_session_ticket = 4
    end_of_early_data = 5
    encrypted_extensions = 8
    certificate = 11
    server_key_exchange = 12
    certificate_request = 13
    server_hello_done = 14
    certificate_verify = 15
    client_key_exchange = 16
    finished = 20
    certificate_url = 21
    certificate_status = 22
    supplemental_data = 23
    key_update = 24
    compressed_certificate = 25
    next_protocol = 67
    message_hash = 254


class Version(enum.IntEnum):
    """``ProtocolVersion`` as it stands on the wire."""

    SSL3 = 0x0300
    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304
    DTLS10 = 0xFEFF
    DTLS12 = 0xFEFD
    DTLS13 = 0xFEFC


VERSION_NAMES: dict[int, str] = {
    Version.SSL3: "SSL 3.0",
    Version.TLS10: "TLS 1.0",
    Version.TLS11: "TLS 1.1",
    Version.TLS12: "TLS 1.2",
    Version.TLS13: "TLS 1.3",
    Version.DTLS10: "DTLS 1.0",
    Version.DTLS12: "DTLS 1.2",
    Version.DTLS13: "DTLS 1.3",
}


class ExtensionType(enum.IntEnum):
    """The hello extensions that matter here."""

    server_name = 0
    max_fragment_length = 1
    supported_groups = 10
    signature_algorithms = 13
    use_srtp = 14
    application_layer_protocol_negotiation = 16
    encrypt_then_mac = 22
    extended_master_secret = 23
    record_size_limit = 28
    session_ticket = 35
    pre_shared_key = 41
    early_data = 42
    supported_versions = 43
    cookie = 44
    psk_key_exchange_modes = 45
    certificate_authorities = 47
    key_share = 51
    renegotiation_info = 0xFF01


class AlertDescription(enum.IntEnum):
    """RFC 8446 section 6, and the older ones."""

    close_notify = 0
    end_of_early_data = 1
    unexpected_message = 10
    bad_record_mac = 20
    decryption_failed = 21
    record_overflow = 22
    decompression_failure = 30
    handshake_failure = 40
    no_certificate = 41
    bad_certificate = 42
    unsupported_certificate = 43
    certificate_revoked = 44
    certificate_expired = 45
    certificate_unknown = 46
    illegal_parameter = 47
    unknown_ca = 48
    access_denied = 49
    decode_error = 50
    decrypt_error = 51
    export_restriction = 60
    protocol_version = 70
    insufficient_security = 71
    internal_error = 80
    inappropriate_fallback = 86
    user_canceled = 90
    no_renegotiation = 100
    missing_extension = 109
    unsupported_extension = 110
    certificate_unobtainable = 111
    unrecognized_name = 112
    bad_certificate_status_response = 113
    bad_certificate_hash_value = 114
    unknown_psk_identity = 115
    certificate_required = 116
    no_application_protocol = 120
    ech_required = 121
