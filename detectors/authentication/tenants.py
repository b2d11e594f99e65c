"""Distributed spray: a whole tenant that fails more than it ever does, a little from everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.authentication.attempts import DENIAL, PROBE, SECRET
from detectors.authentication.counts import entries, peers, weight
from detectors.authentication.shapes import DISTRIBUTED_SPRAY, PERSON, SEEKS_DISTRIBUTED_SPRAY, TENANT_SHARE, Limits
from detectors.authentication.verdicts import HIGH, LIKELY, NONE, Array, Record, measure, say
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, find, lookup, upsert
from detectors.windows import WindowView, enter, expire, pair_of

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
    """Give the empty baselines: tenant → hour first seen, day of the baseline, 99th percentile, hours learned."""
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
def _enter(failure: Record, hour: WindowView) -> bool:
    """Count a try, unless its source or its account has had its share of the hour already."""
    key, people = failure.issuer, pair_of(failure.issuer, PERSON)
    had = max(entries(hour, key, failure.source), entries(hour, people, failure.account))
    if had >= TENANT_SHARE:
        return False
    tries = min(failure.weight, TENANT_SHARE - had)
    for part in range(2):
        peer = failure.account if part else failure.source
        enter(hour, people if part else key, peer, tries, failure.time)
    return True


@inner
def _learn(failure: Record, tries: int, tenant: Record, memory: TenantMemory, limits: Limits) -> None:
    most = tries
    if tenant.hours * HOUR >= limits.tenant_warm_up:
        most = min(tries, max(WINSORISED * tenant.percentile, limits.tenant_tries))
    slot = upsert(memory.peaks, pair_of(failure.issuer, np.uint64(failure.time // HOUR)), failure.time)
    memory.peaks.rows[slot].tries = max(memory.peaks.rows[slot].tries, most)


@inner
def _judge(failure: Record, memory: TenantMemory, limits: Limits, verdict: Record) -> None:
    tenant = memory.tenants.rows[_tenant(memory, failure.issuer, failure.time)]
    tries, sources = weight(memory.hour, failure.issuer), peers(memory.hour, failure.issuer)
    accounts = peers(memory.hour, pair_of(failure.issuer, PERSON))
    learned = tenant.hours * HOUR >= limits.tenant_warm_up
    broad = accounts >= limits.tenant_accounts and sources >= limits.tenant_sources
    unusual = tries >= limits.tenant_tries and tries > limits.tenant_ratio * tenant.percentile
    if learned and broad and unusual:
        say(verdict, DISTRIBUTED_SPRAY, HIGH, LIKELY, failure.issuer)
        measure(verdict, 0, tries, max(float(limits.tenant_tries), limits.tenant_ratio * tenant.percentile))
        measure(verdict, 1, accounts, limits.tenant_accounts)
        measure(verdict, 2, sources, limits.tenant_sources)
        verdict.baseline[0] = tenant.percentile
    _learn(failure, tries, tenant, memory, limits)


@kernel
def judge_tenants(
    failures: Array, by_source: Array, admitted: Array, memory: TenantMemory, limits: Limits, verdicts: Array
) -> None:
    """Find tries that no single source explains and that are far more than the tenant's own 99th percentile.

    Args:
        failures: m failed rows in order of time, dtype `FAILURE`.
        by_source: verdicts of `judge_sources`, m rows: a try with one is not counted again here.
        admitted: bool (m,), from `judge_sources`.
        memory: window and baselines of this pass.
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
    """
    for i in range(failures.size):
        failure = failures[i]
        if failure.meaning in (DENIAL, PROBE, SECRET) or 0 in (failure.account, failure.source, failure.issuer):
            continue
        expire(memory.hour, failure.time)
        counted = admitted[i] and by_source[i].alert_class == NONE and limits.shapes & SEEKS_DISTRIBUTED_SPRAY != 0
        if counted and _enter(failure, memory.hour):
            _judge(failure, memory, limits, verdicts[i])
