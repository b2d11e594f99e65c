"""What is usual among peers: how much the keys of one dimension are used in an hour, and how unevenly.

Learnt from all keys, hour by hour: what is noted in a UTC hour is kept apart until the hour is over. Peers of a token
or user are those of its client, of a client or key those of its tenant; a young client borrows from its tenant.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.recent import DAY, HOUR, MINUTE
from detectors.rates.uses import CLIENT, DIMENSIONS
from detectors.tables import NO_SLOT, Table, TableView, find, lookup, upsert
from detectors.windows import pair_of

MINUTES: Final = 60
ENOUGH: Final = 24
"""Key-hours a tenant must have shown of a dimension before a stranger is judged by them."""
_BORROWED: Final = 8.0
"""Key-hours that a client borrows from its tenant."""
_KEPT: Final = 1.0 - 1.0 / (7 * 24)
"""Weight that the past keeps each hour: a memory of a week."""
_LEAST_PART: Final = 0.1
"""Part of a first hour that has to be seen."""
_TEACHES: Final = 8.0
"""An hour teaches at most this multiple of what the peers' uses were mostly part of."""
_LEAST_CAP: Final = 50.0
_MEMORY: Final = 35 * DAY


class Peers(NamedTuple):
    """What a kernel sees: `activity` of each key in the running hour, `groups` of peers."""

    activity: TableView
    groups: TableView


class Usual(NamedTuple):
    """What an hour of a peer that is used at all looks like.

    Attributes:
        hours: key-hours it is known from, the borrowed ones included; 0 for too few.
        mean: uses in an hour.
        between: squared coefficient of variation of the peers' levels; with `within` it makes the variance.
        within: index of dispersion (variance over mean) of the hours of one peer.
        clump: index of dispersion of the minutes of one peer.
    """

    hours: float
    mean: float
    between: float
    within: float
    clump: float


def new_activity() -> Table:
    """Give an empty table: key → uses in the running hour and minute, and in its active hour before; 65 bytes.

    `again` tells whether there was an hour before.
    """
    return Table(
        [
            ("uses", np.float64),
            ("burst", np.float64),
            ("former", np.float64),
            ("hour", np.int32),
            ("minute", np.int32),
            ("again", np.bool_),
        ],
        ttl=DAY + 2 * HOUR,
    )


def new_groups() -> Table:
    """Give an empty table: group of peers → sums over their key-hours, 129 bytes.

    `since`: the first use, µs; `hour`: the running one; `active`: keys used in the hour before.
    `hours`, `uses`, `squares` (of hours), `clumps` (squares of minutes), `jumps` (half the squared differences of one
    key's successive hours) and their number `pairs`: of the closed hours, fading; and of the running one.
    """
    sums = ("hours", "uses", "squares", "clumps", "jumps", "pairs")
    running = [(f"new_{name}", np.float64) for name in sums]
    return Table(
        [
            ("since", np.int64),
            ("hour", np.int32),
            ("active", np.int32),
            *((name, np.float64) for name in sums),
            *running,
        ],
        ttl=_MEMORY,
    )


@part
def group_of(use: Record, dimension: int) -> np.uint64:
    """Give the group of the peers nearest to a key."""
    parent = use.client if dimension < CLIENT and use.client != 0 else use.issuer
    return pair_of(parent, np.uint64(dimension))


@part
def tenant_of(use: Record, dimension: int) -> np.uint64:
    """Give the group of all peers of a key in its tenant."""
    return pair_of(use.issuer, np.uint64(dimension))


@part
def note_use(peers: Peers, use: Record) -> None:
    """Learn from a use, for each of its dimensions. A late one only closes hours."""
    for dimension in range(DIMENSIONS):
        if use.ids[dimension] == 0:
            continue
        near, tenant = group_of(use, dimension), tenant_of(use, dimension)
        group = peers.groups.rows[_group(peers.groups, near, use.now)]
        whole = peers.groups.rows[_group(peers.groups, tenant, use.now)]
        if use.late:
            continue
        key = pair_of(use.ids[dimension], np.uint64(dimension))
        known = lookup(peers.activity, key, use.now) != NO_SLOT
        row = peers.activity.rows[upsert(peers.activity, key, use.now)]
        if row.hour != use.now // HOUR:
            _begin(row, group, whole, 1 + (near != tenant), use.now // HOUR)
            row.again = known
        _add(row, group, whole, 1 + (near != tenant), use)


@part
def usual(groups: TableView, near: np.uint64, tenant: np.uint64) -> Usual:
    """Summarise the closed hours of a group; what it lacks is borrowed from the tenant's."""
    at, whole = find(groups, near), find(groups, tenant)
    if whole == NO_SLOT or groups.rows[whole].hours < ENOUGH:
        return Usual(0.0, 0.0, 0.0, 0.0, 0.0)
    lender = groups.rows[whole]
    borrowed = 1.0 if at in (NO_SLOT, whole) else _BORROWED / lender.hours
    own = lender if at == NO_SLOT else groups.rows[at]
    kept = 0.0 if borrowed == 1.0 else 1.0
    return _summary(
        borrowed * lender.hours + kept * own.hours,
        borrowed * lender.uses + kept * own.uses,
        borrowed * lender.squares + kept * own.squares,
        borrowed * lender.clumps + kept * own.clumps,
        borrowed * lender.jumps + kept * own.jumps,
        borrowed * lender.pairs + kept * own.pairs,
    )


@part
def active_peers(groups: TableView, tenant: np.uint64) -> int:
    """Give the number of keys of a tenant's group that were used in its last closed hour."""
    at = find(groups, tenant)
    return 0 if at == NO_SLOT else int(groups.rows[at].active)


@part
def covered(groups: TableView, tenant: np.uint64, hour: int) -> float:
    """Give the part of an hour for which a tenant is known; of its first one only the rest."""
    at = find(groups, tenant)
    return 1.0 if at == NO_SLOT else _part_of(groups.rows[at], hour)


@part
def _part_of(row: Record, hour: int) -> float:
    return float(min(1.0, (hour + 1) - row.since / HOUR))


@part
def _summary(hours: float, uses: float, squares: float, clumps: float, jumps: float, pairs: float) -> Usual:
    """Turn sums into moments. Few hours are taken to be more uneven than they look."""
    mean = uses / hours
    variance = max(mean, (squares / hours - mean * mean) * (1.0 + _BORROWED / hours))
    within = min(variance, jumps / pairs) if pairs > 1.0 else variance
    between = max(variance - within, 0.01 * mean * mean) / (mean * mean)
    return Usual(hours, mean, between, max(1.0, within / mean), max(1.0, clumps / uses - mean / MINUTES))


@part
def _group(groups: TableView, key: np.uint64, now: int) -> int:
    """Give the slot of a group, its running hour closed if that is over."""
    slot = upsert(groups, key, now)
    row = groups.rows[slot]
    hour = now // HOUR
    if row.since == 0:
        row.since = now
    if row.hour != hour:
        _close(row, hour)
        row.hour = hour
    return slot


@part
def _close(row: Record, hour: int) -> None:
    """Learn from the hour that is over. The part seen of a first hour stands for all of it, if it is not too short."""
    seen = _part_of(row, row.hour)
    taught = 1.0 if seen >= _LEAST_PART else 0.0
    row.active = np.int32(row.new_hours) if row.hour == hour - 1 else np.int32(0)
    row.hours, row.new_hours = row.hours * _KEPT + taught * seen * row.new_hours, 0.0
    row.uses, row.new_uses = row.uses * _KEPT + taught * row.new_uses, 0.0
    row.squares, row.new_squares = row.squares * _KEPT + taught * row.new_squares / seen, 0.0
    row.clumps, row.new_clumps = row.clumps * _KEPT + taught * row.new_clumps, 0.0
    row.jumps, row.new_jumps = row.jumps * _KEPT + row.new_jumps, 0.0
    row.pairs, row.new_pairs = row.pairs * _KEPT + row.new_pairs, 0.0


@part
def _begin(row: Record, group: Record, whole: Record, groups: int, hour: int) -> None:
    """Begin an hour of a key; the two before it, if they were of this group, tell how far one key jumps."""
    if row.again:
        jump = 0.5 * (row.uses - row.former) ** 2
        for at in range(groups):
            to = whole if at else group
            to.new_jumps += jump
            to.new_pairs += 1.0
    row.former, row.uses, row.hour = row.uses, 0.0, hour
    for at in range(groups):
        to = whole if at else group
        to.new_hours += 1.0


@part
def _add(row: Record, group: Record, whole: Record, groups: int, use: Record) -> None:
    """Add a use to the running hour and minute; no more of it than an hour may teach."""
    minute = use.now // MINUTE
    if row.minute != minute:
        row.minute, row.burst = minute, 0.0
    volume = min(float(use.volume), _room(row.uses, group.squares, group.uses))
    sharp = min(volume, _room(row.burst, group.clumps, group.uses))
    for at in range(groups):
        to = whole if at else group
        to.new_uses += volume
        to.new_squares += (2.0 * row.uses + volume) * volume
        to.new_clumps += (2.0 * row.burst + sharp) * sharp
    row.uses += volume
    row.burst += sharp


@part
def _room(taken: float, squares: float, uses: float) -> float:
    """Give what may be added to a bucket before it exceeds many times the size that most uses came in."""
    if uses == 0.0:
        return np.inf
    return max(0.0, max(_LEAST_CAP, _TEACHES * squares / uses) - taken)
