"""Token ids without a seen issue: noted at their first use, judged when a late issue would have come."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.findings import CRITICAL, HIGH, LIKELY, LOW, MEDIUM, SURE, UNSURE
from detectors.kernels import Record, inner, kernel
from detectors.lifecycle.coverage import (
    DAY,
    HOUR,
    KNOWN_FOR,
    LOST,
    MATCHED,
    SETTLE,
    STRANGE,
    armed,
    count,
    crowd,
    crowd_of,
    earliest_issue,
    ids,
    is_complete,
    meet,
    note_issue,
    patience,
    settled,
    take_back,
)
from detectors.tables import NO_SLOT, SIZE, TTL, Table, TableView, find, lookup, remove, upsert
from detectors.windows import pair_of

ISSUED, KNOWN, UNKNOWN = range(3)
"""A token is issued; one whose issue was seen is used; one whose issue was not seen is."""
NEVER_ISSUED, GAP = range(2)
NETWORKS: Final = 10
"""Lost ids on so many networks are a gap in the issuer's log."""
FORGED: Final = 3
HELD: Final = 4_096
"""Most ids of a cohort that are noted in a day."""
_ODD_IN: Final = 20
"""Of a network that is no stranger, more than one id in so many must lack its issue."""
WAITS, CLEARED, FOUND = range(3)
_NEVER: Final = int(np.iinfo(np.int64).max)

ACT: Final = np.dtype(
    [
        *((name, np.int64) for name in ("row", "now", "time", "iat", "life", "asn")),
        *((name, np.uint64) for name in ("client", "cohort", "token", "subject", "network", "event")),
        ("kind", np.int8),
        ("first", np.bool_),
        ("privileged", np.bool_),
    ]
)
"""What an event does. `life`: of the access token it issues, µs, else negative. `first`: it is a token's first use."""


class Memory(NamedTuple):
    """State of the detector, and room for the lost ids of one verdict by network."""

    clients: TableView
    cohorts: TableView
    places: TableView
    crowds: TableView
    ids: TableView
    networks: npt.NDArray[np.uint64]
    tallies: npt.NDArray[np.int64]


def ids_table() -> Table:
    """Give an empty table: token without a seen issue → what is known of it, 92 bytes a row, for a day after its use.

    - `earliest`: when it can have been issued. `first`: its first use. `due`: when its verdict falls, 0: never. All µs.
    - `network`, `asn`: where it was used first. `strange`: its subject was never there before.
    - `said`: what came of it, at `judged`.
    """
    fields = [("cohort", np.uint64), ("network", np.uint64), ("event", np.uint64)]
    times = [(name, np.int64) for name in ("earliest", "first", "due", "judged", "asn")]
    flags = [("strange", np.bool_), ("privileged", np.bool_), ("said", np.int8)]
    return Table([*fields, *times, *flags], ttl=2 * DAY)


@kernel
def watch(acts: npt.NDArray[Any], watermark: int, memory: Memory, least: int, out: npt.NDArray[Any]) -> int:
    """Go through what happens in order of time; give the number of findings.

    Args:
        acts: dtype `ACT`; `cohort` becomes its key.
        watermark: verdicts up to here are given at the end, µs.
        memory: state.
        least: first-seen ids in a day that arm a cohort.
        out: filled in, dtype `FINDING`; room for one an act, one a noted id and one a cohort.
    """
    found, due = 0, _next_due(memory.cohorts)
    for i in range(acts.size):
        act = acts[i]
        act.cohort = pair_of(act.client, act.cohort)
        while due < act.now:
            found = _judge_all(memory, due, out, found)
            due = _next_due(memory.cohorts)
        if act.kind == ISSUED:
            _issued(memory, act)
        elif act.kind == KNOWN:
            _known(memory, act, least)
        else:
            due = min(due, _unknown(memory, act, least))
            found = _again(memory, act, out, found)
    while due <= watermark:
        found = _judge_all(memory, due, out, found)
        due = _next_due(memory.cohorts)
    return found


@inner
def _next_due(cohorts: TableView) -> int:
    due = _NEVER
    for slot in range(cohorts.meta[SIZE]):
        if cohorts.rows[slot].key != 0 and cohorts.rows[slot].due != 0:
            due = min(due, cohorts.rows[slot].due)
    return due


@inner
def _issued(memory: Memory, act: Record) -> None:
    if act.life >= 0:
        note_issue(memory.clients, act.client, act.time, act.now, act.life)
    meet(memory.places, act.subject, act.network, act.now)
    slot = find(memory.ids, act.token)
    if slot == NO_SLOT:
        return
    noted = memory.ids.rows[slot]
    at = find(memory.cohorts, noted.cohort)
    if at != NO_SLOT:
        take_back(memory.cohorts.rows[at], STRANGE if noted.strange else LOST, noted.first // HOUR)
        memory.cohorts.dirty[at] = True
    remove(memory.ids, slot)


@inner
def _known(memory: Memory, act: Record, least: int) -> None:
    meet(memory.places, act.subject, act.network, act.now)
    if act.first:
        row = memory.cohorts.rows[upsert(memory.cohorts, act.cohort, act.now)]
        row.client = act.client
        count(row, MATCHED, act.now // HOUR, least)
        crowd(memory.crowds, act.client, act.network, act.now)


@inner
def _unknown(memory: Memory, act: Record, least: int) -> int:
    """Note the first use of an id without a seen issue; give when its verdict falls."""
    at, slot = lookup(memory.cohorts, act.cohort, act.now), lookup(memory.clients, act.client, act.now)
    if NO_SLOT in (at, slot) or lookup(memory.ids, act.token, act.now) != NO_SLOT:
        return _NEVER
    cohort, client = memory.cohorts.rows[at], memory.clients.rows[slot]
    earliest = earliest_issue(client, act.iat, act.time)
    covered = earliest >= max(client.since, cohort.since, act.now - KNOWN_FOR)
    if not covered or ids(cohort, LOST) + ids(cohort, STRANGE) >= HELD:
        return _NEVER
    cohort = memory.cohorts.rows[upsert(memory.cohorts, act.cohort, act.now)]
    noted = memory.ids.rows[upsert(memory.ids, act.token, act.now)]
    known = act.network == 0 or lookup(memory.places, pair_of(act.subject, act.network), act.now) != NO_SLOT
    noted.cohort, noted.network, noted.event, noted.asn = act.cohort, act.network, act.event, act.asn
    noted.earliest, noted.first, noted.strange, noted.privileged = earliest, act.now, not known, act.privileged
    count(cohort, LOST if known else STRANGE, act.now // HOUR, least)
    if not armed(cohort, act.now // HOUR):
        return _NEVER
    noted.due = settled(client, act.now)
    if cohort.due == 0 or noted.due < cohort.due:
        cohort.due = noted.due
    return int(noted.due)


@inner
def _again(memory: Memory, act: Record, out: npt.NDArray[Any], found: int) -> int:
    """Say at once that a forged token is used again: this time there is an event to look at."""
    slot = lookup(memory.ids, act.token, act.now)
    if slot == NO_SLOT or memory.ids.rows[slot].said != FOUND:
        return found
    noted = memory.ids.rows[slot]
    cohort = memory.cohorts.rows[find(memory.cohorts, noted.cohort)]
    _say(out[found], act.now, act.row, cohort, noted)
    return found + 1


@inner
def _judge_all(memory: Memory, now: int, out: npt.NDArray[Any], found: int) -> int:
    for slot in range(memory.cohorts.meta[SIZE]):
        cohort = memory.cohorts.rows[slot]
        if cohort.key != 0 and cohort.due == now:
            memory.cohorts.dirty[slot] = True
            found = _judge(memory, cohort, now, out, found)
    return found


@inner
def _judge(memory: Memory, cohort: Record, now: int, out: npt.NDArray[Any], found: int) -> int:
    """Give the verdict on the ids of a cohort that have waited until now."""
    cohort.due = 0
    slot = lookup(memory.clients, cohort.client, now)
    if slot == NO_SLOT:
        return found
    client = memory.clients.rows[slot]
    since = max(client.since, cohort.since)
    different, waits = _gather(memory, cohort, since, now)
    if now - client.last > patience(client):
        # Nothing can be said during an outage, and nothing of its time afterwards.
        cohort.due = now + SETTLE if waits else 0
        return found
    if different >= NETWORKS and not is_complete(cohort):
        cohort.since, cohort.armed, cohort.due = now, 0, 0
        _say_gap(out[found], now, cohort, different)
        return found + 1
    return _find_forged(memory, cohort, since, now, different, out, found)


@inner
def _open(memory: Memory, slot: int, cohort: Record, since: int, now: int) -> bool:
    noted = memory.ids.rows[slot]
    fresh = noted.key != 0 and now - noted.touched <= memory.ids.meta[TTL]
    return bool(fresh and noted.cohort == cohort.key and noted.due != 0 and noted.earliest >= since)


@inner
def _gather(memory: Memory, cohort: Record, since: int, now: int) -> tuple[int, bool]:
    """Count the lost ids of the last day by network; give the number of networks, and whether any id waits."""
    different, waits = 0, False
    for slot in range(memory.ids.meta[SIZE]):
        if not _open(memory, slot, cohort, since, now):
            continue
        noted = memory.ids.rows[slot]
        waits = waits or noted.said == WAITS
        if noted.due > now or noted.strange or noted.network == 0 or now - noted.first > DAY:
            continue
        at = _place_of(memory, different, noted.network)
        if at == memory.networks.size:
            continue
        if at == different:
            memory.networks[at], memory.tallies[at] = noted.network, 0
            different += 1
        memory.tallies[at] += 1
    return different, waits


@inner
def _place_of(memory: Memory, different: int, network: np.uint64) -> int:
    """Give the position of a network among the first so many, or their number."""
    for at in range(different):
        if memory.networks[at] == network:
            return at
    return different


@inner
def _is_forged(memory: Memory, cohort: Record, noted: Record, now: int, different: int) -> bool:
    """Say whether an id comes from where its subject never was, or where far too many lack an issue."""
    if noted.strange:
        return True
    at = _place_of(memory, different, noted.network)
    if at == different or now - noted.first > DAY:
        return False
    usual = crowd_of(memory.crowds, cohort.client, noted.network, now)
    return bool(memory.tallies[at] >= FORGED and memory.tallies[at] * _ODD_IN > usual)


@inner
def _find_forged(
    memory: Memory, cohort: Record, since: int, now: int, different: int, out: npt.NDArray[Any], found: int
) -> int:
    """Judge the ids that have waited, in the light of all of the last day; write down those found forged."""
    cohort.forged = 0
    for slot in range(memory.ids.meta[SIZE]):
        if not _open(memory, slot, cohort, since, now):
            continue
        noted = memory.ids.rows[slot]
        if noted.due > now:
            cohort.due = noted.due if cohort.due == 0 else min(cohort.due, noted.due)
            continue
        guilty = _is_forged(memory, cohort, noted, now, different)
        cohort.forged += guilty and now - noted.first <= DAY
        if noted.said == WAITS or (guilty and noted.said == CLEARED):
            noted.said, noted.judged = FOUND if guilty else CLEARED, now
            memory.ids.dirty[slot] = True
    for slot in range(memory.ids.meta[SIZE]):
        noted = memory.ids.rows[slot]
        if _open(memory, slot, cohort, since, now) and noted.said == FOUND and noted.judged == now:
            _say(out[found], now, -1, cohort, noted)
            found += 1
    return found


@inner
def _say(finding: Record, now: int, row: int, cohort: Record, noted: Record) -> None:
    finding.time, finding.row, finding.entity, finding.alert_class = now, row, cohort.client, NEVER_ISSUED
    if cohort.forged >= FORGED:
        finding.severity, finding.confidence = CRITICAL, SURE
    else:
        finding.severity, finding.confidence = (HIGH, LIKELY) if noted.privileged else (MEDIUM, UNSURE)
    finding.observed[0], finding.threshold[0] = cohort.forged, FORGED
    finding.observed[1] = noted.asn if noted.asn > 0 else np.nan
    finding.related[0] = noted.event


@inner
def _say_gap(finding: Record, now: int, cohort: Record, networks: int) -> None:
    finding.time, finding.row, finding.entity, finding.alert_class = now, -1, cohort.client, GAP
    finding.severity, finding.confidence = LOW, LIKELY
    lost = ids(cohort, LOST)
    finding.observed[0], finding.observed[1] = lost, lost / (lost + ids(cohort, MATCHED))
    finding.observed[2] = networks
    finding.threshold[1], finding.threshold[2] = 1 / 1_000, NETWORKS
