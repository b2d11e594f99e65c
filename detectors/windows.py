"""`Window`: an exact sliding window over a stream of (key, peer) entries, the state behind bursts and sprays.

Entries stand in one queue in time order; counters follow them in and out, so each entry costs a constant amount of
work however long the window is. Only the queue is durable: the counters are rebuilt from it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, find, remove, upsert

FEW_TRIES: Final = 2
SOME_TRIES: Final = 6
HEAD, TAIL, SPAN, CAP, REFUSED = range(5)
_FOREVER: Final = int(np.iinfo(np.int64).max // 2)
_MIN_CAPACITY: Final = 1_024
_ENTRY: Final = np.dtype([("time", np.int64), ("key", np.uint64), ("peer", np.uint64), ("weight", np.int64)])


class WindowView(NamedTuple):
    """What a kernel sees of a window.

    - `queue` (power of two,): ring of entries; entry number `i` stands at `i` modulo the length.
    - `counts`: key → `weight` in the window, `entries`, `peers` (distinct), `few` (peers with one or two entries),
      `some` (peers with two to six).
    - `pairs`: (key, peer) → `entries`.
    - `meta` (5,): oldest entry number, next entry number, span in µs, most entries a key may hold, entries refused.
    """

    queue: npt.NDArray[Any]
    counts: TableView
    pairs: TableView
    meta: npt.NDArray[np.int64]


class Window:
    """Sliding window of `span` µs: an entry counts while `now - time < span`.

    Args:
        span: length of the window, µs.
        cap: most entries of one key held at once; further ones are refused and counted, so that a flood on one key
            costs bounded memory. Counts at the cap are lower bounds.
    """

    def __init__(self, span: int, *, cap: int = 4_096) -> None:
        self._queue = np.zeros(_MIN_CAPACITY, _ENTRY)
        self._counts = Table(
            [("weight", np.int64), ("entries", np.int32), ("peers", np.int32), ("few", np.int32), ("some", np.int32)],
            ttl=_FOREVER,
        )
        self._pairs = Table([("entries", np.int32)], ttl=_FOREVER)
        self._meta = np.array([0, 0, span, cap, 0], np.int64)
        self._saved = 0

    def __len__(self) -> int:
        """Entries in the window."""
        return int(self._meta[TAIL] - self._meta[HEAD])

    @property
    def evicted(self) -> int:
        """Entries refused because their key was at the cap."""
        return int(self._meta[REFUSED])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._queue.nbytes + self._counts.nbytes + self._pairs.nbytes

    @property
    def shape(self) -> str:
        """Digest of what the stored entries mean: a window of another span starts cold."""
        return f"window-{self._meta[SPAN]}-{self._meta[CAP]}"

    @property
    def oldest(self) -> int:
        """Number of the oldest entry still in the window; stored entries before it may be dropped."""
        return int(self._meta[HEAD])

    def view(self, more: int, now: int) -> WindowView:
        """Give the kernel's view, with room for `more` entries. `now`: event time in µs, never decreasing."""
        while len(self) + more > len(self._queue):
            self._double()
        return WindowView(self._queue, self._counts.view(more, now), self._pairs.view(more, now), self._meta)

    def compact(self, now: int) -> None:
        """Rebuild the indexes of the counters. `now`: event time in µs, never decreasing."""
        self._counts.compact(now)
        self._pairs.compact(now)

    def _double(self) -> None:
        numbers = np.arange(self._meta[HEAD], self._meta[TAIL])
        queue = np.zeros(2 * len(self._queue), _ENTRY)
        queue[numbers % len(queue)] = self._queue[numbers % len(self._queue)]
        self._queue = queue

    def changes(self) -> pa.Table:
        """Entries appended since the last call that are still in the window, with their `number`."""
        numbers = np.arange(max(self._saved, int(self._meta[HEAD])), self._meta[TAIL])
        self._saved = int(self._meta[TAIL])
        return self._at(numbers)

    def entries(self) -> pa.Table:
        """All entries in the window, with their `number`."""
        return self._at(np.arange(self._meta[HEAD], self._meta[TAIL]))

    def _at(self, numbers: npt.NDArray[np.int64]) -> pa.Table:
        rows = self._queue[numbers % len(self._queue)]
        fields = {name: pa.array(np.ascontiguousarray(rows[name])) for name in _ENTRY.names or ()}
        return pa.table({"number": pa.array(numbers, pa.int64()), **fields})

    def restore(self, entries: pa.Table) -> None:
        """Fill an empty window with stored entries, in order of `number`; entries without a gap up to the newest."""
        if not entries.num_rows:
            return
        first = entries["number"][0].as_py()
        self._meta[HEAD] = self._meta[TAIL] = self._saved = first
        view = self.view(entries.num_rows, 0)
        _refill(view, *(entries[name].to_numpy() for name in _ENTRY.names or ()))
        self._saved = int(self._meta[TAIL])


@inner
def pair_of(key: np.uint64, peer: np.uint64) -> np.uint64:
    """Mix two keys into one (the finaliser of SplitMix64 over their combination); never 0."""
    mixed = key ^ (peer * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.uint64(mixed if mixed != 0 else 1)


@inner
def push(window: WindowView, key: np.uint64, peer: np.uint64, weight: int, now: int) -> int:
    """Let old entries go, add one, and give the slot of `key` in `window.counts`; its row holds the new counts."""
    expire(window, now)
    return enter(window, key, peer, weight, now)


@inner
def enter(window: WindowView, key: np.uint64, peer: np.uint64, weight: int, now: int) -> int:
    """Add an entry to a window that was expired at `now` already; as `push` for the rest."""
    slot = find(window.counts, key)
    if slot != NO_SLOT and window.counts.rows[slot].entries >= window.meta[CAP]:
        window.meta[REFUSED] += 1
        return slot
    return _append(window, key, peer, weight, now)


@inner
def expire(window: WindowView, now: int) -> None:
    """Drop the entries that left the window by `now`, of all keys."""
    mask = window.queue.size - 1
    head, tail, span = window.meta[HEAD], window.meta[TAIL], window.meta[SPAN]
    while head < tail and now - window.queue[head & mask].time >= span:
        _forget(window, head & mask)
        head += 1
    window.meta[HEAD] = head


@inner
def _append(window: WindowView, key: np.uint64, peer: np.uint64, weight: int, now: int) -> int:
    at = window.meta[TAIL] & (window.queue.size - 1)
    window.queue[at].time = now
    window.queue[at].key = key
    window.queue[at].peer = peer
    window.queue[at].weight = weight
    window.meta[TAIL] += 1
    slot = upsert(window.counts, key, now)
    pair = upsert(window.pairs, pair_of(key, peer), now)
    _recount(window, slot, pair, weight, 1)
    return slot


@inner
def _forget(window: WindowView, at: int) -> None:
    key = window.queue[at].key
    slot = find(window.counts, key)
    pair = find(window.pairs, pair_of(key, window.queue[at].peer))
    _recount(window, slot, pair, -window.queue[at].weight, -1)
    if window.pairs.rows[pair].entries == 0:
        remove(window.pairs, pair)
    if window.counts.rows[slot].entries == 0:
        remove(window.counts, slot)


@inner
def _recount(window: WindowView, slot: int, pair: int, weight: int, step: int) -> None:
    before = window.pairs.rows[pair].entries
    after = before + step
    window.pairs.rows[pair].entries = after
    window.counts.rows[slot].weight += weight
    window.counts.rows[slot].entries += step
    window.counts.rows[slot].peers += (after > 0) - (before > 0)
    window.counts.rows[slot].few += (0 < after <= FEW_TRIES) - (0 < before <= FEW_TRIES)
    window.counts.rows[slot].some += (FEW_TRIES <= after <= SOME_TRIES) - (FEW_TRIES <= before <= SOME_TRIES)


@kernel
def _refill(
    window: WindowView,
    times: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    peers: npt.NDArray[np.uint64],
    weights: npt.NDArray[np.int64],
) -> None:
    for i in range(times.size):
        _append(window, keys[i], peers[i], weights[i], times[i])
