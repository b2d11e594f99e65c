"""Brute force: one account, of a user or of a client, that is tried again and again; and prompts that are denied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import DENIAL, PROBE, SECRET, Failures
from detectors.authentication.paces import is_steady, measure_pace
from detectors.authentication.shapes import (
    ASN,
    BRUTE_FORCE,
    CLIENT,
    CLIENT_SECRET_GUESSING,
    COUNTRY,
    DISTRIBUTED_BRUTE_FORCE,
    MFA_FATIGUE,
    SEEKS_BRUTE_FORCE,
    SEEKS_CLIENT_SECRETS,
    SEEKS_DISTRIBUTED_BRUTE_FORCE,
    SEEKS_FATIGUE,
    STALE_CLIENT_SECRET,
    STALE_CREDENTIAL,
    Limits,
)
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import HIGH, LIKELY, LOW, MEDIUM, NONE, SURE, Verdicts, measure, say
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, TableView, find
from detectors.windows import WindowView, expire, pair_of, push


class AccountMemory(NamedTuple):
    """Windows of accounts.

    - `burst`: (account and source) for a user, (client, source) for a client.
    - `half`: (account, source), (account, country), (account, ASN), of the distributed shape.
    - `hour`: (account, source), of sustained guessing.
    - `denied`: (account), second factors.
    """

    burst: WindowView
    half: WindowView
    hour: WindowView
    denied: WindowView
    paces: TableView
    trail: TableView


@inner
def _peers(window: WindowView, key: np.uint64) -> int:
    slot = find(window.counts, key)
    return 0 if slot == NO_SLOT else int(window.counts.rows[slot].peers)


@inner
def _weight(window: WindowView, key: np.uint64) -> int:
    slot = find(window.counts, key)
    return 0 if slot == NO_SLOT else int(window.counts.rows[slot].weight)


@inner
def _burst_key(failures: Failures, i: int) -> np.uint64:
    if failures.meaning[i] == SECRET:
        return pair_of(failures.account[i], CLIENT)
    return pair_of(failures.account[i], failures.source[i]) if failures.source[i] != 0 else np.uint64(0)


@inner
def _enter(failures: Failures, i: int, memory: AccountMemory) -> None:
    """Enter a try into the windows; an unknown source, country or ASN is nobody's peer."""
    account, source, weight, now = failures.account[i], failures.source[i], failures.weight[i], failures.time[i]
    burst = _burst_key(failures, i)
    if burst != 0:
        push(memory.burst, burst, source, weight, now)
    if failures.meaning[i] != SECRET:
        push(memory.hour, account, source, weight, now)
        if source != 0:
            push(memory.half, account, source, weight, now)
        if failures.country[i] != 0:
            push(memory.half, pair_of(account, COUNTRY), np.uint64(failures.country[i]), 0, now)
        if failures.asn[i] >= 0:
            push(memory.half, pair_of(account, ASN), np.uint64(failures.asn[i] + 1), 0, now)
    if failures.service[i]:
        measure_pace(memory.paces, pair_of(account, source), now)


@inner
def _distributed(failures: Failures, i: int, memory: AccountMemory, limits: Limits, verdicts: Verdicts) -> None:
    account = failures.account[i]
    tries, sources = _weight(memory.half, account), _peers(memory.half, account)
    countries = _peers(memory.half, pair_of(account, COUNTRY))
    asns = _peers(memory.half, pair_of(account, ASN))
    scattered = (
        countries >= limits.distributed_countries
        or asns >= limits.distributed_asns
        or sources >= limits.distributed_ips
    )
    if tries >= limits.distributed_tries and sources >= limits.distributed_sources and scattered:
        say(verdicts, i, DISTRIBUTED_BRUTE_FORCE, HIGH, SURE, account)
        measure(verdicts, i, 0, tries, limits.distributed_tries)
        measure(verdicts, i, 1, sources, limits.distributed_sources)
        verdicts.observed[i, 2] = countries
        verdicts.observed[i, 3] = asns


@inner
def _brute(failures: Failures, i: int, memory: AccountMemory, limits: Limits, verdicts: Verdicts) -> None:
    account = failures.account[i]
    burst = _burst_key(failures, i)
    tries, threshold = (_weight(memory.burst, burst) if burst != 0 else 0), limits.brute_tries
    if tries < threshold:
        tries, threshold = _weight(memory.hour, account), limits.sustained_tries
    if tries >= threshold:
        _guess(failures, i, BRUTE_FORCE, STALE_CREDENTIAL, account, memory, limits, verdicts)
        measure(verdicts, i, 0, tries, threshold)
        verdicts.observed[i, 1] = max(_peers(memory.hour, account), 1)


@inner
def _secret(failures: Failures, i: int, memory: AccountMemory, limits: Limits, verdicts: Verdicts) -> None:
    key = _burst_key(failures, i)
    tries = _weight(memory.burst, key)
    if tries >= limits.client_tries:
        account = failures.account[i]
        _guess(failures, i, CLIENT_SECRET_GUESSING, STALE_CLIENT_SECRET, account, memory, limits, verdicts)
        measure(verdicts, i, 0, tries, limits.client_tries)
        verdicts.observed[i, 1] = _peers(memory.burst, key)


@inner
def _guess(
    failures: Failures,
    i: int,
    guessing: int,
    stale: int,
    account: np.uint64,
    memory: AccountMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Call it guessing, unless it is software that keeps the pace of a retry timer from a few places."""
    source = failures.source[i]
    sources = (
        _peers(memory.burst, _burst_key(failures, i)) if failures.meaning[i] == SECRET else _peers(memory.hour, account)
    )
    few = sources < limits.distributed_sources
    if failures.service[i] and few and is_steady(memory.paces, pair_of(account, source), failures.time[i], limits):
        say(verdicts, i, stale, LOW, LIKELY, account)
    else:
        say(verdicts, i, guessing, MEDIUM, SURE, account)


@inner
def _fatigue(failures: Failures, i: int, memory: AccountMemory, limits: Limits, verdicts: Verdicts) -> None:
    account, now = failures.account[i], failures.time[i]
    slot = push(memory.denied, account, failures.source[i], failures.weight[i], now)
    denials = memory.denied.counts.rows[slot].weight
    if denials >= limits.denials:
        say(verdicts, i, MFA_FATIGUE, HIGH, SURE, account)
        measure(verdicts, i, 0, denials, limits.denials)


@inner
def _is_tried_hard(failures: Failures, i: int, memory: AccountMemory, limits: Limits) -> bool:
    burst = _burst_key(failures, i)
    return burst != 0 and _weight(memory.burst, burst) >= limits.brute_tries


@kernel
def judge_accounts(
    failures: Failures,
    admitted: npt.NDArray[np.bool_],
    memory: AccountMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Name the guessing each failure belongs to; the distributed shape, which says more, before the plain one.

    Args:
        failures: m failed rows in order of time.
        admitted: bool (m,), from `judge_sources`; a source beyond its quota adds only to what it already hammers.
        memory: windows of this pass.
        limits: parameters.
        verdicts: filled in, m rows.
    """
    for i in range(failures.time.size):
        meaning, account, now = failures.meaning[i], failures.account[i], failures.time[i]
        if account == 0 or meaning == PROBE:
            continue
        if meaning == DENIAL:
            if limits.shapes & SEEKS_FATIGUE != 0:
                _fatigue(failures, i, memory, limits, verdicts)
        else:
            expire(memory.burst, now)
            expire(memory.half, now)
            expire(memory.hour, now)
            entered = admitted[i] or _is_tried_hard(failures, i, memory, limits)
            if entered:
                _enter(failures, i, memory)
            _judge(failures, i, memory, limits, verdicts)
            if not entered:
                continue
        key = pair_of(account, CLIENT) if meaning == SECRET else account
        if verdicts.alert_class[i] != NONE:
            cite(memory.trail, key, now, verdicts, i)
        leave(memory.trail, key, now, failures.event[i])


@inner
def _judge(failures: Failures, i: int, memory: AccountMemory, limits: Limits, verdicts: Verdicts) -> None:
    if failures.meaning[i] == SECRET:
        if limits.shapes & SEEKS_CLIENT_SECRETS != 0:
            _secret(failures, i, memory, limits, verdicts)
        return
    if limits.shapes & SEEKS_DISTRIBUTED_BRUTE_FORCE != 0:
        _distributed(failures, i, memory, limits, verdicts)
    if verdicts.alert_class[i] == NONE and limits.shapes & SEEKS_BRUTE_FORCE != 0:
        _brute(failures, i, memory, limits, verdicts)
