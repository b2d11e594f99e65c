"""usage-spike against slow, obvious counting: its windows, its limits, its statistics."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from typing import Any, NamedTuple, TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import nbinom

from detectors.kernels import kernel
from detectors.rates.recent import count_use, new_recent, uses_by
from detectors.rates.uses import Array
from detectors.run import step
from detectors.statistics import least_rare, upper_tail
from detectors.tables import TableView, upsert
from detectors.usage.usage_spike import UsageSpike
from tests.frames import frame

START = 1_772_442_000_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
KEPT = 1 - 1 / 168

Row: TypeAlias = dict[str, Any]


@given(st.integers(0, 3_000), st.floats(0.01, 2_000), st.floats(1e-4, 200))
def test_the_tail_is_that_of_a_negative_binomial(count: int, mean: float, dispersion: float) -> None:
    shape = 1 / dispersion
    expected = nbinom.sf(count - 1, shape, shape / (shape + mean))
    assert upper_tail(count, mean, dispersion) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.integers(1, 500), st.floats(0.01, 500), st.floats(1e-3, 50), st.floats(1e-12, 1e-2))
def test_the_least_rare_count_is_the_first_one(least: int, mean: float, dispersion: float, probability: float) -> None:
    count = least_rare(least, mean, dispersion, probability)
    assert upper_tail(count, mean, dispersion) <= probability
    assert count == least or upper_tail(count - 1, mean, dispersion) > probability


@kernel
def counts(table: TableView, nows: Array, times: Array, volumes: Array, out: Array) -> None:
    """Count uses of one key; `out` (n, 4): minute and hour as kept, and as summed one minute later."""
    for i in range(nows.size):
        row = table.rows[upsert(table, np.uint64(1), nows[i])]
        count_use(row, nows[i], times[i], volumes[i])
        for window in range(2):
            out[i, window], out[i, 2 + window] = row.uses[window], uses_by(row, window, nows[i] + MINUTE)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, SECOND, 5 * SECOND, 59 * SECOND, 61 * SECOND, 20 * MINUTE, 3 * HOUR]),
            st.sampled_from([0, 0, 0, 4 * SECOND, 58 * SECOND, 59 * MINUTE, 2 * HOUR]),
            st.integers(1, 1_000),
        ),
        min_size=1,
        max_size=80,
    )
)
def test_windows_count_like_a_list(steps: list[tuple[int, int, int]]) -> None:
    nows = START + np.cumsum([wait for wait, _, _ in steps])
    times = nows - np.array([late for _, late, _ in steps])
    volumes = np.array([volume for _, _, volume in steps])
    out = np.zeros((len(steps), 4), np.int64)
    counts(new_recent().view(1, START), nows, times, volumes, out)
    for i, now in enumerate(nows):
        expected = [
            sum(volumes[j] for j in range(i + 1) if (at // size) - (times[j] // size) < slots)
            for at in (now, now + MINUTE)
            for size, slots in ((5 * SECOND, 12), (MINUTE, 60))
        ]
        assert out[i].tolist() == expected


class Limits(NamedTuple):
    """Of one hour: by window (minute, hour) what is expected of a token and what is too much."""

    expected: tuple[float, float]
    least: tuple[int, int]


def token_limits(rows: list[Row]) -> dict[int, Limits]:
    """Limits of the tokens of one client by hour, from all that happened in the hours before."""
    hours = defaultdict[int, list[Row]](list)
    for row in rows:
        hours[row["at"] // HOUR].append(row)
    sums, past, found, active = np.zeros(6), defaultdict[int, list[float]](list), dict[int, Limits](), 0
    for hour, ours in sorted(hours.items()):
        if sums[0] >= 24:
            found[hour] = limits(sums, active if hour - 1 in hours else 0)
        new = taught(ours, sums, past)
        active = int(new[0])
        seen = min(1, hour + 1 - rows[0]["at"] / HOUR)  # of the first hour only the rest
        new *= (seen, 1, 1 / seen, 1, 1, 1)
        sums = sums * KEPT + new
    return found


def taught(rows: list[Row], sums: Array, past: dict[int, list[float]]) -> Array:
    """What an hour adds to the sums: key-hours, uses, squares, squares of minutes, half squared jumps, their number."""
    most, most_a_minute = (max(50, 8 * sums[at] / sums[1]) if sums[1] else math.inf for at in (2, 3))
    tokens, minutes, new = Counter[int](), Counter[tuple[int, int]](), np.zeros(6)
    for row in rows:
        tokens[row["token"]] += row["count"]
        minutes[row["token"], row["at"] // MINUTE] += row["count"]
    for token, number in tokens.items():
        uses, before = min(most, number), past[token]
        if len(before) > 1:
            new += 0, 0, 0, 0, 0.5 * (before[-1] - before[-2]) ** 2, 1
        before.append(uses)
        new += 1, uses, uses**2, 0, 0, 0
    new[3] = sum(min(most_a_minute, number) ** 2 for number in minutes.values())
    return new


def limits(sums: Array, active: int) -> Limits:
    """Limits by the sums of the hours before; a client borrows 8 key-hours from its tenant, here from itself."""
    hours, uses, squares, clumps, jumps, pairs = sums * (1 + 8 / sums[0])
    mean = uses / hours
    variance = max(mean, (squares / hours - mean**2) * (1 + 8 / hours))
    within = min(variance, jumps / pairs) if pairs > 1 else variance
    level = max(variance - within, 0.01 * mean**2) / mean**2 + 0.05
    minute = mean / 60
    clumping = (max(1, clumps / uses - minute) - 1) / minute, (max(1, within / mean) - 1) / mean
    rarest = min(1e-4, 0.01 / (24 * 61 * max(1, active)))
    return Limits(
        (minute, mean),
        (least(minute, level + clumping[0], rarest), least(mean, level + clumping[1], rarest)),
    )


def least(mean: float, dispersion: float, probability: float) -> int:
    """The least count that is too much, by excess, ratio and chance."""
    count = math.ceil(max(mean + 50, 3 * mean))
    shape = 1 / dispersion
    while nbinom.sf(count - 1, shape, shape / (shape + mean)) > probability:
        count += 1
    return count


def stream(seed: int) -> list[Row]:
    """Two days of six tokens of one client, each at its own pace; two of them spike. The first hour is cut."""
    rng = random.Random(seed)
    rows = [
        {"at": hour * HOUR + rng.randrange(HOUR), "token": token, "count": rng.choice((1, 1, 2))}
        for hour in range(48)
        for token in range(6)
        for _ in range(rng.randrange(4 + 2 * token))
    ]
    for token, span in ((0, 2 * MINUTE), (3, 50 * MINUTE)):
        start = rng.randrange(30 * HOUR, 45 * HOUR)
        rows += [{"at": start + rng.randrange(span), "token": token, "count": 1} for _ in range(160)]
    return sorted((row for row in rows if row["at"] > 20 * MINUTE), key=lambda row: row["at"])


def over(rows: list[Row]) -> dict[int, tuple[int, int, float]]:
    """Row → uses, limit, expected, where a token is used too much: in the minute, else in the hour."""
    known, found = token_limits(rows), {}
    for i, row in enumerate(rows):
        at, limit = row["at"], known.get(row["at"] // HOUR)
        for window, (size, slots) in enumerate(((5 * SECOND, 12), (MINUTE, 60))):
            ours = (it for it in rows[: i + 1] if it["token"] == row["token"] and at // size - it["at"] // size < slots)
            uses = sum(it["count"] for it in ours)
            if limit is not None and i not in found and uses >= limit.least[window]:
                found[i] = (uses, limit.least[window], limit.expected[window])
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_token_is_named_where_counting_says_so(seed: int) -> None:
    rows = stream(seed)
    use = {"type": "key-use", "outcome": "success", "iss": "https://id.example", "client_id": "app"}
    events = frame(
        [{**use, "time": (START + r["at"]) // 1_000, "token_id": f"t{r['token']}", "count": r["count"]} for r in rows]
    )
    detector = UsageSpike()
    (findings,) = step({"it": detector}, {"it": detector.new_state()}, events, int(events["order_time"][-1]))
    # A token that explains an excess of its client is named before it reaches a limit of its own, and gives none.
    own = ~np.isnan(findings.rows["threshold"][:, 0])
    tokens = findings.rows[(findings.rows["alert_class"] == 0) & own]
    said = {int(found["row"]): (found["observed"][0], found["threshold"][0], found["baseline"][0]) for found in tokens}
    assert said
    assert said == {row: pytest.approx(figures, rel=1e-5) for row, figures in over(rows).items()}
