"""Sprays and stuffing: one address, network or fingerprint that fails on many accounts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import DENIAL, PROBE, Failures
from detectors.authentication.egress import FINGERPRINTS, NETWORKS, SOURCES, meet
from detectors.authentication.shapes import (
    CLIENT,
    CREDENTIAL_STUFFING,
    CREDENTIAL_STUFFING_NETWORK,
    FINGERPRINT,
    ISSUER,
    PASSWORD_SPRAY,
    PASSWORD_SPRAY_NETWORK,
    SEEKS_PASSWORD_SPRAY,
    SEEKS_SLOW_SPRAY,
    SEEKS_STUFFING,
    SLOW_SPRAY,
    SLOW_SPRAY_FINGERPRINT,
    SLOW_SPRAY_NETWORK,
    Limits,
)
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import HIGH, LIKELY, MEDIUM, NONE, SURE, Verdicts, measure, say
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, TableView, find
from detectors.windows import CAP, FEW_TRIES, REFUSED, SOME_TRIES, WindowView, expire, pair_of, push


class SourceMemory(NamedTuple):
    """Windows of (address, account): the long burst, the short one, and a day of (address, account) once each."""

    hour: WindowView
    quarter: WindowView
    day: WindowView
    trail: TableView


@inner
def _entries(window: WindowView, key: np.uint64, peer: np.uint64) -> int:
    pair = find(window.pairs, pair_of(key, peer))
    return 0 if pair == NO_SLOT else int(window.pairs.rows[pair].entries)


@inner
def _is_full(window: WindowView, key: np.uint64) -> bool:
    slot = find(window.counts, key)
    return slot != NO_SLOT and window.counts.rows[slot].entries >= window.meta[CAP]


@inner
def _owner(failures: Failures, i: int) -> np.uint64:
    """Who answers for the memory a failure takes: its source, else its client, else its issuer."""
    if failures.source[i] != 0:
        return np.uint64(failures.source[i])
    if failures.client[i] != 0:
        return pair_of(failures.client[i], CLIENT)
    return pair_of(failures.issuer[i], ISSUER)


@inner
def _admit(failures: Failures, i: int, memory: SourceMemory) -> bool:
    """Say whether a failure may bring new keys into memory.

    A source at its cap may not, nor may a new source of a network at its cap: a flood stays inside the flooder.
    """
    owner = _owner(failures, i)
    expire(memory.hour, failures.time[i])
    if _is_full(memory.hour, owner):
        memory.hour.meta[REFUSED] += 1
        return False
    known = find(memory.hour.counts, owner) != NO_SLOT
    if not known and failures.network[i] != 0 and _is_full(memory.hour, failures.network[i]):
        memory.hour.meta[REFUSED] += 1
        return False
    return True


@inner
def _stuffs(failures: Failures, i: int, key: np.uint64, factor: int, memory: SourceMemory, limits: Limits) -> bool:
    slot = find(memory.quarter.counts, key)
    if slot == NO_SLOT or limits.shapes & SEEKS_STUFFING == 0:
        return False
    accounts = memory.quarter.counts.rows[slot].peers
    return (
        accounts >= factor * limits.stuffing_accounts
        and memory.quarter.counts.rows[slot].weight >= factor * limits.stuffing_tries
        and memory.quarter.counts.rows[slot].few >= limits.stuffing_share * accounts
        and _entries(memory.quarter, key, failures.account[i]) <= FEW_TRIES
    )


@inner
def _sprays(failures: Failures, i: int, key: np.uint64, factor: int, memory: SourceMemory, limits: Limits) -> bool:
    slot = find(memory.hour.counts, key)
    if slot == NO_SLOT or limits.shapes & SEEKS_PASSWORD_SPRAY == 0:
        return False
    accounts = memory.hour.counts.rows[slot].peers
    return (
        accounts >= factor * limits.spray_accounts
        and memory.hour.counts.rows[slot].weight >= factor * limits.spray_tries
        and memory.hour.counts.rows[slot].some >= limits.spray_share * accounts
        and _entries(memory.hour, key, failures.account[i]) <= SOME_TRIES
    )


@inner
def _factor(key: np.uint64, window: WindowView, succeeding: int, base: int, limits: Limits) -> int:
    """Give what thresholds are multiplied by: `base`, and more where more principals succeed than fail."""
    slot = find(window.counts, key)
    failing = 0 if slot == NO_SLOT else window.counts.rows[slot].peers
    return int(base * limits.shared_factor if succeeding > failing else base)


@inner
def _burst(
    failures: Failures,
    i: int,
    network: bool,  # noqa: FBT001 - a kernel's arguments are positional
    succeeding: int,
    memory: SourceMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Judge a failure by the short and the long window of its source, or of its network."""
    key = failures.network[i] if network else failures.source[i]
    base = limits.network_factor if network else 1
    factor = _factor(key, memory.quarter, succeeding, base, limits)
    if _stuffs(failures, i, key, factor, memory, limits):
        alert_class = CREDENTIAL_STUFFING_NETWORK if network else CREDENTIAL_STUFFING
        say(verdicts, i, alert_class, HIGH - (factor > base), SURE, key)
        slot = find(memory.quarter.counts, key)
        measure(verdicts, i, 0, memory.quarter.counts.rows[slot].weight, factor * limits.stuffing_tries)
        measure(verdicts, i, 1, memory.quarter.counts.rows[slot].peers, factor * limits.stuffing_accounts)
        verdicts.observed[i, 2] = succeeding
        return
    factor = _factor(key, memory.hour, succeeding, base, limits)
    if _sprays(failures, i, key, factor, memory, limits):
        say(verdicts, i, PASSWORD_SPRAY_NETWORK if network else PASSWORD_SPRAY, HIGH - (factor > base), SURE, key)
        slot = find(memory.hour.counts, key)
        measure(verdicts, i, 0, memory.hour.counts.rows[slot].weight, factor * limits.spray_tries)
        measure(verdicts, i, 1, memory.hour.counts.rows[slot].peers, factor * limits.spray_accounts)
        verdicts.observed[i, 2] = succeeding


@inner
def _slow(
    failures: Failures,
    i: int,
    key: np.uint64,
    succeeding: int,
    alert_class: int,
    memory: SourceMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Judge a failure by the day of its source, network or fingerprint."""
    meet(memory.day, key, failures.account[i], failures.time[i])
    slot = find(memory.day.counts, key)
    failing = 0 if slot == NO_SLOT else memory.day.counts.rows[slot].peers
    factor = limits.network_factor if alert_class == SLOW_SPRAY_NETWORK and failures.wide[i] else 1
    share = failing / max(failing + succeeding, 1)
    if verdicts.alert_class[i] == NONE and failing >= factor * limits.slow_accounts and share >= limits.slow_share:
        say(verdicts, i, alert_class, MEDIUM, LIKELY, key)
        measure(verdicts, i, 0, failing, factor * limits.slow_accounts)
        measure(verdicts, i, 1, share, limits.slow_share)


@inner
def _slow_all(
    failures: Failures,
    i: int,
    succeeding: npt.NDArray[np.int64],
    memory: SourceMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    source, fingerprint = failures.source[i], failures.fingerprint[i]
    if source != 0 and _entries(memory.hour, source, failures.account[i]) <= SOME_TRIES:
        _slow(failures, i, source, succeeding[i, SOURCES], SLOW_SPRAY, memory, limits, verdicts)
        if verdicts.alert_class[i] == NONE:
            network = failures.network[i]
            _slow(failures, i, network, succeeding[i, NETWORKS], SLOW_SPRAY_NETWORK, memory, limits, verdicts)
    if fingerprint != 0 and verdicts.alert_class[i] == NONE:
        key = pair_of(fingerprint, FINGERPRINT)
        _slow(failures, i, key, succeeding[i, FINGERPRINTS], SLOW_SPRAY_FINGERPRINT, memory, limits, verdicts)


@inner
def _enter(failures: Failures, i: int, key: np.uint64, memory: SourceMemory) -> None:
    push(memory.quarter, key, failures.account[i], failures.weight[i], failures.time[i])
    push(memory.hour, key, failures.account[i], failures.weight[i], failures.time[i])


@kernel
def judge_sources(
    failures: Failures,
    succeeding: npt.NDArray[np.int64],
    memory: SourceMemory,
    limits: Limits,
    verdicts: Verdicts,
    admitted: npt.NDArray[np.bool_],
) -> None:
    """Name the spray or stuffing each failure belongs to, the most specific shape first.

    What a source explains is not counted again for its network and fingerprint.

    Args:
        failures: m failed rows in order of time.
        succeeding: int64 (m, 3), from `count_successes`.
        memory: windows of this pass.
        limits: parameters.
        verdicts: filled in, m rows.
        admitted: filled in, bool (m,): whether the failure may bring new keys into later passes' memory.
    """
    for i in range(failures.time.size):
        if failures.account[i] == 0 or failures.meaning[i] in (DENIAL, PROBE):
            continue
        admitted[i] = _admit(failures, i, memory)
        source = failures.source[i]
        if source == 0:
            if admitted[i]:
                push(memory.hour, _owner(failures, i), failures.account[i], failures.weight[i], failures.time[i])
        elif admitted[i]:
            _enter(failures, i, source, memory)
        expire(memory.quarter, failures.time[i])
        if source != 0:
            _burst(failures, i, False, succeeding[i, SOURCES], memory, limits, verdicts)
            if verdicts.alert_class[i] == NONE:
                if admitted[i]:
                    _enter(failures, i, failures.network[i], memory)
                _burst(failures, i, True, succeeding[i, NETWORKS], memory, limits, verdicts)
        if limits.shapes & SEEKS_SLOW_SPRAY != 0 and admitted[i]:
            expire(memory.day, failures.time[i])
            _slow_all(failures, i, succeeding, memory, limits, verdicts)
        if verdicts.alert_class[i] != NONE:
            cite(memory.trail, source, failures.time[i], verdicts, i)
        if source != 0 and admitted[i]:
            leave(memory.trail, source, failures.time[i], failures.event[i])
