"""The file with the key of pseudonyms."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tqdecrypt.errors import InputError
from tqdecrypt.masking import read_mask_key


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mask.key"
    key = read_mask_key(str(path))
    assert len(key) == 32
    assert read_mask_key(str(path)) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"abc", b"0" * 63, b"zz" * 32, b"\xff" * 64])
def test_what_is_no_key_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mask.key"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no mask key"):
        read_mask_key(str(path))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_mask_key(str(tmp_path))
