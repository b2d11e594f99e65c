"""The rhythm of a client or tenant: how busy each hour of its working days and weekends is beside its mean hour.

Learnt from all uses, day by day: an hour is set beside the mean of its own day, so that growth is no rhythm. Hours
without any use teach nothing, so that a source that was down for a morning does not make the next one a rush.
"""

from __future__ import annotations

from math import expm1, log1p
from typing import Final, NamedTuple

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.recent import DAY, HOUR
from detectors.tables import NO_SLOT, Table, TableView, find, upsert

HOURS: Final = 24
_TYPES: Final = 2
_SLOTS: Final = _TYPES * HOURS
_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday, Monday is 0."""
_SATURDAY: Final = 5
_ONE: Final = 1_000.0
"""Code of the mean hour: slots hold thousandths, up to 65 times the mean. Of logarithms too."""
_FULL: Final = 65_535.0
_REMEMBERED: Final = 20
_WINSORISED: Final = 3.0
"""An hour teaches at most this multiple of what was expected of it."""
_PASSES: Final = 6
_QUIETEST: Final = 0.01
"""No hour is taken to be quieter than this, beside the mean one."""


class Tempo(NamedTuple):
    """How busy an hour should be beside the mean one, and the squared coefficient of variation of that guess."""

    factor: float
    doubt: float


def new_rhythms() -> Table:
    """Give an empty table: client or issuer → its rhythm, 182 bytes.

    - `hour`: the running one, local, since the epoch; `uses` in it. `today`: by hour of the day so far, `_packed`.
    - `slots`: thousandths of the day's mean, 24 hours of working days, then 24 of weekends; 0 is unseen.
    - `means`: uses in a mean hour of each type of day; `days`: how many of them it was learnt from.
    """
    fields = [
        ("uses", np.float64),
        ("today", np.uint16, (HOURS,)),
        ("slots", np.uint16, (_SLOTS,)),
        ("means", np.float32, (_TYPES,)),
        ("hour", np.int32),
        ("days", np.uint8, (_TYPES,)),
    ]
    return Table(fields, ttl=35 * DAY)


@part
def type_of(day: int) -> int:
    """Give 1 for a weekend, 0 for a working day; `day` since the epoch."""
    return 1 if (day + _EPOCH_WEEKDAY) % 7 >= _SATURDAY else 0


@part
def note_rhythm(rhythms: TableView, key: np.uint64, now: int, volume: int, ahead: int) -> None:
    """Learn from a use of a client or tenant; `ahead`: hours by which its clocks are ahead of UTC."""
    if key == 0:
        return
    row = rhythms.rows[upsert(rhythms, key, now)]
    hour = now // HOUR + ahead
    if row.hour != hour:
        row.today[row.hour % HOURS], row.uses = _packed(row.uses), 0.0
        if row.hour // HOURS != hour // HOURS:
            _close(row)
        row.hour = hour
    row.uses += volume


@part
def tempo_at(rhythms: TableView, key: np.uint64, hour: int) -> Tempo:
    """Give how busy an hour should be; `hour` since the epoch, of the local clock."""
    at = find(rhythms, key)
    if at == NO_SLOT:
        return Tempo(1.0, 1.0)
    row = rhythms.rows[at]
    kind = type_of(hour // HOURS)
    share = _smooth(row, kind, hour % HOURS)
    if share > 0.0:
        weekend = min(1.0, row.means[1] / row.means[0]) if kind and row.means[0] > 0.0 else 1.0
        return Tempo(max(_QUIETEST, share * weekend), 0.25 / row.days[kind])
    share = _smooth(row, 1 - kind, hour % HOURS)
    return Tempo(max(_QUIETEST, share), 0.25) if share > 0.0 else Tempo(1.0, 1.0)


@part
def _smooth(row: Record, kind: int, hour: int) -> float:
    """Mix an hour with its neighbours 1 : 2 : 1, as far as they were seen: clocks change, people come late."""
    total, weight = 0.0, 0.0
    for step in range(-1, 2):
        code = row.slots[kind * HOURS + (hour + step) % HOURS]
        if code != 0:
            share = 1.0 if step else 2.0
            total, weight = total + share * code / _ONE, weight + share
    return total / weight if weight > 0.0 else 0.0


@part
def _packed(uses: float) -> int:
    """Pack uses into 16 bits, to one in a thousand."""
    return round(_ONE * log1p(uses))


@part
def _unpacked(code: int) -> float:
    """Give the uses that `_packed` was told."""
    return expm1(code / _ONE)


@part
def _close(row: Record) -> None:
    """Learn from the day that is over, and empty it."""
    kind = type_of(row.hour // HOURS)
    mean = _mean_of_day(row, kind)
    if mean > 0.0:
        row.days[kind] = min(row.days[kind] + 1, _REMEMBERED)
        row.means[kind] += (mean - row.means[kind]) / row.days[kind]
        for hour in range(HOURS):
            if row.today[hour] > 0:
                _learn_hour(row, kind, hour, _unpacked(row.today[hour]) / mean)
    for hour in range(HOURS):
        row.today[hour] = 0


@part
def _mean_of_day(row: Record, kind: int) -> float:
    """Give the uses in a mean hour of the running day, by the hours that were used and what is known of them.

    Each hour counts for at most `_WINSORISED` times its share: one that is out of all proportion moves no other.
    """
    mean = np.inf
    for _ in range(_PASSES):
        uses, weight = 0.0, 0.0
        for hour in range(HOURS):
            if row.today[hour] > 0:
                share = _smooth(row, kind, hour)
                share = share if share > 0.0 else 1.0
                uses, weight = uses + min(_unpacked(row.today[hour]), _WINSORISED * share * mean), weight + share
        mean = uses / weight if weight > 0.0 else 0.0
    return mean


@part
def _learn_hour(row: Record, kind: int, hour: int, share: float) -> None:
    """Move a slot towards what an hour brought beside the mean of its day."""
    before = row.slots[kind * HOURS + hour]
    if before != 0:
        share = min(share, _WINSORISED * _smooth(row, kind, hour))
    start = share if before == 0 else before / _ONE
    moved = start + (share - start) / row.days[kind]
    row.slots[kind * HOURS + hour] = np.uint16(max(1.0, min(_ONE * moved, _FULL)))
