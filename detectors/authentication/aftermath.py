"""Success after failures: who gets in after an attack, and whether it looks like the owner of the account."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import ACCEPTED, LOGIN, NOTHING, Failures, Stream
from detectors.authentication.shapes import (
    ASN,
    BRUTE_FORCE,
    CREDENTIAL_STUFFING,
    CREDENTIAL_STUFFING_NETWORK,
    DISTRIBUTED_BRUTE_FORCE,
    MFA_FATIGUE,
    PASSWORD_SPRAY,
    PASSWORD_SPRAY_NETWORK,
    SLOW_SPRAY,
    SLOW_SPRAY_NETWORK,
    SUCCESS_AFTER_FAILURES,
    Limits,
)
from detectors.authentication.trails import cite
from detectors.authentication.verdicts import (
    CRITICAL,
    HIGH,
    INFORMATIONAL,
    LIKELY,
    MEDIUM,
    SURE,
    UNSURE,
    Verdicts,
    say,
)
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from detectors.windows import pair_of

_DAY: Final = 86_400_000_000
_MINUTE: Final = 60_000_000


class AftermathMemory(NamedTuple):
    """What outlives the bursts.

    - `suspects`: address or account of a burst → its class, tries, whether the address is shared.
    - `targets`: (address, account) that failed.
    - `contexts`: account, (account, ASN) and (account, device) → since when they were accepted.
    - `sources`, `accounts`: trails of the earlier passes.
    """

    suspects: TableView
    targets: TableView
    contexts: TableView
    sources: TableView
    accounts: TableView


def new_suspects(ttl: int) -> Table:
    """Give the empty table of attacked accounts and attacking addresses."""
    return Table([("tries", np.int64), ("shape", np.int16), ("shared", np.bool_)], ttl=ttl)


def new_contexts(ttl: int) -> Table:
    """Give the empty table of learned contexts."""
    return Table([("since", np.int64)], ttl=ttl)


@inner
def _suspect(verdicts: Verdicts, row: int, now: int, memory: AftermathMemory) -> None:
    slot = upsert(memory.suspects, verdicts.entity[row], now)
    memory.suspects.rows[slot].tries = int(verdicts.observed[row, 0])
    memory.suspects.rows[slot].shape = verdicts.alert_class[row]
    slow = verdicts.alert_class[row] in (SLOW_SPRAY, SLOW_SPRAY_NETWORK)
    memory.suspects.rows[slot].shared = verdicts.severity[row] < HIGH and not slow


@inner
def _remember(
    failures: Failures,
    row: int,
    by_source: Verdicts,
    by_account: Verdicts,
    admitted: npt.NDArray[np.bool_],
    memory: AftermathMemory,
) -> None:
    """Keep what a failed row showed: who is under attack, by whom, and who was tried."""
    now, account = failures.time[row], failures.account[row]
    if admitted[row] and failures.source[row] != 0:
        upsert(memory.targets, pair_of(failures.source[row], account), now)
        upsert(memory.targets, pair_of(failures.network[row], account), now)
    if by_source.alert_class[row] in (
        PASSWORD_SPRAY,
        PASSWORD_SPRAY_NETWORK,
        SLOW_SPRAY,
        SLOW_SPRAY_NETWORK,
        CREDENTIAL_STUFFING,
        CREDENTIAL_STUFFING_NETWORK,
    ):
        _suspect(by_source, row, now, memory)
    if by_account.alert_class[row] in (BRUTE_FORCE, DISTRIBUTED_BRUTE_FORCE, MFA_FATIGUE):
        _suspect(by_account, row, now, memory)


@inner
def _age(memory: AftermathMemory, key: np.uint64, now: int) -> int:
    """Give for how long a context has been accepted, µs; -1 if it never was."""
    slot = lookup(memory.contexts, key, now)
    return -1 if slot == NO_SLOT else int(now - memory.contexts.rows[slot].since)


@inner
def _learn(memory: AftermathMemory, key: np.uint64, now: int) -> None:
    """Note an accepted context; once a day is often enough to keep it alive."""
    slot = lookup(memory.contexts, key, now)
    if slot == NO_SLOT:
        slot = upsert(memory.contexts, key, now)
        memory.contexts.rows[slot].since = now
    elif now - memory.contexts.rows[slot].touched > _DAY:
        upsert(memory.contexts, key, now)


@inner
def _learn_all(stream: Stream, i: int, memory: AftermathMemory) -> None:
    principal, now = stream.principal[i], stream.time[i]
    if stream.source[i] != 0:
        _learn(memory, principal, now)
        if stream.asn[i] >= 0:
            _learn(memory, pair_of(principal, pair_of(np.uint64(stream.asn[i]), ASN)), now)
        if stream.device[i] != 0:
            _learn(memory, pair_of(principal, stream.device[i]), now)


@inner
def _severity_by_context(stream: Stream, i: int, memory: AftermathMemory, limits: Limits) -> int:
    """Judge a success by place (ASN) and device: both new, both the account's own, or in between.

    A context is the account's own if it was accepted before the attack could have begun; "new" can only be said of an
    account whose contexts have been learned that long.
    """
    principal, now = stream.principal[i], stream.time[i]
    learned = _age(memory, principal, now) >= limits.success_window
    place, device = -1, -1
    if stream.asn[i] >= 0:
        place = int(
            _age(memory, pair_of(principal, pair_of(np.uint64(stream.asn[i]), ASN)), now) >= limits.success_window
        )
    if stream.device[i] != 0:
        device = int(_age(memory, pair_of(principal, stream.device[i]), now) >= limits.success_window)
    if learned and place == 0 and device == 0:
        return HIGH
    if place == 1 and device == 1:
        return INFORMATIONAL
    return MEDIUM


@inner
def _by_address(
    stream: Stream,
    i: int,
    address: np.uint64,
    network: bool,  # noqa: FBT001 - a kernel's arguments are positional
    memory: AftermathMemory,
) -> int:
    """Give the slot of the suspect that an address is, if this account is one that fell to it.

    Behind a shared address, and in a network, only an account that failed from there counts.
    """
    if address == 0:
        return NO_SLOT
    slot = lookup(memory.suspects, address, stream.time[i])
    if slot == NO_SLOT:
        return NO_SLOT
    target = lookup(memory.targets, pair_of(address, stream.principal[i]), stream.time[i])
    if (network or memory.suspects.rows[slot].shared) and target == NO_SLOT:
        return NO_SLOT
    return slot


@inner
def _tell(
    stream: Stream,
    i: int,
    slot: int,
    alert_class: int,
    severity: int,
    memory: AftermathMemory,
    verdicts: Verdicts,
    row: int,
) -> None:
    confidence = UNSURE if severity <= MEDIUM else (SURE if severity == CRITICAL else LIKELY)
    say(verdicts, row, alert_class, severity, confidence, stream.principal[i])
    verdicts.observed[row, 0] = memory.suspects.rows[slot].tries
    if alert_class == SUCCESS_AFTER_FAILURES:
        verdicts.observed[row, 1] = (stream.time[i] - memory.suspects.rows[slot].touched) / _MINUTE


@inner
def _judge(
    stream: Stream,
    i: int,
    memory: AftermathMemory,
    limits: Limits,
    verdicts: Verdicts,
    row: int,
) -> None:
    principal, now = stream.principal[i], stream.time[i]
    account = lookup(memory.suspects, principal, now)
    if account != NO_SLOT and memory.suspects.rows[account].shape == MFA_FATIGUE:
        _tell(stream, i, account, MFA_FATIGUE, CRITICAL, memory, verdicts, row)
        cite(memory.accounts, principal, now, verdicts, row)
        return
    address, slot = stream.source[i], _by_address(stream, i, stream.source[i], False, memory)
    if slot == NO_SLOT:
        address, slot = stream.network[i], _by_address(stream, i, stream.network[i], True, memory)
    if slot != NO_SLOT:
        severity = HIGH if memory.suspects.rows[slot].shared else CRITICAL
        _tell(stream, i, slot, SUCCESS_AFTER_FAILURES, severity, memory, verdicts, row)
        cite(memory.sources, address, now, verdicts, row)
    elif account != NO_SLOT:
        severity = _severity_by_context(stream, i, memory, limits)
        _tell(stream, i, account, SUCCESS_AFTER_FAILURES, severity, memory, verdicts, row)
        cite(memory.accounts, principal, now, verdicts, row)


@kernel
def judge_successes(
    stream: Stream,
    failures: Failures,
    by_source: Verdicts,
    by_account: Verdicts,
    admitted: npt.NDArray[np.bool_],
    memory: AftermathMemory,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Judge each login by the attacks of the last hours, and learn the contexts of what was accepted.

    Args:
        stream: all rows of the batch.
        failures: its m failed rows.
        by_source: verdicts of `judge_sources`, m rows.
        by_account: verdicts of `judge_accounts`, m rows.
        admitted: bool (m,), from `judge_sources`.
        memory: tables of this pass.
        limits: parameters.
        verdicts: filled in, one row for each login.
    """
    failed, login = 0, 0
    for i in range(stream.time.size):
        meaning = stream.meaning[i]
        if meaning in (ACCEPTED, LOGIN):
            if meaning == LOGIN:
                if stream.principal[i] != 0:
                    _judge(stream, i, memory, limits, verdicts, login)
                login += 1
            if stream.principal[i] != 0:
                _learn_all(stream, i, memory)
        elif meaning != NOTHING:
            _remember(failures, failed, by_source, by_account, admitted, memory)
            failed += 1
