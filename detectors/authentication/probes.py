"""Token probing: one address that presents token after token, or one signing key that fails everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.authentication.attempts import PROBE
from detectors.authentication.counts import is_full, peers, weight
from detectors.authentication.egress import NETWORKS, address_of
from detectors.authentication.shapes import KEY, KEY_ROTATION, SEEKS_PROBING, TOKEN_PROBING, TOKENS, Limits
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import Array, Record, measure, say
from detectors.findings import LIKELY, LOW, MEDIUM, NO_CLASS
from detectors.kernels import inner, kernel
from detectors.tables import TableView
from detectors.windows import WindowView, enter, expire, pair_of
from schemas.vocabulary import Reason, code

_BAD_SIGNATURE: Final = code(Reason.BAD_SIGNATURE)
_UNKNOWN_KEY: Final = code(Reason.UNKNOWN_KEY)
_ALG_NOT_ALLOWED: Final = code(Reason.ALG_NOT_ALLOWED)
_REASONS, _TOKENS, _KEYS = range(3)


class ProbeMemory(NamedTuple):
    """One window of (address, reason), (address, token) and (signing key, address)."""

    burst: WindowView
    trail: TableView


@inner
def _concerns_key(failure: Record) -> bool:
    return failure.key_id != 0 and failure.reason in (_BAD_SIGNATURE, _UNKNOWN_KEY, _ALG_NOT_ALLOWED)


@inner
def _enter(failure: Record, level: int, burst: WindowView) -> None:
    """Enter a failure for its source or network; with the source, for the signing key too."""
    address = address_of(failure, level)
    for part in range(3):
        key, peer = address, np.uint64(failure.reason + 2)
        if part == _TOKENS:
            key, peer = pair_of(address, TOKENS), np.uint64(failure.token)
        elif part == _KEYS:
            key, peer = pair_of(failure.key_id, KEY), np.uint64(failure.source)
        if peer != 0 and (part != _KEYS or (level != NETWORKS and _concerns_key(failure))):
            enter(burst, key, peer, failure.weight, failure.time)


@inner
def _rotation(failure: Record, burst: WindowView, limits: Limits, verdict: Record) -> None:
    key = pair_of(failure.key_id, KEY)
    sources, failed = peers(burst, key), weight(burst, key)
    if sources >= limits.rotation_sources and failed >= limits.probes:
        say(verdict, KEY_ROTATION, LOW, LIKELY, key)
        measure(verdict, 0, failed, limits.probes)
        measure(verdict, 1, sources, limits.rotation_sources)


@inner
def _probing(failure: Record, level: int, succeeding: int, burst: WindowView, limits: Limits, verdict: Record) -> None:
    key = address_of(failure, level)
    tokens, reasons, failed = peers(burst, pair_of(key, TOKENS)), peers(burst, key), weight(burst, key)
    shared = succeeding > max(tokens, 1)
    factor = (limits.network_factor if level == NETWORKS else 1) * (limits.shared_factor if shared else 1)
    if failed >= factor * limits.probes and max(tokens, reasons) >= limits.probe_spread:
        say(verdict, TOKEN_PROBING + level, MEDIUM - shared, LIKELY, key)
        measure(verdict, 0, failed, factor * limits.probes)
        verdict.observed[1] = tokens
        verdict.observed[2] = reasons


@kernel
def judge_probes(failures: Array, succeeding: Array, memory: ProbeMemory, limits: Limits, verdicts: Array) -> None:
    """Tell a source that tries tokens from a key that was rotated under its clients' feet.

    Args:
        failures: m failed rows in order of time, dtype `FAILURE`.
        succeeding: int64 (m, 3), from `count_successes`.
        memory: window of this pass.
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
    """
    for i in range(failures.size):
        failure, verdict = failures[i], verdicts[i]
        if failure.meaning != PROBE or failure.source == 0 or limits.shapes & SEEKS_PROBING == 0:
            continue
        expire(memory.burst, failure.time)
        room = not is_full(memory.burst, failure.source)
        for level in range(2):
            if verdict.alert_class == NO_CLASS and address_of(failure, level) != 0:
                if room:
                    _enter(failure, level, memory.burst)
                if _concerns_key(failure):
                    _rotation(failure, memory.burst, limits, verdict)
                if verdict.alert_class == NO_CLASS:
                    _probing(failure, level, succeeding[i, level], memory.burst, limits, verdict)
        cite(memory.trail, failure.source, failure.time, verdict)
        if room:
            leave(memory.trail, failure.source, failure.time, failure.event)
