"""Speakers: when each issuer is usually heard of, and who is heard in which hour."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.kernels import Record, inner, kernel
from detectors.tables import NO_SLOT, SIZE, TTL, Table, TableView, lookup, upsert
from detectors.windows import pair_of

HOUR: Final = 3_600_000_000
DAY_HOURS: Final = 24
WEEK_HOURS: Final = 7 * DAY_HOURS
MEMORY: Final = 30 * DAY_HOURS * HOUR
"""A speaker that was not heard for longer is forgotten, µs."""
_MONDAY: Final = 3
"""1970-01-01 was a Thursday: so many days after a Monday."""
_WORKDAYS: Final = 5
_ENOUGH_DAYS: Final = 3
_USUAL: Final = 0.7
_ADAPTS: Final = 0.25
"""Weight of the latest day."""
_CLOCK: Final = np.uint64(1)
_SPOKE, _RESTED = 1, 2

SILENCE: Final = np.dtype(
    [("time", np.int64), ("issuer", np.uint64), ("kind", np.int8), ("hours", np.int64), ("missed", np.float64)]
)
"""A silence: when it is told, µs; whose; of which kind of event; its expected hours, and events missed in them."""


def speakers_table() -> Table:
    """Give an empty table: issuer and kind of event → its habits, 631 bytes a row.

    - `count`: events of the open hour. `hours`, `missed`, `told`: of the present silence.
    - `means`, `spoke`, `days`: events, share of days with any, and days seen, by hour of a workday and of a weekend.
    - `week`: whether it spoke when this hour of the week was last.
    """
    cells = 2 * DAY_HOURS
    own = [("issuer", np.uint64), ("kind", np.int8), ("count", np.int64), ("hours", np.int64), ("missed", np.float64)]
    habits = [("means", np.float32, (cells,)), ("spoke", np.float32, (cells,)), ("days", np.int8, (cells,))]
    return Table([*own, ("told", np.bool_), *habits, ("week", np.int8, (WEEK_HOURS,))], ttl=MEMORY)


def heard_table() -> Table:
    """Give an empty table of the hours, plus one, in which anybody was heard."""
    return Table([], ttl=MEMORY)


def clock_table() -> Table:
    """Give an empty table of one row: the hour that is open."""
    return Table([("hour", np.int64)], ttl=100 * 365 * DAY_HOURS * HOUR)


@kernel
def hear(heard: TableView, time: int) -> None:
    """Note that somebody was heard in an hour."""
    upsert(heard, np.uint64(time // HOUR + 1), time)


@kernel
def count(
    speakers: TableView, issuers: npt.NDArray[np.uint64], kinds: npt.NDArray[np.int8], times: npt.NDArray[np.int64]
) -> None:
    """Count events of the open hour."""
    for i in range(issuers.size):
        row: Any = speakers.rows[upsert(speakers, pair_of(issuers[i], np.uint64(kinds[i])), times[i])]
        row.issuer, row.kind = issuers[i], kinds[i]
        row.count += 1


@kernel
def close_hours(
    speakers: TableView,
    heard: TableView,
    clock: TableView,
    until: int,
    silence: int,
    least_missed: float,
    out: npt.NDArray[Any],
) -> int:
    """Close the hours before `until`: learn from them, and write down the silences that they complete.

    Args:
        speakers, heard, clock: tables.
        until: hour since the epoch that is open afterwards.
        silence: expected hours that a silence needs.
        least_missed: events that it needs.
        out: filled in, dtype `SILENCE`; room for one a speaker: a silence is told once.

    Returns:
        Number of silences.
    """
    slot, found = lookup(clock, _CLOCK, until * HOUR), 0
    hour = clock.rows[slot].hour if slot != NO_SLOT else until
    while hour < until:
        at = lookup(heard, np.uint64(hour + 1), hour * HOUR)
        # Where nobody was heard nothing is learned, and whoever was silent while somebody was heard was silent alone.
        if at != NO_SLOT:
            for speaker in range(speakers.meta[SIZE]):
                row: Any = speakers.rows[speaker]
                if row.key == 0 or (hour + 1) * HOUR - row.touched > speakers.meta[TTL]:
                    continue
                if _close(row, hour, silence, least_missed):
                    out[found].time, out[found].issuer, out[found].kind = (hour + 1) * HOUR, row.issuer, row.kind
                    out[found].hours, out[found].missed = row.hours, row.missed
                    found += 1
                speakers.dirty[speaker] = True
        hour += 1
    clock.rows[upsert(clock, _CLOCK, hour * HOUR)].hour = hour
    return found


@inner
def _close(row: Record, hour: int, silence: int, least_missed: float) -> bool:
    """Close one speaker's hour; say whether its silence is to be told now."""
    day, of_week = hour // DAY_HOURS + _MONDAY, (hour + _MONDAY * DAY_HOURS) % WEEK_HOURS
    cell = hour % DAY_HOURS + (DAY_HOURS if day % 7 >= _WORKDAYS else 0)
    if row.count > 0:
        row.hours, row.missed, row.told = 0, 0.0, False
    elif row.days[cell] >= _ENOUGH_DAYS and row.spoke[cell] >= _USUAL and row.week[of_week] != _RESTED:
        row.hours += 1
        row.missed += row.means[cell]
    share = 1.0 / (row.days[cell] + 1) if row.days[cell] < _ENOUGH_DAYS else _ADAPTS
    row.means[cell] += (row.count - row.means[cell]) * share
    row.spoke[cell] += ((1.0 if row.count > 0 else 0.0) - row.spoke[cell]) * share
    row.days[cell] = min(row.days[cell] + 1, _ENOUGH_DAYS)
    row.week[of_week] = _SPOKE if row.count > 0 else _RESTED
    row.count = 0
    telling = not row.told and row.hours >= silence and row.missed >= least_missed
    row.told = row.told or telling
    return bool(telling)
