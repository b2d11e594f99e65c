"""Profiles: the countries, networks, devices and UA families of each subject, and how many others have them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.acts import accepted
from detectors.kernels import Record, inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from detectors.windows import pair_of
from schemas.frame import Events
from schemas.vocabulary import IpRole, code

FACETS: Final = ("country", "asn", "device_id", "ua_family")
"""Columns that make up a context."""
DEVICE: Final = FACETS.index("device_id")
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
MEMORY: Final = 90 * DAY
"""A subject, or what it had, is forgotten so long after it was seen last, µs."""
_CELLS: Final = 8
"""Values of a facet that a profile holds; a further one takes the place of the one seen longest ago."""
_LOG_CROWD: Final = 6
"""2⁶ colleagues make a value common."""
_LOW_HALF: Final = np.uint64(0xFFFF_FFFF)
_FIRST, _KNOWN, _NEW = range(3)


class Seen(NamedTuple):
    """Accepted events of subjects in their order.

    - `rows`: positions in the batch, (m,). `subjects`, `issuers`: keys, (m,). `times`: `order_time`, µs, (m,).
    - `values` (m, 4): of each facet, 0 where unknown; of keys the low half.
    """

    rows: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.uint64]
    issuers: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.uint32]


def seen(events: Events) -> Seen:
    """Give the accepted events that subjects made themselves: not those that a server made for them."""
    server = (events["ip_role"] == code(IpRole.SERVER)) | ((events["ip"] != 0) & (events["source_ip"] == 0))
    rows = np.flatnonzero(accepted(events) & ~server & (events["sub"] != 0))
    values = np.empty((len(rows), len(FACETS)), np.uint32)
    for facet, name in enumerate(FACETS):
        column = events[name][rows]
        values[:, facet] = column & _LOW_HALF if column.dtype == np.uint64 else np.maximum(column, 0)
    return Seen(rows, events["sub"][rows], events["issuer_key"][rows], events["order_time"][rows], values)


def profiles_table() -> Table:
    """Give an empty table: subject → what it had, 234 bytes a row.

    - `first`, `last`: days of its first and its latest event, since the epoch. `days`: days with events.
    - `values`, `seen`: cells of each facet in turn, and the day on which each was seen last.
    """
    cells = len(FACETS) * _CELLS
    fields = [("first", np.int32), ("last", np.int32), ("days", np.int32)]
    return Table([*fields, ("values", np.uint32, (cells,)), ("seen", np.int16, (cells,))], ttl=MEMORY)


def crowds_table() -> Table:
    """Give an empty table: value of a facet at an issuer → who has it, one bit for each 64th of the subjects.

    `bits`: by the end of the hour before `hour`; `fresh`: those that came in it, which count from the next hour on.
    """
    return Table([("bits", np.uint64), ("fresh", np.uint64), ("hour", np.int32)], ttl=MEMORY)


@kernel
def join_crowds(crowds: TableView, stream: Seen) -> None:
    """Note which subjects have which values. A device is one's own: it has no crowd."""
    for i in range(stream.subjects.size):
        hour = stream.times[i] // HOUR
        bit = np.uint64(1) << (stream.subjects[i] >> np.uint64(58))
        for facet in range(stream.values.shape[1]):
            value = stream.values[i, facet]
            if value == 0 or facet == DEVICE:
                continue
            # Hours, not times: what has expired must not depend on where in the hour a batch was cut.
            row: Any = crowds.rows[upsert(crowds, _crowd(stream.issuers[i], facet, value), hour * HOUR)]
            if row.hour != hour:
                row.bits |= row.fresh
                row.fresh, row.hour = np.uint64(0), hour
            row.fresh |= bit


@kernel
def watch(
    profiles: TableView, crowds: TableView, stream: Seen, days: int, active_days: int, found: npt.NDArray[np.float64]
) -> None:
    """Compare each event with the profile of its subject, then learn from it.

    Args:
        profiles: with room for m more.
        crowds: read only.
        stream: m events.
        days, active_days: since the first event or with events, of which one makes a profile complete.
        found: filled in, (m, 2), zeros: number of new facets, and the sum of their rarities.
    """
    for i in range(stream.subjects.size):
        day = stream.times[i] // DAY
        row = profiles.rows[upsert(profiles, stream.subjects[i], stream.times[i])]
        complete = _greet(row, day, days, active_days)
        for facet in range(stream.values.shape[1]):
            value = stream.values[i, facet]
            if value != 0 and _meet(row, facet, value, day) == _NEW and complete:
                found[i, 0] += 1
                found[i, 1] += _rarity(crowds, stream.issuers[i], facet, value, stream.times[i] // HOUR)


@inner
def _greet(row: Record, day: int, days: int, active_days: int) -> bool:
    """Count the day, and say whether enough was known of the subject before it."""
    if row.days == 0:
        row.first = day
    if row.last != day:
        row.last = day
        row.days += 1
    return bool(day - row.first >= days or row.days > active_days)


@inner
def _meet(row: Record, facet: int, value: int, day: int) -> int:
    """Note a value, and say whether it is known, new beside others, or the first that is known of its facet."""
    start = facet * _CELLS
    oldest, said = start, _FIRST
    for cell in range(start, start + _CELLS):
        if row.values[cell] != 0 and (day - row.seen[cell]) * DAY <= MEMORY:
            if row.values[cell] == value:
                row.seen[cell] = day
                return _KNOWN
            said = _NEW
        if row.seen[cell] < row.seen[oldest]:
            oldest = cell
    row.values[oldest], row.seen[oldest] = value, day
    return said


@inner
def _rarity(crowds: TableView, issuer: np.uint64, facet: int, value: int, hour: int) -> float:
    """Give 1 for what nobody else at the issuer has, falling to 0 for what 64 have or more."""
    slot = NO_SLOT if facet == DEVICE else lookup(crowds, _crowd(issuer, facet, value), hour * HOUR)
    if slot == NO_SLOT:
        return 1.0
    row: Any = crowds.rows[slot]
    bits, colleagues = row.bits if row.hour == hour else row.bits | row.fresh, 0
    while bits != 0:
        bits &= bits - np.uint64(1)
        colleagues += 1
    return float(1.0 - np.log2(1.0 + colleagues) / _LOG_CROWD) if colleagues < (1 << _LOG_CROWD) - 1 else 0.0


@inner
def _crowd(issuer: np.uint64, facet: int, value: int) -> np.uint64:
    return pair_of(issuer, (np.uint64(facet) << np.uint64(32)) | np.uint64(value))
