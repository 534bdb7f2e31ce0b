"""Masking: what leaves has pseudonyms in the place of keys, numbers, names and texts.

It sits between the stages and whoever looks at messages (``docs/adr/0010-outputs.md``): calls, findings
and all outputs see masked messages only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tqdecrypt.masking.profile import Profile

if TYPE_CHECKING:
    from tqdecrypt.masking.key_file import read_mask_key
    from tqdecrypt.masking.masker import Masker
    from tqdecrypt.masking.witnessed import Witnessed

__all__ = ["Masker", "Profile", "Witnessed", "read_mask_key"]

_LATER = {"Masker": "masker", "Witnessed": "witnessed", "read_mask_key": "key_file"}


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
