"""Bindings: made, refreshed, run out and taken away (RFC 3261 section 10)."""

from __future__ import annotations

from tqdecrypt.calls import Registration

from .script import MILLISECOND, SECOND, watch

CONTACT = "Contact: <sip:alice@192.0.2.1:5060>"


def the_registration(script: str) -> Registration:
    [registration] = watch(script).registrations
    return registration


class TestBinding:
    def test_with_a_challenge(self) -> None:
        """RFC 3665 section 2.1."""
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT} | Expires: 3600
            registrar -> alice: 401 REGISTER 1
            alice -> registrar: REGISTER 2 | {CONTACT} | Expires: 3600
            registrar -> alice: 200 REGISTER 2 | {CONTACT};expires=600
            """
        )
        assert registration.aor == "sip:bob@example.com"
        assert registration.contact == "sip:alice@192.0.2.1:5060"
        assert registration.registrar == "192.0.2.7:5060"
        assert (registration.attempts, registration.challenges) == (1, 1)
        assert (registration.expires_asked, registration.expires_granted) == (3600, 600)
        assert registration.expires == 40 * MILLISECOND + 600 * SECOND
        [refresh] = registration.refreshes
        assert (refresh.delay, refresh.whole_delay) == (10 * MILLISECOND, 30 * MILLISECOND)
        assert (refresh.challenges, refresh.frame, refresh.granted) == (1, 4, 600)
        assert registration.failures == ()
        assert registration.lapses == ()

    def test_the_header_grants(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT};expires=60
            registrar -> alice: 200 REGISTER 1 | {CONTACT} | Expires: 30
            """
        )
        assert (registration.expires_asked, registration.expires_granted) == (60, 30)

    def test_the_registrar_writes_the_contact_otherwise(self) -> None:
        registration = the_registration(
            """
            alice -> registrar: REGISTER 1 | Contact: <sip:alice@10.0.0.1:5060;ob>
            registrar -> alice: 200 REGISTER 1 | Contact: <sip:alice@198.51.100.1:4711>;expires=60
            """
        )
        assert registration.expires_granted == 60

    def test_several_contacts(self) -> None:
        first, second = watch(
            """
            alice -> registrar: REGISTER 1 | Contact: <sip:a@192.0.2.1>;expires=60, <sip:a@192.0.2.8>;expires=0
            registrar -> alice: 200 REGISTER 1 | Contact: <sip:a@192.0.2.1>;expires=50
            """  # noqa: E501
        ).registrations
        assert (first.expires_granted, first.deregistered) == (50, None)
        assert second.deregistered == 20 * MILLISECOND

    def test_a_query_binds_nothing(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1
            registrar -> alice: 200 REGISTER 1 | {CONTACT};expires=60
            """
        )
        assert registration.contact == ""
        assert registration.expires is None


class TestRefresh:
    def script(self, pause: str) -> str:
        return f"""
            alice -> registrar: REGISTER 1 | {CONTACT} | Expires: 60
            registrar -> alice: 200 REGISTER 1 | {CONTACT};expires=60
            wait {pause}
            alice -> registrar: REGISTER 2 | {CONTACT} | Expires: 60
            registrar -> alice: 200 REGISTER 2 | {CONTACT};expires=60
        """

    def test_in_time(self) -> None:
        registration = the_registration(self.script("50 s"))
        assert registration.attempts == 2
        assert len(registration.refreshes) == 2
        assert registration.intervals.maximum == 50 * SECOND + 20 * MILLISECOND
        assert registration.lapses == ()

    def test_too_late(self) -> None:
        registration = the_registration(self.script("70 s"))
        [lapse] = registration.lapses
        assert (lapse.time, lapse.frame) == (20 * MILLISECOND + 60 * SECOND, 2)
        assert lapse.until == 70 * SECOND + 40 * MILLISECOND

    def test_never(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT}
            registrar -> alice: 200 REGISTER 1 | {CONTACT};expires=60
            wait 2 min
            """
        )
        assert [lapse.until for lapse in registration.lapses] == [None]

    def test_another_contact_of_the_same_client_takes_its_place(self) -> None:
        old, new = watch(
            """
            alice -> registrar: REGISTER 1 | Contact: <sip:alice@192.0.2.1:4001>
            registrar -> alice: 200 REGISTER 1 | Contact: <sip:alice@192.0.2.1:4001>;expires=60
            alice -> registrar: REGISTER 2 | Contact: <sip:alice@192.0.2.1:4002> | Expires: 60
            registrar -> alice: 200 REGISTER 2 | Contact: <sip:alice@192.0.2.1:4002>;expires=3600
            wait 2 min
            """
        ).registrations
        assert old.superseded == 30 * MILLISECOND
        assert old.lapses == new.lapses == ()


class TestEnd:
    def test_expires_zero(self) -> None:
        """RFC 3665 section 2.4."""
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT} | Expires: 60
            registrar -> alice: 200 REGISTER 1 | {CONTACT};expires=60
            alice -> registrar: REGISTER 2 | {CONTACT} | Expires: 0
            registrar -> alice: 200 REGISTER 2
            wait 5 min
            """
        )
        assert (registration.deregistered, registration.deregistered_frame) == (
            40 * MILLISECOND,
            4,
        )
        assert registration.expires is None
        assert registration.lapses == ()

    def test_all_at_once(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT} | Expires: 60
            registrar -> alice: 200 REGISTER 1 | {CONTACT};expires=60
            alice -> registrar: REGISTER 2 | Contact: * | Expires: 0
            registrar -> alice: 200 REGISTER 2
            """
        )
        assert registration.deregistered == 40 * MILLISECOND


class TestFailure:
    def test_refused(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT}
            registrar -> alice: 401 REGISTER 1
            alice -> registrar: REGISTER 2 | {CONTACT}
            registrar -> alice: 403 REGISTER 2
            """
        )
        [failure] = registration.failures
        assert (failure.status, failure.frame) == (403, 4)
        assert registration.expires is None
        assert registration.refreshes == ()

    def test_interval_too_brief(self) -> None:
        registration = the_registration(
            f"""
            alice -> registrar: REGISTER 1 | {CONTACT} | Expires: 10
            registrar -> alice: 423 REGISTER 1 | Min-Expires: 60
            alice -> registrar: REGISTER 2 | {CONTACT} | Expires: 60
            registrar -> alice: 200 REGISTER 2 | {CONTACT};expires=60
            """
        )
        assert registration.attempts == 1
        assert registration.failures == ()

    def test_no_response(self) -> None:
        registration = the_registration(f"alice -> registrar: REGISTER 1 | {CONTACT} \n wait 40 s")
        assert registration.timeouts == ((10 * MILLISECOND, 1),)

    def test_retransmissions_are_no_attempts(self) -> None:
        registration = the_registration(2 * f"alice -> registrar: REGISTER 1 | {CONTACT}\n")
        assert registration.attempts == 1


def test_each_hop_by_itself() -> None:
    outer, inner = watch(
        f"""
        alice -> edge: REGISTER 1 | {CONTACT}
        edge -> registrar: REGISTER 1 | {CONTACT}
        registrar -> edge: 200 REGISTER 1 | {CONTACT};expires=3600
        edge -> alice: 200 REGISTER 1 | {CONTACT};expires=60
        """
    ).registrations
    assert (outer.expires_granted, inner.expires_granted) == (60, 3600)
