"""A series is scored by what came before each point and nothing else; odd points are found, usual ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from detectors.series.scorer import Scorer, Scores, score
from detectors.series.verdicts import WARM_UP

Array = npt.NDArray[Any]

MINUTE = 60_000_000
WEEK = 7 * 24 * 60 * MINUTE
START = 1_767_225_600_000_000
VALUES = st.one_of(
    st.integers(0, 30).map(float),
    st.floats(-1e300, 1e300),
    st.sampled_from([0.0, 0.5, -1.0, np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, 2.0**60]),
)
SPACINGS = st.sampled_from([0, 1, MINUTE, MINUTE, MINUTE, 7 * MINUTE, -MINUTE, 400 * 24 * 60 * MINUTE])
SERIES = st.lists(st.tuples(SPACINGS, VALUES), min_size=1, max_size=150)


def every(minutes: int, n: int) -> Array:
    return START + np.arange(n, dtype=np.int64) * minutes * MINUTE


def daily(n: int, minutes: int, low: float, high: float) -> Array:
    """A rhythm between two levels."""
    return low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) * minutes / 1_440))


def autoregressive(rng: np.random.Generator, n: int) -> Array:
    noise = rng.normal(size=n)
    for i in range(1, n):
        noise[i] += 0.9 * noise[i - 1]
    return noise


BENIGN: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "poisson": lambda rng, n: rng.poisson(20.0, n),
    "rare": lambda rng, n: rng.poisson(0.2, n),
    "counts with a rhythm": lambda rng, n: rng.poisson(daily(n, 5, 4.0, 80.0)),
    "overdispersed": lambda rng, n: rng.negative_binomial(3.0, 3.0 / (3.0 + daily(n, 5, 20.0, 90.0))),
    "large counts": lambda rng, n: rng.poisson(1e6, n),
    "normal": lambda rng, n: rng.normal(-3.0, 0.1, n),
    "normal with a rhythm": lambda rng, n: daily(n, 5, 20.0, 40.0) + rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(3.0, n),
    "skewed": lambda rng, n: rng.lognormal(0.0, 0.8, n),
    "random walk": lambda rng, n: rng.normal(size=n).cumsum(),
    "autoregressive": autoregressive,
    "trend": lambda rng, n: 0.01 * np.arange(n) + rng.normal(size=n),
    "a period of its own": lambda rng, n: np.sin(2 * np.pi * np.arange(n) / 73.0) + 0.1 * rng.normal(size=n),
    "constant": lambda _, n: np.full(n, 7.25),
    "zeros": lambda _, n: np.zeros(n),
}


@pytest.mark.parametrize("family", BENIGN)
def test_benign_series_raise_next_to_no_alert(family: str) -> None:
    n, alerts, rare = 8_000, 0, 0
    for seed in range(3):
        values = np.asarray(BENIGN[family](np.random.default_rng([seed, 7]), n), float)
        scores = score(values, every(5, n))[1_000:]
        alerts, rare = alerts + int(scores["alert"].sum()), rare + int((scores["p"] <= 1e-2).sum())
    assert alerts <= 6  # in 21 000 points
    assert rare <= 0.02 * 3 * (n - 1_000)


def spike(values: Array, at: int, unit: float) -> None:
    values[at] += 15 * unit


def drop(values: Array, at: int, unit: float) -> None:
    values[at : at + 10] -= 15 * unit


def shift(values: Array, at: int, unit: float) -> None:
    values[at:] += 4 * unit


def small_shift(values: Array, at: int, unit: float) -> None:
    values[at:] += 2 * unit


def stuck(values: Array, at: int, unit: float) -> None:  # noqa: ARG001 - as the others
    values[at : at + 30] = values[at]


@pytest.mark.parametrize(
    ("anomaly", "within"), [(spike, 1), (drop, 2), (shift, 12), (small_shift, 60), (stuck, 12)], ids=str
)
@pytest.mark.parametrize("family", ["normal", "normal with a rhythm", "large counts"])
def test_an_anomaly_is_found_at_once_or_when_it_has_added_up(
    family: str, anomaly: Callable[[Array, int, float], None], within: int
) -> None:
    n, at = 6_000, 5_000
    values = np.asarray(BENIGN[family](np.random.default_rng(5), n), float)
    unit = {"normal": 0.1, "normal with a rhythm": 1.0, "large counts": 1e3}[family]
    anomaly(values, at, unit)
    found = np.flatnonzero(score(values, every(5, n))["alert"])
    assert ((found >= at) & (found < at + within)).sum() == 1
    assert (found < at).sum() <= 1


def test_counts_that_stop_and_counts_that_rush_are_found() -> None:
    n = 6_000
    values = np.random.default_rng(1).poisson(daily(n, 5, 10.0, 60.0)).astype(float)
    values[4_000:4_020] = 0.0
    values[5_000] += 100.0
    assert score(values, every(5, n))["alert"].nonzero()[0].tolist() == [4_000, 5_000]


def test_a_day_without_its_rush_is_found() -> None:
    n, rng = 14 * 288, np.random.default_rng(0)
    hour = np.arange(n) * 5 // 60 % 24
    values = np.where((hour >= 9) & (hour < 18), 80.0, 20.0) + rng.uniform(-3, 3, n)
    values[10 * 288 + 108 : 10 * 288 + 216] = 50.0
    found = np.flatnonzero(score(values, every(5, n))["alert"])
    assert found[found >= 2 * 288].tolist() == [pytest.approx(10 * 288 + 114, abs=6)]


def test_a_new_level_is_one_alert_and_then_the_usual_one() -> None:
    values = np.random.default_rng(3).normal(size=6_000)
    values[3_000:] += 8.0
    scores = score(values, every(5, 6_000))
    assert scores["alert"].nonzero()[0].tolist() == [3_000]
    assert abs(np.median(scores["expected"][3_100:3_200]) - 8.0) < 0.5
    assert np.median(scores["p"][3_500:]) > 0.2


def test_a_spike_does_not_hide_the_next_one() -> None:
    values = np.random.default_rng(4).normal(size=4_000)
    values[[2_000, 2_500, 3_000]] += [50.0, 15.0, -15.0]
    assert score(values, every(5, 4_000))["alert"].nonzero()[0].tolist() == [2_000, 2_500, 3_000]


@settings(max_examples=60, deadline=None)
@given(SERIES, st.data())
def test_any_cut_gives_the_same_scores_and_the_future_changes_none(
    series: list[tuple[int, float]], data: st.DataObject
) -> None:
    times = START + np.cumsum([spacing for spacing, _ in series], dtype=np.int64)
    values = np.array([value for _, value in series])
    whole = score(values, times)
    cut = data.draw(st.integers(0, len(values)))
    scorer = Scorer()
    pieces = [scorer.score(times[:cut], values[:cut]), scorer.score(times[cut:], values[cut:])]
    assert pieces[0].tobytes() == score(values[:cut], times[:cut]).tobytes() == whole[:cut].tobytes()
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


@settings(max_examples=200, deadline=None)
@given(SERIES)
def test_whatever_comes_scores_are_probabilities_and_the_input_stays(series: list[tuple[int, float]]) -> None:
    times = START + np.cumsum([spacing for spacing, _ in series], dtype=np.int64)
    values = np.array([value for _, value in series])
    before = values.tobytes(), times.tobytes()
    scores = score(values, times)
    assert ((scores["p"] > 0.0) & (scores["p"] <= 1.0)).all()
    assert ((scores["low"] >= 0.0) & (scores["low"] <= 1.0) & (scores["high"] >= 0.0) & (scores["high"] <= 1.0)).all()
    known = np.isfinite(values).cumsum() > np.isfinite(values)
    assert np.isfinite(scores["expected"][known]).all()
    assert not scores["alert"][:WARM_UP].any()
    assert (scores["p"][~np.isfinite(values)] == 1.0).all()
    assert (values.tobytes(), times.tobytes()) == before


def agree(scores: Scores, others: Scores) -> None:
    np.testing.assert_allclose(np.log(others["p"]), np.log(scores["p"]), rtol=1e-3, atol=1e-3)
    assert (others["alert"] == scores["alert"]).all()


@pytest.mark.parametrize(("factor", "offset"), [(1e-6, 0.0), (1.0, 1e4), (-3.0, 0.25), (1e9, -1e7)])
def test_units_and_origin_of_measurements_do_not_matter(factor: float, offset: float) -> None:
    n = 3_000
    values = daily(n, 30, 0.5, 2.5) + np.random.default_rng(8).standard_t(4.0, n)
    values[2_000:] += 5.0
    agree(score(values, every(30, n)), score(factor * values + offset, every(30, n)))


def test_whole_weeks_do_not_matter() -> None:
    values = np.random.default_rng(9).poisson(daily(3_000, 30, 2.0, 40.0)).astype(float)
    assert score(values, every(30, 3_000)).tobytes() == score(values, every(30, 3_000) - 1_000 * WEEK).tobytes()


def test_a_gap_keeps_the_rhythm() -> None:
    n = 4_000
    values = np.round(10.0 * np.sin(2 * np.pi * np.arange(n) / 50.0), 3) + 0.0005
    kept = np.r_[0:3_000, 3_033:n]
    missing = np.where(np.isin(np.arange(n), kept), values, np.nan)
    gapped = score(values[kept], every(5, n)[kept])
    assert abs(gapped["expected"][3_010:] - values[kept][3_010:]).max() < 1.0
    assert (gapped["p"] == score(missing, every(5, n))["p"][kept]).mean() > 0.99


def test_a_late_fraction_turns_counts_into_measurements_without_a_jolt() -> None:
    values = np.random.default_rng(2).poisson(daily(4_000, 5, 10.0, 60.0)).astype(float)
    values[3_000] += 0.5
    scores = score(values, every(5, 4_000))
    assert not scores["alert"][2_990:].any()
    assert np.median(abs(scores["expected"] - values)[3_000:3_050]) < 10.0


def test_the_first_points_are_not_surprising() -> None:
    scores = score(np.array([1.0, 1e6, -1e6, 3.0, 1e9]), every(1, 5))
    assert (scores["p"] > 0.05).all()
    assert np.isnan(scores["expected"][0])


def test_nothing_gives_nothing() -> None:
    assert len(score(np.array([]), np.array([], np.int64))) == 0


def test_a_constant_that_moves_is_found() -> None:
    values = np.full(500, 3.5)
    values[400] = 3.6
    assert score(values, every(5, 500))["alert"].nonzero()[0].tolist() == [400]
