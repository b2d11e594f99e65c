"""The two passes over a batch: what peers teach, and what each use and each silence says."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.findings import MEDIUM, SURE
from detectors.kernels import Record, kernel, part
from detectors.rates.culprits import NOBODY, culprit, has_common_cause, is_calm, order_of, rising_peers
from detectors.rates.levels import add_use, own
from detectors.rates.memory import SILENCE_HOURS, Memory, Rules
from detectors.rates.outlooks import close_before, key_hour, token_hour
from detectors.rates.peers import Peers, note_use
from detectors.rates.recent import HOUR, SECOND, WINDOWS, count_use, span_of, this_minute
from detectors.rates.rhythms import note_rhythm
from detectors.rates.silences import STEP, note_key, note_mover, silences_at
from detectors.rates.uses import DIMENSIONS, KEY, TOKEN, Array
from detectors.rates.verdicts import COMMON_CAUSE, SPIKE, measure, say
from detectors.tables import NO_SLOT, TableView, upsert
from detectors.windows import expire, pair_of

_CLOCK: Final = np.uint64(1)


@kernel
def learn_peers(used: Array, peers: Peers, rhythms: TableView, hours_ahead: int) -> None:
    """Learn what peers do, and the rhythm of clients and tenants. A late use only closes hours.

    Args:
        used: records of one UTC hour in order of time, dtype `USE`.
        peers: activity and groups.
        rhythms: of clients and issuers.
        hours_ahead: of UTC.
    """
    for i in range(used.size):
        use = used[i]
        volume = 0 if use.late else use.volume
        note_use(peers, use)
        note_rhythm(rhythms, use.client, use.now, volume, hours_ahead)
        note_rhythm(rhythms, use.issuer, use.now, volume, hours_ahead)


@kernel
def watch(used: Array, watermark: int, memory: Memory, rules: Rules, out: Array) -> int:
    """Check uses and silences in order of time; give the number of findings.

    Args:
        used: records of one UTC hour in order of time, dtype `USE`.
        watermark: silences up to here are judged at the end, µs.
        memory: state of the step.
        rules: parameters.
        out: filled in, dtype `FINDING`; room for four findings a record and one a busy key and record.
    """
    found = 0
    slots, known = np.empty(DIMENSIONS, np.int64), np.empty(DIMENSIONS, np.int64)
    for i in range(used.size):
        use = used[i]
        found = _look_around(memory, use.now - 1, rules, out, found)
        _tick(memory, use.now)
        found = _count(memory, use, slots, known, rules, out, found)
        if not is_calm(memory, slots):
            found += _judge(memory, use, slots, known, rules, out[found])
    return _look_around(memory, watermark, rules, out, found)


@part
def _tick(memory: Memory, now: int) -> None:
    clock = memory.clock.rows[upsert(memory.clock, _CLOCK, now)]
    if clock.times[0] == 0:
        clock.times[0] = (now // STEP + 1) * STEP
    clock.times[1] = now


@part
def _look_around(memory: Memory, until: int, rules: Rules, out: Array, found: int) -> int:
    """Judge silences at every multiple of `STEP` up to `until` that was not looked at yet."""
    if memory.clock.rows[0].key == 0 or memory.clock.rows[0].times[0] > until:
        return found
    clock = memory.clock.rows[0]
    memory.clock.dirty[0] = True
    while clock.times[0] <= until:
        if clock.times[0] - clock.times[1] > (SILENCE_HOURS + 1) * HOUR:
            clock.times[0] = (until // STEP + 1) * STEP
        else:
            found = silences_at(memory, clock.times[0], rules, out, found)
            clock.times[0] += STEP
    return found


@part
def _count(memory: Memory, use: Record, slots: Array, known: Array, rules: Rules, out: Array, found: int) -> int:
    """Count a use for each of its dimensions; leave the slots of its recent rows and levels in `slots` and `known`."""
    for dimension in range(DIMENSIONS):
        slots[dimension] = known[dimension] = NO_SLOT
        if use.ids[dimension] == 0:
            continue
        key = pair_of(use.ids[dimension], np.uint64(dimension))
        slots[dimension] = upsert(memory.recent, key, use.now)
        row = memory.recent.rows[slots[dimension]]
        if dimension != TOKEN:
            known[dimension] = upsert(memory.levels, key, use.now)
            level = memory.levels.rows[known[dimension]]
            found += _count_level(memory, use, dimension, row, level, rules, out[found])
        elif row.hour != use.now // HOUR:
            token_hour(memory, use, row, rules)
        count_use(row, use.now, use.time, use.volume)
    return found


@part
def _count_level(
    memory: Memory, use: Record, dimension: int, row: Record, level: Record, rules: Rules, finding: Record
) -> int:
    """Count a use for a key, user or client; give the number of findings."""
    found = 0
    if dimension == KEY:
        own(level, use.client)
        if not rules.places:
            note_mover(memory, use, level)
    if row.hour != use.now // HOUR:
        found += close_before(use, dimension, level, rules, finding)
        mean = key_hour(memory, use, dimension, row, level, rules)
        if dimension == KEY and not rules.places:
            note_key(memory, use, level, mean, rules)
    if not use.late:
        add_use(level, use.volume, this_minute(row, use.now))
    return found


@part
def _judge(memory: Memory, use: Record, slots: Array, known: Array, rules: Rules, finding: Record) -> int:
    """Write down who is to blame, if anybody is: for the minute, else for the hour. Give the number of findings."""
    order = order_of(memory, known, rules)
    expire(memory.rising, use.now)
    blamed, within = NOBODY, 0
    for window in range(WINDOWS):
        dimension = culprit(memory, use, slots, known, order, window, rules)
        if blamed == NOBODY:
            blamed, within = dimension, window
    if blamed == NOBODY:
        return 0
    row = memory.recent.rows[slots[blamed]]
    if has_common_cause(memory, use, blamed, row, rules):
        _tell_common_cause(memory, use, blamed, row, rules, finding)
    else:
        _tell_spike(use, blamed, row, within, rules, finding)
        if blamed != TOKEN and memory.levels.rows[known[blamed]].age >= rules.warm_up_days:
            finding.confidence = SURE
    return 1


@part
def _tell_spike(use: Record, dimension: int, row: Record, window: int, rules: Rules, finding: Record) -> None:
    say(finding, use.now, use.row, SPIKE + dimension, use.ids[dimension])
    finding.severity = MEDIUM
    uses, expected = row.uses[window], row.expected[window]
    measure(finding, 0, uses, row.limit[window] if uses >= row.limit[window] else np.nan, expected)
    measure(finding, 1, uses / expected, rules.ratio, np.nan)
    measure(finding, 2, span_of(window) / SECOND, np.nan, np.nan)


@part
def _tell_common_cause(memory: Memory, use: Record, dimension: int, row: Record, rules: Rules, finding: Record) -> None:
    say(finding, use.now, use.row, COMMON_CAUSE, use.issuer)
    least = max(float(rules.common_peers), rules.common_share * row.active)
    measure(finding, 0, rising_peers(memory, use, dimension), least, np.nan)
    measure(finding, 1, row.active, np.nan, np.nan)
