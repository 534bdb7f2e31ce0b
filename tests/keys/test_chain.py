"""Chains of certificates whose links are known: real ones, and what others make of them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import certificates
from kit.certificates import Identity
from tqdecrypt.keys import CertificateFacts, Linking, judge_chain, read_certificate


def facts(identity: Identity) -> CertificateFacts:
    return read_certificate(identity.certificate_der())


def leaf() -> Identity:
    return certificates.issue(
        certificates.rsa_key(), ["sip.example.com"], certificates.intermediate()
    )


LEAF = facts(leaf())
BETWEEN = facts(certificates.intermediate())
ROOT = facts(certificates.authority())
STRANGER = facts(certificates.stranger_authority())


@pytest.mark.parametrize(
    ("chain", "linking", "not_sent", "words"),
    [
        ([LEAF, BETWEEN, ROOT], Linking.TO_ROOT, "", "3, root sent"),
        ([LEAF, BETWEEN], Linking.ROOT_NOT_SENT, ROOT.subject, "2, root not sent"),
        ([LEAF], Linking.ROOT_NOT_SENT, BETWEEN.subject, "1, root not sent"),
        ([ROOT], Linking.SELF_SIGNED, "", "1, self-signed"),
        ([LEAF, ROOT, BETWEEN], Linking.OUT_OF_ORDER, "", "3, out of order"),
        (
            [LEAF, ROOT],
            Linking.BROKEN,
            BETWEEN.subject,
            f"2, intermediate missing? {BETWEEN.subject} was not sent",
        ),
        (
            [LEAF, BETWEEN, STRANGER],
            Linking.BROKEN,
            ROOT.subject,
            f"3, intermediate missing? {ROOT.subject} was not sent",
        ),
        # What stands behind a root is of no use, and does no harm.
        ([LEAF, BETWEEN, ROOT, STRANGER], Linking.TO_ROOT, "", "4, root sent"),
    ],
)
def test_how_a_chain_hangs_together(
    chain: list[CertificateFacts], linking: Linking, not_sent: str, words: str
) -> None:
    judged = judge_chain(chain)
    assert (judged.length, judged.linking, judged.not_sent) == (len(chain), linking, not_sent)
    assert str(judged) == words
    assert judged.sound == (linking not in (Linking.BROKEN, Linking.OUT_OF_ORDER))


def test_certificates_that_issue_each_other_end_somewhere() -> None:
    one = replace(LEAF, subject="CN=a", issuer="CN=b")
    other = replace(BETWEEN, subject="CN=b", issuer="CN=a")
    assert judge_chain([one, other]).linking is Linking.ROOT_NOT_SENT
    assert judge_chain([one, other, one]).length == 3


@given(st.lists(st.sampled_from([LEAF, BETWEEN, ROOT, STRANGER]), min_size=1, max_size=8))
def test_every_chain_is_judged(chain: list[CertificateFacts]) -> None:
    judged = judge_chain(chain)
    assert judged.length == len(chain)
    assert bool(judged.not_sent) is (judged.linking in (Linking.ROOT_NOT_SENT, Linking.BROKEN)) or (
        judged.linking is Linking.OUT_OF_ORDER
    )


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("whole", [True, False])
def test_openssl_follows_what_is_sound(tmp_path: Path, whole: bool) -> None:
    """A client that has the root alone can follow a chain exactly when it is called sound."""
    sent = [certificates.intermediate() if whole else certificates.stranger_authority()]
    for name, identities in (
        ("leaf", [leaf()]),
        ("sent", sent),
        ("root", [certificates.authority()]),
    ):
        pem = b"".join(identity.certificate_pem() for identity in identities)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    ran = subprocess.run(
        ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "sent.pem", "leaf.pem"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    judged = judge_chain([LEAF, *map(facts, sent)])
    assert judged.sound is whole is (ran.returncode == 0)
