"""Which revocation covers a use: notes of each scope's revocations, the narrowest of which decides."""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from detectors.base import State
from detectors.findings import Array
from detectors.kernels import column
from detectors.recall import ASK, NOTE, recall
from detectors.tables import Table
from schemas.columns import NULL_TIME
from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, Outcome, Reason, RevokeScope, code

SCOPES: Final = (
    (RevokeScope.TOKEN, "token_id"),
    (RevokeScope.KEY, "key_id"),
    (RevokeScope.FAMILY, "family_id"),
    (RevokeScope.SESSION, "session_id"),
    (RevokeScope.GRANT, "grant_id"),
    (RevokeScope.SUBJECT, "sub"),
    (RevokeScope.CLIENT, "client_id"),
)
"""Scopes from the narrowest on, and the key column that each covers."""
TOKEN, KEY, FAMILY, SESSION, GRANT, SUBJECT, CLIENT = range(len(SCOPES))
COVER: Final = np.dtype(
    [("row", np.int64), ("scope", np.int8), ("effective", np.int64), ("event", np.uint64), ("reason", np.int8)]
)
"""A row under a revocation: position of the scope, when it took effect, µs, its event, code of its reason."""

_NONE: Final = -1
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
    scopes = _scopes(events)
    enabled = (events["operation"] == code(Operation.ENABLE)) & (events["outcome"] == code(Outcome.SUCCESS))
    rows = np.flatnonzero(uses | (scopes != _NONE) | enabled)
    covers = np.zeros(len(rows), COVER)
    covers["row"], covers["scope"] = rows, _NONE
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
            hit &= _covered(issued, effective, position) & (covers["scope"] == _NONE)
            _fill(covers, hit, position, found)
    covering_uses: Array = covers[(covers["scope"] != _NONE) & uses[rows]]
    return covering_uses


def _scopes(events: Events) -> Array:
    """Give the scope of each revocation, `_NONE` for other rows; without a word for it, it covers its token."""
    revoked = (events["type"] == code(EventType.REVOKE)) & (events["reason"] != code(Reason.ROTATION))
    token = (events["revoke_scope"] == _NONE) & (events["token_id"] != 0)
    scopes: Array = np.where(revoked, np.where(token, code(RevokeScope.TOKEN), events["revoke_scope"]), _NONE)
    return scopes


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
