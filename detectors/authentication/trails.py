"""`trail`: the last few event keys of a key, so that a finding can name the attempts before it."""

from __future__ import annotations

import numpy as np

from detectors.authentication.verdicts import Verdicts
from detectors.kernels import inner
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert


def new_trail(ttl: int) -> Table:
    """Give an empty trail; a key's events are forgotten `ttl` µs after its newest."""
    return Table([(name, np.uint64) for name in ("last", "second", "third", "fourth")], ttl=ttl)


@inner
def cite(trail: TableView, key: np.uint64, now: int, verdicts: Verdicts, row: int) -> None:
    """Relate a verdict to the events remembered for a key, newest first."""
    slot = lookup(trail, key, now)
    if slot != NO_SLOT:
        verdicts.related[row, 0] = trail.rows[slot].last
        verdicts.related[row, 1] = trail.rows[slot].second
        verdicts.related[row, 2] = trail.rows[slot].third
        verdicts.related[row, 3] = trail.rows[slot].fourth


@inner
def leave(trail: TableView, key: np.uint64, now: int, event: np.uint64) -> None:
    """Remember an event of a key."""
    slot = upsert(trail, key, now)
    trail.rows[slot].fourth = trail.rows[slot].third
    trail.rows[slot].third = trail.rows[slot].second
    trail.rows[slot].second = trail.rows[slot].last
    trail.rows[slot].last = event
