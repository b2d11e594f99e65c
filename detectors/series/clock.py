"""The steps of a series: its usual spacing, how many were missed, and the place of a point in its day and week."""

from __future__ import annotations

from typing import Final

from detectors.kernels import Record, part
from detectors.series.state import DAY, FIRST_SLOT, HOURS, SLOT, SLOTS, SPACINGS, VALUES

_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday, Monday is 0."""
_SATURDAY: Final = 5


@part
def advance(row: Record, time: int) -> int:
    """Move on to a point; give the steps since the last one, at least 1.

    A time that is not later than the one before is a step further all the same: the order given is the order.
    """
    spacing = time - row.time if row.steps > 0 else 0
    row.time = time
    if spacing <= 0:
        return 1
    row.spacings[row.spaced % SPACINGS] = spacing
    row.spaced += 1
    if spacing != row.step:
        row.step = _median(row)
    return int(max(1, min((spacing + row.step // 2) // row.step, VALUES)))


@part
def place(row: Record) -> None:
    """Find the slots of the three profiles for the time of this point."""
    day, slot = row.time // DAY, row.time % DAY // SLOT
    row.hour = slot * HOURS // SLOTS
    weekday = (day + _EPOCH_WEEKDAY) % 7
    row.places[0] = FIRST_SLOT[0] + slot
    row.places[1] = FIRST_SLOT[1] + (SLOTS if weekday >= _SATURDAY else 0) + slot
    row.places[2] = FIRST_SLOT[2] + weekday * SLOTS + slot


@part
def _median(row: Record) -> int:
    """Give the lower median of the last spacings, by counting: there are few."""
    size = min(row.spaced, SPACINGS)
    best = row.spacings[0]
    for i in range(size):
        below, equal = 0, 0
        for j in range(size):
            below += row.spacings[j] < row.spacings[i]
            equal += row.spacings[j] == row.spacings[i]
        if below <= (size - 1) // 2 < below + equal:
            best = row.spacings[i]
    return int(best)
