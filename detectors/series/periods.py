"""The period of a series, by the autocorrelation of its last values."""

from __future__ import annotations

from math import isnan, sqrt
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.kernels import Record, part
from detectors.series.state import EXPERTS, LEVEL, PERIODIC, VALUES, clipped

_FIRST: Final = 128
"""Values that are looked at first; then whenever there are twice as many, at last every `VALUES`."""
_WINSORISED: Final = 3.0
_SHORTEST: Final = 3
_PARTS: Final = 3
"""A period is looked for in values that hold it this often."""
_LEAST: Final = 0.3
"""Autocorrelation that says something."""
_HANDICAP: Final = 50.0
"""Log score by which a new period starts behind the worst expert."""
_AS_GOOD: Final = 0.95
"""The shortest of lags that are this alike is the period, the others are its multiples."""

Values: TypeAlias = npt.NDArray[np.float64]


@part
def look_for_period(row: Record) -> None:
    """Look for a period when it is time to: a new one has to prove itself, its expert begins without merit."""
    if row.steps < max(_FIRST, row.looked):
        return
    row.looked = row.steps + min(row.steps, VALUES)
    period = _most_alike(row, min(row.steps, VALUES))
    if period == row.period:
        return
    row.period = period
    row.weights[PERIODIC] = 0.0
    for expert in range(EXPERTS):
        row.merits[PERIODIC] = min(row.merits[PERIODIC], row.merits[expert])
    row.merits[PERIODIC] -= _HANDICAP


@part
def _most_alike(row: Record, size: int) -> int:
    """Give the lag at which the values are most alike, once they were unlike; 0 where there is none."""
    _centre(row, size)
    power = _product(row.scratch, size, 0)
    unlike, best, period = False, _LEAST, 0
    for lag in range(1, size // _PARTS + 1 if power > 0.0 else 0):
        alike = _product(row.scratch, size, lag) / power * size / (size - lag)
        unlike = unlike or alike < _LEAST
        if unlike and lag >= _SHORTEST and alike > best:
            if lag < period + _SHORTEST or alike > best / _AS_GOOD:
                period = lag
            best = alike
    return period


@part
def _centre(row: Record, size: int) -> None:
    """Copy the last values in order, around their mean, winsorised; what is missing is the mean."""
    unit, total, squares, found = row.scales[LEVEL], 0.0, 0.0, 0
    for i in range(size):
        value = row.values[(row.steps - size + i) % VALUES]
        row.scratch[i] = (value - row.slow) / unit if unit > 0.0 else 0.0
        if not isnan(value):
            total, squares, found = total + row.scratch[i], squares + row.scratch[i] ** 2, found + 1
    mean = total / max(found, 1)
    most = _WINSORISED * sqrt(max(0.0, squares / max(found, 1) - mean * mean))
    for i in range(size):
        row.scratch[i] = 0.0 if isnan(row.scratch[i]) else clipped(row.scratch[i] - mean, most)


@part
def _product(values: Values, size: int, lag: int) -> float:
    total = 0.0
    for i in range(size - lag):
        total += values[i] * values[i + lag]
    return total
