"""Learned egress against a slow count of distinct subjects."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.egress import FIRST_SUBJECTS, HOUR, began_table, egress_table, is_egress, learn_egress
from detectors.tables import Table

MINUTE = 60_000_000
ENOUGH = 6
FIRST = 500_000 * HOUR
VISIT = st.tuples(st.sampled_from((0, 1, 30, 400, 1_439, 1_440, 3_000)), st.integers(1, 8))


def learned(visits: list[tuple[int, int]]) -> tuple[Table, list[tuple[int, int]]]:
    """Play (minutes since the one before, subject) on one address; give the table and the (time, subject)s."""
    table, times, now = egress_table(), [], FIRST
    for gap, subject in visits:
        now += gap * MINUTE
        times.append((now, subject))
    subs = np.array([subject for _, subject in times], np.uint64) << np.uint64(48)
    ips = np.full(len(times), 9, np.uint64)
    began = began_table(60 * 24 * HOUR).view(1, FIRST)
    learn_egress(table.view(len(times), FIRST), began, ips, subs, np.array([time for time, _ in times]), ENOUGH)
    return table, times


def needed(age: int) -> int:
    """The subjects that make an egress this long after learning began, µs."""
    return next(n for n in range(FIRST_SUBJECTS, ENOUGH + 1) if n == ENOUGH or n * 1_440 * MINUTE >= ENOUGH * age)


@settings(max_examples=200, deadline=None)
@given(st.lists(VISIT, min_size=1, max_size=60), st.sampled_from((1, 5, 23, 24, 26)))
def test_an_egress_had_enough_subjects_within_a_day_before_one_of_the_closed_hours(
    visits: list[tuple[int, int]], later: int
) -> None:
    table, times = learned(visits)
    now = times[-1][0] + later * HOUR
    enough = [
        time // HOUR
        for time, _ in times
        if len({subject for then, subject in times if time - 1_440 * MINUTE < then <= time})
        >= needed(time - times[0][0])
    ]
    expected = any(now // HOUR - 24 <= hour < now // HOUR for hour in enough)
    assert is_egress(table.view(0, now), np.uint64(9), now) == expected


def test_an_hour_counts_when_it_is_over() -> None:
    table, times = learned([(1, subject) for subject in range(1, ENOUGH + 1)])
    view = table.view(0, times[-1][0])
    assert not is_egress(view, np.uint64(9), times[-1][0])
    assert is_egress(view, np.uint64(9), FIRST + HOUR)


def test_a_crowd_does_not_push_out_its_own_count() -> None:
    table, times = learned([(0, subject) for subject in range(1, 2_000)])
    assert is_egress(table.view(0, FIRST + HOUR), np.uint64(9), FIRST + HOUR)
    assert len(table) == 1
    assert times[-1][0] == FIRST
