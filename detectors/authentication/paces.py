"""`pace`: how regularly a key comes back, which tells a retry timer from a guesser."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np

from detectors.authentication.shapes import Limits
from detectors.kernels import inner
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert

MIN_INTERVALS: Final = 5
_MILLISECOND: Final = 1_000


def new_paces(ttl: int) -> Table:
    """Give empty paces; a key that pauses for `ttl` µs starts anew.

    Intervals are summed in whole milliseconds, so that the sums are exact.
    """
    return Table([("last", np.int64), ("intervals", np.int64), ("total", np.int64), ("squares", np.int64)], ttl=ttl)


@inner
def measure_pace(paces: TableView, key: np.uint64, now: int) -> None:
    """Take in the interval since the key last came."""
    known = lookup(paces, key, now) != NO_SLOT
    slot = upsert(paces, key, now)
    if known:
        interval = (now - paces.rows[slot].last) // _MILLISECOND
        paces.rows[slot].intervals += 1
        paces.rows[slot].total += interval
        paces.rows[slot].squares += interval * interval
    paces.rows[slot].last = now


@inner
def is_steady(paces: TableView, key: np.uint64, now: int, limits: Limits) -> bool:
    """Say whether the intervals have a coefficient of variation below `steady_cv` and are not those of a machine gun.

    CV = standard deviation / mean, with the population variance E[x²] - E[x]².
    """
    slot = lookup(paces, key, now)
    if slot == NO_SLOT or paces.rows[slot].intervals < MIN_INTERVALS:
        return False
    mean = paces.rows[slot].total / paces.rows[slot].intervals
    variance = paces.rows[slot].squares / paces.rows[slot].intervals - mean * mean
    if mean * _MILLISECOND < limits.steady_interval:
        return False
    return bool(sqrt(max(variance, 0.0)) < limits.steady_cv * mean)
