"""Vendor advice as a JSON object."""

from __future__ import annotations

from collections.abc import Sequence

from tqdecrypt.vendors import Topic, Vendor

__all__ = ["vendor_object"]


def vendor_object(vendor: Vendor, topics: Sequence[Topic] = ()) -> dict[str, object]:
    """Return what ``json.dumps`` takes.

    :param topics: which statements; empty: all.
    """
    return {
        "type": "vendor",
        "name": vendor.name,
        "title": vendor.title,
        "recognised_by": [pattern.pattern for pattern in vendor.patterns],
        "statements": [
            {
                "topic": one.topic.value,
                "role": one.role.value,
                "versions": one.versions,
                "says": one.says,
                "settings": one.settings or None,
                "source": one.source,
                "confirmed": one.confirmed,
            }
            for one in vendor.statements
            if not topics or one.topic in topics
        ],
    }
