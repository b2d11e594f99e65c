"""Who is to blame for a spike: one key, the narrowest that explains most of it, or a cause that many have in common."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.memory import SILENCE_HOURS, Memory, Rules, is_new
from detectors.rates.outlooks import limit_of
from detectors.rates.recent import HOUR, MINUTE, WINDOWS, span_of, uses_by
from detectors.rates.silences import is_kin
from detectors.rates.uses import CLIENT, DIMENSIONS, KEY, SUB, TOKEN, Array
from detectors.tables import NO_SLOT, SIZE, find
from detectors.windows import pair_of, push

NOBODY: Final = -1
_ORDERS: Final = ((TOKEN, SUB, CLIENT, KEY), (TOKEN, KEY, SUB, CLIENT), (TOKEN, SUB, KEY, CLIENT))
"""From narrow to broad, for a key that many clients use, for a client's own, and for an address."""
_HALF: Final = 0.5
"""Share of an excess that explains it where the rest is within the limit."""
COMMON_SPAN: Final = 10 * MINUTE
"""What rises within this time rises at once, µs."""


@part
def is_calm(memory: Memory, slots: Array) -> bool:
    """Say whether nothing that a use belongs to is anywhere near a limit."""
    for dimension in range(DIMENSIONS):
        if slots[dimension] == NO_SLOT:
            continue
        row = memory.recent.rows[slots[dimension]]
        for window in range(WINDOWS):
            if 2 * row.uses[window] >= row.floor[window]:
                return False
    return True


@part
def order_of(memory: Memory, known: Array, rules: Rules) -> int:
    """Give which of the orders holds for a use."""
    if rules.places:
        return 2
    return int(known[KEY] != NO_SLOT and memory.levels.rows[known[KEY]].parent != 0)


@part
def culprit(memory: Memory, use: Record, slots: Array, known: Array, order: int, window: int, rules: Rules) -> int:
    """Give the dimension that is to blame for too many uses in a window, or `NOBODY`.

    A broad key is not blamed, even at the uses of others, for an excess that a narrower one explains: nearly all of it,
    or, by a spike of its own, so much that the rest is within the limit.
    """
    chosen = NOBODY
    for at in range(DIMENSIONS):
        broad = _ORDERS[order][at]
        if slots[broad] == NO_SLOT:
            continue
        row = memory.recent.rows[slots[broad]]
        if 2 * row.uses[window] < limit_of(row, window, use.share):
            continue
        narrow = _explains(memory, use.share, slots, order, at, window, rules)
        if narrow == NOBODY and broad != TOKEN and not _is_relieved(row, window, use.now):
            _note_rising(memory, use, broad, row)
        if row.uses[window] < row.limit[window] or (
            broad == KEY and _succeeds(memory, use, row, memory.levels.rows[known[broad]], window, rules)
        ):
            continue
        _mark_spiked(memory, known, broad)
        blamed = broad if narrow == NOBODY else narrow
        _mark_spiked(memory, known, blamed)
        if _is_relieved(memory.recent.rows[slots[blamed]], window, use.now):
            continue
        if NOBODY in (narrow, chosen):
            chosen = blamed
    return chosen


@part
def has_common_cause(memory: Memory, use: Record, dimension: int, row: Record, rules: Rules) -> bool:
    """Say whether so many peers rise at once that no single one is to blame."""
    if dimension == TOKEN:
        return False
    rising = rising_peers(memory, use, dimension)
    return bool(rising >= rules.common_peers and rising > rules.common_share * row.active)


@part
def rising_peers(memory: Memory, use: Record, dimension: int) -> int:
    """Count the peers that were noted as rising lately."""
    at = find(memory.rising.counts, pair_of(use.issuer, np.uint64(dimension)))
    return 0 if at == NO_SLOT else int(memory.rising.counts.rows[at].peers)


@part
def _explains(memory: Memory, share: float, slots: Array, order: int, before: int, window: int, rules: Rules) -> int:
    """Give the narrowest dimension of a use that explains the excess of a broader one, and note how much of it."""
    dimensions = _ORDERS[order]
    row = memory.recent.rows[slots[dimensions[before]]]
    excess = row.uses[window] - row.expected[window]
    for at in range(before):
        if slots[dimensions[at]] == NO_SLOT:
            continue
        narrow = memory.recent.rows[slots[dimensions[at]]]
        own = narrow.uses[window] - narrow.expected[window]
        enough = rules.explained_share if row.uses[window] - own >= row.limit[window] else _HALF
        if own >= enough * excess and 2 * narrow.uses[window] >= limit_of(narrow, window, share):
            row.explained[window], row.relief[window] = row.touched, int(own)
            return dimensions[at]
    return NOBODY


@part
def _is_relieved(row: Record, window: int, now: int) -> bool:
    """Say whether uses would be within their limit without what a narrower key explained lately."""
    lately = row.explained[window] != 0 and now - row.explained[window] < span_of(window)
    return bool(lately and row.uses[window] - row.relief[window] < row.limit[window])


@part
def _mark_spiked(memory: Memory, known: Array, dimension: int) -> None:
    if known[dimension] != NO_SLOT:
        memory.levels.rows[known[dimension]].spiked = True


@part
def _note_rising(memory: Memory, use: Record, dimension: int, row: Record) -> None:
    """Note that a key is half-way to its limit or beyond, once a minute."""
    if row.noted == 0 or use.now - row.noted >= MINUTE:
        row.noted = use.now
        push(memory.rising, pair_of(use.issuer, np.uint64(dimension)), use.ids[dimension], 1, use.now)


@part
def _succeeds(memory: Memory, use: Record, row: Record, level: Record, window: int, rules: Rules) -> bool:
    """Say whether a new key is used no more than a drying one leaves room for."""
    new = find(memory.newcomers, use.ids[KEY])
    if new == NO_SLOT or not is_new(memory.newcomers.rows[new], use.now):
        return False
    room = 0.0
    for slot in range(memory.busy.meta[SIZE]):
        other = memory.busy.rows[slot]
        ahead = use.now // HOUR - other.hour
        if other.key == 0 or other.issuer != use.issuer or other.id == use.ids[KEY] or ahead > SILENCE_HOURS:
            continue
        if not is_kin(level, memory.levels.rows[find(memory.levels, other.key)]):
            continue
        at = find(memory.recent, other.key)
        used = 0 if at == NO_SLOT else uses_by(memory.recent.rows[at], window, use.now)
        expected = other.expected[ahead] if window else other.expected[ahead] * MINUTE / HOUR
        room = max(room, expected - used)
    return bool(row.uses[window] < max(rules.ratio * room, room + rules.excess))
