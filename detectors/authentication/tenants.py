"""Distributed spray: a whole tenant that fails more than it ever does, a little from everywhere, nowhere at home."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.authentication.attempts import DENIAL, PROBE, SECRET
from detectors.authentication.counts import entries, peers, weight
from detectors.authentication.shapes import (
    DISTRIBUTED_SPRAY,
    MAX_TENANT_TRIES,
    PERSON,
    SEEKS_DISTRIBUTED_SPRAY,
    TENANT_SHARE,
    Limits,
)
from detectors.authentication.verdicts import Array, Record, measure, say
from detectors.findings import HIGH, LIKELY
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, find, lookup, upsert
from detectors.windows import WindowView, enter, expire, pair_of

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
HISTORY_HOURS: Final = 14 * 24
WINSORISED: Final = 2
"""An hour teaches at most this multiple of the baseline, or the absolute threshold."""
EXCEPTIONAL: Final = 20
"""One hour in this many may be as bad as it likes: other attacks, outages and reset days are in every history."""
ADOPTED_HOURS: Final = 24
"""Hours in alarm teach nothing, so that no attack sets the norm for the next; more of them than this are a new norm."""


class TenantMemory(NamedTuple):
    """Window of (tenant, source) and (tenant, account); peak of each tenant's hours; its baseline of the day."""

    hour: WindowView
    peaks: TableView
    tenants: TableView


def new_peaks() -> Table:
    """Give the empty history: (tenant, UTC hour) → most tries the sliding hour held within it, whether in alarm."""
    return Table([("tries", np.int64), ("alarm", np.bool_)], ttl=(HISTORY_HOURS + 24) * HOUR)


def new_tenants() -> Table:
    """Give the empty baselines: tenant → hour first seen, day of the baseline, 95th percentile, hours learned."""
    fields = [("since", np.int64), ("day", np.int64), ("percentile", np.int64), ("hours", np.int64)]
    return Table(fields, ttl=(HISTORY_HOURS + 24) * HOUR)


@inner
def _worse(peaks: TableView, key: np.uint64, span: tuple[int, int], tries: int, alarm: int) -> int:
    """Count the hours of a span that held more than `tries`; those in alarm only if `alarm` is 1."""
    worse = 0
    for hour in range(span[0], span[1]):
        peak = find(peaks, pair_of(key, np.uint64(hour)))
        if peak != NO_SLOT and peaks.rows[peak].tries > tries and peaks.rows[peak].alarm <= alarm:
            worse += 1
    return worse


@inner
def _alarms(peaks: TableView, key: np.uint64, span: tuple[int, int]) -> int:
    """Count the hours of a span that were in alarm."""
    return _worse(peaks, key, span, -1, 1) - _worse(peaks, key, span, -1, 0)


@inner
def _raise_alarm(peaks: TableView, failure: Record) -> None:
    """Mark the hours that the sliding hour lies in."""
    for back in range(2):
        hour = failure.time // HOUR - back
        peaks.rows[upsert(peaks, pair_of(failure.issuer, np.uint64(hour)), failure.time)].alarm = True


@inner
def _baseline(memory: TenantMemory, slot: int, key: np.uint64, today: int, warm_up: int) -> None:
    """Set the 95th percentile of the tenant's hourly peaks over the 14 days before `today`, quiet hours counted as 0.

    The tenant's first `warm_up` µs do not count: as long as no account is known anywhere, all is foreign.
    With n hours it is the value that ⌊n / 20⌋ hours exceed (nearest rank), found by halving.
    """
    end = today * (DAY // HOUR)
    start = max(end - HISTORY_HOURS, memory.tenants.rows[slot].since + warm_up // HOUR)
    hours = max(end - start, 0)
    alarm = 1 if _alarms(memory.peaks, key, (start, end)) > ADOPTED_HOURS else 0
    low, high = -1, MAX_TENANT_TRIES
    while high - low > 1:
        middle = (low + high) // 2
        if _worse(memory.peaks, key, (start, end), middle, alarm) > hours // EXCEPTIONAL:
            low = middle
        else:
            high = middle
    memory.tenants.rows[slot].day = today
    memory.tenants.rows[slot].hours = hours
    memory.tenants.rows[slot].percentile = high


@inner
def _tenant(memory: TenantMemory, key: np.uint64, now: int, warm_up: int) -> int:
    known = lookup(memory.tenants, key, now) != NO_SLOT
    slot = upsert(memory.tenants, key, now)
    if not known:
        memory.tenants.rows[slot].since = now // HOUR
    if not known or memory.tenants.rows[slot].day != now // DAY:
        _baseline(memory, slot, key, now // DAY, warm_up)
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
    tenant = memory.tenants.rows[_tenant(memory, failure.issuer, failure.time, limits.tenant_warm_up)]
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
        _raise_alarm(memory.peaks, failure)
    _learn(failure, tries, tenant, memory, limits)


@kernel
def judge_tenants(failures: Array, foreign: Array, memory: TenantMemory, limits: Limits, verdicts: Array) -> None:
    """Find foreign tries that no single source explains and that are far more than the tenant's own 95th percentile.

    Args:
        failures: m failed rows in order of time, dtype `FAILURE`.
        foreign: bool (m,), from `judge_sources`; others are not counted.
        memory: window and baselines of this pass.
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
    """
    for i in range(failures.size):
        failure = failures[i]
        if failure.meaning in (DENIAL, PROBE, SECRET) or 0 in (failure.account, failure.source, failure.issuer):
            continue
        expire(memory.hour, failure.time)
        counted = foreign[i] and limits.shapes & SEEKS_DISTRIBUTED_SPRAY != 0
        if counted and _enter(failure, memory.hour):
            _judge(failure, memory, limits, verdicts[i])
