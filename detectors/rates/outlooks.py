"""The first use of a key in an hour: the hours before are learnt from, and the limits of this one are set."""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.levels import FLUCTUATION, Outlook, adopt, close_day, close_hour, foresee, slow_level
from detectors.rates.memory import Memory, Rules
from detectors.rates.peers import MINUTES, Usual, active_peers, covered, group_of, tenant_of, usual
from detectors.rates.recent import HOUR, IN_HOUR, IN_MINUTE
from detectors.rates.rhythms import HOURS, Tempo, tempo_at
from detectors.rates.uses import CLIENT, KEY, TOKEN
from detectors.rates.verdicts import SHIFT, measure, say
from detectors.statistics import least_rare

NEVER: Final = 2**60
_TESTS_A_DAY: Final = HOURS * (1 + MINUTES)
"""Windows of one key that do not overlap."""
_ELIGIBLE: Final = 50.0
"""Least count that is looked at where less than one use is expected."""
_MOST_PROBABLE, _LEAST_PROBABLE = 1e-4, 1e-15


@part
def limit_of(row: Record, window: int, share: float) -> int:
    """Give the least count in a window that is too much: by excess and ratio, and too rare to be chance.

    The tail is that of what was logged: a tenth of the uses says less than all of them.
    """
    if row.limit[window] == 0:
        least = max(1, ceil(row.floor[window] * share))
        logged = least_rare(least, row.expected[window] * share, row.spread[window], row.rarest)
        row.limit[window] = max(row.floor[window], ceil(logged / share))
    return int(row.limit[window])


@part
def token_hour(memory: Memory, use: Record, row: Record, rules: Rules) -> None:
    """Set the limits of a token: it has no history but that of its peers."""
    peers = _peers(memory, use, TOKEN, row)
    if peers.hours > 0:
        unsure = peers.between + FLUCTUATION
        minute = peers.mean / MINUTES
        spread, minute_spread = unsure + (peers.within - 1.0) / peers.mean, unsure + (peers.clump - 1.0) / minute
        _set(row, Outlook(peers.mean, spread, minute, minute_spread), rules)


@part
def key_hour(memory: Memory, use: Record, dimension: int, row: Record, level: Record, rules: Rules) -> float:
    """Set the limits of a key, client or user; give its level, 0 where nothing can be said."""
    hour = use.now // HOUR
    now, before = (
        _tempo(memory, use, dimension, level, hour, rules),
        _tempo(memory, use, dimension, level, hour - 1, rules),
    )
    if level.hour != hour:
        seen = covered(memory.groups, tenant_of(use, dimension), hour)
        level.hour, level.rhythm, level.expected = hour, now.factor * seen, 0.0
    peers = _peers(memory, use, dimension, row)
    if peers.hours == 0:
        return 0.0
    outlook = foresee(level, peers, now, max(now.factor, before.factor))
    _set(row, outlook, rules)
    level.expected, level.tolerable = outlook.minute_mean * MINUTES, row.floor[IN_HOUR]
    return outlook.minute_mean * MINUTES / now.factor


@part
def close_before(use: Record, dimension: int, level: Record, rules: Rules, finding: Record) -> bool:
    """Learn from the hours of a key that are over. Say whether a shift of its level was adopted and written down."""
    hour = use.now // HOUR
    if level.hour == 0:
        level.first = hour
    if level.hour in (0, hour):
        return False
    close_hour(level, rules.warm_up_days)
    if (level.hour + rules.hours_ahead) // HOURS == (hour + rules.hours_ahead) // HOURS:
        return False
    shifted = close_day(level, rules.warm_up_days, rules.excess) and level.raised >= rules.shift_days
    if shifted:
        say(finding, use.now, use.row, SHIFT + dimension, use.ids[dimension])
        before, after = slow_level(level), level.day_uses / level.day_hours
        measure(finding, 0, after, 2.0 * before, before)
        measure(finding, 1, after / before, 2.0, np.nan)
        measure(finding, 2, level.raised, rules.shift_days, np.nan)
        adopt(level)
    level.day_uses, level.day_taught, level.day_hours = 0.0, 0.0, 0.0
    return shifted


@part
def _peers(memory: Memory, use: Record, dimension: int, row: Record) -> Usual:
    """Look up a key's peers for a new hour; until limits are set there are none."""
    tenant = tenant_of(use, dimension)
    row.hour, row.active = use.now // HOUR, active_peers(memory.groups, tenant)
    for window in range(2):
        row.floor[window], row.limit[window] = NEVER, NEVER
    return usual(memory.groups, group_of(use, dimension), tenant)


@part
def _tempo(memory: Memory, use: Record, dimension: int, level: Record, hour: int, rules: Rules) -> Tempo:
    """Give how busy an hour should be. One user is as busy by night as by day, only more rarely."""
    if dimension not in (CLIENT, KEY):
        return Tempo(1.0, 0.0)
    parent = use.client if dimension == CLIENT else level.parent
    if parent != 0:
        return tempo_at(memory.rhythms, parent, hour + rules.hours_ahead)
    tempo = tempo_at(memory.rhythms, use.issuer, hour + rules.hours_ahead)
    return Tempo(tempo.factor, tempo.doubt + 1.0 / (1.0 + level.age))


@part
def _set(row: Record, outlook: Outlook, rules: Rules) -> None:
    row.expected[IN_HOUR], row.spread[IN_HOUR] = outlook.mean, outlook.spread
    row.expected[IN_MINUTE], row.spread[IN_MINUTE] = outlook.minute_mean, outlook.minute_spread
    for window in range(2):
        mean = row.expected[window]
        least = max(rules.ratio * mean, mean + rules.excess, 0.0 if mean >= 1.0 else _ELIGIBLE)
        row.floor[window], row.limit[window] = ceil(least), 0
    probability = rules.false_findings / (_TESTS_A_DAY * max(1, row.active))
    row.rarest = max(_LEAST_PROBABLE, min(probability, _MOST_PROBABLE))
