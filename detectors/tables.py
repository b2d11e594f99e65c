"""`Table`: key → fixed-size row, the state of everything that is remembered for each token, user or address.

Rows are one NumPy structured array (a key's fields share a cache line), found through an open-addressing index. The
kernels are plain compiled loops over events in time order, so what a detector says cannot depend on how the stream
was cut into batches. See docs/decisions/0005.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.kernels import inner, kernel

BLOCK_ROWS: Final = 65_536
"""Rows of one checkpoint block."""

SIZE, FREE, TTL, EVICTED, LIVE = range(5)
NO_SLOT: Final = -1
_MIN_CAPACITY: Final = 1_024
_RENEWALS: Final = 8
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


class TableView(NamedTuple):
    """What a kernel sees of a table: arrays only.

    - `rows` (capacity,): the structured rows; a free row has key 0 and, as `touched`, the next free slot or `NO_SLOT`.
    - `blank` (1,): a row of zeros.
    - `positions` (power of two, at least twice the capacity,): slot + 1, or 0.
    - `dirty` (capacity,): rows changed since the last checkpoint.
    - `meta` (5,): used slots, first free slot or `NO_SLOT`, time to live in µs, evictions, live rows.
    """

    rows: npt.NDArray[Any]
    blank: npt.NDArray[Any]
    positions: npt.NDArray[np.int32]
    dirty: npt.NDArray[np.bool_]
    meta: npt.NDArray[np.int64]


class Table:
    """Key → row, growing by doubling, forgetting rows `ttl` after they were last touched (event time).

    Args:
        fields: the row's own fields as NumPy (name, format[, shape]); `key` and `touched` come on top.
        ttl: µs after which an untouched row counts as absent.
    """

    def __init__(self, fields: list[tuple[Any, ...]], *, ttl: int) -> None:
        self.dtype = np.dtype([("key", np.uint64), ("touched", np.int64), *fields])
        self._rows = np.zeros(_MIN_CAPACITY, self.dtype)
        self._blank = np.zeros(1, self.dtype)
        self._dirty = np.zeros(_MIN_CAPACITY, np.bool_)
        self._positions = np.zeros(2 * _MIN_CAPACITY, np.int32)
        self._meta = np.array([0, NO_SLOT, ttl, 0, 0], np.int64)

    def __len__(self) -> int:
        """Live rows, expired ones that were not swept yet included."""
        return int(self._meta[LIVE])

    @property
    def evicted(self) -> int:
        """Rows that a quota pushed out so far."""
        return int(self._meta[EVICTED])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in (self._rows, self._dirty, self._positions))

    @property
    def row_bytes(self) -> int:
        """Bytes that a row and its part of the index take: a full table has two positions a row."""
        return self.dtype.itemsize + self._dirty.itemsize + 2 * self._positions.itemsize

    @property
    def shape(self) -> str:
        """Digest of the row layout; a stored table of another shape cannot be read back."""
        return hashlib.sha256(repr(self.dtype.descr).encode()).hexdigest()[:16]

    def view(self, more: int, now: int) -> TableView:
        """Give the kernel's view, with room for `more` new keys.

        Args:
            more: the most keys the kernel may add (one an event, say).
            now: event time in µs; where room is short, rows that expired before it are dropped first.
        """
        short = self._meta[LIVE] + more - len(self._rows)
        if short > 0 and _sweep(self._raw(), now) < max(2 * more, len(self._rows) // 4):
            self._grow(int(self._meta[SIZE]) + more)
        return self._raw()

    def compact(self, now: int) -> None:
        """Free the rows that expired before `now` (event time, µs) and rebuild the index."""
        _sweep(self._raw(), now)

    def _raw(self) -> TableView:
        return TableView(self._rows, self._blank, self._positions, self._dirty, self._meta)

    def _grow(self, wanted: int) -> None:
        capacity = len(self._rows)
        while capacity < wanted:
            capacity *= 2
        for name in ("_rows", "_dirty"):
            old = getattr(self, name)
            new = np.zeros(capacity, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self._positions = np.zeros(2 * capacity, np.int32)
        _reindex(self._raw())

    def get(self, key: int) -> npt.NDArray[Any] | None:
        """Copy the row of a key, or give None. For tests and inspection; kernels use `find`."""
        slot = find(self._raw(), np.uint64(key))
        row: npt.NDArray[Any] | None = None if slot == NO_SLOT else self._rows[slot].copy()
        return row

    def live(self) -> npt.NDArray[Any]:
        """Copy all live rows, in slot order."""
        used = self._rows[: self._meta[SIZE]]
        live: npt.NDArray[Any] = used[used["key"] != 0]
        return live

    def changes(self) -> pa.Table:
        """Rows changed since the last call, with their `slot`; a freed row has key 0. Marks them clean."""
        slots = np.flatnonzero(self._dirty[: self._meta[SIZE]])
        self._dirty[slots] = False
        return self._arrow(slots, self._rows[slots])

    def block(self, number: int) -> Callable[[], pa.Table]:
        """Copy all rows of one block of `BLOCK_ROWS` slots, free ones too; give what makes an Arrow table of the copy.

        To be called on any thread: copying is fast, and Arrow's columns are not.
        """
        slots = np.arange(number * BLOCK_ROWS, min((number + 1) * BLOCK_ROWS, int(self._meta[SIZE])))
        return partial(self._arrow, slots, self._rows[slots[0] : slots[-1] + 1].copy())

    @property
    def blocks(self) -> int:
        """Number of blocks in use."""
        return -(-int(self._meta[SIZE]) // BLOCK_ROWS)

    def _arrow(self, slots: npt.NDArray[np.int64], rows: npt.NDArray[Any]) -> pa.Table:
        fields = {name: _to_arrow(rows[name]) for name in self.dtype.names or ()}
        return pa.table({"slot": pa.array(slots, pa.int64()), **fields})

    def apply(self, changed: pa.Table) -> None:
        """Write back rows from `changes` or `block`. Call `ready` after the last one.

        Raises:
            KeyError: a field is missing: the stored table has another shape.
        """
        slots = changed["slot"].to_numpy()
        if not len(slots):
            return
        top = int(slots.max()) + 1
        if top > len(self._rows):
            self._grow(top)
        for name in self.dtype.names or ():
            self._rows[name][slots] = _from_arrow(changed[name], self.dtype[name])
        self._meta[SIZE] = max(int(self._meta[SIZE]), top)

    def ready(self) -> None:
        """Rebuild the index after `apply`."""
        _reindex(self._raw())


def _to_arrow(values: npt.NDArray[Any]) -> pa.Array:
    if values.ndim == 1 and values.dtype.names is None:
        return pa.array(np.ascontiguousarray(values))
    width = values.dtype.itemsize * int(np.prod(values.shape[1:], initial=1))
    buffer = pa.py_buffer(np.ascontiguousarray(values).tobytes())
    return pa.Array.from_buffers(pa.binary(width), len(values), [None, buffer])


def _from_arrow(column: pa.ChunkedArray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.subdtype is None and dtype.names is None:
        values: npt.NDArray[Any] = column.to_numpy()
        return values
    joined = b"".join(column.to_pylist())
    base, shape = dtype.subdtype or (dtype, ())
    return np.frombuffer(joined, base).reshape(-1, *shape)


@inner
def _home(table: TableView, key: np.uint64) -> int:
    mixed = np.uint64(key * _MULTIPLIER)
    return int(np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(table.positions.size - 1)))


@inner
def find(table: TableView, key: np.uint64) -> int:
    """Give the slot of a key, expired or not, or `NO_SLOT`."""
    mask = table.positions.size - 1
    at = _home(table, key)
    while table.positions[at] != 0:
        slot = int(table.positions[at] - 1)
        if table.rows[slot].key == key:
            return slot
        at = (at + 1) & mask
    return NO_SLOT


@inner
def lookup(table: TableView, key: np.uint64, now: int) -> int:
    """Give the slot of a key that is known and not expired at `now`, or `NO_SLOT`. Changes nothing."""
    slot = find(table, key)
    if slot != NO_SLOT and now - table.rows[slot].touched > table.meta[TTL]:
        return NO_SLOT
    return slot


@inner
def upsert(table: TableView, key: np.uint64, now: int) -> int:
    """Give the slot of a key, touched at `now` and marked dirty; a new or expired row is all zero but for its key."""
    slot = find(table, key)
    if slot == NO_SLOT:
        slot = _take_slot(table)
        _clear(table, slot)
        table.rows[slot].key = key
        _link(table, slot)
        table.meta[LIVE] += 1
    elif now - table.rows[slot].touched > table.meta[TTL]:
        _clear(table, slot)
        table.rows[slot].key = key
    table.rows[slot].touched = now
    table.dirty[slot] = True
    return slot


@inner
def renew(table: TableView, slot: int, now: int) -> None:
    """Keep the live row at a slot from expiring, where it was not touched for an eighth of its time to live.

    Each touch is a row of the next checkpoint.
    """
    if now - table.rows[slot].touched > table.meta[TTL] // _RENEWALS:
        table.rows[slot].touched = now
        table.dirty[slot] = True


@inner
def remove(table: TableView, slot: int) -> None:
    """Forget the row at a slot."""
    _unlink(table, slot)
    _clear(table, slot)
    table.dirty[slot] = True
    _give_back(table, slot)
    table.meta[LIVE] -= 1


@inner
def _take_slot(table: TableView) -> int:
    slot = int(table.meta[FREE])
    if slot != NO_SLOT:
        table.meta[FREE] = table.rows[slot].touched
        return slot
    table.meta[SIZE] += 1
    return int(table.meta[SIZE] - 1)


@inner
def _give_back(table: TableView, slot: int) -> None:
    table.rows[slot].touched = table.meta[FREE]
    table.meta[FREE] = slot


@inner
def _clear(table: TableView, slot: int) -> None:
    table.rows[slot] = table.blank[0]


@inner
def _link(table: TableView, slot: int) -> None:
    mask = table.positions.size - 1
    at = _home(table, table.rows[slot].key)
    while table.positions[at] != 0:
        at = (at + 1) & mask
    table.positions[at] = slot + 1


@inner
def _unlink(table: TableView, slot: int) -> None:
    """Close the gap by moving later entries of the probe run back (Knuth, TAOCP 6.4, algorithm R)."""
    mask = table.positions.size - 1
    gap = _home(table, table.rows[slot].key)
    while table.positions[gap] != slot + 1:
        gap = (gap + 1) & mask
    at = (gap + 1) & mask
    while table.positions[at] != 0:
        home = _home(table, table.rows[table.positions[at] - 1].key)
        if ((at - home) & mask) >= ((at - gap) & mask):
            table.positions[gap] = table.positions[at]
            gap = at
        at = (at + 1) & mask
    table.positions[gap] = 0


@kernel
def _sweep(table: TableView, now: int) -> int:
    """Free all rows that expired before `now`; give the number of slots that are free afterwards."""
    for slot in range(table.meta[SIZE]):
        if table.rows[slot].key != 0 and now - table.rows[slot].touched > table.meta[TTL]:
            _clear(table, slot)
            table.dirty[slot] = True
    _reindex(table)
    return int(table.rows.size - table.meta[LIVE])


@kernel
def _reindex(table: TableView) -> None:
    table.positions[:] = 0
    table.meta[FREE], table.meta[LIVE] = NO_SLOT, 0
    for slot in range(table.meta[SIZE] - 1, -1, -1):
        if table.rows[slot].key == 0:
            _give_back(table, slot)
        else:
            _link(table, slot)
            table.meta[LIVE] += 1
