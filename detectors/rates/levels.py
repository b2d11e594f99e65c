"""The level of a key, user or client: how much it is used in an hour of its own, and how unevenly.

Hours in which it is used at all teach; silence teaches nothing. An hour in which it was found to spike teaches no more
than what was just tolerable. Two memories are kept, of 7 to 14 active days and of 28 to 56: each is halved when it is
full. What holds for three days in a row, far above the longer one, is adopted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.peers import MINUTES, Usual
from detectors.rates.recent import DAY
from detectors.rates.rhythms import Tempo
from detectors.statistics import upper_tail
from detectors.tables import Table

_TRUSTED_AFTER: Final = 6.0
"""Hours of its own after which what a key shows of its dispersion weighs as much as what its peers show."""
FLUCTUATION: Final = 0.05
"""Squared coefficient of variation of every rate: nothing keeps its mean better than to 22 %."""
_SLOW: Final = 4
"""The slow memory is this many times as long."""
_WINSORISED: Final = 9.0
_UNUSUAL: Final = 1e-3
"""Tail probability of a day that counts towards a shift."""


class Outlook(NamedTuple):
    """What is expected of a key: uses in the hour and in the minute; dispersion (variance = mean + spread · mean²)."""

    mean: float
    spread: float
    minute_mean: float
    minute_spread: float


def new_levels() -> Table:
    """Give an empty table, 125 bytes a row, forgotten after 35 days without use.

    - `hour`, `uses`, `squares`: the running hour, its uses, and the sum of squares of its minutes; `rhythm`: how busy
      it should be; `tolerable`: most uses it may teach once it has spiked; `expected`: the mean it was judged by.
    - `day_uses`, `day_taught`, `day_hours`: all uses of the running day, those it may teach, and its hours weighted by
      their rhythm.
    - `total`, `hours`: uses taught, and hours weighted by rhythm; their quotient is the level. `slow_total`,
      `slow_hours`: the same over the longer memory. `seen`: hours; `scatter`: sum of (uses - expected)² / expected.
      `clumped`, `clumps`: uses, and those times the index of dispersion of their minutes.
    - `age`: active days. `days`, `slow_days`: since the memories were halved. `raised`: days in a row
      far above; `steady`: index of dispersion of its hours, slow to move once it is known.
    - `first`: hour of the first use; `last`: minute of the last one; `gap`: longest rest, minutes (keys only).
      `parent`: its client, if it has only one.
    """
    counts = [
        ("gap", np.uint16),
        ("age", np.uint16),
        ("days", np.uint16),
        ("slow_days", np.uint16),
        ("raised", np.uint16),
    ]
    memories = ("total", "hours", "slow_total", "slow_hours", "seen", "scatter", "clumped", "clumps")
    return Table(
        [
            ("parent", np.uint64),
            ("uses", np.int64),
            ("squares", np.float64),
            ("day_uses", np.float32),
            ("day_taught", np.float32),
            ("day_hours", np.float32),
            ("hour", np.int32),
            ("first", np.int32),
            ("last", np.int32),
            ("rhythm", np.float32),
            ("tolerable", np.float32),
            ("expected", np.float32),
            ("steady", np.float32),
            *((name, np.float32) for name in memories),
            *counts,
            ("shared", np.bool_),
            ("spiked", np.bool_),
        ],
        ttl=35 * DAY,
    )


@part
def add_use(row: Record, volume: int, minute_before: int) -> None:
    """Add a use to the running hour; `minute_before`: uses that its minute held before."""
    row.uses += volume
    row.squares += float(volume) * (2.0 * minute_before + volume)


@part
def own(row: Record, client: np.uint64) -> None:
    """Note by whose client it is used; once by two, it belongs to none."""
    if client == 0 or row.shared or row.parent == client:
        return
    row.shared = row.parent != 0
    row.parent = np.uint64(0) if row.shared else client


@part
def foresee(row: Record, peers: Usual, tempo: Tempo, busier: float) -> Outlook:
    """Shrink the level of a key towards its peers (Gamma-Poisson) and say what an hour and a minute may bring.

    Args:
        row: of its level, the running hour closed.
        peers: what is usual among them.
        tempo: how busy this hour should be beside the mean one.
        busier: the factor of the busier of this hour and the one before, between which the sliding hour lies.
    """
    shape = 1.0 / peers.between
    level = _posterior(row.total, row.hours, shape, peers)
    if row.slow_hours > 0:
        level = min(level, _posterior(row.slow_total, row.slow_hours, shape, peers))
    prior = peers.within * max(1.0, level * busier / peers.mean)
    index = _blend(prior, index_of(row), row.seen)
    clump = _blend(peers.clump, max(1.0, row.clumps / row.clumped) if row.clumped > 0 else 1.0, row.seen)
    unsure = 1.0 / (shape + row.total / index) + FLUCTUATION + tempo.doubt
    mean, minute_mean = level * busier, level * tempo.factor / MINUTES
    return Outlook(mean, unsure + (index - 1.0) / mean, minute_mean, unsure + (clump - 1.0) / minute_mean)


@part
def close_hour(row: Record, warm_up: int) -> None:
    """Learn from the hour that is over; of a known key's dispersion no more than three standard deviations teach."""
    uses = float(row.uses)
    if row.spiked:
        uses = min(uses, float(row.tolerable))
    row.day_uses += row.uses
    row.day_hours += row.rhythm
    row.total += uses
    row.hours += row.rhythm
    row.day_taught += uses
    if row.expected > 0 and not row.spiked:
        row.seen += 1.0
        most = _WINSORISED * row.steady if row.age >= warm_up else np.inf
        row.scatter += min((uses - row.expected) ** 2 / row.expected, most)
    if not row.spiked:
        row.clumped += uses
        row.clumps += max(uses, row.squares - uses * row.expected / MINUTES)
    row.uses, row.squares, row.spiked = 0, 0.0, False


@part
def close_day(row: Record, warm_up: int, excess: float) -> bool:
    """Learn from the day that is over, its hours closed; say whether it was far above the slow level.

    Such a day does not enter the slow memory: it is adopted, or it was none of its own.
    """
    above = row.age >= warm_up and _is_raised(row, excess)
    row.raised = row.raised + 1 if above else 0
    if not above:
        row.steady += (index_of(row) - row.steady) / (_SLOW * warm_up if row.age >= warm_up else 1.0)
        row.slow_total, row.slow_hours = row.slow_total + row.day_taught, row.slow_hours + row.day_hours
        row.slow_days += 1
    row.days += 1
    if row.age < warm_up or row.days >= 2 * warm_up:  # at first it was judged by what its peers do
        row.seen, row.scatter = 0.5 * row.seen, 0.5 * row.scatter
    row.age = min(row.age + 1, 60_000)
    if row.days >= 2 * warm_up:
        row.total, row.hours, row.days = 0.5 * row.total, 0.5 * row.hours, row.days // 2
        row.clumped, row.clumps = 0.5 * row.clumped, 0.5 * row.clumps
        row.gap = row.gap // 2
    if row.slow_days >= 2 * _SLOW * warm_up:
        row.slow_total, row.slow_hours, row.slow_days = 0.5 * row.slow_total, 0.5 * row.slow_hours, row.slow_days // 2
    return above


@part
def adopt(row: Record) -> None:
    """Take the level of the day that is over for the true one."""
    level = row.day_uses / row.day_hours
    row.total, row.slow_total = level * row.hours, level * row.slow_hours
    row.raised = 0


@part
def inherit(row: Record, other: Record) -> None:
    """Take over the level of a predecessor, and how uneven it is."""
    row.total, row.hours, row.slow_total, row.slow_hours = other.total, other.hours, other.slow_total, other.slow_hours
    row.seen, row.scatter, row.clumped, row.clumps = other.seen, other.scatter, other.clumped, other.clumps
    row.age, row.days, row.slow_days, row.gap = other.age, other.days, other.slow_days, max(row.gap, other.gap)
    row.steady = other.steady


@part
def slow_level(row: Record) -> float:
    """Give the uses in a mean hour, over the longer memory."""
    return row.slow_total / row.slow_hours if row.slow_hours > 0 else 0.0


@part
def index_of(row: Record) -> float:
    """Give the index of dispersion of its own hours."""
    return max(1.0, row.scatter / row.seen) if row.seen > 0 else 1.0


@part
def _blend(prior: float, own: float, hours: float) -> float:
    """Mean of two indices of dispersion, of their logarithms: those of peers differ by powers of ten."""
    weight = _TRUSTED_AFTER / (_TRUSTED_AFTER + hours)
    return float(prior**weight * own ** (1.0 - weight))


@part
def _posterior(total: float, hours: float, shape: float, peers: Usual) -> float:
    """Mean of a Gamma prior of `shape` around the peers' mean after `total` uses in `hours`, counted in clumps."""
    weight = shape * peers.within
    return (weight + total) / (weight / peers.mean + hours)


@part
def _is_raised(row: Record, excess: float) -> bool:
    mean = slow_level(row) * row.day_hours
    if mean <= 0 or row.day_uses < 2.0 * mean or row.day_uses < mean + excess:
        return False
    spread = FLUCTUATION + (row.steady - 1.0) / mean
    return upper_tail(np.floor(row.day_uses), mean, spread) <= _UNUSUAL
