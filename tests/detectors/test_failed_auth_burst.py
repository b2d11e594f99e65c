"""failed-auth-burst against slow, obvious counting; floods; and the one rule that other engines were compared by."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.authentication.failed_auth_burst import FailedAuthBurst
from detectors.authentication.shapes import MAX_SOURCE_TRIES, Shape
from detectors.base import State
from detectors.run import step
from schemas.frame import Events, Text
from schemas.vocabulary import EventType, Reason, code
from tests.frames import frame

START = 1_772_442_000_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TRY, LOCKED, ACCEPTED, DENIAL = "bad-credentials", "locked-out", None, "mfa-denied"

Row: TypeAlias = dict[str, Any]
Oracle: TypeAlias = Callable[[list[Row], int], bool]


def event(row: Row) -> Row:
    """One event of a stream, of the fields that the oracles look at."""
    kind = "key-use" if row["reason"] is None else "verify-failure"
    return {
        "type": kind,
        "outcome": "success" if row["reason"] is None else None,
        "time": (START + row["at"]) // 1_000,
        "iss": "https://id.example",
        "sub": row["sub"],
        "ip": f"198.51.{row['source']}.1",
        "country": ("DE", "FR")[row["source"] % 2],
        "asn": 64_500 + row["source"] % 3,
        "reason": row["reason"],
        "count": row["count"],
    }


def found(detector: FailedAuthBurst, events: Events, alert_class: str, state: State | None = None) -> list[int]:
    """Rows of the findings of one class, on the stream in one piece."""
    state = detector.new_state() if state is None else state
    (findings,) = step({"it": detector}, {"it": state}, events, int(events["order_time"][-1]))
    names = [detector.classes[number].name for number in findings.rows["alert_class"]]
    return [int(row) for row, name in zip(findings.rows["row"], names, strict=True) if name == alert_class]


def recent(rows: list[Row], i: int, window: int, **same: Any) -> list[Row]:
    """The tries and locks up to row i that are younger than the window and agree with it in some fields."""
    return [
        row
        for row in rows[: i + 1]
        if row["reason"] in (TRY, LOCKED)
        and rows[i]["at"] - row["at"] < window
        and all(row[name] == value for name, value in same.items())
    ]


def tries(rows: Iterable[Row]) -> int:
    return sum(row["count"] for row in rows if row["reason"] == TRY)


def is_brute_force(rows: list[Row], i: int) -> bool:
    pair = recent(rows, i, 5 * MINUTE, sub=rows[i]["sub"], source=rows[i]["source"])
    return tries(pair) >= 10 or tries(recent(rows, i, HOUR, sub=rows[i]["sub"])) >= 30


def is_distributed(rows: list[Row], i: int) -> bool:
    window = recent(rows, i, 30 * MINUTE, sub=rows[i]["sub"])
    sources = {row["source"] for row in window}
    scattered = len({s % 2 for s in sources}) >= 2 or len({s % 3 for s in sources}) >= 3 or len(sources) >= 8
    return tries(window) >= 10 and len(sources) >= 5 and scattered


def factor(rows: list[Row], i: int, failing: int) -> int:
    """3 behind a shared source; the streams are far shorter than the day that successes count for."""
    ours = (row for row in rows[: i + 1] if row["source"] == rows[i]["source"] and row["reason"] is ACCEPTED)
    return 3 if len({row["sub"] for row in ours}) > failing else 1


def is_spray(rows: list[Row], i: int) -> bool:
    window = recent(rows, i, HOUR, source=rows[i]["source"])
    of_account = Counter(row["sub"] for row in window)
    some = sum(2 <= n <= 6 for n in of_account.values())
    times = factor(rows, i, len(of_account))
    enough = len(of_account) >= 5 * times and tries(window) >= 15 * times
    return bool(enough and some >= 0.6 * len(of_account) and of_account[rows[i]["sub"]] <= 6)


def is_stuffing(rows: list[Row], i: int) -> bool:
    window = recent(rows, i, 15 * MINUTE, source=rows[i]["source"])
    of_account = Counter(row["sub"] for row in window)
    few = sum(n <= 2 for n in of_account.values())
    times = factor(rows, i, len(of_account))
    enough = len(of_account) >= 15 * times and tries(window) >= 25 * times
    return bool(enough and few >= 0.8 * len(of_account) and of_account[rows[i]["sub"]] <= 2)


def is_fatigue(rows: list[Row], i: int) -> bool:
    ours = [row for row in rows[: i + 1] if row["reason"] == DENIAL and row["sub"] == rows[i]["sub"]]
    return bool(sum(row["count"] for row in ours if rows[i]["at"] - row["at"] < 10 * MINUTE) >= 5)


def stream(seed: int, accounts: int, sources: int, reasons: list[str | None], gap: int) -> list[Row]:
    """A random stream of 250 events whose gaps let windows fill, empty, and end exactly at an event."""
    rng = random.Random(seed)
    at, rows = 0, []
    for _ in range(250):
        at += rng.choice((0, gap // 2, gap, gap, gap, gap, 2 * gap, 12 * gap))
        who, where = (int(rng.random() ** 1.5 * number) for number in (accounts, sources))
        fields = {"sub": f"u{who}", "source": where, "reason": rng.choice(reasons), "count": rng.choice((1, 1, 1, 2))}
        rows.append({"at": at, **fields})
    return rows


def frame_of(rows: list[Row]) -> Events:
    return frame([{"event_id": f"e{i:05d}", **event(row)} for i, row in enumerate(rows)])


def tries_on_one_account(number: int, every: int, source: int) -> list[Row]:
    return [{"at": i * every, "sub": "ann", "source": source, "reason": TRY, "count": 1} for i in range(number)]


@pytest.mark.parametrize(
    ("shape", "oracle", "accounts", "sources", "reasons", "gap"),
    [
        (Shape.BRUTE_FORCE, is_brute_force, 6, 6, [TRY], 20 * SECOND),
        (Shape.BRUTE_FORCE, is_brute_force, 5, 20, [TRY, TRY, LOCKED], 20 * SECOND),
        (Shape.DISTRIBUTED_BRUTE_FORCE, is_distributed, 4, 12, [TRY, LOCKED], 40 * SECOND),
        (Shape.PASSWORD_SPRAY, is_spray, 15, 3, [TRY, LOCKED], 25 * SECOND),
        (Shape.PASSWORD_SPRAY, is_spray, 20, 2, [TRY, TRY, TRY, ACCEPTED], 30 * SECOND),
        (Shape.CREDENTIAL_STUFFING, is_stuffing, 90, 2, [TRY, TRY, LOCKED], 5 * SECOND),
        (Shape.CREDENTIAL_STUFFING, is_stuffing, 400, 2, [TRY, TRY, TRY, ACCEPTED], 5 * SECOND),
        (Shape.MFA_FATIGUE, is_fatigue, 8, 3, [DENIAL, TRY], 60 * SECOND),
    ],
)
def test_a_shape_fires_at_exactly_the_events_that_counting_finds(
    shape: Shape, oracle: Oracle, accounts: int, sources: int, reasons: list[str | None], gap: int
) -> None:
    detector = FailedAuthBurst(shapes=frozenset({shape}))
    meant = {DENIAL} if shape is Shape.MFA_FATIGUE else {TRY, LOCKED}
    fired = quiet = 0
    for seed in range(12):
        rows = stream(seed, accounts, sources, reasons, gap)
        expected = [i for i, row in enumerate(rows) if row["reason"] in meant and oracle(rows, i)]
        assert found(detector, frame_of(rows), shape.value) == expected
        fired += len(expected)
        quiet += len(rows) - len(expected)
    assert min(fired, quiet) > 20


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), gap=st.sampled_from([20, 45, 60]))
def test_a_tenant_counts_at_most_five_tries_of_a_source_and_of_an_account(seed: int, gap: int) -> None:
    rows = [row | {"count": 1} for row in stream(seed, 30, 20, [TRY], gap * SECOND)]
    detector = FailedAuthBurst(shapes=frozenset({Shape.DISTRIBUTED_SPRAY}), tenant_warm_up=timedelta(0))
    counted: list[Row] = []
    expected = []
    for i, row in enumerate(rows):
        counted = [old for old in counted if row["at"] - old["at"] < HOUR]
        if any(sum(old[name] == row[name] for old in counted) >= 5 for name in ("sub", "source")):
            continue
        counted.append(row)
        broad = len({old["sub"] for old in counted}) >= 8 and len({old["source"] for old in counted}) >= 5
        if broad and len(counted) >= 25:
            expected.append(i)
    assert found(detector, frame_of(rows), "distributed-spray") == expected


def test_a_finding_names_the_attempts_before_it_newest_first() -> None:
    events = frame_of(tries_on_one_account(10, SECOND, source=1))
    detector = FailedAuthBurst()
    (findings,) = step({"it": detector}, {"it": detector.new_state()}, events, START + HOUR)
    assert findings.rows["related"].tolist() == [events["event_key"][8:4:-1].tolist()]


def test_an_event_has_one_class_for_its_account_and_one_for_its_source() -> None:
    rows = [row for seed in range(4) for row in stream(seed, 25, 4, [TRY, LOCKED], SECOND)]
    for i, row in enumerate(rows):
        row["at"] = i * 5 * SECOND
    detector = FailedAuthBurst()
    (findings,) = step({"it": detector}, {"it": detector.new_state()}, frame_of(rows), START + 2 * HOUR)
    about = [detector.classes[number].entity.type for number in findings.rows["alert_class"]]
    assert len(findings) > 20
    assert max(Counter(zip(findings.rows["row"].tolist(), about, strict=True)).values()) == 1


# --- floods -------------------------------------------------------------------------------------


def flood(names: int, source: int, rate: int) -> Events:
    """Failures of ever new names from one source, `rate` a second."""
    row = {"at": 0, "sub": "x", "source": source, "reason": TRY, "count": 1}
    names_of = np.random.default_rng(source).integers(1, 2**63, names).astype(np.uint64)
    times = START + np.arange(names) * SECOND // rate
    one = frame([event(row)]).take(np.zeros(names, np.int64))
    return one.with_columns(principal=names_of, sub=names_of, event_key=names_of, order_time=times, time=times)


def together(*streams: Events) -> Events:
    both = Events.concat(streams)
    return both.take(np.argsort(both["order_time"], kind="stable"))


@pytest.mark.parametrize("factor", [2, 20])
def test_a_flood_of_names_from_one_source_stays_within_its_quota(factor: int) -> None:
    detector = FailedAuthBurst()
    state = detector.new_state()
    events = flood(factor * MAX_SOURCE_TRIES, 7, 500)
    step({"it": detector}, {"it": state}, events, int(events["order_time"][-1]))
    assert state["source_hour"].evicted == (factor - 1) * MAX_SOURCE_TRIES
    assert max(len(part) for part in state.values()) <= 2 * 3 * MAX_SOURCE_TRIES


def test_a_flood_hides_no_other_attack_and_stays_in_alarm_itself() -> None:
    both = together(frame_of(tries_on_one_account(12, 10 * SECOND, source=1)), flood(20_000, 7, 150))
    assert len(found(FailedAuthBurst(), both, "brute-force")) == 3
    assert len(found(FailedAuthBurst(), both, "credential-stuffing")) > 19_000


def test_a_source_beyond_its_quota_is_still_seen_to_hammer_one_account() -> None:
    both = together(frame_of(tries_on_one_account(600, SECOND, source=7)), flood(60_000, 7, 100))
    assert len(found(FailedAuthBurst(), both, "brute-force")) == 600 - 9


# --- the one rule of the comparison -------------------------------------------------------------


def failures_of_the_comparison(events: int) -> Events:
    """The verify-failures among `events` events at 500 a second: Zipf users, 5 % failures, skewed addresses.

    The draws are those of the recipe other engines were measured by, so that the number of hits is known.
    """
    rng = random.Random(7)
    times: list[int] = []
    seen: list[int] = []
    numbers: dict[str, int] = {}
    for i in range(events):
        rng.paretovariate(1.1)
        failed = rng.choices((False, False, True, False), (18, 22, 5, 55))[0]
        for bits in (128, 128, 64):
            rng.getrandbits(bits)
        address = f"10.{int(rng.paretovariate(1.0)) % 250}.{i // 250 % 5}.{i % 25}"
        if failed:
            times.append(START + i * 2_000)
            seen.append(numbers.setdefault(address, len(numbers) + 1))
    return failures_at(np.array(times), np.array(seen, np.uint64))


def failures_at(times: npt.NDArray[np.int64], sources: npt.NDArray[np.uint64]) -> Events:
    n = len(times)
    columns: dict[str, npt.NDArray[Any]] = {
        "type": np.full(n, code(EventType.VERIFY_FAILURE), np.int8),
        "reason": np.full(n, code(Reason.BAD_CREDENTIALS), np.int8),
        "time": times,
        "order_time": times,
        "ip": sources,
        "source_ip": sources,
    }
    return Events(n, columns, Text.of(pa.table({"ip": pa.nulls(n, pa.string())})))


def test_the_plain_rule_finds_the_1294_hits_that_only_event_time_finds() -> None:
    events = failures_of_the_comparison(400_000)
    assert len(events) == 19_980
    rule = FailedAuthBurst(shapes=frozenset({Shape.SOURCE_BURST}))
    assert len(found(rule, events, "source-burst")) == 1_294
