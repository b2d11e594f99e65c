"""Distributed spray: a whole tenant that fails more than it ever does, a little from everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import DENIAL, PROBE, SECRET, Failures
from detectors.authentication.shapes import DISTRIBUTED_SPRAY, PERSON, TENANT_SHARE, Limits
from detectors.authentication.verdicts import HIGH, LIKELY, NONE, Verdicts, measure, say
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, find, lookup, upsert
from detectors.windows import WindowView, expire, pair_of, push

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
HISTORY_HOURS: Final = 14 * 24
WINSORISED: Final = 2
"""An hour teaches at most this multiple of the baseline, or the absolute threshold: no attack sets its own norm."""


class TenantMemory(NamedTuple):
    """Window of (tenant, source) and (tenant, account); peak of each tenant's hours; its baseline of the day."""

    hour: WindowView
    peaks: TableView
    tenants: TableView


def new_peaks() -> Table:
    """Give the empty history: (tenant, UTC hour) → most tries the sliding hour held within it."""
    return Table([("tries", np.int64)], ttl=(HISTORY_HOURS + 24) * HOUR)


def new_tenants() -> Table:
    """Give the empty baselines: tenant → hour it was first seen, day of the baseline, 99th percentile, hours learned."""
    fields = [("since", np.int64), ("day", np.int64), ("percentile", np.int64), ("hours", np.int64)]
    return Table(fields, ttl=(HISTORY_HOURS + 24) * HOUR)


@inner
def _baseline(memory: TenantMemory, slot: int, key: np.uint64, today: int) -> None:
    """Set the 99th percentile of the tenant's hourly peaks over the 14 days before `today`, quiet hours counted as 0.

    With n hours it is the value that ⌊n / 100⌋ hours exceed (nearest rank); n ≤ 336, so the fourth largest at most.
    """
    end = today * (DAY // HOUR)
    start = max(end - HISTORY_HOURS, memory.tenants.rows[slot].since)
    first, second, third, fourth = 0, 0, 0, 0
    for hour in range(start, end):
        peak = find(memory.peaks, pair_of(key, np.uint64(hour)))
        tries = 0 if peak == NO_SLOT else memory.peaks.rows[peak].tries
        if tries > first:
            first, second, third, fourth = tries, first, second, third
        elif tries > second:
            second, third, fourth = tries, second, third
        elif tries > third:
            third, fourth = tries, third
        elif tries > fourth:
            fourth = tries
    hours = max(end - start, 0)
    skipped = hours // 100
    percentile = first
    if skipped == 1:
        percentile = second
    elif skipped == 2:  # noqa: PLR2004 - ranks
        percentile = third
    elif skipped > 2:  # noqa: PLR2004 - ranks
        percentile = fourth
    memory.tenants.rows[slot].day = today
    memory.tenants.rows[slot].hours = hours
    memory.tenants.rows[slot].percentile = percentile


@inner
def _tenant(memory: TenantMemory, key: np.uint64, now: int) -> int:
    known = lookup(memory.tenants, key, now) != NO_SLOT
    slot = upsert(memory.tenants, key, now)
    if not known:
        memory.tenants.rows[slot].since = now // HOUR
    if not known or memory.tenants.rows[slot].day != now // DAY:
        _baseline(memory, slot, key, now // DAY)
    return slot


@inner
def _share(window: WindowView, key: np.uint64, peer: np.uint64) -> int:
    pair = find(window.pairs, pair_of(key, peer))
    return 0 if pair == NO_SLOT else int(window.pairs.rows[pair].entries)


@inner
def _enter(failures: Failures, i: int, memory: TenantMemory) -> bool:
    """Count a try, unless its source or its account has had its share of the hour already."""
    now, key, source, account = failures.time[i], failures.issuer[i], failures.source[i], failures.account[i]
    expire(memory.hour, now)
    people = pair_of(key, PERSON)
    had = max(_share(memory.hour, key, source), _share(memory.hour, people, account))
    if had >= TENANT_SHARE:
        return False
    weight = min(failures.weight[i], TENANT_SHARE - had)
    push(memory.hour, key, source, weight, now)
    push(memory.hour, people, account, weight, now)
    return True


@inner
def _learn(failures: Failures, i: int, tries: int, slot: int, memory: TenantMemory, limits: Limits) -> None:
    now = failures.time[i]
    most = max(WINSORISED * memory.tenants.rows[slot].percentile, limits.tenant_tries)
    if memory.tenants.rows[slot].hours * HOUR < limits.tenant_warm_up:
        most = tries
    peak = upsert(memory.peaks, pair_of(failures.issuer[i], np.uint64(now // HOUR)), now)
    memory.peaks.rows[peak].tries = max(memory.peaks.rows[peak].tries, min(tries, most))


@inner
def _judge(failures: Failures, i: int, memory: TenantMemory, limits: Limits, verdicts: Verdicts) -> None:
    key = failures.issuer[i]
    row = _tenant(memory, key, failures.time[i])
    slot = find(memory.hour.counts, key)
    people = find(memory.hour.counts, pair_of(key, PERSON))
    tries, sources = memory.hour.counts.rows[slot].weight, memory.hour.counts.rows[slot].peers
    accounts = memory.hour.counts.rows[people].peers
    percentile = memory.tenants.rows[row].percentile
    learned = memory.tenants.rows[row].hours * HOUR >= limits.tenant_warm_up
    broad = accounts >= limits.tenant_accounts and sources >= limits.tenant_sources
    if learned and broad and tries >= limits.tenant_tries and tries > limits.tenant_ratio * percentile:
        say(verdicts, i, DISTRIBUTED_SPRAY, HIGH, LIKELY, key)
        measure(verdicts, i, 0, tries, max(float(limits.tenant_tries), limits.tenant_ratio * percentile))
        measure(verdicts, i, 1, accounts, limits.tenant_accounts)
        measure(verdicts, i, 2, sources, limits.tenant_sources)
        verdicts.baseline[i, 0] = percentile
    _learn(failures, i, tries, row, memory, limits)


@kernel
def judge_tenants(
    failures: Failures,
    explained: npt.NDArray[np.int16],
    admitted: npt.NDArray[np.bool_],
    memory: TenantMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Find tries that no single source explains and that are far more than the tenant's own 99th percentile.

    Args:
        failures: m failed rows in order of time.
        explained: int16 (m,), the class `judge_sources` gave: such a try is not counted again here.
        admitted: bool (m,), from `judge_sources`.
        memory: window and baselines of this pass.
        limits: parameters.
        verdicts: filled in, m rows.
    """
    for i in range(failures.time.size):
        if failures.meaning[i] in (DENIAL, PROBE, SECRET) or failures.account[i] == 0 or failures.source[i] == 0:
            continue
        if admitted[i] and explained[i] == NONE and _enter(failures, i, memory):
            _judge(failures, i, memory, limits, verdicts)
