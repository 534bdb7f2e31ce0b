"""RFC 6076, held to an example that docs/reference/indicators.md works by hand; and trunks."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.script import MILLISECOND, SECOND, watch
from tqdecrypt.errors import InputError
from tqdecrypt.insight.indicators import Indicators, IndicatorTable
from tqdecrypt.insight.trunks import Trunks, read_trunks

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "indicators.md").read_text()
EXAMPLE = PAGE.split("```")[1]


def table_of(script: str, **options: object) -> IndicatorTable:
    table = IndicatorTable(**options)  # type: ignore[arg-type]
    watched = watch(script)
    for leg in watched.legs:
        table.add_leg(leg)
    for registration in watched.registrations:
        table.add_registration(registration)
    return table


def test_the_example_comes_out_as_by_hand() -> None:
    row = table_of(EXAMPLE).total
    assert (row.requests, row.sessions, row.registrations) == (9, 8, 2)
    assert row.session_establishment_ratio == pytest.approx(42.857, abs=0.001)
    assert row.session_establishment_effectiveness_ratio == pytest.approx(57.143, abs=0.001)
    assert row.ineffective_session_attempts == 25
    assert row.session_completion_ratio == 75
    assert row.ineffective_registration_attempts == 50
    means = {
        "request_delay": 3500 / 3 * MILLISECOND,
        "request_delay_failed": 30 * MILLISECOND,
        "disconnect_delay": 200 * MILLISECOND,
        "duration": 40 * SECOND,
        "duration_failed": 5 * SECOND,
        "registration_delay": 50 * MILLISECOND,
    }
    for name, mean in means.items():
        assert getattr(row, name).mean == pytest.approx(mean), name
    assert (row.request_delay.minimum, row.request_delay.maximum) == (500 * MILLISECOND, 2 * SECOND)
    assert row.disconnect_delay_failed.count == 0


def test_nothing_to_count_has_no_ratio() -> None:
    row = Indicators()
    assert row.session_establishment_ratio is None
    assert row.session_completion_ratio is None


def test_rows_are_pairs_of_peers_and_slices_of_time() -> None:
    table = table_of(EXAMPLE, slice_length=60 * SECOND)
    pairs = {(source, destination) for source, destination, _ in table.rows}
    assert pairs == {("192.0.2.1", "192.0.2.5"), ("192.0.2.1", "192.0.2.7")}
    assert all(begin % (60 * SECOND) == 0 for _, _, begin in table.rows)
    assert sum(row.requests for row in table.rows.values()) == table.total.requests == 9
    networks = {"sbc": [ip_network("192.0.2.5")]}
    named = table_of(EXAMPLE, trunks=Trunks(networks))
    assert ("192.0.2.1", "sbc", 0) in named.rows


def test_a_call_seen_on_two_hops_counts_once() -> None:
    row = table_of(
        """
        alice -> proxy: INVITE 1
        proxy -> bob: INVITE 1
        wait 1 s
        bob -> proxy: 180 INVITE 1
        proxy -> alice: 180 INVITE 1
        bob -> proxy: 486 INVITE 1
        proxy -> alice: 486 INVITE 1
        """
    ).total
    assert (row.requests, row.sessions, row.effective) == (1, 1, 1)
    assert row.request_delay.minimum == 1030 * MILLISECOND


def test_rows_have_a_bound_and_the_total_has_all() -> None:
    script = "".join(f"10.0.0.{n}:5060 -> edge: INVITE 1 id={n}\n" for n in range(1, 9))
    table = table_of(script, most_rows=5)
    assert len(table.rows) == 5
    assert table.total.requests == 8
    assert table.counters["indicator_rows_only_in_the_total"] == 3


LINES = st.builds(
    lambda a, b, what, n: f"{a} -> {b}: {what} id={n} from={n}",
    st.sampled_from(["alice", "edge"]),
    st.sampled_from(["edge", "bob", "alice"]),
    st.sampled_from(
        [
            "INVITE 1",
            "INVITE 2",
            "180 INVITE 1",
            "200 INVITE 1",
            "407 INVITE 1",
            "302 INVITE 1",
            "503 INVITE 2",
            "486 INVITE 1",
            "BYE 3 to=b1",
            "200 BYE 3",
            "481 BYE 3",
            "REGISTER 1",
            "200 REGISTER 1",
            "403 REGISTER 1",
        ]
    ),
    st.integers(1, 4),
) | st.sampled_from(["wait 1 s", "wait 40 s", "wait 4 min"])


@given(st.lists(LINES, max_size=30), st.sampled_from([0, 1, 60]))
def test_ratios_are_shares_and_rows_add_up(lines: list[str], seconds: int) -> None:
    table = table_of("\n".join(lines), slice_length=seconds * SECOND)
    for row in (table.total, *table.rows.values()):
        for ratio in (
            row.session_establishment_ratio,
            row.session_establishment_effectiveness_ratio,
            row.ineffective_session_attempts,
            row.session_completion_ratio,
            row.ineffective_registration_attempts,
        ):
            assert ratio is None or 0 <= ratio <= 100
    for name in ("requests", "answered", "sessions", "completed", "registrations"):
        assert sum(getattr(row, name) for row in table.rows.values()) == getattr(table.total, name)


def test_trunks_have_names_and_the_narrowest_network_counts(tmp_path: Path) -> None:
    path = tmp_path / "trunks.toml"
    path.write_text(
        '[trunk.wide]\naddresses = ["198.51.100.0/24"]\n[trunk.narrow]\naddresses = ["198.51.100.7"]\n'
        '[box.sbc]\naddresses = ["192.0.2.20", "198.51.100.20"]\n[joining]\nheader_fields = ["X-A"]\n'
    )
    trunks = read_trunks(str(path))
    assert trunks.name_of("198.51.100.7") == "narrow"
    assert trunks.name_of("198.51.100.8") == "wide"
    assert trunks.name_of("203.0.113.1") is None
    assert trunks.name_of("nobody") is None
    assert trunks.boxes == (frozenset({"192.0.2.20", "198.51.100.20"}),)
    assert trunks.header_fields == ("X-A",)
    assert Trunks().header_fields


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[trunk", "is no TOML:"),
        ("[trunks.a]", "there is no 'trunks'; there are trunk, box and joining."),
        ("trunk = 5", "write [trunk.NAME], and addresses below it."),
        ("[trunk.a]", "trunk.a needs addresses, a list of addresses or networks."),
        ('[trunk.a]\naddresses = ["x"]', "trunk.a: 'x' is no address or network."),
        ('[box.a]\naddresses = ["10.0.0.0/8"]', "box.a: '10.0.0.0/8' is a network; name single"),
        ("[joining]\nheader_fields = 5", "joining.header_fields is a list of names"),
    ],
)
def test_faults_in_the_file_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "trunks.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)) as raised:
        read_trunks(str(path))
    assert sentence in str(raised.value)
