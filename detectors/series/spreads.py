"""How far from a forecast points usually lie, and how rare a point is by that.

Counts are negative binomial: variance = mean + dispersion · mean², the dispersion from Pearson's index over the volume;
steadier than Poisson, they are taken as measurements. Those have Student's T around the forecast.
"""

from __future__ import annotations

from math import hypot, log, sqrt
from typing import Final, NamedTuple

from detectors.kernels import Record, part
from detectors.series.state import COMBINED, clipped
from detectors.statistics import lower_tail, student_tails, upper_tail

_WINSORISED: Final = 3.0
"""A point teaches at most this many standard deviations."""
_PATIENCE: Final = 20
"""Points in a row so far on one side after which they are believed: it is another level."""
_MEMORY: Final = 500.0
"""Points after which the spread forgets."""
_PRIOR: Final = 20.0
"""Points that say of an hour that it is like the others."""
_HEARD: Final = 100.0
"""Points after which an hour forgets."""
FREEDOM: Final = 8.0
"""Of Student's T."""
_YOUNG: Final = 20
"""Points of which everything is believed: before, nothing is known to be odd."""
_MOST: Final = 1e4
"""Larger counts are scaled down to this, with equal variance: the tail takes as long as its argument is large."""
_FEW: Final = 2.0
_STEADIEST: Final = 0.8
"""Counts are taken for Poisson down to this index of dispersion, and where there are few."""
_STEADY: Final = 1e-3
"""Large counts of less dispersion are as good as normal, and could not be scaled down."""
FARTHEST: Final = 1e6
"""Standard deviations, so that squares stay finite."""
_LEAST: Final = 1e-300


class Tails(NamedTuple):
    """P(X ≤ value) and P(X ≥ value) of what was expected; of counts their sum is above 1."""

    low: float
    high: float


class Rarity(NamedTuple):
    """How rare: -log of a two-sided probability, and on which side: 0 for low, 1 for high."""

    surprise: float
    side: int


@part
def usual(row: Record, forecast: int) -> float:
    """Give the standard deviation around a forecast of the next point; 0 where no value ever differed."""
    return _steady(row, forecast) * sqrt(_unrest(row, forecast))


@part
def widen(row: Record, forecast: int, value: float) -> float:
    """Learn how far a value lay from a forecast; give its error, of a known series winsorised."""
    error, steady, unrest = value - row.means[forecast], _steady(row, forecast), _unrest(row, forecast)
    known = steady * sqrt(unrest)
    if row.seen >= _YOUNG and known > 0.0 and _doubts(row, forecast, error / known):
        error = clipped(error, _WINSORISED * known)
    if forecast >= COMBINED and steady > 0.0:
        _hear(row, forecast - COMBINED, clipped(error / steady, FARTHEST) ** 2)
    rate, plain = 1.0 / min(row.seen + 1.0, _MEMORY), error / sqrt(unrest)
    row.scales[forecast] = hypot(row.scales[forecast] * sqrt(1.0 - rate), plain * sqrt(rate))
    if row.whole:
        mean = row.means[forecast]
        row.indices[forecast] += rate * (plain / mean * plain - row.indices[forecast])
        row.volumes[forecast] += rate * (mean - row.volumes[forecast])
    return float(error)


@part
def _steady(row: Record, forecast: int) -> float:
    """Give the standard deviation at a mean hour; values are no finer than their resolution."""
    return float(max(_bare(row, forecast), 0.5 * row.resolution))


@part
def _bare(row: Record, forecast: int) -> float:
    """Give the standard deviation at a mean hour as it was found."""
    if not row.whole:
        return float(row.scales[forecast])
    mean, index, volume = row.means[forecast], row.indices[forecast], row.volumes[forecast]
    grown = (index - 1.0) / volume * mean if index > 1.0 and volume > 0.0 else index - 1.0
    return sqrt(mean * (1.0 + grown))


@part
def _unrest(row: Record, forecast: int) -> float:
    """Give the variance of this hour of the day beside a mean one, shrunk towards 1."""
    if forecast < COMBINED:
        return 1.0
    points = row.heard[forecast - COMBINED, row.hour]
    return float((_PRIOR + points * row.noises[forecast - COMBINED, row.hour]) / (_PRIOR + points))


@part
def _hear(row: Record, which: int, square: float) -> None:
    row.heard[which, row.hour] = min(row.heard[which, row.hour] + 1.0, _HEARD)
    row.noises[which, row.hour] += (square - row.noises[which, row.hour]) / row.heard[which, row.hour]


@part
def _doubts(row: Record, forecast: int, deviation: float) -> bool:
    """Tell whether an error is too far to be believed, and not yet one of many on its side."""
    if abs(deviation) <= _WINSORISED:
        row.strikes[forecast] = 0
        return False
    side = 1 if deviation > 0.0 else -1
    row.strikes[forecast] = row.strikes[forecast] + side if row.strikes[forecast] * side >= 0 else side
    return bool(abs(row.strikes[forecast]) <= _PATIENCE)


@part
def tails(row: Record, forecast: int, value: float) -> Tails:
    """Give the probabilities of a value as low or as high as this one."""
    mean, known = row.means[forecast], usual(row, forecast)
    error = value - mean
    if known == 0.0:
        return _split(1.0 if error == 0.0 else (row.seen + 1.0) ** -2.0, error)
    variance = _bare(row, forecast) ** 2 * _unrest(row, forecast)
    if row.whole and (mean < _FEW or variance >= _STEADIEST * mean):
        dispersion = max(0.0, variance - mean) / mean / mean
        if max(value, mean) <= _MOST or dispersion >= _STEADY:
            return _of_count(value, mean, dispersion)
    half = 0.5 if row.whole else 0.0
    return Tails(around((error + half) / known).low, around((error - half) / known).high)


@part
def around(deviation: float) -> Tails:
    """Give the tails of Student's T at a deviation, in standard deviations."""
    return _split(student_tails(clipped(deviation, FARTHEST), FREEDOM), deviation)


@part
def rarity(found: Tails) -> Rarity:
    """Give how rare a value with these tails is."""
    both = min(1.0, 2.0 * min(found.low, found.high))
    return Rarity(-log(max(_LEAST, both)), 1 if found.high < found.low else 0)


@part
def _split(both: float, error: float) -> Tails:
    """Split the two-sided tail of an error."""
    near, far = 0.5 * both, 1.0 - 0.5 * both
    return Tails(far, near) if error > 0.0 else Tails(near, far)


@part
def _of_count(count: float, mean: float, dispersion: float) -> Tails:
    larger = max(count, mean) / _MOST
    if larger > 1.0:
        scaled = mean / larger
        dispersion += 1.0 / mean - 1.0 / scaled
        count, mean = count / larger, scaled
    return Tails(lower_tail(count, mean, dispersion), upper_tail(count, mean, dispersion))
