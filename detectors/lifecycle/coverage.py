"""Coverage: from when, and how completely, the issues of a client's tokens are seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.kernels import Record, inner
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from detectors.tokens import MEMORY
from detectors.windows import pair_of
from schemas.columns import NULL_TIME
from schemas.fields import micros

MATCHED, LOST, STRANGE = range(3)
"""Ids whose issue was seen; others, used on a network where their subject is known; others, used elsewhere."""
MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
SETTLE: Final = 10 * MINUTE
"""Shortest wait for an issue that comes late, and shortest pause of a client's issues that may be an outage."""
LOST_IN: Final = 1_000
"""At most one id in so many may lack its issue."""
FOREVER: Final = 2**62
KNOWN_FOR: Final = micros(MEMORY) - HOUR
"""What was issued no longer ago is in the register; an hour is left for clocks that differ."""
_HOURS: Final = 24
_KEPT: Final = 7 * 24
"""Hours for which a cohort stays armed when it has too few ids to be armed anew: quiet nights, weekends."""
_LAGS: Final = 9
_RECENT: Final = 100_000
_SKEW: Final = 5 * MINUTE


def clients_table() -> Table:
    """Give an empty table: client → how its issues are seen, 93 bytes a row.

    - `since`: start of the coverage, µs. `last`: latest issue. `pause`: longest time between two. `life`: longest life
      of an access token, 0 before the first, `FOREVER` if there is one without `exp`.
    - `lags`: issues that came up to 0, 10, 20, 40 … min late.
    """
    fields = [("since", np.int64), ("last", np.int64), ("pause", np.int64), ("life", np.int64)]
    return Table([*fields, ("lags", np.int32, (_LAGS,))], ttl=micros(MEMORY))


def cohorts_table() -> Table:
    """Give an empty table: (client, token type, id kind) → its ids of the last 24 hours, 361 bytes a row.

    - `counts`: first-seen ids by kind and hour modulo 24; `hour`: the latest of them.
    - `armed`: latest hour in which enough of them were matched. `since`: end of its latest gap, µs.
    - `due`: when the next verdict falls, µs; 0 for none. `forged`: forged ids of the day before the last verdict.
    """
    times = [(name, np.int64) for name in ("hour", "armed", "since", "due")]
    return Table(
        [("client", np.uint64), *times, ("forged", np.int64), ("counts", np.int32, (3, _HOURS))], ttl=micros(MEMORY)
    )


def places_table() -> Table:
    """Give an empty table of (subject, network) where tokens with a seen issue were got or used in the last 30 days."""
    return Table([], ttl=30 * DAY)


def crowds_table() -> Table:
    """Give an empty table: (client, network) → matched ids of `day` and the day before."""
    return Table([("day", np.int32), ("counts", np.int32, (2,))], ttl=2 * DAY)


@inner
def note_issue(clients: TableView, client: np.uint64, time: int, now: int, life: int) -> None:
    """Note the issue of an access token that lives for `life` µs; after an outage coverage begins anew."""
    row = clients.rows[upsert(clients, client, now)]
    if row.last == 0 or now - row.last > patience(row):
        row.since = now
    if row.last != 0:
        row.pause = max(row.pause, now - row.last)
    row.last = now
    row.life = max(row.life, min(life + _SKEW, FOREVER))
    _note_lag(row, now - time)


@inner
def _note_lag(row: Record, lag: int) -> None:
    bucket, bound, total = 0, 0, 0
    while bucket < _LAGS - 1 and lag > bound:
        bucket += 1
        bound = max(SETTLE, 2 * bound)
    row.lags[bucket] += 1
    for at in range(_LAGS):
        total += row.lags[at]
    if total > _RECENT:
        for at in range(_LAGS):
            row.lags[at] //= 2


@inner
def patience(row: Record) -> int:
    """Give how long a client's issues may pause before that is an outage, µs."""
    return int(max(SETTLE, 2 * row.pause))


@inner
def settled(row: Record, now: int) -> int:
    """Give when the issue of an id first seen now has come, if it comes: 99.9 % are no later; whole minutes, µs."""
    total = 0
    for at in range(_LAGS):
        total += row.lags[at]
    wait, later, bucket = SETTLE, total - row.lags[0], 1
    while bucket < _LAGS - 1 and later * LOST_IN > total:
        later -= row.lags[bucket]
        bucket += 1
    if bucket > 1:
        wait = SETTLE << (bucket - 2)
    return int(-((now + wait) // -MINUTE) * MINUTE)


@inner
def earliest_issue(row: Record, iat: int, time: int) -> int:
    """Give the earliest moment at which a token used at `time` can have been issued, µs; `NULL_TIME` if any.

    No token of the client lives longer than `life`, so that whoever forges `iat` wins nothing by an early one.
    """
    by_life = NULL_TIME if row.life in (0, FOREVER) else time - row.life
    return int(by_life if iat == NULL_TIME else max(by_life, min(iat, time)))


@inner
def count(row: Record, kind: int, hour: int, least: int) -> None:
    """Count an id in its hour; in each new hour see whether the day before arms the cohort."""
    if hour > row.hour:
        for passed in range(max(row.hour + 1, hour - _HOURS + 1), hour + 1):
            for each in range(3):
                row.counts[each, passed % _HOURS] = 0
        row.hour = hour
        _arm(row, hour, least)
    row.counts[kind, hour % _HOURS] += 1


@inner
def take_back(row: Record, kind: int, hour: int) -> None:
    """Undo `count`, if it was within the last day."""
    if row.hour - hour < _HOURS:
        row.counts[kind, hour % _HOURS] -= 1


@inner
def _arm(row: Record, hour: int, least: int) -> None:
    """Only a verdict of gap disarms: else whoever feeds ids that were never issued could."""
    matched = ids(row, MATCHED)
    if matched >= least and (armed(row, hour) or is_complete(row)):
        row.armed = hour


@inner
def is_complete(row: Record) -> bool:
    """Say whether no more of the last day's ids lack their issue than get lost; strangers do not count."""
    lost = ids(row, LOST)
    return bool(lost * LOST_IN <= lost + ids(row, MATCHED))


@inner
def armed(row: Record, hour: int) -> bool:
    """Say whether a cohort is armed."""
    return bool(row.armed != 0 and hour - row.armed <= _KEPT)


@inner
def ids(row: Record, kind: int) -> int:
    """Count the ids of one kind in the last day."""
    total = 0
    for at in range(_HOURS):
        total += row.counts[kind, at]
    return total


@inner
def meet(places: TableView, subject: np.uint64, network: np.uint64, now: int) -> None:
    """Note that a subject is at home on a network."""
    if subject == 0 or network == 0:
        return
    key = pair_of(subject, network)
    slot = lookup(places, key, now)
    # Each touch is a row of the next checkpoint.
    if slot == NO_SLOT or now - places.rows[slot].touched > DAY:
        upsert(places, key, now)


@inner
def crowd(crowds: TableView, client: np.uint64, network: np.uint64, now: int) -> None:
    """Count a matched id of a client on a network."""
    if network == 0:
        return
    row = crowds.rows[upsert(crowds, pair_of(client, network), now)]
    day = now // DAY
    if day != row.day:
        row.counts[1] = row.counts[0] if day == row.day + 1 else 0
        row.counts[0] = 0
        row.day = day
    row.counts[0] += 1


@inner
def crowd_of(crowds: TableView, client: np.uint64, network: np.uint64, now: int) -> int:
    """Count the matched ids of a client on a network, of today and yesterday."""
    slot = lookup(crowds, pair_of(client, network), now)
    if slot == NO_SLOT:
        return 0
    row = crowds.rows[slot]
    age = now // DAY - row.day
    return int(row.counts[0] * (age <= 1) + row.counts[1] * (age == 0))
