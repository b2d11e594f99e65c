"""`Table` behaves like a dict that forgets, through any sequence of calls, growth, sweeps and checkpoints."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from detectors.tables import NO_SLOT, Table, find, lookup, remove, upsert

TTL_MICROS = 100
FIELDS: list[tuple[Any, ...]] = [("count", np.int64), ("marks", np.uint16, (3,))]
# Few keys, so that they meet again; large ones, so that they collide in the index as real hashes do.
# Multiples of it share one home in the index: the longest probe runs that an attacker could choose.
SAME_HOME = pow(0x9E3779B97F4A7C15, -1, 2**64) << 52
KEYS = st.integers(1, 60).map(lambda number: number * 0x9E3779B97F4A7C15 % 2**64)


class TableAgainstDict(RuleBasedStateMachine):
    """Any calls in any order; the dict holds (touched, count) of each key that was ever put in."""

    touched = Bundle("touched")

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(FIELDS, ttl=TTL_MICROS)
        self.saved = Table(FIELDS, ttl=TTL_MICROS)
        self.oracle: dict[int, tuple[int, int]] = {}
        self.now = 0

    def alive(self, key: int) -> bool:
        return key in self.oracle and self.now - self.oracle[key][0] <= TTL_MICROS

    @rule(key=KEYS, target=touched)
    def count(self, key: int) -> int:
        view = self.table.view(1, self.now)
        slot = upsert(view, np.uint64(key), self.now)
        view.rows[slot]["count"] += 1
        view.rows[slot]["marks"][1] += 1
        self.oracle[key] = (self.now, self.oracle[key][1] + 1 if self.alive(key) else 1)
        return key

    @rule(key=touched)
    def forget(self, key: int) -> None:
        view = self.table.view(0, self.now)
        slot = find(view, np.uint64(key))
        assert (slot != NO_SLOT) or not self.alive(key)
        if slot != NO_SLOT:
            remove(view, slot)
        self.oracle.pop(key, None)

    @rule(step=st.integers(0, TTL_MICROS))
    def wait(self, step: int) -> None:
        self.now += step

    @rule(more=st.sampled_from([1, 900, 3_000]))
    def make_room(self, more: int) -> None:
        """Room for more than fits sweeps, then grows; the room is really there afterwards."""
        view = self.table.view(more, self.now)
        assert view.rows.size - view.meta[0] + view.meta[1] >= more

    @rule()
    def restore_from_blocks(self) -> None:
        fresh = Table(FIELDS, ttl=TTL_MICROS)
        for number in range(self.table.blocks):
            fresh.apply(self.table.block(number)())
        fresh.ready()
        self.table, self.saved = fresh, Table(FIELDS, ttl=TTL_MICROS)
        for number in range(fresh.blocks):
            self.saved.apply(fresh.block(number)())

    @rule()
    def restore_from_changes(self) -> None:
        self.saved.apply(self.table.changes())
        self.saved.ready()
        np.testing.assert_array_equal(np.sort(self.saved.live()), np.sort(self.table.live()))

    @invariant()
    def knows_what_the_dict_knows(self) -> None:
        view = self.table.view(0, self.now)
        for key, (touched, count) in self.oracle.items():
            slot = lookup(view, np.uint64(key), self.now)
            if self.alive(key):
                assert (view.rows[slot]["key"], view.rows[slot]["touched"]) == (key, touched)
                assert (view.rows[slot]["count"], view.rows[slot]["marks"].tolist()) == (count, [0, count, 0])
            else:
                assert slot == NO_SLOT
        assert len(self.table) == len(self.table.live())
        assert len(self.table) >= sum(self.alive(key) for key in self.oracle)


TestTableAgainstDict = TableAgainstDict.TestCase
TestTableAgainstDict.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4_095), unique=True, min_size=1, max_size=300), st.randoms())
def test_keys_of_one_home_stay_findable_when_others_are_removed(numbers: list[int], rng: Any) -> None:
    keys = [number * SAME_HOME % 2**64 for number in numbers]
    table = Table(FIELDS, ttl=TTL_MICROS)
    view = table.view(len(keys), 0)
    for key in keys:
        upsert(view, np.uint64(key), 0)
    rng.shuffle(keys)
    half = len(keys) // 2
    for key in keys[:half]:
        remove(view, find(view, np.uint64(key)))
    assert all(find(view, np.uint64(key)) == NO_SLOT for key in keys[:half])
    assert all(view.rows[find(view, np.uint64(key))]["key"] == key for key in keys[half:])
    assert len(table) == len(keys) - half


def test_a_full_table_reuses_expired_rows_before_it_grows() -> None:
    table = Table(FIELDS, ttl=TTL_MICROS)
    sizes = []
    for generation in range(20):
        now = generation * 2 * TTL_MICROS
        view = table.view(700, now)
        for key in range(1, 701):
            upsert(view, np.uint64(generation * 1_000 + key), now)
        sizes.append(table.nbytes)
    assert sizes[4] == sizes[-1]


def test_tables_of_other_fields_have_another_shape() -> None:
    assert Table(FIELDS, ttl=1).shape != Table([("count", np.int64)], ttl=1).shape
    assert Table(FIELDS, ttl=1).shape == Table(FIELDS, ttl=2).shape


def test_a_stored_table_without_a_field_is_refused() -> None:
    table = Table(FIELDS, ttl=TTL_MICROS)
    upsert(table.view(1, 0), np.uint64(7), 0)
    with pytest.raises(KeyError):
        Table([*FIELDS, ("more", np.int8)], ttl=TTL_MICROS).apply(table.changes())
