"""What each key was used in the last minute and hour, and what would be too much: one row a key of either dimension.

The sliding windows are rings of buckets. The hour is the running minute and the 59 before it, the minute the running
5 s and the 55 before them: a count never holds a use that is older than the window, and lacks at most the oldest
bucket's worth of it. So a key costs the same however often it is used.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.uses import Array
from detectors.tables import Table

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
BEAT: Final = 5 * SECOND

IN_MINUTE, IN_HOUR = range(2)
"""The windows, by their position in a row's arrays."""
WINDOWS: Final = 2
_BUCKETS: Final = (12, 60)
_FULL: Final = 2**32 - 1
_MEMORY: Final = 2 * HOUR


@part
def span_of(window: int) -> int:
    """Give the length of a window, µs."""
    return HOUR if window else MINUTE


def new_recent() -> Table:
    """Give an empty table, 460 bytes a row, forgotten after two hours.

    - `minute`, `beat`: numbers of the newest buckets of `minutes` and `beats`; `uses`: sums of the two rings.
    - `hour`: the UTC hour for which the following holds. `expected`, `spread`: mean and dispersion of the uses in each
      window. `floor`: least count that excess and ratio allow. `limit`: least count that is also rare enough, 0 until
      it is needed. `rarest`: the probability below which a count is rare. `active`: peers used in the hour before.
    - `explained`: when a narrower key last explained an excess; `relief`: how much of it. `noted`: when it was last
      noted as rising.
    """
    return Table(
        [
            ("minute", np.int64),
            ("beat", np.int64),
            ("uses", np.int64, (WINDOWS,)),
            ("explained", np.int64, (WINDOWS,)),
            ("relief", np.int64, (WINDOWS,)),
            ("floor", np.int64, (WINDOWS,)),
            ("limit", np.int64, (WINDOWS,)),
            ("expected", np.float64, (WINDOWS,)),
            ("spread", np.float64, (WINDOWS,)),
            ("rarest", np.float64),
            ("noted", np.int64),
            ("hour", np.int32),
            ("active", np.int32),
            ("minutes", np.uint32, (_BUCKETS[IN_HOUR],)),
            ("beats", np.uint32, (_BUCKETS[IN_MINUTE],)),
        ],
        ttl=_MEMORY,
    )


@part
def count_use(row: Record, now: int, time: int, volume: int) -> None:
    """Count a use that happened at `time` and arrived at `now` (not decreasing), µs; what left a window is not."""
    _turn(row, now)
    row.uses[IN_HOUR] += _count(row.minutes, time // MINUTE, now // MINUTE, volume)
    row.uses[IN_MINUTE] += _count(row.beats, time // BEAT, now // BEAT, volume)


@part
def _count(ring: Array, number: int, newest: int, volume: int) -> int:
    """Count uses in one bucket of a ring, as far as it has room; give how many. None where the ring is past it."""
    if not 0 <= newest - number < ring.size:
        return 0
    added = min(volume, _FULL - int(np.int64(ring[number % ring.size])))
    ring[number % ring.size] += np.uint32(added)
    return added


@part
def uses_by(row: Record, window: int, now: int) -> int:
    """Sum the uses in a window that ends at `now`, which may be later than the newest bucket. Changes nothing."""
    total = 0
    size = _BUCKETS[window]
    newest = row.minute if window else row.beat
    oldest = now // (MINUTE if window else BEAT) - size + 1
    for number in range(max(oldest, newest - size + 1), newest + 1):
        total += int(np.int64(row.minutes[number % size] if window else row.beats[number % size]))
    return total


@part
def this_minute(row: Record, now: int) -> int:
    """Give the uses counted so far in the minute that `now` lies in."""
    return int(np.int64(row.minutes[row.minute % _BUCKETS[IN_HOUR]])) if row.minute == now // MINUTE else 0


@part
def _turn(row: Record, now: int) -> None:
    """Move both rings on to `now`."""
    row.uses[IN_HOUR] -= _empty(row.minutes, row.minute, now // MINUTE)
    row.uses[IN_MINUTE] -= _empty(row.beats, row.beat, now // BEAT)
    row.minute, row.beat = now // MINUTE, now // BEAT


@part
def _empty(ring: Array, before: int, newest: int) -> int:
    """Empty the buckets of a ring that left when it moved on from `before` to `newest`; give what they held."""
    left = 0
    for number in range(max(before + 1, newest - ring.size + 1), newest + 1):
        left += int(np.int64(ring[number % ring.size]))
        ring[number % ring.size] = np.uint32(0)
    return left
