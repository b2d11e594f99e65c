"""Figures with their uncertainty: a share (Wilson), a rate (exact Poisson), a detector's precision, and delays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest, chi2

from schemas.triage import JUDGED, RIGHT

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `cases`, with the Wilson (1927) interval of the share. Without cases: 0, and anything is possible."""

    hits: int
    cases: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, cases: int) -> Share:
        """Share of `hits` in `cases`.

        Raises:
            ValueError: more hits than cases, or a negative number.
        """
        if cases == 0 and hits == 0:
            return cls(0, 0, 0.0, 0.0, 1.0)
        interval = binomtest(hits, cases).proportion_ci(CONFIDENCE, method="wilson")
        return cls(hits, cases, hits / cases, float(interval.low), float(interval.high))


def precision(verdicts: Mapping[str, int]) -> Share:
    """Share of alerts that saw what was there, harmful or not, in those whose verdict says so or not.

    Args:
        verdicts: verdict → alerts.
    """
    return Share.of(sum(verdicts.get(each, 0) for each in RIGHT), sum(verdicts.get(each, 0) for each in JUDGED))


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` events per `exposure` units, with the exact Poisson interval (Garwood 1936). None without exposure."""

    count: int
    exposure: float
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, exposure: float) -> Rate:
        """Rate of `count` over `exposure`, e.g. hundreds of thousands of events."""
        if exposure <= 0:
            return cls(count, 0.0, None, None, None)
        tail = (1 - CONFIDENCE) / 2
        low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
        high = float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
        return cls(count, exposure, count / exposure, low / exposure, high / exposure)


@dataclass(frozen=True, slots=True)
class Delay:
    """Median and 95th percentile of delays in seconds; None without any."""

    median: float | None
    p95: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Delay:
        """Summary of delays in seconds."""
        if not seconds:
            return cls(None, None)
        median, p95 = np.quantile(seconds, (0.5, 0.95))
        return cls(float(median), float(p95))
