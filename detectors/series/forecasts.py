"""What the next point should be: six experts, weighted by how well each foretold the points before.

- `LEVEL`: the level alone. `DAILY`, `DAY_TYPE`, `WEEKLY`: it, and a profile by time of day, of working days and
  weekends, of each weekday; every profile is shrunk towards the coarser one. `PERIODIC`: the last three periods.
- `RECENT`: recursive least squares on the last values beside what the others say; it starts as a random walk.

Profiles of counts are factors of the level, others are added to it. Weights: predictive log score, exponentially
forgotten (cf. Raftery et al., Technometrics 2010). What is learnt is winsorised: an anomaly moves no expert far.
"""

from __future__ import annotations

from math import exp, isnan, log, log1p
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.kernels import Record, part
from detectors.series.spreads import FARTHEST, FREEDOM, usual, widen
from detectors.series.state import (
    BASELINE,
    COMBINED,
    EXPERTS,
    FEATURES,
    FORECASTS,
    LEVEL,
    PERIODIC,
    PROFILES,
    RECENT,
    SLOTS,
    VALUES,
    clipped,
)

Numbers: TypeAlias = npt.NDArray[np.float64]

_LEVEL_RATE: Final = 0.02
_FAST_RATE: Final = 0.2
"""Share of the last point in a level."""
_BASE_MEMORY: Final = 300.0
_SLOW_MEMORY: Final = 1_000.0
"""Points after which the baseline and the level under the profiles forget."""
_VISITS: Final = 20.0
"""Points after which a slot forgets."""
_PRIOR: Final = 1.0
"""Points that the coarser profile weighs."""
_FORGETTING: Final = 0.98
"""Of merits, a step."""
_REMEMBER: Final = 0.998
"""Of least squares, a step."""
_FAR: Final = 4.0
"""Standard deviations from which on a value is doubted."""
_FREEST: Final = 10.0
"""Trace of the covariance from which on least squares forget nothing: they have not seen enough."""
_MOST: Final = 1e3
"""Of a feature, standard deviations."""
_CYCLES: Final = 3
"""Periods that are averaged."""


@part
def forecast(row: Record) -> None:
    """Say what to expect at this point, whose `places` are known."""
    least = 0.5 / (1.0 + min(row.seen, _SLOW_MEMORY)) if row.whole else 0.0
    _read_profiles(row)
    for expert in range(RECENT):
        offset = row.offsets[expert]
        row.means[expert] = row.levels[expert] * offset if row.whole else row.levels[expert] + offset
    pool, profile = _pooled(row, row.means, RECENT), _pooled(row, row.offsets, RECENT)
    row.means[RECENT] = _recent(row, pool)
    row.means[BASELINE] = row.base * profile if row.whole else row.base + profile
    for k in range(FORECASTS):
        if row.whole and k != COMBINED:
            row.means[k] = max(least, row.means[k])
    row.means[COMBINED] = _pooled(row, row.means, EXPERTS)
    row.pools[0] = pool


@part
def learn(row: Record, value: float) -> float:
    """Learn from a value that `forecast` was about; give it as it is believed."""
    if row.seen == 0:
        row.slow, row.base, row.fast, row.levels[:] = value, value, value, value
        return value
    believed = _believed(row, value)
    error = widen(row, BASELINE, value)
    row.base += error / min(row.seen + 1.0, _BASE_MEMORY)
    row.slow += error / min(row.seen + 1.0, _SLOW_MEMORY)
    _fit_recent(row, value)
    _weigh(row, value)
    for expert in range(EXPERTS):
        error = widen(row, expert, value)
        if expert < RECENT:
            row.levels[expert] += error * max(_LEVEL_RATE, 1.0 / (row.seen + 1.0))
            if row.whole:
                row.levels[expert] = max(0.0, row.levels[expert])
        if LEVEL < expert <= PROFILES:
            _learn_slot(row, expert, row.means[expert] + error)
    shown = row.means[COMBINED] + widen(row, COMBINED, value)
    row.fast += (shown - row.fast) * max(_FAST_RATE, 1.0 / (row.seen + 1.0))
    return believed


@part
def _believed(row: Record, value: float) -> float:
    """Give a value as the last one: a far one is doubted, until the next is as far on the same side."""
    error, known = value - row.means[COMBINED], usual(row, COMBINED)
    far = known > 0.0 and abs(error) > _FAR * known
    side = (1 if error > 0.0 else -1) if far else 0
    again = side != 0 and side == row.doubted
    row.doubted = side
    return float(value if again or not far else row.means[COMBINED] + clipped(error, _FAR * known))


@part
def remember(row: Record, value: float) -> None:
    """Put a value, or nan for a missing one, where the periodic and the recent expert find it."""
    row.values[row.steps % VALUES] = value
    row.steps += 1
    if isnan(value):
        return
    for lag in range(2, 0, -1):
        row.lags[lag], row.pools[lag] = row.lags[lag - 1], row.pools[lag - 1]
    row.lags[0] = value


@part
def become_continuous(row: Record) -> None:
    """Turn factors of the level into what is added to it: the series was none of counts."""
    row.whole = False
    for slot in range(row.slots.size):
        if row.visits[slot] > 0.0:
            row.slots[slot] = (row.slots[slot] - 1.0) * row.slow


@part
def _read_profiles(row: Record) -> None:
    """Look up each profile, shrunk towards the one before; what the period says is an offset as well."""
    parent = 1.0 if row.whole else 0.0
    row.offsets[LEVEL] = parent
    for profile in range(PROFILES):
        at = row.places[profile]
        begin = at - (at % SLOTS)
        total, visits = 0.0, 0.0
        for step in range(-1, 2):
            slot = begin + (at - begin + step) % SLOTS
            weight = row.visits[slot] * (0.5 if step else 1.0)
            total, visits = total + weight * row.slots[slot], visits + weight
        parent = (_PRIOR * parent + total) / (_PRIOR + visits)
        row.offsets[1 + profile] = parent
    row.offsets[PERIODIC] = _periodic(row)


@part
def _learn_slot(row: Record, expert: int, value: float) -> None:
    """Move a slot towards a value, beside the slow level."""
    if row.whole and row.slow <= 0.0:
        return
    at = row.places[expert - 1]
    beside = value / row.slow if row.whole else value - row.slow
    row.visits[at] = min(row.visits[at] + 1.0, _VISITS)
    row.slots[at] += (beside - row.slots[at]) / row.visits[at]


@part
def _periodic(row: Record) -> float:
    """Give the mean of the last cycles at this phase beside the slow level; neutral where nothing is known."""
    neutral = 1.0 if row.whole else 0.0
    if row.period == 0 or (row.whole and row.slow <= 0.0):
        return neutral
    total, found = 0.0, 0
    for cycle in range(1, _CYCLES + 1):
        back = cycle * row.period
        if back <= min(row.steps, VALUES):
            value = row.values[(row.steps - back) % VALUES]
            if not isnan(value):
                total, found = total + value, found + 1
    if found == 0:
        return neutral
    return float(total / found / row.slow if row.whole else total / found - row.slow)


@part
def _pooled(row: Record, said: Numbers, experts: int) -> float:
    """Give the mean of what the first experts said, by their weights."""
    total, weight = 0.0, 0.0
    for expert in range(experts):
        total, weight = total + row.weights[expert] * said[expert], weight + row.weights[expert]
    return float(total / weight)


@part
def _recent(row: Record, pool: float) -> float:
    """Give what the last values say: the last one itself until there are three."""
    unit = usual(row, COMBINED)
    row.features[:] = 0.0
    if isnan(row.lags[2]) or unit == 0.0:
        return float(pool if isnan(row.lags[0]) else row.lags[0])
    for lag in range(3):
        row.features[lag] = clipped((row.lags[lag] - pool) / unit, _MOST)
    row.features[3] = clipped((row.fast - pool) / unit, _MOST)
    for lag in range(2):
        row.features[4 + lag] = clipped((row.lags[lag] - row.pools[1 + lag]) / unit, _MOST)
    value = 0.0
    for i in range(FEATURES):
        value += row.coefficients[i] * row.features[i]
    return pool + unit * value


@part
def _fit_recent(row: Record, value: float) -> None:
    """Take a step of recursive least squares with forgetting; the error winsorised."""
    unit = usual(row, COMBINED)
    if unit == 0.0:
        return
    along, trace = _REMEMBER, 0.0
    for i in range(FEATURES):
        row.gains[i] = 0.0
        for j in range(FEATURES):
            row.gains[i] += row.covariance[i, j] * row.features[j]
        along += row.features[i] * row.gains[i]
        trace += row.covariance[i, i]
    error = clipped((value - row.means[RECENT]) / unit, _FAR)
    forget = 1.0 / _REMEMBER if trace < _FREEST else 1.0
    for i in range(FEATURES):
        row.coefficients[i] += error * row.gains[i] / along
        for j in range(FEATURES):
            row.covariance[i, j] = forget * (row.covariance[i, j] - row.gains[i] * row.gains[j] / along)


@part
def _weigh(row: Record, value: float) -> None:
    """Give every expert its merit, and weights by it."""
    best = -1e300
    for expert in range(EXPERTS):
        known = usual(row, expert)
        if known > 0.0:
            deviation = clipped((value - row.means[expert]) / known, FARTHEST)
            density = -log(known) - 0.5 * (FREEDOM + 1.0) * log1p(deviation * deviation / FREEDOM)
            row.merits[expert] = _FORGETTING * row.merits[expert] + density
        best = max(best, row.merits[expert])
    total = 0.0
    for expert in range(EXPERTS):
        row.weights[expert] = exp(max(-600.0, row.merits[expert] - best))
        total += row.weights[expert]
    for expert in range(EXPERTS):
        row.weights[expert] /= total
