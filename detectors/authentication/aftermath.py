"""Success after failures: who gets in after an attack, and whether it looks like the owner of the account."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.authentication.attempts import ACCEPTED, LOGIN, NOTHING, PROBE, SECRET
from detectors.authentication.contexts import NEW, OWN
from detectors.authentication.egress import NETWORKS, address_of
from detectors.authentication.shapes import (
    BRUTE_FORCE,
    CLIENT,
    CREDENTIAL_STUFFING,
    CREDENTIAL_STUFFING_NETWORK,
    MFA_FATIGUE,
    SEEKS_SUCCESS,
    SLOW_SPRAY,
    SLOW_SPRAY_NETWORK,
    SUCCESS_AFTER_FAILURES,
    Limits,
)
from detectors.authentication.trails import cite, leave
from detectors.authentication.verdicts import Array, Record, say
from detectors.findings import CRITICAL, HIGH, INFORMATIONAL, LIKELY, MEDIUM, NO_CLASS, SURE, UNSURE
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from detectors.windows import pair_of

_SECOND: Final = 1_000_000


class FailedRows(NamedTuple):
    """The m failed rows, dtype `FAILURE`, and what `judge_sources` and `judge_accounts` said about them."""

    rows: Array
    by_source: Array
    by_account: Array
    admitted: Array


class AftermathMemory(NamedTuple):
    """What outlives the bursts.

    - `suspects`: address or account of a burst → its class, tries, whether the address is shared.
    - `targets`: (address, account) that failed.
    - `accounts`: trail of the tries on accounts.
    """

    suspects: TableView
    targets: TableView
    accounts: TableView


def new_suspects(ttl: int) -> Table:
    """Give the empty table of attacked accounts and attacking addresses."""
    return Table([("tries", np.int64), ("shape", np.int16), ("shared", np.bool_)], ttl=ttl)


@inner
def _suspect(verdict: Record, memory: AftermathMemory) -> None:
    slow = verdict.alert_class in (SLOW_SPRAY, SLOW_SPRAY_NETWORK)
    slot = upsert(memory.suspects, verdict.entity, verdict.time)
    memory.suspects.rows[slot].tries = int(verdict.observed[0])
    memory.suspects.rows[slot].shape = verdict.alert_class
    memory.suspects.rows[slot].shared = verdict.severity < HIGH and not slow


@inner
def _is_attack(alert_class: int) -> bool:
    return BRUTE_FORCE <= alert_class <= SLOW_SPRAY_NETWORK or alert_class in (
        CREDENTIAL_STUFFING,
        CREDENTIAL_STUFFING_NETWORK,
        MFA_FATIGUE,
    )


@inner
def _remember(
    failure: Record, admitted: np.bool_, by_source: Record, by_account: Record, memory: AftermathMemory
) -> None:
    """Keep what a failed row showed: who is under attack, by whom, and who was tried."""
    for level in range(2):
        if admitted and address_of(failure, level) != 0:
            upsert(memory.targets, pair_of(address_of(failure, level), failure.account), failure.time)
        verdict = by_account if level else by_source
        if _is_attack(verdict.alert_class):
            _suspect(verdict, memory)


@inner
def _cite_tries(failure: Record, admitted: np.bool_, verdict: Record, memory: AftermathMemory) -> None:
    """Relate what was said of an account to the tries on it before, and remember this one.

    Done here and not where failures are judged: a success must not be told of the failures that follow it.
    """
    if failure.account == 0 or failure.meaning == PROBE:
        return
    key = pair_of(failure.account, CLIENT) if failure.meaning == SECRET else np.uint64(failure.account)
    cite(memory.accounts, key, failure.time, verdict)
    if admitted or verdict.alert_class != NO_CLASS:
        leave(memory.accounts, key, failure.time, failure.event)


@inner
def _severity_by_context(familiar: int) -> int:
    """Judge a success on an attacked account by how well its place and device are known."""
    if familiar == OWN:
        return INFORMATIONAL
    return HIGH if familiar == NEW else MEDIUM


@inner
def _attacker(row: Record, memory: AftermathMemory) -> int:
    """Give the slot of the attacking source or network that a login comes from, if this account fell to it.

    Behind a shared source, and in a network, only an account that failed from there counts.
    """
    for level in range(2):
        address = address_of(row, level)
        slot = NO_SLOT if address == 0 else lookup(memory.suspects, address, row.time)
        if slot != NO_SLOT:
            innocent = level == NETWORKS or memory.suspects.rows[slot].shared
            target = lookup(memory.targets, pair_of(address, row.principal), row.time)
            if target != NO_SLOT or not innocent:
                return slot
    return NO_SLOT


@inner
def _judge(row: Record, familiar: int, memory: AftermathMemory, limits: Limits, verdict: Record) -> None:
    victim, attacker = lookup(memory.suspects, row.principal, row.time), _attacker(row, memory)
    if victim != NO_SLOT and memory.suspects.rows[victim].shape == MFA_FATIGUE:
        say(verdict, MFA_FATIGUE, CRITICAL, SURE, row.principal)
        verdict.observed[0] = memory.suspects.rows[victim].tries
    elif limits.shapes & SEEKS_SUCCESS == 0 or (attacker == NO_SLOT and victim == NO_SLOT):
        return
    else:
        slot = victim if attacker == NO_SLOT else attacker
        severity = HIGH if memory.suspects.rows[slot].shared else CRITICAL
        if attacker == NO_SLOT:
            severity = _severity_by_context(familiar)
        say(verdict, SUCCESS_AFTER_FAILURES, severity, LIKELY if severity >= HIGH else UNSURE, row.principal)
        verdict.observed[0] = memory.suspects.rows[slot].tries
        verdict.observed[1] = (row.time - memory.suspects.rows[slot].touched) / _SECOND
    cite(memory.accounts, row.principal, row.time, verdict)


@kernel
def judge_successes(
    stream: Array,
    familiar: Array,
    attempts: FailedRows,
    memory: AftermathMemory,
    limits: Limits,
    verdicts: Array,
) -> None:
    """Judge each login by the attacks of the last hours.

    Args:
        stream: all rows of the batch, dtype `STREAM`.
        familiar: int8 (n,), from `recognise`.
        attempts: its failed rows and what earlier passes said about them.
        memory: tables of this pass.
        limits: parameters.
        verdicts: filled in, one row of dtype `FINDING` for each login.
    """
    failed, login = 0, 0
    for i in range(stream.size):
        row = stream[i]
        if row.meaning == LOGIN:
            if row.principal != 0:
                _judge(row, familiar[i], memory, limits, verdicts[login])
            login += 1
        elif row.meaning not in (ACCEPTED, NOTHING):
            by_source, by_account = attempts.by_source[failed], attempts.by_account[failed]
            _remember(attempts.rows[failed], attempts.admitted[failed], by_source, by_account, memory)
            _cite_tries(attempts.rows[failed], attempts.admitted[failed], by_account, memory)
            failed += 1
