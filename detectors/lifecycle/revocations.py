"""Which revocation covers a use: notes of each scope's revocations, the narrowest of which decides."""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from detectors.base import State
from detectors.findings import Array
from detectors.kernels import column
from detectors.recall import ASK, NOTE, recall
from detectors.tables import Table
from schemas.acts import NO_SCOPE, REVOKED, revoke_scopes
from schemas.columns import NULL_TIME
from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, Outcome, code

SCOPES: Final = REVOKED
TOKEN, KEY, FAMILY, SESSION, GRANT, SUBJECT, CLIENT = range(len(SCOPES))
COVER: Final = np.dtype(
    [("row", np.int64), ("scope", np.int8), ("effective", np.int64), ("event", np.uint64), ("reason", np.int8)]
)
"""A row under a revocation: position of the scope, when it took effect, µs, its event, code of its reason."""

_REFRESH: Final = code(EventType.REFRESH)
_NEVER: Final = int(np.iinfo(np.int64).max // 2)


def covering(events: Events, uses: Array, skew: int, state: State) -> Array:
    """Give the revocations that cover some rows, dtype `COVER`, and note those of the batch.

    Args:
        events: the batch.
        uses: which rows present a token, bool (n,).
        skew: µs for which a use is tolerated after a revocation.
        state: name of each scope → notes of `effective`, `event`, `reason`.
    """
    scopes = revoke_scopes(events)
    enabled = (events["operation"] == code(Operation.ENABLE)) & (events["outcome"] == code(Outcome.SUCCESS))
    rows = np.flatnonzero(uses | (scopes != NO_SCOPE) | enabled)
    covers = np.zeros(len(rows), COVER)
    covers["row"], covers["scope"] = rows, NO_SCOPE
    says, issued = _notes(events, rows, enabled[rows]), _issued(events, rows)
    times = column(events, "order_time")[rows]
    for position, (scope, _) in enumerate(SCOPES):
        notes = cast("Table", state[scope.value])
        noting = (scopes[rows] == code(scope)) | (enabled[rows] & (position == KEY))
        if len(notes) or noting.any():
            keys = _keys(events, rows, position, noting)
            at, found = recall(notes, keys, times, says, np.where(noting, NOTE, ASK).astype(np.int8))
            effective = found[:, 0].view(np.int64)
            hit = (at != NULL_TIME) & (events["time"][rows] - effective > skew) & ~noting
            hit &= _covered(issued, effective, position) & (covers["scope"] == NO_SCOPE)
            _fill(covers, hit, position, found)
    covering_uses: Array = covers[(covers["scope"] != NO_SCOPE) & uses[rows]]
    return covering_uses


def _notes(events: Events, rows: Array, enabled: Array) -> Array:
    """Give what each row would note, uint64 (m, 3)."""
    stated, time = events["effective_at"][rows], events["time"][rows]
    effective = np.where(enabled, _NEVER, np.where(stated == NULL_TIME, time, stated))
    reason = events["reason"][rows].astype(np.int64)
    return np.stack([effective.view(np.uint64), events["event_key"][rows], reason.view(np.uint64)], axis=1)


def _issued(events: Events, rows: Array) -> Array:
    """Give when the presented token was issued, µs, `NULL_TIME` where nobody says, (m,)."""
    # On a refresh, `iat` is that of the new token.
    stated = np.where(events["type"][rows] == _REFRESH, NULL_TIME, events["iat"][rows])
    issued: Array = np.where(events["issued_at"][rows] != NULL_TIME, events["issued_at"][rows], stated)
    return issued


def _covered(issued: Array, effective: Array, position: int) -> Array:
    """Tell whether a token of some age is covered by a revocation of some scope, bool (m,)."""
    if position in (TOKEN, KEY):
        return np.ones(len(issued), np.bool_)
    older: Array = issued < effective
    # Families and sessions do not come back under their id, subjects, clients and grants do.
    return older if position in (FAMILY, SESSION) else older & (issued != NULL_TIME)


def _keys(events: Events, rows: Array, position: int, noting: Array) -> Array:
    keys: Array = events[SCOPES[position][1]][rows]
    if position == TOKEN:
        keys = np.where(events["type"][rows] == _REFRESH, events["parent_id"][rows], keys)
    if position == KEY:
        # What is done to a key itself is no use of it.
        done_to = events["operation"][rows] > code(Operation.AUTHENTICATE)
        keys = np.where(done_to & ~noting, np.uint64(0), keys)
    return keys


def _fill(covers: Array, hit: Array, position: int, found: Array) -> None:
    covers["scope"][hit] = position
    covers["effective"][hit] = found[hit, 0].view(np.int64)
    covers["event"][hit] = found[hit, 1]
    covers["reason"][hit] = found[hit, 2].view(np.int64)
