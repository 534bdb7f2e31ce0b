"""Silence that nobody sent: known from headers, without a look at what was said.

Who suppresses silence sends nothing while it is quiet, or a packet of comfort noise now and then (RFC 3389),
and goes on where the timestamp says, mostly with the marker set (RFC 3551 section 4.1).  No number is missing
there, so that nothing was lost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["COMFORT_NOISE", "suppressed_ticks"]

COMFORT_NOISE = 13
"""Payload type (RFC 3389 section 4)."""

Integers = npt.NDArray[np.int64]


def suppressed_ticks(
    ticks: Integers, step: Integers, before: npt.NDArray[np.generic], known: npt.NDArray[np.bool_]
) -> Integers:
    """Return for how long nothing was sent in front of each packet, in timestamp units.

    All have an entry a packet.

    :param ticks: from the timestamp of the packet before it.
    :param step: timestamp units in a packet; 0 while that is not known.
    :param before: payload type of the packet before it.
    :param known: whether that packet has the number before, so that nothing is missing between the two.
    """
    noise = before == COMFORT_NOISE  # which has no sound of its own
    # From two packets on: senders whose packets are of 20 and 30 ms in turn are not quiet.
    gap = np.where(noise, ticks, np.where((step > 0) & (ticks >= 2 * step), ticks - step, 0))
    return np.where(known, np.maximum(gap, 0), 0)
