"""`context`: from which networks and devices an account has been accepted, and since when."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.authentication.attempts import ACCEPTED, LOGIN, NOTHING
from detectors.authentication.verdicts import Array, Record
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert

REMEMBERED: Final = 4
"""Contexts kept of an account; a further one takes the place of the one not seen for longest."""
NEW, MIXED, OWN = range(3)
_MINUTE: Final = 60_000_000
_REFRESH_MINUTES: Final = 60


def new_contexts(ttl: int) -> Table:
    """Give the empty table: account → since when it is known, µs, and its contexts.

    A context is a pair of ASN and device (0 where unknown) with the minutes it was first and last seen, 0 if unused.
    """
    kept = (REMEMBERED,)
    fields = [
        ("asn", np.uint32, kept),
        ("device", np.uint64, kept),
        ("since", np.int32, kept),
        ("seen", np.int32, kept),
    ]
    return Table([("known", np.int64), *fields], ttl=ttl)


@inner
def _asn(row: Record) -> np.uint32:
    return np.uint32(max(row.asn, 0))


@inner
def _is_at(account: Record, at: int, row: Record) -> bool:
    return bool(account.seen[at] != 0 and account.asn[at] == _asn(row) and account.device[at] == row.device)


@inner
def _place(account: Record, row: Record) -> int:
    """Give the position of a row's context, or else that of the context to replace."""
    oldest = 0
    for at in range(REMEMBERED):
        if _is_at(account, at, row):
            return at
        if account.seen[at] < account.seen[oldest]:
            oldest = at
    return oldest


@inner
def _learn(contexts: TableView, row: Record) -> None:
    """Note the context of an accepted row; one that was seen within the hour changes nothing."""
    slot = lookup(contexts, row.principal, row.time)
    known, at, minute = row.time, 0, np.int32(row.time // _MINUTE)
    if slot != NO_SLOT:
        known, at = contexts.rows[slot].known, _place(contexts.rows[slot], row)
        if _is_at(contexts.rows[slot], at, row) and minute - contexts.rows[slot].seen[at] < _REFRESH_MINUTES:
            return
    slot = upsert(contexts, row.principal, row.time)
    account = contexts.rows[slot]
    account.known = known
    if not _is_at(account, at, row):
        account.asn[at] = _asn(row)
        account.device[at] = row.device
        account.since[at] = minute
    account.seen[at] = minute


@inner
def _familiarity(contexts: TableView, row: Record, window: int) -> int:
    """Say whether place (ASN) and device of a row are both `NEW` to its account, both its `OWN`, or `MIXED`.

    A context is the account's own if it was accepted `window` µs ago, before the attack could have begun; "new" can
    only be said of known values, and of an account that has been known for that long.
    """
    slot = lookup(contexts, row.principal, row.time)
    if slot == NO_SLOT or row.time - contexts.rows[slot].known < window:
        return MIXED
    account = contexts.rows[slot]
    place, device = False, False
    for at in range(REMEMBERED):
        if account.seen[at] != 0 and row.time - account.since[at] * _MINUTE >= window:
            place = place or (row.asn > 0 and account.asn[at] == _asn(row))
            device = device or (row.device != 0 and account.device[at] == row.device)
    if place and device:
        return OWN
    return MIXED if place or device or row.asn <= 0 or row.device == 0 else NEW


@kernel
def recognise(stream: Array, contexts: TableView, window: int, familiar: Array) -> None:
    """Say of each failure and login how well its account knows the place and device, and learn those of what follows.

    Args:
        stream: all rows of the batch, dtype `STREAM`.
        contexts: account → where and on what it was accepted before.
        window: µs for which a context must have been known to be the account's own.
        familiar: filled in, int8 (n,): `NEW`, `MIXED` or `OWN`; `MIXED` for other rows.
    """
    for i in range(stream.size):
        row = stream[i]
        familiar[i] = MIXED
        if row.principal == 0 or row.meaning == NOTHING:
            continue
        if row.meaning != ACCEPTED:
            familiar[i] = _familiarity(contexts, row, window)
        if row.meaning in (ACCEPTED, LOGIN) and row.source != 0:
            _learn(contexts, row)
