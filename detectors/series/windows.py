"""What adds up: the sum of deviations from the baseline over the last steps, and a value that does not move."""

from __future__ import annotations

from math import log, sqrt
from typing import Final

from detectors.kernels import Record, part
from detectors.series.spreads import Rarity, around, rarity, usual
from detectors.series.state import BASELINE, LEVEL, LONGEST, WINDOWS, clipped

SILENT: Final = Rarity(-1.0, 0)
"""Of a test that has nothing to say yet."""
_MOST: Final = 3.0
"""Standard deviations that a point adds: a single spike is no shift."""
_PRIOR: Final = 10.0
"""Points after which half of what is thought of the sums' variance is learnt."""
_MEMORY: Final = 4_000.0
_ADOPTED: Final = 2.0
"""Mean deviation over the longest window that is another level, standard deviations."""
_LASTING: Final = 60
"""Steps for which it has to be."""
_LEAST_RUN: Final = 5
"""Repeats that are still; fewer say nothing."""


@part
def add_deviation(row: Record, value: float) -> None:
    """Take in how far a value lies from the baseline."""
    known = usual(row, BASELINE)
    error = value - row.means[BASELINE]
    row.deviations[row.filled % LONGEST] = clipped(error / known, _MOST) if known > 0.0 else 0.0
    row.filled += 1


@part
def mean_deviation(row: Record, length: int) -> float:
    """Give the mean deviation over the last steps; 0 while there are fewer."""
    if row.filled < length:
        return 0.0
    total = 0.0
    for back in range(1, length + 1):
        total += row.deviations[(row.filled - back) % LONGEST]
    return total / length


@part
def shift_rarity(row: Record, window: int) -> Rarity:
    """Say how rare the mean deviation of a window is, and learn how much such means vary; `SILENT` until it is full."""
    length = WINDOWS[window]
    if row.filled < length:
        return SILENT
    mean = mean_deviation(row, length)
    deviation = mean * sqrt(length / row.inflations[window])
    rate = 1.0 / min(row.seen + _PRIOR, _MEMORY)
    row.inflations[window] += rate * row.inflations[window] * (clipped(deviation, _MOST) ** 2 - 1.0)
    return rarity(around(deviation))


@part
def still_rarity(row: Record, value: float) -> Rarity:
    """Say how rare it is that a value came so often in a row, by the runs before: their tail is geometric."""
    _count_run(row, value)
    if row.run < _LEAST_RUN:
        return Rarity(0.0, 0)
    still, goes_on = (1.0 + row.still) / (2.0 + row.seen), (1.0 + row.longer) / (2.0 + row.still)
    row.still += 1
    row.longer += 1 if row.run > _LEAST_RUN else 0
    return Rarity(-log(still) - (row.run - _LEAST_RUN) * log(goes_on), 0)


@part
def _count_run(row: Record, value: float) -> None:
    """Count repeats of the last value, and note the least difference between two."""
    if value == row.last:
        row.run += 1
        return
    moved = abs(value - row.last) if row.seen > 0 else 0.0
    row.resolution = moved if row.resolution == 0.0 else min(moved, row.resolution)
    row.last, row.run = value, 0


@part
def adopt(row: Record) -> None:
    """Take the level of now for the baseline's, once it has been far off for long."""
    mean = mean_deviation(row, LONGEST)
    row.lasting = row.lasting + 1 if abs(mean) > _ADOPTED else 0
    if row.lasting >= _LASTING:
        moved = row.levels[LEVEL] - row.base
        row.base, row.slow = row.base + moved, row.slow + moved
        row.lasting, row.filled = 0, 0
