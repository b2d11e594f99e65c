"""Who uses a key for what: the first principal and the first operation after a time of learning."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.acts import used
from detectors.base import State
from detectors.findings import Array
from detectors.kernels import Record, inner, kernel
from detectors.tables import NO_SLOT, TTL, Table, TableView, lookup, upsert
from detectors.views import Views
from schemas.catalogue import EntityField
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, Operation, code

KEY: Final = EntityField(EntityType.KEY, "key_id", EntityRole.VICTIM)
OTHERS: Final = (
    EntityField(EntityType.USER, "principal", EntityRole.ATTACKER),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.ATTACKER),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
SEATS: Final = 16
"""Principals remembered for each key. A key with more is open to many: a further one is no news there."""
NEW_CALLER, NEW_OPERATION, NEW_FOR_CALLER = 1, 2, 4
"""Flags: principal new to the key; operation new to the key; operation new to a principal who is not."""
SECRET: Final = tuple(code(it) for it in (Operation.SIGN, Operation.DECRYPT, Operation.UNWRAP))
"""Operations that only the holder of the private or secret key can do."""
_USES: Final = (*SECRET, code(Operation.ENCRYPT), code(Operation.WRAP))
_NONE: Final = -1
_RENEWALS: Final = 8
_DAY: Final = 86_400_000_000


def callers_table() -> Table:
    """Give an empty table: key → since when it is known, µs, its operations as bits, and its latest principals.

    - `callers`, `since`, `seen`, `done`: each principal, first and last use, µs, and operations as bits.
    """
    seats = [("callers", np.uint64), ("since", np.int64), ("seen", np.int64), ("done", np.int64)]
    fields = [("began", np.int64), ("operations", np.int64)]
    return Table([*fields, *((name, format_, (SEATS,)) for name, format_ in seats)], ttl=90 * _DAY)


def callers(events: Events, rows: Array) -> Array:
    """Give who uses the key in some rows: the subject, or the client where there is none, uint64 (m,)."""
    found: Array = np.where(events["sub"][rows] != 0, events["sub"][rows], events["client_id"][rows])
    return found


def judge(events: Events, learning: int, state: State) -> tuple[Array, Array]:
    """Go through the uses of keys in order: give their rows and what is new about each, both (m,).

    Args:
        events: the batch.
        learning: µs for which a key, and a principal at a key, only teach.
        state: holds a table of `callers_table` as `keys`.
    """
    rows = np.flatnonzero(used(events) & (events["key_id"] != 0))
    rows = rows[np.isin(events["operation"][rows], _USES)]
    caller = callers(events, rows)
    rows, caller = rows[caller != 0], caller[caller != 0]
    news = np.zeros(len(rows), np.int8)
    if len(rows):
        times = events["order_time"][rows]
        bits = np.int64(1) << events["operation"][rows].astype(np.int64)
        view = Views(state, int(times[0])).table("keys", len(rows))
        _judge(view, events["key_id"][rows], caller, bits, times, learning, news)
    return rows, news


@inner
def _seat(row: Record, caller: np.uint64, now: int, ttl: int) -> int:
    """Give the seat of a principal, or else one that is free, or `_NONE`."""
    free = _NONE
    for seat in range(SEATS):
        if row.callers[seat] == caller:
            return seat
        if free == _NONE and (row.callers[seat] == 0 or now - row.seen[seat] >= ttl):
            free = seat
    return free


@inner
def _compare(row: Record, seat: int, caller: np.uint64, bit: int, now: int, learning: int, ttl: int) -> int:
    """Give the flags of what is new about one use."""
    learned = now - row.began >= learning
    news = NEW_OPERATION if learned and row.operations & bit == 0 else 0
    if seat == _NONE:
        return news
    if row.callers[seat] != caller or now - row.seen[seat] >= ttl:
        return news | NEW_CALLER if learned else news
    if now - row.since[seat] >= learning and row.done[seat] & bit == 0:
        return news | NEW_FOR_CALLER
    return news


@inner
def _note(row: Record, seat: int, caller: np.uint64, bit: int, now: int, ttl: int) -> bool:
    """Remember one use; say whether that changes anything but the time of what was fresh already."""
    changed = bool(row.operations & bit == 0)
    row.operations |= bit
    if seat == _NONE:
        return changed
    if row.callers[seat] != caller or now - row.seen[seat] >= ttl:
        row.callers[seat] = caller
        row.since[seat] = now
        row.done[seat] = 0
    elif row.done[seat] & bit != 0 and now - row.seen[seat] <= ttl // _RENEWALS:
        return changed
    row.seen[seat] = now
    row.done[seat] |= bit
    return True


@kernel
def _judge(
    table: TableView,
    keys: npt.NDArray[np.uint64],
    callers: npt.NDArray[np.uint64],
    bits: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    learning: int,
    news: npt.NDArray[np.int8],
) -> None:
    ttl = table.meta[TTL]
    for i in range(keys.size):
        now = times[i]
        slot = lookup(table, keys[i], now)
        if slot == NO_SLOT:
            slot = upsert(table, keys[i], now)
            table.rows[slot].began = now
        row = table.rows[slot]
        seat = _seat(row, callers[i], now, ttl)
        news[i] = _compare(row, seat, callers[i], bits[i], now, learning, ttl)
        # Each touch is a row of the next checkpoint.
        if _note(row, seat, callers[i], bits[i], now, ttl):
            upsert(table, keys[i], now)
