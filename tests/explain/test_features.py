"""What TLS can do besides a plain handshake, between two ends of OpenSSL, explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain.stories import Story, explain_packets
from kit import Conversation, Flight, interleave, tcp_packets
from matrix.cases import CASES
from matrix.listen import secrets_of
from matrix.material import make_material
from matrix.model import Place, Unavailable
from matrix.peers import PEERS
from matrix.play import play

pytestmark = pytest.mark.peer("openssl")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("material")
    make_material(directory)
    return directory


def told(feature: str, material: Path, folder: Path) -> dict[int, Story]:
    """Let OpenSSL's programs use a feature, and explain their sessions."""
    case = next(
        case
        for case in CASES
        if (case.client, case.server, case.feature) == ("openssl", "openssl", feature)
    )
    place = Place(folder, material)
    try:
        talk = play(case, PEERS[case.client], PEERS[case.server], place)
    except Unavailable as reason:
        pytest.skip(str(reason))
    packets = [
        tcp_packets(
            [Flight(*flight) for flight in flights],
            Conversation(client=("192.0.2.10", 40000 + number)).wait(float(number)),
        )
        for number, flights in enumerate(talk.connections)
    ]
    return explain_packets(interleave(*packets), secrets_of(case, place))


def test_a_key_update(material: Path, tmp_path: Path) -> None:
    story = told("key update", material, tmp_path)[1]
    update = story.step("KeyUpdate")
    assert update.encrypted
    assert "encrypts with the next keys" in update.says
    assert story.explanation.report.verdict.value == "decrypted"


def test_a_server_that_wants_another_key_share(material: Path, tmp_path: Path) -> None:
    story = told("hello retry", material, tmp_path)[1]
    at = story.names.index("HelloRetryRequest")
    assert story.names[at - 1] == "ClientHello"
    assert story.names[at + 1 :].index("ClientHello") < story.names[at + 1 :].index("ServerHello")
    assert story.fact("HelloRetryRequest", "group") == story.fact("ServerHello", "group")
    assert "asked for" in [step for step in story.steps if step.name == "ClientHello"][-1].says


def test_early_data_has_its_own_secret_and_its_place(material: Path, tmp_path: Path) -> None:
    stories = told("early data", material, tmp_path)
    story = stories[max(stories)]
    assert story.names.index("early data") < story.names.index("ServerHello")
    assert story.step("early data").readable
    assert story.secret("client_early_traffic_secret").known
    assert story.fact("EncryptedExtensions", "early data") == "accepted"
    assert "EndOfEarlyData" in story.names


def test_a_pre_shared_key_of_tls13_is_told_from_a_ticket(material: Path, tmp_path: Path) -> None:
    story = told("external PSK", material, tmp_path)[1]
    assert story.fact("ServerHello", "resumed").startswith("no: the pre-shared key is one")
    assert "binder" in story.secret("pre-shared key").note
    assert "Certificate" not in story.names


def test_a_pre_shared_key_alone_opens_the_session(material: Path, tmp_path: Path) -> None:
    story = told("PSK alone", material, tmp_path)[1]
    assert "psk_ke" in story.step("ServerHello").says
    assert story.secret("(EC)DHE").how.startswith("none (psk_ke)")
    assert story.secret("Handshake Secret").note == "Reckoned here."
    assert story.given


def test_a_client_that_is_asked_for_its_certificate_later(material: Path, tmp_path: Path) -> None:
    story = told("post-handshake authentication", material, tmp_path)[1]
    finished = [n for n, name in enumerate(story.names) if name == "Finished"]
    assert story.names.index("CertificateRequest") > finished[1]


@pytest.mark.parametrize("feature", ["client renegotiates", "server renegotiates"])
def test_a_renegotiation(feature: str, material: Path, tmp_path: Path) -> None:
    story = told(feature, material, tmp_path)[1]
    assert len(story.explanation.derivations) == 2
    second = [step for step in story.steps if step.handshake == 2 and not step.data]
    assert second[0].name == "ClientHello"
    assert all(step.encrypted for step in second if step.name.endswith("Hello"))
    assert all(step.encrypted for step in story.steps if step.name == "HelloRequest")
