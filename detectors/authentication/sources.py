"""Sprays and stuffing: one address, network or fingerprint that fails on many accounts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.authentication.attempts import DENIAL, PROBE
from detectors.authentication.contexts import OWN
from detectors.authentication.counts import entries, is_full, peers
from detectors.authentication.egress import NETWORKS, SOURCES, address_of, meet
from detectors.authentication.shapes import (
    CLIENT,
    CREDENTIAL_STUFFING,
    ISSUER,
    PASSWORD_SPRAY,
    SEEKS_PASSWORD_SPRAY,
    SEEKS_SLOW_SPRAY,
    SEEKS_STUFFING,
    SLOW_SPRAY,
    Limits,
)
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import Array, Record, measure, say
from detectors.findings import HIGH, LIKELY, MEDIUM, NO_CLASS, SURE
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, TableView, find
from detectors.windows import FEW_TRIES, REFUSED, SOME_TRIES, WindowView, enter, expire, pair_of


class SourceMemory(NamedTuple):
    """Windows of (address, account): the long burst, the short one, and a day of (address, account) once each."""

    hour: WindowView
    quarter: WindowView
    day: WindowView
    trail: TableView


class Backgrounds(NamedTuple):
    """What earlier passes know of m failures.

    - `succeeding`: int64 (m, 3), from `count_successes`.
    - `familiar`: int8 (m,), from `recognise`.
    """

    succeeding: Array
    familiar: Array


@inner
def _owner(failure: Record) -> np.uint64:
    """Who answers for the memory a failure takes: its source, else its client, else its issuer."""
    if failure.source != 0:
        return np.uint64(failure.source)
    if failure.client != 0:
        return pair_of(failure.client, CLIENT)
    return pair_of(failure.issuer, ISSUER)


@inner
def _admit(failure: Record, hour: WindowView) -> bool:
    """Say whether a failure may bring new keys into memory.

    A source at its cap may not, nor may a new source of a network at its cap: a flood stays inside the flooder.
    """
    owner = _owner(failure)
    slot = find(hour.counts, owner)
    full = is_full(hour, owner if slot != NO_SLOT else failure.network)
    if full:
        hour.meta[REFUSED] += 1
    return not full


@inner
def _stuffs(account: np.uint64, quarter: WindowView, slot: int, key: np.uint64, factor: int, limits: Limits) -> bool:
    accounts = quarter.counts.rows[slot].peers
    return (
        accounts >= factor * limits.stuffing_accounts
        and quarter.counts.rows[slot].weight >= factor * limits.stuffing_tries
        and quarter.counts.rows[slot].few >= limits.stuffing_share * accounts
        and entries(quarter, key, account) <= FEW_TRIES
    )


@inner
def _sprays(account: np.uint64, hour: WindowView, slot: int, key: np.uint64, factor: int, limits: Limits) -> bool:
    accounts = hour.counts.rows[slot].peers
    return (
        accounts >= factor * limits.spray_accounts
        and hour.counts.rows[slot].weight >= factor * limits.spray_tries
        and hour.counts.rows[slot].some >= limits.spray_share * accounts
        and entries(hour, key, account) <= SOME_TRIES
    )


@inner
def _stuffing(
    failure: Record, level: int, succeeding: int, quarter: WindowView, limits: Limits, verdict: Record
) -> None:
    """Judge a failure by the short window of its source, or of its network."""
    key = address_of(failure, level)
    slot = find(quarter.counts, key)
    if slot == NO_SLOT or limits.shapes & SEEKS_STUFFING == 0:
        return
    shared = succeeding > quarter.counts.rows[slot].peers
    factor = (limits.network_factor if level == NETWORKS else 1) * (limits.shared_factor if shared else 1)
    if _stuffs(failure.account, quarter, slot, key, factor, limits):
        say(verdict, CREDENTIAL_STUFFING + level, HIGH - shared, SURE, key)
        measure(verdict, 0, quarter.counts.rows[slot].weight, factor * limits.stuffing_tries)
        measure(verdict, 1, quarter.counts.rows[slot].peers, factor * limits.stuffing_accounts)
        verdict.observed[2] = succeeding


@inner
def _spraying(failure: Record, level: int, succeeding: int, hour: WindowView, limits: Limits, verdict: Record) -> None:
    """Judge a failure by the long window of its source, or of its network."""
    key = address_of(failure, level)
    slot = find(hour.counts, key)
    if slot == NO_SLOT or limits.shapes & SEEKS_PASSWORD_SPRAY == 0:
        return
    shared = succeeding > hour.counts.rows[slot].peers
    factor = (limits.network_factor if level == NETWORKS else 1) * (limits.shared_factor if shared else 1)
    if _sprays(failure.account, hour, slot, key, factor, limits):
        say(verdict, PASSWORD_SPRAY + level, HIGH - shared, SURE, key)
        measure(verdict, 0, hour.counts.rows[slot].weight, factor * limits.spray_tries)
        measure(verdict, 1, hour.counts.rows[slot].peers, factor * limits.spray_accounts)
        verdict.observed[2] = succeeding


@inner
def _slow(failure: Record, level: int, succeeding: int, day: WindowView, limits: Limits, verdict: Record) -> None:
    """Judge a failure by the day of its source, network or fingerprint."""
    key = address_of(failure, level)
    meet(day, key, failure.account, failure.time)
    failing = peers(day, key)
    factor = limits.network_factor if level == NETWORKS and failure.wide else 1
    share = failing / max(failing + succeeding, 1)
    if failing >= factor * limits.slow_accounts and share >= limits.slow_share:
        say(verdict, SLOW_SPRAY + level, MEDIUM, LIKELY, key)
        measure(verdict, 0, failing, factor * limits.slow_accounts)
        measure(verdict, 1, share, limits.slow_share)


@inner
def _judge(
    failure: Record, admitted: np.bool_, succeeding: Array, memory: SourceMemory, limits: Limits, verdict: Record
) -> None:
    """Enter a failure level by level and judge it, until one level explains it: bursts first, then the day."""
    account, now = failure.account, failure.time
    for level in range(2):
        if address_of(failure, level) != 0 and verdict.alert_class == NO_CLASS:
            if admitted:
                enter(memory.quarter, address_of(failure, level), account, failure.weight, now)
                enter(memory.hour, address_of(failure, level), account, failure.weight, now)
            _stuffing(failure, level, succeeding[level], memory.quarter, limits, verdict)
            if verdict.alert_class == NO_CLASS:
                _spraying(failure, level, succeeding[level], memory.hour, limits, verdict)
    few = failure.source == 0 or entries(memory.hour, failure.source, account) <= SOME_TRIES
    if limits.shapes & SEEKS_SLOW_SPRAY != 0 and admitted and few:
        for level in range(3):
            if address_of(failure, level) != 0 and verdict.alert_class == NO_CLASS:
                _slow(failure, level, succeeding[level], memory.day, limits, verdict)


@inner
def _is_foreign(failure: Record, familiar: int, succeeding: int, hour: WindowView) -> bool:
    """Say whether nothing speaks for a try: its account does not know the place, and few succeed at its source."""
    return bool(familiar != OWN and succeeding < peers(hour, failure.source))


@kernel
def judge_sources(
    failures: Array,
    backgrounds: Backgrounds,
    memory: SourceMemory,
    limits: Limits,
    verdicts: Array,
    admitted: Array,
    foreign: Array,
) -> None:
    """Name the spray or stuffing each failure belongs to, the most specific shape first.

    What a source explains is not counted again for its network and fingerprint.

    Args:
        failures: m failed rows in order of time, dtype `FAILURE`.
        backgrounds: of the failures.
        memory: windows of this pass.
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
        admitted: filled in, bool (m,): whether the failure may bring new keys into later passes' memory.
        foreign: filled in, bool (m,): an admitted try that no verdict explains, from where its account was never
            accepted and fewer accounts succeed than fail.
    """
    for i in range(failures.size):
        failure, verdict = failures[i], verdicts[i]
        if failure.account == 0 or failure.meaning in (DENIAL, PROBE):
            continue
        expire(memory.hour, failure.time)
        expire(memory.quarter, failure.time)
        expire(memory.day, failure.time)
        admitted[i] = _admit(failure, memory.hour)
        if admitted[i] and failure.source == 0:
            enter(memory.hour, _owner(failure), failure.account, failure.weight, failure.time)
        succeeding = backgrounds.succeeding[i]
        _judge(failure, admitted[i], succeeding, memory, limits, verdict)
        if admitted[i] and verdict.alert_class == NO_CLASS:
            foreign[i] = _is_foreign(failure, backgrounds.familiar[i], succeeding[SOURCES], memory.hour)
        if failure.source != 0:
            cite(memory.trail, failure.source, failure.time, verdict)
            if admitted[i]:
                leave(memory.trail, failure.source, failure.time, failure.event)
