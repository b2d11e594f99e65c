"""`Window` counts what a list of the last `span` µs would, through any sequence of pushes and checkpoints."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
from hypothesis import given, settings

from detectors.tables import NO_SLOT, find
from detectors.windows import Window, expire, push

SPAN_MICROS = 50
Entry = tuple[int, int, int, int]
STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 4), st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=120
)


def counted(entries: list[Entry], key: int) -> dict[str, int]:
    """The counters of a key, by brute force."""
    mine = [(peer, weight) for _, owner, peer, weight in entries if owner == key]
    tries = Counter(peer for peer, _ in mine)
    return {
        "weight": sum(weight for _, weight in mine),
        "entries": len(mine),
        "peers": len(tries),
        "few": sum(1 <= number <= 2 for number in tries.values()),
        "some": sum(2 <= number <= 6 for number in tries.values()),
    }


def shown(window: Window, now: int, key: int) -> dict[str, int]:
    """The counters of a key, as a kernel would read them."""
    view = window.view(0, now)
    expire(view, now)
    slot = find(view.counts, np.uint64(key))
    names = ("weight", "entries", "peers", "few", "some")
    return {name: 0 if slot == NO_SLOT else int(view.counts.rows[slot][name]) for name in names}


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([3, 4_096]))
def test_a_window_counts_like_a_list(steps: list[Entry], cap: int) -> None:
    window, kept, now, refused = Window(SPAN_MICROS, cap=cap), list[Entry](), 0, 0
    for wait, key, peer, weight in steps:
        now += wait
        kept = [entry for entry in kept if now - entry[0] < SPAN_MICROS]
        push(window.view(1, now), np.uint64(key), np.uint64(peer), weight, now)
        if sum(entry[1] == key for entry in kept) < cap:
            kept.append((now, key, peer, weight))
        else:
            refused += 1
        assert shown(window, now, key) == counted(kept, key)
    assert (len(window), window.evicted) == (len(kept), refused)
    assert all(shown(window, now, key) == counted(kept, key) for key in range(1, 5))


@settings(max_examples=30, deadline=None)
@given(STEPS, st.data())
def test_a_restored_window_goes_on_as_if_nothing_had_happened(steps: list[Entry], data: st.DataObject) -> None:
    window, kept, now = Window(SPAN_MICROS), list[pa.Table](), 0
    for wait, key, peer, weight in steps:
        now += wait
        push(window.view(1, now), np.uint64(key), np.uint64(peer), weight, now)
        if data.draw(st.booleans()):
            kept.append(window.changes())
    kept.append(window.changes())
    stored = pa.concat_tables(kept)
    fresh = Window(SPAN_MICROS)
    fresh.restore(stored.filter(pa.array(stored["number"].to_numpy() >= window.oldest)))
    assert fresh.entries().equals(window.entries())
    assert fresh.changes().num_rows == 0
    for later in (now, now + SPAN_MICROS // 2, now + SPAN_MICROS):
        assert all(shown(fresh, later, key) == shown(window, later, key) for key in range(1, 5))


def test_an_entry_leaves_exactly_when_the_span_has_passed() -> None:
    window = Window(SPAN_MICROS)
    push(window.view(1, 0), np.uint64(1), np.uint64(2), 1, 0)
    assert shown(window, SPAN_MICROS - 1, 1)["entries"] == 1
    assert shown(window, SPAN_MICROS, 1)["entries"] == 0


def test_a_long_stream_of_new_keys_leaves_nothing_behind() -> None:
    window, sizes = Window(SPAN_MICROS), []
    for batch in range(12):
        now = batch * 2 * SPAN_MICROS
        view = window.view(3_000, now)
        for key in range(1, 3_001):
            push(view, np.uint64(batch * 10_000 + key), np.uint64(key), 1, now)
        sizes.append(window.nbytes)
    assert sizes[2] == sizes[-1]


def test_windows_of_another_span_have_another_shape() -> None:
    assert Window(SPAN_MICROS).shape != Window(SPAN_MICROS + 1).shape
