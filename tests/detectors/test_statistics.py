"""The tails agree with SciPy's, far out too."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from scipy import stats

from detectors.statistics import LEAST_DISPERSION, lower_tail, student_tails, upper_tail

COUNTS = st.integers(0, 5_000)
MEANS = st.floats(1e-3, 3e3)
DISPERSIONS = st.floats(1e-3, 10.0)


@settings(deadline=None)  # the first call compiles
@given(COUNTS, MEANS, DISPERSIONS)
def test_tails_of_counts(count: int, mean: float, dispersion: float) -> None:
    shape = 1.0 / dispersion
    expected = stats.nbinom(shape, shape / (shape + mean))
    assert upper_tail(count, mean, dispersion) == pytest.approx(expected.sf(count - 1), rel=1e-6, abs=1e-250)
    assert lower_tail(count, mean, dispersion) == pytest.approx(expected.cdf(count), rel=1e-6, abs=1e-250)


def test_without_dispersion_counts_are_poisson() -> None:
    assert upper_tail(30, 10.0, LEAST_DISPERSION) == pytest.approx(stats.poisson(10.0).sf(29), rel=1e-3)
    assert lower_tail(-1, 10.0, 0.0) == 0.0


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1.0, 50.0))
def test_tails_of_student(deviation: float, freedom: float) -> None:
    expected = 2.0 * stats.t(freedom).sf(abs(deviation))
    assert student_tails(deviation, freedom) == pytest.approx(expected, rel=1e-6, abs=1e-250)
