"""`trail`: the last few event keys of a key, so that a finding can name the attempts before it."""

from __future__ import annotations

import numpy as np

from detectors.authentication.verdicts import Record
from detectors.findings import NO_CLASS
from detectors.kernels import inner
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from schemas.findings import MAX_RELATED


def new_trail(ttl: int) -> Table:
    """Give an empty trail; a key's events are forgotten `ttl` µs after its newest."""
    return Table([("events", np.uint64, (MAX_RELATED,))], ttl=ttl)


@inner
def cite(trail: TableView, key: np.uint64, now: int, verdict: Record) -> None:
    """Relate a verdict to the events remembered for a key, newest first; nothing where no verdict was given."""
    if verdict.alert_class == NO_CLASS:
        return
    slot = lookup(trail, key, now)
    if slot != NO_SLOT:
        for at in range(MAX_RELATED):
            verdict.related[at] = trail.rows[slot].events[at]


@inner
def leave(trail: TableView, key: np.uint64, now: int, event: np.uint64) -> None:
    """Remember an event of a key."""
    slot = upsert(trail, key, now)
    for at in range(MAX_RELATED - 1, 0, -1):
        trail.rows[slot].events[at] = trail.rows[slot].events[at - 1]
    trail.rows[slot].events[0] = event
