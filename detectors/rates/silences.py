"""A busy key that falls silent while others go on: looked at every ten minutes.

Silent is what rests for twice as long as it ever did while others were used. If a new key has taken over its work, that
one inherits its level, and nothing is said.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.levels import index_of, inherit
from detectors.rates.memory import NEW_HOURS, SILENCE_HOURS, Memory, Rules, is_new
from detectors.rates.recent import HOUR, IN_HOUR, MINUTE, SECOND, uses_by
from detectors.rates.rhythms import tempo_at
from detectors.rates.uses import KEY, Array
from detectors.rates.verdicts import SILENCE, measure, say
from detectors.tables import NO_SLOT, SIZE, TTL, find, remove, upsert
from detectors.windows import pair_of

STEP: Final = 10 * MINUTE
ALONE, WAITING, SUCCEEDED = range(3)
"""No successor; one that is used too little to be it yet; one that took over."""
_TWICE: Final = 2
_LONGEST: Final = 60_000
"""Of a rest in minutes that fits its field."""


@part
def note_key(memory: Memory, use: Record, level: Record, mean: float, rules: Rules) -> None:
    """Note a key at its first use in an hour: as new, and as busy enough to be missed. `mean`: its level."""
    hour = use.now // HOUR
    if hour - level.first < NEW_HOURS:
        newcomer = memory.newcomers.rows[upsert(memory.newcomers, use.ids[KEY], use.now)]
        newcomer.ids[0], newcomer.times[0] = use.issuer, level.first
    if level.age < rules.warm_up_days or mean <= 0:
        return
    key = pair_of(use.ids[KEY], np.uint64(KEY))
    slot = upsert(memory.busy, key, use.now)
    row = memory.busy.rows[slot]
    row.id, row.issuer, row.hour, row.told = use.ids[KEY], use.issuer, hour, False
    row.index = index_of(level)
    row.rarest = memory.recent.rows[find(memory.recent, key)].rarest
    parent = level.parent if level.parent != 0 else use.issuer
    total = 0.0
    for ahead in range(SILENCE_HOURS + 1):
        row.expected[ahead] = mean * tempo_at(memory.rhythms, parent, hour + rules.hours_ahead + ahead).factor
        total += row.expected[ahead]
    if total < rules.excess:  # it cannot be missed: walks over the busy keys stay short
        remove(memory.busy, slot)


@part
def note_mover(memory: Memory, use: Record, level: Record) -> None:
    """Note which two keys of an issuer were used last, and how long this one rested while another was used."""
    row = memory.movers.rows[upsert(memory.movers, use.issuer, use.now)]
    minute = use.now // MINUTE
    if level.last != 0:
        rested, seen = minute - level.last, _last_other(row, use.ids[KEY]) // MINUTE - level.last
        level.gap = max(level.gap, min(rested if _TWICE * seen >= rested else seen, _LONGEST))
    level.last = minute
    if row.ids[0] != use.ids[KEY]:
        row.ids[1], row.times[1] = row.ids[0], row.times[0]
        row.ids[0] = use.ids[KEY]
    row.times[0] = use.now


@part
def silences_at(memory: Memory, now: int, rules: Rules, out: Array, found: int) -> int:
    """Write down the keys whose silence is telling at `now`, a multiple of `STEP`; give the new number of findings."""
    for slot in range(memory.busy.meta[SIZE]):
        row = memory.busy.rows[slot]
        if row.key == 0 or row.told or now - row.touched > memory.busy.meta[TTL]:
            continue
        level = memory.levels.rows[find(memory.levels, row.key)]
        silence = now - level.touched
        if silence < max(rules.silence, _TWICE * level.gap * MINUTE):
            continue
        missed = _missed(row, level.touched, now)
        successor = _take_over(memory, row, level, missed * HOUR / silence, now, rules)
        telling = missed >= rules.excess and _log_chance(missed, row.index) <= log(row.rarest)
        if successor == SUCCEEDED:
            row.told, memory.busy.dirty[slot] = True, True
        elif successor == ALONE and telling and _others_move(memory, row, now - silence // 2, now):
            row.told, memory.busy.dirty[slot] = True, True
            say(out[found], now, -1, SILENCE, row.id)
            measure(out[found], 0, silence / SECOND, max(rules.silence, _TWICE * level.gap * MINUTE) / SECOND, np.nan)
            measure(out[found], 1, 0.0, np.nan, missed)
            found += 1
    return found


@part
def is_kin(one: Record, other: Record) -> bool:
    """Say whether one key may succeed another: both are of one client, or both are used by many."""
    return bool(one.parent == other.parent)


@part
def _missed(row: Record, last: int, now: int) -> float:
    """Sum what was expected of a key from its last use until now; nothing once that is too long ago."""
    if now // HOUR - row.hour > SILENCE_HOURS:
        return 0.0
    missed = 0.0
    for ahead in range(SILENCE_HOURS + 1):
        start = (row.hour + ahead) * HOUR
        missed += row.expected[ahead] * max(0, min(start + HOUR, now) - max(start, last)) / HOUR
    return missed


@part
def _log_chance(missed: float, index: float) -> float:
    """Give log P(X = 0) of a negative binomial of this mean and index of dispersion."""
    return -missed if index < 1.0 + 1e-6 else -missed * log(index) / (index - 1.0)


@part
def _last_other(mover: Record, key: np.uint64) -> int:
    """Give when a key other than this one was last used, µs."""
    return int(mover.times[1] if mover.ids[0] == key else mover.times[0])


@part
def _others_move(memory: Memory, row: Record, since: int, now: int) -> bool:
    """Say whether the source still speaks: another key was used lately, and half of the busy ones were."""
    at = find(memory.movers, row.issuer)
    if at == NO_SLOT or _last_other(memory.movers.rows[at], row.id) < since:
        return False
    busy, moving = 0, 0
    for slot in range(memory.busy.meta[SIZE]):
        other = memory.busy.rows[slot]
        fresh = now - other.touched <= memory.busy.meta[TTL]
        if other.issuer == row.issuer and other.key != row.key and fresh:
            busy += 1
            moving += memory.levels.rows[find(memory.levels, other.key)].touched >= since
    return 2 * moving >= busy


@part
def _take_over(memory: Memory, row: Record, level: Record, expected: float, now: int, rules: Rules) -> int:
    """Let the new key that does the work of a silent one inherit its level.

    Says whether there is one, or one that may still grow into the work; `expected`: uses an hour now.
    """
    said, apart, heir = ALONE, rules.ratio * expected + rules.excess, np.uint64(0)
    for slot in range(memory.newcomers.meta[SIZE]):
        newcomer = memory.newcomers.rows[slot]
        used = _work_of(memory, newcomer, row, level, now, rules)
        if used == 0 or newcomer.times[1] != 0:
            continue
        said = max(said, WAITING)
        # Slots depend on what was swept when: among equals the key itself decides.
        step = abs(used - expected)
        if rules.ratio * used >= expected and (step < apart or (step == apart and newcomer.key < heir)):
            apart, heir = step, newcomer.key
    if heir == 0:
        return said
    at = find(memory.newcomers, heir)
    memory.newcomers.rows[at].times[1], memory.newcomers.dirty[at] = now, True
    at = find(memory.levels, pair_of(heir, np.uint64(KEY)))
    inherit(memory.levels.rows[at], level)
    memory.levels.dirty[at] = True
    return SUCCEEDED


@part
def _work_of(memory: Memory, newcomer: Record, row: Record, level: Record, now: int, rules: Rules) -> int:
    """Count the uses of a new key in the last hour, if it may be the successor: 0 for a stranger.

    Successor and predecessor meet: the new one is used before the old one has been silent for long.
    """
    if newcomer.ids[0] != row.issuer or newcomer.key == row.id or not is_new(newcomer, now):
        return 0
    key = pair_of(newcomer.key, np.uint64(KEY))
    at, other = find(memory.recent, key), find(memory.levels, key)
    if NO_SLOT in (at, other) or not is_kin(memory.levels.rows[other], level):
        return 0
    meet = newcomer.times[0] * HOUR <= level.touched + rules.silence
    return uses_by(memory.recent.rows[at], IN_HOUR, now) if meet else 0
