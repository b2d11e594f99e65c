"""Learned egress: addresses behind which many people sit, so that their place says nothing about one of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.acts import accepted_users
from detectors.base import State
from detectors.kernels import Record, inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, find, lookup, upsert
from detectors.views import Views
from schemas.frame import Events

MOST_SUBJECTS: Final = 20
FIRST_SUBJECTS: Final = 4
"""Fewest subjects that make an egress on the first day."""
HOUR: Final = 3_600_000_000
_DAY_HOURS: Final = 24
_MINUTE: Final = 60_000_000
_DAY_MINUTES: Final = 1_440
_BEGAN: Final = np.uint64(1)


def egress_table() -> Table:
    """Give an empty table: address → the tags of its latest subjects, 106 bytes a row.

    - `subjects`, `minutes`: tag and last minute (modulo 2¹⁶) of the `size` subjects of the last 24 h.
    - `latest`, `former`: the last two hours in which the address had enough subjects, since the epoch.
    """
    fields = [
        ("latest", np.int32),
        ("former", np.int32),
        ("size", np.int16),
        ("subjects", np.uint16, (MOST_SUBJECTS,)),
        ("minutes", np.uint16, (MOST_SUBJECTS,)),
    ]
    return Table(fields, ttl=(_DAY_HOURS + 2) * HOUR)


def began_table(ttl: int) -> Table:
    """Give an empty table of one row: the minute of the first event that was learned from."""
    return Table([("minute", np.int64)], ttl=ttl)


def learn_users(events: Events, state: State, enough: int) -> None:
    """Note who is seen behind each address in a batch; `enough` subjects in 24 h make an egress.

    Args:
        events: the batch.
        state: has `egress_table()` as `egress` and `began_table(…)` as `began`.
        enough: subjects.
    """
    rows = np.flatnonzero(accepted_users(events))
    if not len(rows):
        return
    ips, subs, times = (events[name][rows] for name in ("source_ip", "sub", "order_time"))
    views = Views(state, int(times[0]))
    learn_egress(views.table("egress", len(rows)), views.table("began", 1), ips, subs, times, enough)


@kernel
def learn_egress(
    table: TableView,
    began: TableView,
    ips: npt.NDArray[np.uint64],
    subs: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    enough: int,
) -> None:
    """Note who was seen behind each address, at `times` (µs, not decreasing).

    On the first day an address that is on its way to `enough` subjects in 24 h is an egress, if it has a few.
    """
    first = _first_minute(began, times[0])
    for i in range(ips.size):
        row = table.rows[upsert(table, ips[i], times[i])]
        _note(row, np.uint16(subs[i] >> np.uint64(48)), times[i] // _MINUTE)
        hour = times[i] // HOUR
        if row.size >= _needed(enough, times[i] // _MINUTE - first) and row.latest != hour:
            row.former = row.latest
            row.latest = hour


@inner
def _first_minute(began: TableView, now: int) -> int:
    known = lookup(began, _BEGAN, now) != NO_SLOT
    slot = upsert(began, _BEGAN, now)
    if not known:
        began.rows[slot].minute = now // _MINUTE
    return int(began.rows[slot].minute)


@inner
def _needed(enough: int, minutes: int) -> int:
    """Give the subjects that an address needs after so many minutes of learning: its share of the day's."""
    share = -(-enough * minutes // _DAY_MINUTES)
    return int(min(enough, max(FIRST_SUBJECTS, share)))


@inner
def is_egress(table: TableView, ip: np.uint64, now: int) -> bool:
    """Tell whether an address had enough subjects in one of the 24 hours before the current one."""
    slot = find(table, ip)
    if slot == NO_SLOT:
        return False
    hour = now // HOUR
    closed = table.rows[slot].latest if table.rows[slot].latest < hour else table.rows[slot].former
    return bool(closed >= hour - _DAY_HOURS)


def own_network(events: Events, rows: npt.NDArray[np.int64], egress: Table) -> npt.NDArray[np.int64]:
    """Give those of some rows whose address is the user's and no learned egress, with a known ASN."""
    rows = rows[(events["source_ip"][rows] != 0) & (events["asn"][rows] > 0)]
    if not len(rows):
        return rows
    times, shared = events["order_time"][rows], np.zeros(len(rows), np.bool_)
    _behind(egress.view(0, int(times[0])), events["source_ip"][rows], times, shared)
    return rows[~shared]


@kernel
def _behind(
    table: TableView, ips: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], out: npt.NDArray[np.bool_]
) -> None:
    for i in range(ips.size):
        out[i] = is_egress(table, ips[i], times[i])


@inner
def _note(row: Record, subject: np.uint16, minute: int) -> None:
    """Put a subject at `minute`; those not seen for a day make room, and if that is too little the oldest does."""
    at, known, oldest = 0, -1, 0
    while at < row.size:
        age = _age(row, at, minute)
        if age >= _DAY_MINUTES:
            row.size -= 1
            row.subjects[at] = row.subjects[row.size]
            row.minutes[at] = row.minutes[row.size]
            continue
        known = at if row.subjects[at] == subject else known
        oldest = at if age > _age(row, oldest, minute) else oldest
        at += 1
    if known < 0:
        known = oldest if row.size == MOST_SUBJECTS else row.size
        row.size = min(row.size + 1, MOST_SUBJECTS)
    row.subjects[known] = subject
    row.minutes[known] = np.uint16(minute & 0xFFFF)


@inner
def _age(row: Record, at: int, minute: int) -> int:
    return int((minute - np.int64(row.minutes[at])) & 0xFFFF)
