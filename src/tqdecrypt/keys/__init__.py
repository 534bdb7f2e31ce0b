"""From files to secrets: private keys, key logs, pre-shared keys, and the ring that holds them.

Nothing here imports ``cryptography`` before a key or a certificate is read.
"""

from tqdecrypt.keys.certificate import (
    CertificateFacts,
    read_certificate,
    read_distinguished_name,
)
from tqdecrypt.keys.chain import Chain, Linking, judge_chain
from tqdecrypt.keys.keylog import KeyLog, KeyLogCounters, MalformedLine, TrafficSecret
from tqdecrypt.keys.keylog_file import KeyLogFile
from tqdecrypt.keys.keylog_listener import KeyLogListener
from tqdecrypt.keys.private import LoadedKeys, PrivateKey, load_private_keys
from tqdecrypt.keys.psk import PreSharedKey, parse_psk
from tqdecrypt.keys.ring import KeyRing
from tqdecrypt.keys.store import SecretsStore, StoredSession

__all__ = [
    "CertificateFacts",
    "Chain",
    "KeyLog",
    "KeyLogCounters",
    "KeyLogFile",
    "KeyLogListener",
    "KeyRing",
    "Linking",
    "LoadedKeys",
    "MalformedLine",
    "PreSharedKey",
    "PrivateKey",
    "SecretsStore",
    "StoredSession",
    "TrafficSecret",
    "judge_chain",
    "load_private_keys",
    "parse_psk",
    "read_certificate",
    "read_distinguished_name",
]
