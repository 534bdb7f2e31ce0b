"""The cursor reads what is there, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.wire import Cursor


def test_numbers_are_big_endian() -> None:
    cursor = Cursor(bytes(range(1, 11)))
    assert cursor.pull_uint8() == 0x01
    assert cursor.pull_uint16() == 0x0203
    assert cursor.pull_uint24() == 0x040506
    assert cursor.pull_uint32() == 0x0708090A
    assert cursor.at_end


@given(st.integers(0, 2**64 - 1))
def test_a_number_of_any_size(value: int) -> None:
    assert Cursor(value.to_bytes(8, "big")).pull_uint(8) == value


def test_reading_starts_and_ends_where_it_was_told() -> None:
    cursor = Cursor(b"abcdef", 1, 4)
    assert cursor.remaining == 3
    assert cursor.pull_rest() == b"bcd"
    assert cursor.at_end
    assert cursor.remaining == 0
    assert cursor.pull_rest() == b""


@pytest.mark.parametrize("size", range(1, 5))
def test_nothing_is_read_past_the_end(size: int) -> None:
    cursor = Cursor(b"\0" * 8, 4, 4 + size - 1)
    pull = {1: cursor.pull_uint8, 2: cursor.pull_uint16, 3: cursor.pull_uint24}
    with pytest.raises(Malformed) as caught:
        pull.get(size, cursor.pull_uint32)()
    assert caught.value.offset == 4
    assert cursor.position == 4, "what could not be read stays"


def test_malformed_says_what_was_expected() -> None:
    with pytest.raises(Malformed, match=r"expected 5 more bytes, got '3' at offset 0"):
        Cursor(b"abc").pull_bytes(5)


@given(st.binary(max_size=300), st.binary(max_size=8))
def test_opaque_strings_come_back(value: bytes, behind: bytes) -> None:
    cursor = Cursor(len(value).to_bytes(2, "big") + value + behind)
    assert cursor.pull_opaque(2) == value
    assert cursor.pull_rest() == behind


def test_an_opaque_string_longer_than_what_is_there() -> None:
    with pytest.raises(Malformed):
        Cursor(b"\x04abc").pull_opaque(1)


def test_a_block_confines_reading_to_its_vector() -> None:
    cursor = Cursor(b"\x03abcdef")
    with cursor.block(1) as end:
        assert end == 4
        assert cursor.pull_rest() == b"abc"
    assert cursor.pull_rest() == b"def"


def test_a_block_cannot_be_read_past() -> None:
    cursor = Cursor(b"\x02abcd")
    with pytest.raises(Malformed), cursor.block(1):
        cursor.pull_bytes(3)
    assert cursor.end == 5, "the outer end is back"


def test_a_block_must_be_read_whole() -> None:
    cursor = Cursor(b"\x02abcd")
    with pytest.raises(Malformed, match="1 bytes left"), cursor.block(1):
        cursor.pull_uint8()


def test_a_block_must_fit_into_what_holds_it() -> None:
    cursor = Cursor(b"\x02\x05abcdef")
    with pytest.raises(Malformed, match="a vector of 5 bytes"), cursor.block(1), cursor.block(1):
        pass


@given(st.recursive(st.binary(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_nested_blocks_come_back(tree: object) -> None:
    assert _read(Cursor(_written(tree)), tree) == tree


def _written(tree: object) -> bytes:
    body = tree if isinstance(tree, bytes) else b"".join(map(_written, _children(tree)))
    return len(body).to_bytes(2, "big") + body


def _read(cursor: Cursor, like: object) -> object:
    with cursor.block(2):
        if isinstance(like, bytes):
            return cursor.pull_rest()
        return [_read(cursor, child) for child in _children(like)]


def _children(tree: object) -> list[object]:
    assert isinstance(tree, list)
    return tree
