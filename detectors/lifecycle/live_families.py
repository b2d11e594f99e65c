"""Live families: how many refresh token families each owner has, a subject at a client."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, remove, upsert
from detectors.windows import WindowView, push

DAY: Final = 86_400_000_000
MOST_DAYS: Final = 31
_RING: Final = MOST_DAYS + 1


class Steps(NamedTuple):
    """Events about families, each (n,): family, owner, `order_time`, whether it ends the family, whether it issues."""

    families: npt.NDArray[np.uint64]
    owners: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]
    ends: npt.NDArray[np.bool_]
    issues: npt.NDArray[np.bool_]


def families_table(days: int) -> Table:
    """Give the table of families: owner, and the first day since the epoch on which it counts as dead."""
    return Table([("owner", np.uint64), ("until", np.int32)], ttl=(days + 1) * DAY)


def owners_table(days: int) -> Table:
    """Give the table of owners: how many of their families die on which day (modulo 32), as of `day`."""
    return Table([("dying", np.int32, (_RING,)), ("day", np.int32)], ttl=(days + 1) * DAY)


@kernel
def count_families(
    families: TableView, owners: TableView, opened: WindowView, steps: Steps, days: int, out: npt.NDArray[Any]
) -> None:
    """Follow families through a batch.

    Args:
        families, owners: from `families_table(days)`, `owners_table(days)`.
        opened: window of (owner, family) as issued.
        steps: the events, in order.
        days: a family that is silent for so many days is dead.
        out: zeros, int64 (n, 2); where an event opens a family: live families of its owner, and those that were issued
            within the window.
    """
    for i in range(steps.times.size):
        now, key = steps.times[i], steps.families[i]
        day = now // DAY
        slot = lookup(families, key, now)
        live = slot != NO_SLOT and families.rows[slot].until > day
        if live and (steps.ends[i] or families.rows[slot].until != day + days):
            _count(owners, families.rows[slot].owner, families.rows[slot].until, now, -1)
        if steps.ends[i]:
            if slot != NO_SLOT:
                remove(families, slot)
            continue
        owner = families.rows[slot].owner if live else steps.owners[i]
        if owner == 0 or (live and families.rows[slot].until == day + days):
            continue
        row: Any = families.rows[upsert(families, key, now)]
        row.owner, row.until = owner, day + days
        count = _count(owners, owner, day + days, now, 1)
        if not live:
            out[i, 0] = count
            if steps.issues[i]:
                out[i, 1] = opened.counts.rows[push(opened, owner, key, 1, now)].peers


@inner
def _count(owners: TableView, owner: np.uint64, until: int, now: int, more: int) -> int:
    """Let the families of an owner that died by now go, count one more or less, and give how many live."""
    row = owners.rows[upsert(owners, owner, now)]
    day = now // DAY
    for gone in range(max(row.day + 1, day - _RING + 1), day + 1):
        row.dying[gone % _RING] = 0
    row.day = day
    row.dying[until % _RING] += more
    total = 0
    for at in range(_RING):
        total += row.dying[at]
    return int(total)
