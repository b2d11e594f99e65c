"""Scoring a series: `Scorer` as it comes in, `score` in one go. Nothing is tuned, and nothing looks ahead."""

from __future__ import annotations

from math import floor, isfinite, nan
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.kernels import Record, kernel, part
from detectors.series.clock import advance, place
from detectors.series.forecasts import become_continuous, forecast, learn, remember
from detectors.series.periods import look_for_period
from detectors.series.spreads import tails
from detectors.series.state import COMBINED, State, clipped, new_state
from detectors.series.verdicts import judge
from detectors.series.windows import adopt

SCORE: Final = np.dtype(
    [
        ("expected", np.float64),
        ("p", np.float64),
        ("alert", np.bool_),
        ("low", np.float64),
        ("high", np.float64),
    ]
)
"""`low`, `high`: P(X ≤ value) and P(X ≥ value) of the forecast alone, as it was before any calibration."""
_LARGEST: Final = 1e300
_LARGEST_COUNT: Final = 2.0**53

Scores = npt.NDArray[Any]


class Scorer:
    """A series that is scored as it comes in.

    Any cut of it into pieces gives the same scores.
    """

    def __init__(self) -> None:
        self.state: State = new_state()

    def score(self, times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Scores:
        """Score the next points.

        Args:
            times: µs since the epoch, (n,). A time not later than the one before is the next step; a spacing of
                several usual ones is a gap.
            values: (n,). Whole and not negative: counts, until the first that is not. Not finite: missing, with p = 1.

        Returns:
            (n,) of `SCORE`: what was expected, nan before the first value; the two-sided probability of something as
            odd, in (0, 1]; whether this begins an episode that is worth a look.
        """
        scores = np.empty(len(values), SCORE)
        _walk(self.state, np.ascontiguousarray(times, np.int64), np.ascontiguousarray(values, np.float64), scores)
        return scores


def score(values: npt.NDArray[np.float64], times: npt.NDArray[np.int64]) -> Scores:
    """Score a whole series, see `Scorer.score`."""
    return Scorer().score(times, values)


@kernel
def _walk(state: State, times: npt.NDArray[np.int64], values: npt.NDArray[np.float64], scores: Scores) -> None:
    row = state[0]
    for i in range(values.size):
        _step(row, times[i], values[i], scores[i])


@part
def _step(row: Record, time: int, value: float, score: Record) -> None:
    for _ in range(advance(row, time) - 1):
        remember(row, nan)
    place(row)
    if isfinite(value):
        value = clipped(value, _LARGEST)
        if row.whole and (value < 0.0 or value > _LARGEST_COUNT or floor(value) != value):
            become_continuous(row)
    forecast(row)
    score.expected = row.means[COMBINED] if row.seen > 0 else nan
    score.p, score.alert, score.low, score.high = 1.0, False, 1.0, 1.0
    believed = _judge_and_learn(row, value, score) if isfinite(value) else nan
    remember(row, believed)
    look_for_period(row)


@part
def _judge_and_learn(row: Record, value: float, score: Record) -> float:
    """Fill in the score; give the value as it is believed."""
    ends = tails(row, COMBINED, value)
    verdict = judge(row, value, ends)
    if row.seen > 0:
        score.p, score.alert, score.low, score.high = verdict.p, verdict.alert, ends.low, ends.high
    believed = learn(row, value)
    row.seen += 1
    adopt(row)
    return believed
