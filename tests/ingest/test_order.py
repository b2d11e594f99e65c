"""The order buffer: whatever the delivery, rows leave once and in event-time order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.order import OrderBuffer
from schemas.columns import NULL_TIME
from schemas.frame import Events, Text
from tests.frames import key_of

SECOND = 1_000_000
LATENESS = 10 * SECOND


def rows(times: list[int], ids: list[str], seq: list[int] | None = None) -> Events:
    columns = {
        "time": np.array(times, np.int64),
        "seq": np.array(seq or [-1] * len(times), np.int64),
        "event_key": np.array([key_of(name) for name in ids], np.uint64),
        "event_key2": np.array([key_of(name, "2") for name in ids], np.uint64),
    }
    return Events(len(times), columns, Text.of(pa.table({"event_id": pa.array(ids, pa.string())})))


def ids_of(events: Events) -> list[str]:
    found: list[str] = events.text.gather(columns=["event_id"])["event_id"].to_pylist()
    return found


def add(buffer: OrderBuffer, events: Events, partition: int = 0) -> list[bool]:
    n = len(events)
    refused: list[bool] = buffer.add(events, np.full(n, partition), np.full(n, NULL_TIME)).tolist()
    return refused


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[int, str, int]]:
    """Events as (time, id, arrival), each arriving at most the lateness after its time, some of them twice."""
    times = draw(st.lists(st.integers(0, 60), min_size=1, max_size=60))
    events = [(time * SECOND, f"e{i}") for i, time in enumerate(times)]
    copies = draw(st.lists(st.sampled_from(events), max_size=10))
    return [(time, name, time + draw(st.integers(0, LATENESS - 1))) for time, name in (*events, *copies)]


def cut(items: list[tuple[int, str, int]], sizes: Iterator[int]) -> Iterator[list[tuple[int, str, int]]]:
    while items:
        size = next(sizes, len(items))
        yield items[:size]
        items = items[size:]


@settings(max_examples=150, deadline=None)
@given(deliveries(), st.lists(st.integers(1, 7), max_size=40), st.integers(1, 4))
def test_any_delivery_within_the_lateness_leaves_in_one_order(
    events: list[tuple[int, str, int]], sizes: list[int], partitions: int
) -> None:
    buffer = OrderBuffer(LATENESS)
    arrivals = sorted(events, key=lambda event: event[2])
    left: list[str] = []
    late = 0
    for batch in cut(arrivals, iter(sizes)):
        for partition in range(partitions):
            mine = [event for event in batch if int(event[1][1:]) % partitions == partition]
            add(buffer, rows([time for time, _, _ in mine], [name for _, name, _ in mine]), partition)
        due = buffer.advance(range(partitions))
        late += int(due["late"].sum())
        left += ids_of(due)
    left += ids_of(buffer.flush())
    assert left == [name for _, name in sorted({(time, name) for time, name, _ in events})]
    assert late == 0
    assert buffer.counters.duplicate == len(events) - len(left)


def test_equal_times_leave_by_sequence_then_by_event_id() -> None:
    buffer = OrderBuffer(0)
    add(buffer, rows([5, 5, 5, 5], ["d", "c", "b", "a"], [2, 1, -1, -1]))
    assert ids_of(buffer.flush()) == ["a", "b", "c", "d"]


def test_late_rows_are_flagged_and_take_the_place_at_which_they_came() -> None:
    buffer = OrderBuffer(LATENESS)
    add(buffer, rows([100 * SECOND], ["new"]))
    buffer.advance([0])
    add(buffer, rows([50 * SECOND, 120 * SECOND], ["late", "newer"]))
    due = buffer.advance([0])
    assert ids_of(due) == ["late", "new"]
    assert due["late"].tolist() == [True, False]
    assert due["order_time"].tolist() == [90 * SECOND + 1, 100 * SECOND]
    assert due["time"].tolist() == [50 * SECOND, 100 * SECOND]
    assert buffer.counters.late == 1


def test_a_late_copy_of_something_that_left_is_a_duplicate_and_not_late() -> None:
    buffer = OrderBuffer(LATENESS)
    add(buffer, rows([1 * SECOND, 100 * SECOND], ["one", "two"]))
    assert ids_of(buffer.advance([0])) == ["one"]
    add(buffer, rows([1 * SECOND, 130 * SECOND], ["one", "three"]))
    assert ids_of(buffer.advance([0])) == ["two"]
    assert (buffer.counters.duplicate, buffer.counters.late) == (1, 0)


def test_rows_behind_the_horizon_are_refused() -> None:
    buffer = OrderBuffer(LATENESS, horizon=60 * SECOND)
    add(buffer, rows([1_000 * SECOND], ["now"]))
    buffer.advance([0])
    assert add(buffer, rows([929 * SECOND, 930 * SECOND], ["too late", "late"])) == [True, False]
    assert buffer.counters.too_late == 1


def test_a_silent_partition_holds_everything_back_until_it_is_inactive() -> None:
    buffer = OrderBuffer(0)
    add(buffer, rows([5], ["a"]), partition=0)
    assert len(buffer.advance([0, 1])) == 0
    assert ids_of(buffer.advance([0])) == ["a"]


def test_one_wrong_clock_cannot_move_the_watermark() -> None:
    buffer = OrderBuffer(0)
    wrong = rows([10_000 * SECOND], ["from the future"])
    buffer.add(wrong, np.zeros(1, np.int32), np.array([100 * SECOND]))
    buffer.advance([0])
    assert buffer.watermark == 100 * SECOND


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.integers(0, 60))
def test_a_restored_buffer_goes_on_as_if_nothing_had_happened(events: list[tuple[int, str, int]], at: int) -> None:
    arrivals = sorted(events, key=lambda event: event[2])

    def run(stop: int | None) -> list[str]:
        buffer = OrderBuffer(LATENESS)
        left: list[str] = []
        for i, (time, name, _) in enumerate(arrivals):
            add(buffer, rows([time], [name]))
            left += ids_of(buffer.advance([0]))
            if i == stop:
                buffer = restored(buffer)
        return left + ids_of(buffer.flush())

    assert run(at) == run(None)


def restored(buffer: OrderBuffer) -> OrderBuffer:
    copy = OrderBuffer(buffer.lateness, buffer.horizon, buffer.watermark, dict(buffer.clocks))
    copy.restore(Events.from_arrow(buffer.pending().to_arrow()))
    copy.seen.restore(buffer.seen.changes())
    return copy
