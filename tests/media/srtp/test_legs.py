"""Keys of a leg: every offer and answer, whichever way they went."""

from __future__ import annotations

import base64
import random

from calls.script import watch
from tqdecrypt.calls.call import Party
from tqdecrypt.media.srtp import LegKeys, keys_of_leg
from tqdecrypt.media.srtp.legs import MOST_KEYS

SUITE = "AES_CM_128_HMAC_SHA1_80"


def secret(seed: int) -> bytes:
    return random.Random(seed).randbytes(30)


def body(*seeds: int, lines: int = 1) -> str:
    """A description with a crypto line for each seed, in each of its media."""
    crypto = [
        f"a=crypto:{tag} {SUITE} inline:{base64.b64encode(secret(seed)).decode()}"
        for tag, seed in enumerate(seeds, 1)
    ]
    media = [part for _ in range(lines) for part in ("m=audio 4000 RTP/SAVP 0", *crypto)]
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")
    return "body application/sdp " + "\\n".join([*head, *media]) + "\\n"


def keys(script: str) -> LegKeys:
    return keys_of_leg(watch(script).leg.offers)


def materials(found: LegKeys, sender: Party, index: int = 0) -> list[bytes | None]:
    return [key.material for key in found.of(sender, index)]


def test_offer_and_answer() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1, 2)}
        bob -> alice: 200 INVITE 1 | {body(3)}
        alice -> bob: ACK 1 to=b1
    """)
    assert materials(found, Party.CALLER) == [secret(1), secret(2)]
    assert materials(found, Party.CALLEE) == [secret(3)]
    assert found.of(Party.CALLER, 1) == []


def test_an_offer_in_the_200_is_the_callees() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1
        bob -> alice: 200 INVITE 1 | {body(1)}
        alice -> bob: ACK 1 to=b1 | {body(2)}
    """)
    assert materials(found, Party.CALLEE) == [secret(1)]
    assert materials(found, Party.CALLER) == [secret(2)]


def test_new_keys_follow_the_old_ones_in_time() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1)}
        bob -> alice: 200 INVITE 1 | {body(2)}
        alice -> bob: ACK 1 to=b1
        wait 60 s
        bob -> alice: INVITE 1 from=b1 to=a1 | {body(3)}
        alice -> bob: 200 INVITE 1 from=b1 to=a1 | {body(4)}
        bob -> alice: ACK 1 from=b1 to=a1
    """)
    assert materials(found, Party.CALLER) == [secret(1), secret(4)]
    assert materials(found, Party.CALLEE) == [secret(2), secret(3)]
    old, new = found.of(Party.CALLER, 0)
    assert old.until == new.since is not None
    assert new.until is None


def test_a_refused_reinvite_changes_nothing() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1)}
        bob -> alice: 200 INVITE 1 | {body(2)}
        alice -> bob: ACK 1 to=b1
        alice -> bob: INVITE 2 to=b1 | {body(3)}
        bob -> alice: 488 INVITE 2
        alice -> bob: ACK 2 to=b1
    """)
    assert materials(found, Party.CALLER) == [secret(1)]
    assert found.of(Party.CALLER, 0)[0].until is None


def test_early_media_may_have_a_key_of_its_own() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1)}
        bob -> alice: 183 INVITE 1 | {body(2)}
        bob -> alice: 200 INVITE 1 | {body(3)}
        alice -> bob: ACK 1 to=b1
    """)
    assert materials(found, Party.CALLEE) == [secret(2), secret(3)]
    assert materials(found, Party.CALLER) == [secret(1)]


def test_what_a_proxy_hands_on_is_one_key() -> None:
    found = keys(f"""
        alice -> proxy: INVITE 1 | {body(1)}
        proxy -> bob: INVITE 1 | {body(1)}
        bob -> proxy: 200 INVITE 1 | {body(2)}
        proxy -> alice: 200 INVITE 1 | {body(2)}
    """)
    assert materials(found, Party.CALLER) == [secret(1)]
    assert materials(found, Party.CALLEE) == [secret(2)]


def test_each_media_line_has_its_keys() -> None:
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1, lines=2)}
        bob -> alice: 200 INVITE 1 | {body(2)}
    """)
    assert materials(found, Party.CALLER, 1) == [secret(1)]
    assert found.of(Party.CALLEE, 1) == []


def test_very_many_offers_are_bounded_and_show_nothing() -> None:
    updates = "\n".join(
        f"""alice -> bob: UPDATE {n} to=b1 | {body(n)}
        bob -> alice: 200 UPDATE {n} | {body(n + 1000)}"""
        for n in range(2, MOST_KEYS + 20)
    )
    found = keys(f"""
        alice -> bob: INVITE 1 | {body(1)}
        bob -> alice: 200 INVITE 1 | {body(1001)}
        alice -> bob: ACK 1 to=b1
        {updates}
    """)
    assert 10 < len(found.of(Party.CALLER, 0)) <= MOST_KEYS
    assert repr(found) == "<LegKeys of 2 senders>"
