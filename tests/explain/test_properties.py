"""Whatever is lost, cut, repeated or damaged: a session is explained, and nothing unproven is claimed."""

from __future__ import annotations

import functools
import json

from hypothesis import given
from hypothesis import strategies as st

from explain.stories import Story, explain_packets, packets_of
from kit import (
    Packet,
    TlsPair,
    Version,
    apply,
    cut_snaplen,
    drop,
    duplicate,
    start_at,
    swap_adjacent,
)
from tls.passive import ring, server_key, talk
from tqdecrypt.explain import Explanation
from tqdecrypt.export.explanation import explanation_json
from tqdecrypt.views.explanation_drawing import ExplainedSession
from views.pages import words_of

KINDS = ("rsa", "ecdhe", "tls13", "cbc-tls10")


@functools.cache
def material(kind: str) -> tuple[list[Packet], list[str]]:
    pair = {
        "rsa": lambda: TlsPair(mutual=True),
        "ecdhe": lambda: TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256"),
        "tls13": lambda: TlsPair(version=Version.TLSv1_3, mutual=True),
        "cbc-tls10": lambda: TlsPair(version=Version.TLSv1, ciphers="AES128-SHA"),
    }[kind]()
    talk(pair)
    pair.close()
    return packets_of(pair), pair.keylog_lines


def check(explanation: Explanation) -> None:
    """What holds for every explanation."""
    story = Story(explanation)
    assert explanation.report.why
    line = json.loads(explanation_json(explanation))
    assert line["type"] == "explanation"
    assert len(line["steps"]) == len(story.steps)
    frames = [step.frame for step in story.steps if step.name != "end"]
    assert frames == sorted(frames)
    for derivation in explanation.derivations:
        for derived in derivation:
            assert bool(derived.shown) <= derived.known
            assert derived.known or not any(part.shown for part in derived.parts)
    if explanation.report.verdict.value == "decrypted":
        assert story.given
    words_of(ExplainedSession(explanation).html())
    words_of(ExplainedSession(explanation).svg())


@given(kind=st.sampled_from(KINDS), data=st.data(), secrets=st.booleans())
def test_lost_repeated_swapped_and_cut_packets(
    kind: str, data: st.DataObject, secrets: bool
) -> None:
    packets, keylog = material(kind)
    places = st.lists(st.integers(0, len(packets) - 1), max_size=4)
    damages = [drop(data.draw(places))]
    if data.draw(st.booleans()):
        damages.append(swap_adjacent())
    if data.draw(st.booleans()):
        damages.append(duplicate())
    damages.append(cut_snaplen(data.draw(st.sampled_from([60, 90, 200, 600, 4000]))))
    damages.append(start_at(data.draw(st.integers(1, 12))))
    left = apply(packets, *damages)
    if not left:
        return
    keys = ring([server_key()], keylog if secrets else [])
    for story in explain_packets(left, keys).values():
        check(story.explanation)


@given(kind=st.sampled_from(KINDS), data=st.data())
def test_damaged_bytes(kind: str, data: st.DataObject) -> None:
    packets, keylog = material(kind)
    changed = list(packets)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(3, len(packets) - 1))
        packet = changed[place]
        at = data.draw(st.integers(min(54, len(packet.data) - 1), len(packet.data) - 1))
        value = data.draw(st.integers(0, 255))
        damaged = packet.data[:at] + bytes([value]) + packet.data[at + 1 :]
        changed[place] = Packet.whole(packet.time_ns, damaged, packet.link_type)
    for story in explain_packets(changed, ring([server_key()], keylog)).values():
        check(story.explanation)
