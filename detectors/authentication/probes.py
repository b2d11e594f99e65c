"""Token probing: one address that presents token after token, or one signing key that fails everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import PROBE, Failures
from detectors.authentication.egress import NETWORKS, SOURCES
from detectors.authentication.shapes import (
    KEY,
    KEY_ROTATION,
    TOKEN_PROBING,
    TOKEN_PROBING_NETWORK,
    TOKENS,
    Limits,
)
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import LIKELY, LOW, MEDIUM, NONE, Verdicts, measure, say
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, TableView, find
from detectors.windows import CAP, WindowView, expire, pair_of, push
from schemas.vocabulary import Reason, code

_BAD_SIGNATURE: Final = code(Reason.BAD_SIGNATURE)
_UNKNOWN_KEY: Final = code(Reason.UNKNOWN_KEY)
_ALG_NOT_ALLOWED: Final = code(Reason.ALG_NOT_ALLOWED)


class ProbeMemory(NamedTuple):
    """One window of (address, reason), (address, token) and (signing key, address)."""

    burst: WindowView
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
def _concerns_key(failures: Failures, i: int) -> bool:
    reason = failures.reason[i]
    return failures.key_id[i] != 0 and reason in (_BAD_SIGNATURE, _UNKNOWN_KEY, _ALG_NOT_ALLOWED)


@inner
def _enter(failures: Failures, i: int, key: np.uint64, memory: ProbeMemory) -> None:
    now = failures.time[i]
    push(memory.burst, key, np.uint64(failures.reason[i] + 2), failures.weight[i], now)
    if failures.token[i] != 0:
        push(memory.burst, pair_of(key, TOKENS), failures.token[i], failures.weight[i], now)


@inner
def _rotates(failures: Failures, i: int, memory: ProbeMemory, limits: Limits, verdicts: Verdicts) -> None:
    key = pair_of(failures.key_id[i], KEY)
    sources, failed = _peers(memory.burst, key), _weight(memory.burst, key)
    if sources >= limits.rotation_sources and failed >= limits.probes:
        say(verdicts, i, KEY_ROTATION, LOW, LIKELY, key)
        measure(verdicts, i, 0, failed, limits.probes)
        measure(verdicts, i, 1, sources, limits.rotation_sources)


@inner
def _probes(
    failures: Failures,
    i: int,
    network: bool,  # noqa: FBT001 - a kernel's arguments are positional
    succeeding: int,
    memory: ProbeMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    key = failures.network[i] if network else failures.source[i]
    tokens, reasons = _peers(memory.burst, pair_of(key, TOKENS)), _peers(memory.burst, key)
    shared = succeeding > max(tokens, 1)
    factor = (limits.network_factor if network else 1) * (limits.shared_factor if shared else 1)
    failed = _weight(memory.burst, key)
    if failed >= factor * limits.probes and max(tokens, reasons) >= limits.probe_spread:
        say(verdicts, i, TOKEN_PROBING_NETWORK if network else TOKEN_PROBING, MEDIUM - shared, LIKELY, key)
        measure(verdicts, i, 0, failed, factor * limits.probes)
        verdicts.observed[i, 1] = tokens
        verdicts.observed[i, 2] = reasons
        cite(memory.trail, failures.source[i], failures.time[i], verdicts, i)


@inner
def _has_room(failures: Failures, i: int, memory: ProbeMemory) -> bool:
    slot = find(memory.burst.counts, failures.source[i])
    return slot == NO_SLOT or memory.burst.counts.rows[slot].entries < memory.burst.meta[CAP]


@kernel
def judge_probes(
    failures: Failures,
    succeeding: npt.NDArray[np.int64],
    memory: ProbeMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Tell a source that tries tokens from a key that was rotated under its clients' feet.

    Args:
        failures: m failed rows in order of time.
        succeeding: int64 (m, 3), from `count_successes`.
        memory: window of this pass.
        limits: parameters.
        verdicts: filled in, m rows.
    """
    for i in range(failures.time.size):
        if failures.meaning[i] != PROBE or failures.source[i] == 0:
            continue
        source, now = failures.source[i], failures.time[i]
        expire(memory.burst, now)
        room = _has_room(failures, i, memory)
        concerns_key = _concerns_key(failures, i)
        if room:
            _enter(failures, i, source, memory)
            if concerns_key:
                push(memory.burst, pair_of(failures.key_id[i], KEY), source, failures.weight[i], now)
        if concerns_key:
            _rotates(failures, i, memory, limits, verdicts)
        if verdicts.alert_class[i] == NONE:
            _probes(failures, i, False, succeeding[i, SOURCES], memory, limits, verdicts)
        if verdicts.alert_class[i] == NONE:
            if room:
                _enter(failures, i, failures.network[i], memory)
            _probes(failures, i, True, succeeding[i, NETWORKS], memory, limits, verdicts)
        if room:
            leave(memory.trail, source, now, failures.event[i])
