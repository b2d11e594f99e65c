"""Verdicts on presentations of refresh tokens, one by one in time order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.findings import CRITICAL, HIGH, LIKELY, LOW, MEDIUM, SURE, UNSURE
from detectors.holders import OTHER, SAME, alike, compare, confidence_in_other
from detectors.kernels import Record, inner, kernel
from detectors.refresh.cards import LOST, REPLAYS, REUSABLE, STOLEN, UNATTRIBUTED
from detectors.refresh.families import (
    adopt,
    both_active,
    enforce,
    generations,
    is_reusable,
    rotate,
    spend,
    split,
    taken_again,
)
from detectors.refresh.issuers import LEARNED
from detectors.tables import NO_SLOT, TableView, lookup, upsert
from detectors.windows import pair_of

SILENCE: Final = -1
MOST_RETRIES: Final = 255
_CLIENT: Final = np.uint64(1)


class Memory(NamedTuple):
    """The state: spent tokens, families in two hands, clients."""

    tokens: TableView
    shared: TableView
    clients: TableView


class Rules(NamedTuple):
    """Parameters: harmless retries, µs that a lost answer explains, generations, families."""

    max_retries: int
    lost_response: int
    replay_depth: int
    families_to_learn: int


@kernel
def follow(presentations: npt.NDArray[Any], memory: Memory, rules: Rules, out: npt.NDArray[Any]) -> int:
    """Follow the presentations (n,) and write at most one finding for each to `out` (n,); give their number."""
    found = 0
    for i in range(presentations.size):
        seen = presentations[i]
        finding = out[found]
        slot = lookup(memory.tokens, seen.token, seen.now) if seen.token != 0 else NO_SLOT
        family = _family(memory.tokens, slot, seen)
        said = _present(memory, rules, seen, slot, family, finding)
        if _share(memory, seen, family, finding) or said:
            finding.time, finding.row = seen.now, seen.row
            found += 1
    return found


@inner
def _family(tokens: TableView, slot: int, seen: Record) -> np.uint64:
    """Say what an alert would be about: the family, else what the token's ancestors were called by, else itself."""
    if seen.family != 0:
        return np.uint64(seen.family)
    if slot != NO_SLOT and tokens.rows[slot].family != 0:
        return np.uint64(tokens.rows[slot].family)
    return np.uint64(seen.token)


@inner
def _present(memory: Memory, rules: Rules, seen: Record, slot: int, family: np.uint64, finding: Record) -> bool:
    """Take one presentation in; judge it when the token was spent, and say whether there is a finding."""
    if seen.reused and seen.client != 0:
        enforce(memory.clients, seen.client, seen.now)
    if seen.rotates and seen.client != 0:
        rotate(memory.clients, seen.client, seen.now)
    said = False
    if slot != NO_SLOT and memory.tokens.rows[slot].redeemed != 0:
        said = _judge(memory, rules, seen, family, finding)
    elif seen.reused:
        said = _reported(seen, family, finding)
    elif seen.token != 0 and not seen.refused:
        spend(memory.tokens, upsert(memory.tokens, seen.token, seen.now), seen, family)
    if not seen.refused:
        adopt(memory.tokens, seen, family)
    return said


@inner
def _judge(memory: Memory, rules: Rules, seen: Record, family: np.uint64, finding: Record) -> bool:
    """Give the verdict on a spent token."""
    row = memory.tokens.rows[upsert(memory.tokens, seen.token, seen.now)]
    row.retries = min(row.retries + 1, MOST_RETRIES)
    likeness = compare(row.holder, seen.holder)
    gap = abs(seen.time - row.redeemed)
    if _teaches(seen, likeness, gap) and taken_again(
        memory.clients, seen.client, family, seen.now, rules.families_to_learn
    ):
        return _posture(seen, rules, finding)
    if _is_free(memory.clients, seen):
        return False
    depth = max(1, generations(memory.tokens, seen), seen.ahead)
    verdict = _verdict(rules, seen, likeness, gap, depth, row.retries)
    if verdict == SILENCE:
        return False
    _describe(finding, seen, row.holder, family)
    finding.alert_class = verdict
    finding.severity, finding.confidence = _weight(rules, seen, verdict, depth, row.holder)
    finding.observed[0], finding.observed[1] = depth, gap / 1e6
    finding.threshold[1] = seen.leeway / 1e6
    finding.related[0] = row.event
    if likeness == OTHER:
        split(memory.shared, family, row.holder, seen)
    return True


@inner
def _teaches(seen: Record, likeness: int, gap: int) -> bool:
    """Say whether a spent token was accepted again when and from whom no grace explains it."""
    late = likeness == SAME and gap > seen.leeway and not seen.refused
    return late and seen.policy == LEARNED and seen.client != 0


@inner
def _is_free(clients: TableView, seen: Record) -> bool:
    """Say whether the client's tokens are reusable by all that was seen, and the server does not say otherwise."""
    learned = seen.policy == LEARNED and seen.client != 0 and not seen.reused
    return learned and is_reusable(clients, seen.client, seen.now)


@inner
def _verdict(rules: Rules, seen: Record, likeness: int, gap: int, depth: int, retries: int) -> int:
    """Give the class, or `SILENCE`."""
    if likeness == OTHER:
        return STOLEN
    harmless = depth == 1 and gap <= seen.leeway and retries <= rules.max_retries
    if harmless and not seen.reused:
        return SILENCE
    if likeness != SAME:
        return UNATTRIBUTED
    return LOST if depth == 1 and not harmless and gap <= rules.lost_response else REPLAYS


@inner
def _weight(rules: Rules, seen: Record, verdict: int, depth: int, holder: Record) -> tuple[int, int]:
    """Give severity and confidence."""
    if verdict == STOLEN:
        return HIGH, confidence_in_other(holder, seen.holder)
    if verdict == UNATTRIBUTED:
        return MEDIUM, UNSURE
    deep = verdict == REPLAYS and depth >= (2 if seen.reused else rules.replay_depth)
    return MEDIUM if deep else LOW, LIKELY


@inner
def _describe(finding: Record, seen: Record, first: Record, family: np.uint64) -> None:
    """Fill in whom it is about and where both holders were; what is unknown is NaN."""
    finding.entity = family
    for i in range(4):
        finding.observed[i] = finding.threshold[i] = finding.baseline[i] = np.nan
    _place(finding.observed, seen.holder)
    _place(finding.baseline, first)


@inner
def _place(values: Record, holder: Record) -> None:
    if holder.asn != 0:
        values[2] = holder.asn
    if holder.country != 0:
        values[3] = holder.country


@inner
def _reported(seen: Record, family: np.uint64, finding: Record) -> bool:
    """The server says that the token was spent; its first use was not seen."""
    if family == 0:
        return False
    _describe(finding, seen, seen.holder, family)
    finding.baseline[2] = finding.baseline[3] = np.nan
    finding.alert_class, finding.severity, finding.confidence = UNATTRIBUTED, MEDIUM, UNSURE
    if seen.ahead >= 0:
        finding.observed[0] = seen.ahead
    return True


@inner
def _posture(seen: Record, rules: Rules, finding: Record) -> bool:
    for i in range(4):
        finding.observed[i] = finding.threshold[i] = finding.baseline[i] = np.nan
    finding.entity = pair_of(seen.client, _CLIENT)
    finding.alert_class, finding.severity, finding.confidence = REUSABLE, LOW, SURE
    finding.observed[0] = finding.threshold[0] = rules.families_to_learn
    return True


@inner
def _share(memory: Memory, seen: Record, family: np.uint64, finding: Record) -> bool:
    """Make it critical when both holders of a family in two hands have gone on redeeming."""
    slot = both_active(memory.shared, family, seen) if family != 0 else NO_SLOT
    if slot == NO_SLOT:
        return False
    row = memory.shared.rows[slot]
    other = row.second if alike(row.first, seen.holder) else row.first
    _describe(finding, seen, other, family)
    finding.observed[1] = abs(seen.time - row.since) / 1e6
    finding.alert_class, finding.severity = STOLEN, CRITICAL
    finding.confidence = confidence_in_other(row.first, row.second)
    return True
