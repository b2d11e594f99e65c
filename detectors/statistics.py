"""Pure tail probabilities, compiled for the kernels."""

from __future__ import annotations

import math
from typing import Final

from detectors.kernels import kernel

LEAST_DISPERSION: Final = 1e-6
"""Below this the negative binomial is a Poisson distribution for every count that fits 32 bits of float."""
_TERMS: Final = 100_000
_TINY: Final = 1e-300
_CLOSE: Final = 1e-14


@kernel
def upper_tail(count: float, mean: float, dispersion: float) -> float:
    """Give P(X ≥ count) of a negative binomial X with variance mean + dispersion · mean².

    By the regularised incomplete beta function: I_x(count, 1/dispersion)
    at x = dispersion·mean / (1 + dispersion·mean).

    Args:
        count: ≥ 0, whole.
        mean: > 0.
        dispersion: > 0; taken as at least `LEAST_DISPERSION`.
    """
    if count <= 0:
        return 1.0
    spread = max(dispersion, LEAST_DISPERSION)
    ratio = spread * mean
    failure, success = ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)
    return _regularised_beta(count, 1.0 / spread, failure, success, math.log(failure), -math.log1p(ratio))


@kernel
def lower_tail(count: float, mean: float, dispersion: float) -> float:
    """Give P(X ≤ count) of the same X: the complement of `upper_tail(count + 1, …)` without its rounding."""
    if count < 0:
        return 0.0
    spread = max(dispersion, LEAST_DISPERSION)
    ratio = spread * mean
    failure, success = ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)
    return _regularised_beta(1.0 / spread, count + 1.0, success, failure, -math.log1p(ratio), math.log(failure))


@kernel
def student_tails(deviation: float, freedom: float) -> float:
    """Give P(|T| ≥ |deviation|) of Student's T with `freedom` degrees of freedom."""
    if deviation == 0:
        return 1.0
    ratio = deviation / freedom * deviation
    within, beyond = ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)
    return _regularised_beta(0.5 * freedom, 0.5, beyond, within, -math.log1p(ratio), math.log(within))


@kernel
def least_rare(least: int, mean: float, dispersion: float, probability: float) -> int:
    """Give the smallest count from `least` on with P(X ≥ count) ≤ `probability`: bracketed by doubling, then halved."""
    if upper_tail(least, mean, dispersion) <= probability:
        return least
    low, high = least, 2 * least
    while upper_tail(high, mean, dispersion) > probability and high < 2**31:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if upper_tail(middle, mean, dispersion) <= probability:
            high = middle
        else:
            low = middle
    return high


@kernel
def _regularised_beta(a: float, b: float, x: float, y: float, log_x: float, log_y: float) -> float:
    """Give I_x(a, b); y = 1 - x, and both logarithms, are the caller's, who knows them without cancellation."""
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * log_x + b * log_y
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, y) / b


@kernel
def _beta_fraction(a: float, b: float, x: float) -> float:
    """Give the continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _TERMS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + numerator / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return value
