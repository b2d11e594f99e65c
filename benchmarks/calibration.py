"""Whether the probabilities of the series scorer are what they say, on simulated benign counts by decile of volume.

A quarter of an hour a step, a rhythm of days and weekends, volumes from one event in eight hours to twenty thousand a
step, Poisson to strongly clumped. The forecast alone is judged by its randomised probability integral transform
(Czado et al., Biometrics 2009): Kolmogorov's distance from uniform, and both tails together. `p` is judged by how often
it is small. Intervals are Clopper and Pearson's; those of p take its points for independent, which they are not quite.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.figures import Figure
from detectors.series.scorer import score

SERIES: Final = 240
STEPS: Final = 12 * 7 * 96
LEARNING: Final = 4 * 7 * 96
"""Steps of four weeks, which are not judged: the rhythm of weekends has to be seen first."""
STEP: Final = 15 * 60_000_000
START: Final = 1_767_225_600_000_000
LEVELS: Final = (1e-2, 1e-3, 1e-4)
DECILES: Final = 10
DISPERSIONS: Final = (0.0, 0.02, 0.2, 1.0)

Array = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """Points of all series after their learning: expected values, randomised transforms, probabilities, (n,) each."""

    expected: Array
    transforms: Array
    p: Array
    alerts: int


def counts(rng: np.random.Generator, dispersion: float) -> Array:
    """Draw a benign series."""
    hours = np.arange(STEPS) * 0.25
    weekend = np.where(hours // 24 % 7 >= 5, rng.uniform(0.3, 1.0), 1.0)
    rhythm = 1.0 + rng.uniform(0.0, 0.9) * np.sin(2 * np.pi * (hours - rng.uniform(0, 24)) / 24)
    mean = np.exp(rng.uniform(np.log(0.03), np.log(2e4))) * rhythm * weekend
    if dispersion > 0:
        mean *= rng.gamma(1.0 / dispersion, dispersion, STEPS)
    return np.asarray(rng.poisson(mean), np.float64)


def judged() -> Judged:
    """Score all series, each drawn with a seed of its own."""
    times = START + np.arange(STEPS) * STEP
    parts, alerts = [], 0
    for seed in range(SERIES):
        rng = np.random.default_rng([seed, 11])
        scores = score(counts(rng, DISPERSIONS[seed % len(DISPERSIONS)]), times)[LEARNING:]
        at_value = scores["low"] + scores["high"] - 1.0
        transforms = 1.0 - scores["high"] + rng.uniform(size=len(scores)) * at_value
        parts.append(np.stack([scores["expected"], transforms, scores["p"]]))
        alerts += int(scores["alert"].sum())
    expected, transforms, p = np.concatenate(parts, axis=1)
    return Judged(expected, transforms, p, alerts)


def tail(p: Array, level: float) -> str:
    """Write how often p is at most a level, in units of it, with a 95 % interval."""
    hits = int((p <= level).sum())
    bounds = stats.binomtest(hits, len(p)).proportion_ci(0.95, "exact")
    return f"{hits / len(p) / level:.2f} ({bounds.low / level:.2f}-{bounds.high / level:.2f})"


def row(name: str, transforms: Array, p: Array) -> Figure:
    """Give the distance as the figure, and the tails of the forecast and of p as its note."""
    both = 2.0 * np.minimum(transforms, 1.0 - transforms)
    distance = float(stats.kstest(transforms, "uniform").statistic)
    tails = "; ".join(f"{level:g}: {tail(both, level)}, p {tail(p, level)}" for level in LEVELS)
    return Figure(f"calibration, {name}", distance, "KS", note=tails)


def measure() -> list[Figure]:
    """Give the distance and tails of all points and by decile of what was expected, and false alerts."""
    points = judged()
    bounds = np.quantile(points.expected, np.linspace(0, 1, DECILES + 1))
    decile = np.clip(np.searchsorted(bounds, points.expected, side="right") - 1, 0, DECILES - 1)
    figures = [
        row(f"{bounds[k]:.3g} to {bounds[k + 1]:.3g}", points.transforms[decile == k], points.p[decile == k])
        for k in range(DECILES)
    ]
    figures.append(row("all", points.transforms, points.p))
    rate = points.alerts / len(points.p) * 1e4
    note = f"{points.alerts} in {len(points.p)}"
    figures.append(Figure("false alerts of benign counts", rate, "/10 000", 1.0, at_most=True, note=note))
    return figures
