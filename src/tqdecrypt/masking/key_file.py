"""The file that keeps the key of pseudonyms, so that several runs have the same ones."""

from __future__ import annotations

import secrets

from tqdecrypt.errors import InputError
from tqdecrypt.files import PRIVATE, whole_file
from tqdecrypt.masking.pseudonyms import KEY_SIZE

__all__ = ["read_mask_key"]


def read_mask_key(path: str) -> bytes:
    """Return the key in *path*; where there is no file, make one that its owner alone can read.

    :raises InputError: when what stands there is no key.
    :raises OutputError: when it cannot be written.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(4 * KEY_SIZE)
    except FileNotFoundError:
        key = secrets.token_bytes(KEY_SIZE)
        with whole_file(path, private=True, what="mask key") as stream:
            stream.write(key.hex().encode() + b"\n")
        return key
    except OSError as error:
        raise InputError(
            f"The mask key {path} cannot be read ({error.strerror}); check its path."
        ) from None
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise InputError(
            f"{path} is no mask key ({2 * KEY_SIZE} hexadecimal digits, mode {PRIVATE:o}); name a file "
            "that is not there yet, and it is made."
        )
    return key
