"""How many signatures a key makes beside the tokens that are given out with it, hour by hour."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from detectors.findings import HIGH, LIKELY
from detectors.kernels import Record, kernel, part
from detectors.rates.uses import KEY, TOKEN, Array
from detectors.rates.verdicts import measure, say
from detectors.tables import NO_SLOT, SIZE, TTL, Table, TableView, find, lookup, remove, upsert
from schemas.vocabulary import GrantType

MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
STEP: Final = 5 * MINUTE
"""Windows end at multiples of it."""
SETTLED: Final = 15 * MINUTE
"""Logs of signatures and of issues may be so far apart."""
SPAN: Final = (HOUR + SETTLED) // STEP
_BUCKETS: Final = SPAN + 1
_HOUR_STEPS: Final = HOUR // STEP
GRANTS: Final = len(GrantType) + 1
"""The first stands for an unknown one."""
_KEPT: Final = 1.0 - 1.0 / (7 * 24)
"""Weight that the past keeps each hour: a memory of a week."""
_SWEEPS: Final = 12
_RIDGE: Final = 0.02
_BLIND_HOURS: Final = 3.0
"""What the first hours leave says nothing: nothing was expected of them."""
UNISSUED, EXCESS = range(2)
"""Positions of the classes on the card."""
CLASSES: Final = 2


class Ledger(NamedTuple):
    """What the kernels see: keys, and the tokens that wait for their other half."""

    keys: TableView
    pending: TableView
    issued: TableView


class Limits(NamedTuple):
    """Least excess of signatures, with and without the id of the token; standard deviations; hours to learn."""

    joined: float
    counted: float
    deviations: float
    hours: float


class Seen(NamedTuple):
    """Of an hour of a key: signatures without the id of a token, those with one that was not issued, the expected."""

    signs: float
    loose: float
    expected: float


def keys_table() -> Table:
    """Give an empty table: key → what it signed and what was issued with it; 2.5 kB a row, of keys that sign.

    - `bucket`: number of the newest of the 5 min in `signs` (without the id of a token), `loose` (with one that was
      not issued by then) and `issues`, by grant.
    - `hours`, `learnt`: hours learnt from, fading, and the last of them. `products`, `sums`: normal equations of
      signatures by issues of each grant; `issues_sum`, `signs_sum`: what they were made of. `spread`: mean square of
      what they left. `loose_mean`, `loose_spread`: mean of loose signatures in an hour, and mean square beside it.
    """
    fields = [
        ("bucket", np.int64),
        ("learnt", np.int64),
        *((name, np.float64) for name in ("hours", "issues_sum", "signs_sum", "spread", "loose_mean", "loose_spread")),
        ("products", np.float64, (GRANTS, GRANTS)),
        ("sums", np.float64, (GRANTS,)),
        ("signs", np.int64, (_BUCKETS,)),
        ("loose", np.int64, (_BUCKETS,)),
        ("issues", np.int64, (_BUCKETS, GRANTS)),
    ]
    return Table(fields, ttl=14 * 24 * HOUR)


def pending_table() -> Table:
    """Give an empty table: token that was signed and not issued yet → its key, when, µs, and how many signatures."""
    return Table([("owner", np.uint64), ("time", np.int64), ("volume", np.int64)], ttl=24 * HOUR)


def issued_table() -> Table:
    """Give an empty table of tokens that were issued and not signed yet."""
    return Table([("owner", np.uint64), ("time", np.int64), ("volume", np.int64)], ttl=2 * SETTLED)


@kernel
def count(acts: Array, signs: Array, grants: Array, ledger: Ledger) -> None:
    """Count signatures and issues, in order of time. Keys that never sign are not followed.

    Args:
        acts: dtype `USE`, of which `ids` holds token and key.
        signs: whether each is a signature, or else an issue, bool (n,).
        grants: position of the grant of each, (n,).
        ledger: has room for n more of each.
    """
    for i in range(acts.size):
        act = acts[i]
        token = act.ids[TOKEN]
        if signs[i]:
            row = ledger.keys.rows[upsert(ledger.keys, act.ids[KEY], act.now)]
            if token == 0:
                _add(row, row.signs, act.now, act.time, act.volume)
            elif lookup(ledger.issued, token, act.now) == NO_SLOT:
                waiting = ledger.pending.rows[upsert(ledger.pending, token, act.now)]
                waiting.owner, waiting.time = act.ids[KEY], act.time
                waiting.volume += act.volume
            continue
        slot = lookup(ledger.keys, act.ids[KEY], act.now)
        if slot == NO_SLOT:
            continue
        row = ledger.keys.rows[slot]
        ledger.keys.dirty[slot] = True
        _add(row, row.issues[:, grants[i]], act.now, act.time, act.volume)
        waits = find(ledger.pending, token) if token != 0 else NO_SLOT
        if waits != NO_SLOT:
            remove(ledger.pending, waits)
        elif token != 0:
            upsert(ledger.issued, token, act.now)


@kernel
def judge(ledger: Ledger, now: int, limits: Limits, out: Array) -> int:
    """Judge the hour that ended `SETTLED` before `now`, a multiple of `STEP`; give the number of findings.

    Args:
        ledger: what was counted up to `now`, which is included.
        now: µs.
        limits: parameters.
        out: filled in, dtype `FINDING`; room for two findings a key.
    """
    _settle(ledger, now)
    found, window, ratios = 0, np.zeros(GRANTS), np.zeros(GRANTS)
    for slot in range(ledger.keys.meta[SIZE]):
        row = ledger.keys.rows[slot]
        if row.key == 0 or now - row.touched > ledger.keys.meta[TTL]:
            continue
        signs, loose = _sum(row, now, window)
        if signs + loose + _total(window) > 0:
            _fit(row, ratios)
            seen = Seen(signs, loose, _expected(ratios, window))
            found += _judge_key(row, seen, window, now, limits, out[found : found + CLASSES])
            ledger.keys.dirty[slot] = True
    return found


@part
def _judge_key(row: Record, seen: Seen, window: Array, now: int, limits: Limits, out: Array) -> int:
    """Set an hour of a key beside what is usual, and learn from it where it is an hour of the clock."""
    known, found = row.hours >= limits.hours, 0
    usual = row.loose_mean
    least = usual + max(limits.joined, limits.deviations * sqrt(max(usual, row.loose_spread)))
    if known and seen.loose > least:
        _tell(out[found], now, UNISSUED, row.key, seen.loose, least, usual)
        found += 1
    most = seen.expected + max(limits.counted, limits.deviations * sqrt(max(seen.expected, row.spread)))
    if known and seen.signs > most:
        _tell(out[found], now, EXCESS, row.key, seen.signs, most, seen.expected)
        found += 1
    if (now - SETTLED) % HOUR == 0:
        taught = Seen(min(seen.signs, most), min(seen.loose, least), seen.expected) if known else seen
        _learn(row, taught, window, now)
    return found


@part
def _tell(finding: Record, now: int, alert_class: int, key: np.uint64, seen: float, most: float, usual: float) -> None:
    say(finding, now, -1, alert_class, key)
    finding.severity, finding.confidence = HIGH, LIKELY
    measure(finding, 0, seen, most, usual)


@part
def _settle(ledger: Ledger, now: int) -> None:
    """Note the signatures whose token was not issued in time."""
    for slot in range(ledger.pending.meta[SIZE]):
        waiting = ledger.pending.rows[slot]
        if waiting.key == 0 or now - waiting.touched < SETTLED:
            continue
        at = find(ledger.keys, waiting.owner)
        if at != NO_SLOT:
            row = ledger.keys.rows[at]
            _add(row, row.loose, now, waiting.time, waiting.volume)
            ledger.keys.dirty[at] = True
        remove(ledger.pending, slot)


@part
def _add(row: Record, ring: Array, now: int, time: int, volume: int) -> None:
    """Count in the bucket of `time`, where that is not past; the rings move on to `now`."""
    newest = now // STEP
    for number in range(max(row.bucket + 1, newest - _BUCKETS + 1), newest + 1):
        at = number % _BUCKETS
        row.signs[at], row.loose[at] = 0, 0
        for grant in range(GRANTS):
            row.issues[at, grant] = 0
    row.bucket = max(row.bucket, newest)
    if 0 <= row.bucket - time // STEP < _BUCKETS:
        ring[time // STEP % _BUCKETS] += volume


@part
def _sum(row: Record, now: int, window: Array) -> tuple[float, float]:
    """Sum the buckets of the hour that ended `SETTLED` ago: signatures without and with a token, issues by grant."""
    signs, loose = 0.0, 0.0
    for grant in range(GRANTS):
        window[grant] = 0.0
    first = now // STEP - SPAN
    for number in range(max(first, row.bucket - _BUCKETS + 1), min(first + _HOUR_STEPS, row.bucket + 1)):
        at = number % _BUCKETS
        signs, loose = signs + row.signs[at], loose + row.loose[at]
        for grant in range(GRANTS):
            window[grant] += row.issues[at, grant]
    return signs, loose


@part
def _total(window: Array) -> float:
    total = 0.0
    for grant in range(GRANTS):
        total += window[grant]
    return total


@part
def _expected(ratios: Array, window: Array) -> float:
    """Give the signatures that the issues of an hour should take."""
    expected = 0.0
    for grant in range(GRANTS):
        expected += ratios[grant] * window[grant]
    return expected


@part
def _fit(row: Record, ratios: Array) -> None:
    """Find the signatures an issue of each grant takes: least squares, not negative, by coordinate descent.

    They are shrunk towards one ratio for all grants.
    """
    ratio = row.signs_sum / row.issues_sum if row.issues_sum > 0 else 0.0
    ridge = 1e-9
    for grant in range(GRANTS):
        ridge += _RIDGE * row.products[grant, grant]
        ratios[grant] = ratio
    for _ in range(_SWEEPS):
        for grant in range(GRANTS):
            left = row.sums[grant] + ridge * ratio
            for other in range(GRANTS):
                if other != grant:
                    left -= row.products[grant, other] * ratios[other]
            ratios[grant] = max(0.0, left / (row.products[grant, grant] + ridge))


@part
def _learn(row: Record, seen: Seen, window: Array, now: int) -> None:
    """Learn from an hour, its variance taken to grow with its issues. Hours without anything teach nothing."""
    hour, issues = (now - SETTLED) // HOUR, _total(window)
    kept = _KEPT ** (hour - row.learnt) if row.learnt else 0.0
    weight = 1.0 / max(1.0, issues)
    row.learnt, row.hours = hour, row.hours * kept + 1.0
    row.issues_sum, row.signs_sum = row.issues_sum * kept + issues, row.signs_sum * kept + seen.signs
    for grant in range(GRANTS):
        row.sums[grant] = row.sums[grant] * kept + weight * window[grant] * seen.signs
        for other in range(GRANTS):
            row.products[grant, other] = row.products[grant, other] * kept + weight * window[grant] * window[other]
    if row.hours > _BLIND_HOURS:
        row.spread += ((seen.signs - seen.expected) ** 2 - row.spread) / (row.hours - _BLIND_HOURS + 1.0)
    row.loose_spread += ((seen.loose - row.loose_mean) ** 2 - row.loose_spread) / row.hours
    row.loose_mean += (seen.loose - row.loose_mean) / row.hours
