"""Questions to a window that its kernels share."""

from __future__ import annotations

import numpy as np

from detectors.kernels import inner
from detectors.tables import NO_SLOT, find
from detectors.windows import CAP, WindowView, pair_of


@inner
def peers(window: WindowView, key: np.uint64) -> int:
    """Count the distinct peers of a key."""
    slot = find(window.counts, key)
    return 0 if slot == NO_SLOT else int(window.counts.rows[slot].peers)


@inner
def weight(window: WindowView, key: np.uint64) -> int:
    """Sum the weights of a key's entries."""
    slot = find(window.counts, key)
    return 0 if slot == NO_SLOT else int(window.counts.rows[slot].weight)


@inner
def entries(window: WindowView, key: np.uint64, peer: np.uint64) -> int:
    """Count the entries of a key with one peer."""
    pair = find(window.pairs, pair_of(key, peer))
    return 0 if pair == NO_SLOT else int(window.pairs.rows[pair].entries)


@inner
def is_full(window: WindowView, key: np.uint64) -> bool:
    """Say whether a key has no room for another entry."""
    slot = find(window.counts, key)
    return slot != NO_SLOT and bool(window.counts.rows[slot].entries >= window.meta[CAP])
