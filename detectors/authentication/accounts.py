"""Brute force: one account, of a user or of a client, that is tried again and again; and prompts that are denied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.authentication.attempts import DENIAL, PROBE, SECRET
from detectors.authentication.counts import peers, weight
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
from detectors.authentication.verdicts import Array, Record, measure, say
from detectors.findings import HIGH, LIKELY, LOW, MEDIUM, NO_CLASS, SURE
from detectors.kernels import inner, kernel
from detectors.tables import TableView
from detectors.windows import WindowView, enter, expire, pair_of, push

_SOURCES, _COUNTRIES, _ASNS = range(3)


class AccountMemory(NamedTuple):
    """Windows of accounts.

    - `burst`: (account and source) of a user, (client, source) of a client.
    - `half`: (account, source), (account, country), (account, ASN), of the distributed shape.
    - `hour`: (account, source), of sustained guessing.
    - `denied`: (account), second factors.
    """

    burst: WindowView
    half: WindowView
    hour: WindowView
    denied: WindowView
    paces: TableView


@inner
def _burst_key(failure: Record) -> np.uint64:
    if failure.meaning == SECRET:
        return pair_of(failure.account, CLIENT)
    return np.uint64(0) if failure.source == 0 else pair_of(failure.account, failure.source)


@inner
def _enter_places(failure: Record, half: WindowView) -> None:
    """Enter a try with its source, country and ASN; an unknown one is nobody's peer."""
    for part in range(3):
        key, peer, tries = np.uint64(failure.account), np.uint64(failure.source), failure.weight
        if part == _COUNTRIES:
            key, peer, tries = pair_of(failure.account, COUNTRY), np.uint64(failure.country), 0
        elif part == _ASNS:
            key, peer, tries = pair_of(failure.account, ASN), np.uint64(failure.asn + 1), 0
        if peer != 0:
            enter(half, key, peer, tries, failure.time)


@inner
def _enter(failure: Record, memory: AccountMemory) -> None:
    burst = _burst_key(failure)
    if burst != 0:
        enter(memory.burst, burst, failure.source, failure.weight, failure.time)
    if failure.meaning != SECRET:
        enter(memory.hour, failure.account, failure.source, failure.weight, failure.time)
        _enter_places(failure, memory.half)
    if failure.service:
        measure_pace(memory.paces, pair_of(failure.account, failure.source), failure.time)


@inner
def _distributed(failure: Record, half: WindowView, limits: Limits, verdict: Record) -> None:
    account = failure.account
    tries, sources = weight(half, account), peers(half, account)
    countries, asns = peers(half, pair_of(account, COUNTRY)), peers(half, pair_of(account, ASN))
    scattered = (
        countries >= limits.distributed_countries
        or asns >= limits.distributed_asns
        or sources >= limits.distributed_ips
    )
    if tries >= limits.distributed_tries and sources >= limits.distributed_sources and scattered:
        say(verdict, DISTRIBUTED_BRUTE_FORCE, HIGH, SURE, account)
        measure(verdict, 0, tries, limits.distributed_tries)
        measure(verdict, 1, sources, limits.distributed_sources)
        verdict.observed[2] = countries
        verdict.observed[3] = asns


@inner
def _guessing(failure: Record, memory: AccountMemory, limits: Limits, verdict: Record) -> None:
    """Judge a try on a user by the pair with its source and by the whole hour; on a client by its burst alone.

    Software that keeps the pace of a retry timer, from a few places, holds a stale credential.
    """
    secret = failure.meaning == SECRET
    burst = _burst_key(failure)
    tries, sources = weight(memory.burst, burst), peers(memory.burst, burst)
    threshold = limits.client_tries if secret else limits.brute_tries
    if not secret:
        sources = max(peers(memory.hour, failure.account), 1)
        if tries < threshold:
            tries, threshold = weight(memory.hour, failure.account), limits.sustained_tries
    if tries < threshold:
        return
    steady = failure.service and sources < limits.distributed_sources
    if steady and is_steady(memory.paces, pair_of(failure.account, failure.source), failure.time, limits):
        say(verdict, STALE_CLIENT_SECRET if secret else STALE_CREDENTIAL, LOW, LIKELY, failure.account)
    else:
        say(verdict, CLIENT_SECRET_GUESSING if secret else BRUTE_FORCE, MEDIUM, SURE, failure.account)
    measure(verdict, 0, tries, threshold)
    verdict.observed[1] = sources


@inner
def _fatigue(failure: Record, denied: WindowView, limits: Limits, verdict: Record) -> None:
    slot = push(denied, failure.account, failure.source, failure.weight, failure.time)
    denials = denied.counts.rows[slot].weight
    if denials >= limits.denials and limits.shapes & SEEKS_FATIGUE != 0:
        say(verdict, MFA_FATIGUE, HIGH, SURE, failure.account)
        measure(verdict, 0, denials, limits.denials)


@inner
def _judge(failure: Record, memory: AccountMemory, limits: Limits, verdict: Record) -> None:
    if failure.meaning != SECRET and limits.shapes & SEEKS_DISTRIBUTED_BRUTE_FORCE != 0:
        _distributed(failure, memory.half, limits, verdict)
    sought = SEEKS_CLIENT_SECRETS if failure.meaning == SECRET else SEEKS_BRUTE_FORCE
    if verdict.alert_class == NO_CLASS and limits.shapes & sought != 0:
        _guessing(failure, memory, limits, verdict)


@inner
def _try(failure: Record, admitted: np.bool_, memory: AccountMemory, limits: Limits, verdict: Record) -> None:
    """Enter and judge a try; a source beyond its quota adds only to what it already hammers."""
    expire(memory.burst, failure.time)
    expire(memory.half, failure.time)
    expire(memory.hour, failure.time)
    if admitted or weight(memory.burst, _burst_key(failure)) >= limits.brute_tries:
        _enter(failure, memory)
    _judge(failure, memory, limits, verdict)


@kernel
def judge_accounts(failures: Array, admitted: Array, memory: AccountMemory, limits: Limits, verdicts: Array) -> None:
    """Name the guessing each failure belongs to; the distributed shape, which says more, before the plain one.

    Args:
        failures: m failed rows in order of time, dtype `FAILURE`.
        admitted: np.bool_ (m,), from `judge_sources`.
        memory: windows of this pass.
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
    """
    for i in range(failures.size):
        failure, verdict = failures[i], verdicts[i]
        if failure.account == 0 or failure.meaning == PROBE:
            continue
        if failure.meaning == DENIAL:
            _fatigue(failure, memory.denied, limits, verdict)
        else:
            _try(failure, admitted[i], memory, limits, verdict)
