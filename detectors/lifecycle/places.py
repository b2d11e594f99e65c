"""Places in state: ASN and country as one word, the lower and the upper half; 0 is unknown."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.findings import Array
from schemas.frame import Events

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFF_FFFF)


def joined(low: Array, high: Array) -> Array:
    """Make one word, uint64, of two unsigned numbers below 2³², (m,)."""
    words: Array = low.astype(np.uint64) | high.astype(np.uint64) << _HALF
    return words


def halves(words: Array) -> tuple[Array, Array]:
    """Give the lower and the upper half of words."""
    return words & _LOW, words >> _HALF


def place_words(events: Events, rows: Array) -> Array:
    """Give the place of each of some rows, (m,)."""
    return joined(np.maximum(events["asn"][rows], 0), events["country"][rows])


def differ(one: Array, other: Array) -> Array:
    """Tell where both are known and not the same: nulls never contradict."""
    found: Array = (one != 0) & (other != 0) & (one != other)
    return found
