"""The fold from events to what alerts reach: `Following` remembers, `Pass` goes through one batch in step with alerts.

A revision says what was known at the row that raised it. An incident counts every call once, though several of its
alerts follow it; how that is cut into batches changes nothing, since an incident is settled before it takes another in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from alerts.reach import COVERS, FOLLOWED, MAX_LISTED, PRESENTED, Reach, Watch, worst
from alerts.summary import safe
from schemas.acts import NO_SCOPE, REVOKED, accepted, presented, revoke_scopes
from schemas.alerts import BlastRadius, Containment
from schemas.columns import NULL_TIME
from schemas.frame import TEXT_SCHEMA, Events
from schemas.vocabulary import RevokeScope, Severity

CAPACITY: Final = 4_096
"""Alerts that are followed; the longest silent leave beyond."""
_COLUMN_OF: Final = {scope.value: column for scope, column in REVOKED}
_WORDS: Final = np.array([scope.value for scope in RevokeScope])
_BROAD: Final = frozenset({"client_id", "key_id"})
"""A whole client's or key's traffic is followed for high severities only: most such alerts are about its settings."""
_NAMED: Final = ("aud", "resource_server", "scope")
_SEPARATOR: Final = "\x1f"
Array = npt.NDArray[Any]


class Opening(NamedTuple):
    """An alert that begins.

    `row`: of its event, -1 for a timer; `first`: row from which calls count; `about`: type and key of its entity.
    """

    alert_id: str
    row: int
    first: int
    since: int
    about: tuple[str, int]
    revoke: str | None
    severity: Severity


class _Calls(NamedTuple):
    """Rows of a batch that show something followed: row, time, calls it stands for, expiry, and what it reached."""

    row: Array
    time: Array
    weight: Array
    expires: Array
    aud: Sequence[tuple[str, ...]]
    scopes: Sequence[tuple[str, ...]]
    aud_code: Array
    scope_code: Array


class Following:
    """All that is followed."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._incidents: dict[str, Reach] = {}
        self._members: dict[str, list[str]] = defaultdict(list)

    def __len__(self) -> int:
        """Number of alerts that are followed."""
        return len(self._watches)

    def begin(self, events: Events, openings: Iterable[Opening], now: int) -> Pass:
        """Start on a batch, given the alerts that will begin in it; `now`: event time of its start, µs."""
        self._forget(now)
        starts: dict[str, int] = {}
        for opening in openings:
            if watch := _watch(opening, events):
                self._watches[opening.alert_id] = watch
                starts[opening.alert_id] = opening.first
        return Pass(self, events, starts)

    def watch(self, alert_id: str) -> Watch | None:
        """Give what an alert follows."""
        return self._watches.get(alert_id)

    def watches(self) -> Iterable[Watch]:
        """Give all that is followed."""
        return self._watches.values()

    def touch(self, watch: Watch, incident_id: str, time: int, *, is_open: bool) -> None:
        """An alert spoke: note when, and in which incident."""
        if watch.incident_id != incident_id:
            self._members[incident_id].append(watch.alert_id)
            self._incidents.setdefault(incident_id, Reach())
            watch.incident_id = incident_id
        watch.touched, watch.is_open = time, is_open
        self._watches[watch.alert_id] = self._watches.pop(watch.alert_id)
        if len(self._watches) > CAPACITY:
            self._drop(next(other for other in self._watches.values() if other.incident_id))

    def reach(self, incident_id: str) -> Reach | None:
        """Give what an incident reached."""
        return self._incidents.get(incident_id)

    def merge(self, incident_id: str, into: str) -> None:
        """Give what an incident reached to the one that takes it in."""
        reach = self._incidents.pop(incident_id, None)
        if reach is None:
            return
        self._incidents.setdefault(into, Reach()).add(reach.calls, reach.aud, reach.scopes)
        for alert_id in self._members.pop(incident_id):
            self._watches[alert_id].incident_id = into
            self._members[into].append(alert_id)

    def of_incident(self, incident_id: str, now: int) -> tuple[Containment | None, BlastRadius | None]:
        """Say of an incident at event time `now`, µs, what its alerts say together."""
        reach = self._incidents.get(incident_id)
        if reach is None:
            return None, None
        members = (self._watches[alert_id] for alert_id in self._members[incident_id])
        return worst(watch.containment(now) for watch in members), reach.radius()

    def _forget(self, now: int) -> None:
        for watch in [watch for watch in self._watches.values() if watch.ends < now]:
            self._drop(watch)

    def _drop(self, watch: Watch) -> None:
        del self._watches[watch.alert_id]
        members = self._members[watch.incident_id]
        members.remove(watch.alert_id)
        if not members:
            del self._members[watch.incident_id], self._incidents[watch.incident_id]

    def dump(self) -> bytes:
        """Write the state."""
        return orjson.dumps({"watches": list(self._watches.values()), "incidents": self._incidents})

    def load(self, data: bytes) -> None:
        """Undo `dump`."""
        stored = orjson.loads(data)
        watches = [Watch.of_record(record) for record in stored["watches"]]
        self._watches = {watch.alert_id: watch for watch in watches}
        self._incidents = {name: Reach(**reach) for name, reach in stored["incidents"].items()}
        self._members = defaultdict(list)
        for watch in watches:
            self._members[watch.incident_id].append(watch.alert_id)


class Pass:
    """One batch, gone through row by row.

    Args:
        following: what is followed; changed as the pass goes on.
        events: the batch.
        starts: first row that counts for the alerts that begin in it.
    """

    def __init__(self, following: Following, events: Events, starts: Mapping[str, int]) -> None:
        self._following = following
        self.times = events["order_time"]
        self._seen = _seen(events, following.watches(), starts) if following and len(events) else {}
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *self._seen.values()]))
        self._calls = _calls(events, rows)
        self._at = {name: np.searchsorted(rows, seen) for name, seen in self._seen.items()}
        self._revoked = _revocations(events, following.watches(), starts)
        self._done: dict[str, int] = {}
        self._settled = -1
        self.changed: dict[str, int] = {}
        """Incidents that were reached, and the event time of the last change, µs."""

    def advance(self, alert_id: str, row: int) -> Watch | None:
        """Bring what an alert follows up to a row, and give it."""
        watch = self._following.watch(alert_id)
        if watch is None:
            return None
        row = min(row, self._last(watch))
        done = self._done.get(alert_id, -1)
        self._done[alert_id] = max(done, row)
        for at, effective in self._revoked.get(alert_id, ()):
            if done < at <= row:
                watch.revoked = effective
                self._change(watch.incident_id, at)
        part = self._part([alert_id], done, row)
        if len(part):
            _use(watch, self._calls, part)
        return watch

    def settle(self, row: int) -> None:
        """Bring everything up to a row, incidents too."""
        names = {*self._seen, *self._revoked}
        by_incident: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            if (watch := self.advance(name, row)) and watch.incident_id:
                by_incident[watch.incident_id].append(name)
        for incident_id, members in by_incident.items():
            part = self._part(members, self._settled, row)
            if len(part):
                if (reach := self._following.reach(incident_id)) is not None:
                    _reach(reach, self._calls, part)
                self._change(incident_id, int(self._calls.row[part[-1]]))
        self._settled = row

    def _last(self, watch: Watch) -> int:
        """Give the last row that may count for an alert."""
        return int(np.searchsorted(self.times, watch.ends, "right")) - 1

    def _part(self, names: Iterable[str], after: int, row: int) -> Array:
        """Give the calls in (after, row] that some alerts follow, each once, in order."""
        parts = []
        for name in names:
            seen, watch = self._seen.get(name), self._following.watch(name)
            if seen is not None and watch is not None:
                bounds = np.searchsorted(seen, (after, min(row, self._last(watch))), "right")
                parts.append(self._at[name][slice(*bounds)])
        return np.unique(np.concatenate([np.empty(0, np.int64), *parts])).astype(np.int64)

    def _change(self, incident_id: str, row: int) -> None:
        if incident_id:
            self.changed[incident_id] = max(self.changed.get(incident_id, 0), int(self.times[row]))


def _watch(opening: Opening, events: Events) -> Watch | None:
    kind, key = opening.about
    for shown, column in FOLLOWED.get(opening.revoke or "", ()) + FOLLOWED.get(kind, ()):
        found = _key(events, column, opening) if opening.row >= 0 else key if column == FOLLOWED[kind][0][1] else 0
        if found and (shown not in _BROAD or opening.severity >= Severity.HIGH):
            covered = {
                scope: int(events[_COLUMN_OF[scope]][opening.row]) if opening.row >= 0 else 0
                for scope in COVERS.get(shown, ())
            }
            named = {scope: value for scope, value in covered.items() if value}
            return Watch(opening.alert_id, "", shown, found, named, opening.since)
    return None


def _key(events: Events, column: str, opening: Opening) -> int:
    if column == "token_id" and (parent := int(presented(events.take(slice(opening.row, opening.row + 1)))[0])):
        return parent
    return int(events[column][opening.row])


def _seen(events: Events, watches: Iterable[Watch], starts: Mapping[str, int]) -> dict[str, Array]:
    """Give for each alert the rows that show what it follows, ascending, where there are any."""
    by_column: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for watch in watches:
        by_column[watch.shown][watch.key].append(watch.alert_id)
    found: dict[str, Array] = {}
    for column, followed in by_column.items():
        values = presented(events) if column == PRESENTED else events[column]
        keys = np.sort(np.fromiter(followed, np.uint64, len(followed)))
        rows = _among(values, keys)
        if not len(rows):
            continue
        order = np.argsort(values[rows], kind="stable")
        shown, firsts = np.unique(values[rows][order], return_index=True)
        for key, part in zip(shown.tolist(), np.split(rows[order], firsts[1:]), strict=True):
            for alert_id in followed[key]:
                own = part[np.searchsorted(part, starts.get(alert_id, 0)) :]
                if len(own):
                    found[alert_id] = own
    return found


def _among(values: Array, keys: Array) -> Array:
    """Give the rows whose key is one of some; keys are hashes, so that 16 bits of them rule most others out."""
    possible = np.zeros(1 << 16, np.bool_)
    possible[keys.astype(np.uint16)] = True
    rows = np.flatnonzero(possible[values.astype(np.uint16)])
    return rows[np.isin(values[rows], keys)]


def _calls(events: Events, rows: Array) -> _Calls:
    expires, issued = events["exp"][rows], events["issued_exp"][rows]
    weight = np.where(accepted(events)[rows], events["count"][rows], 0)
    good = np.flatnonzero(weight)
    text = events.text.gather(rows[good], _NAMED) if len(good) else TEXT_SCHEMA.empty_table().select(_NAMED)
    aud = pc.coalesce(pc.binary_join(text["aud"], _SEPARATOR), text["resource_server"])
    aud_code, scope_code = np.full((2, len(rows)), -1, np.int64)
    aud_lists, aud_code[good] = _coded(aud)
    scope_lists, scope_code[good] = _coded(pc.binary_join(text["scope"], _SEPARATOR))
    latest = np.where(expires == NULL_TIME, issued, expires)
    return _Calls(rows, events["time"][rows], weight, latest, aud_lists, scope_lists, aud_code, scope_code)


def _coded(joined: pa.ChunkedArray) -> tuple[Sequence[tuple[str, ...]], Array]:
    """Give the different lists, and which of them each row has, -1 for none."""
    coded = joined.combine_chunks().dictionary_encode()
    words = [tuple(safe(word, 200) for word in each.split(_SEPARATOR)) for each in coded.dictionary.to_pylist()]
    return words, coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)


def _use(watch: Watch, calls: _Calls, part: Array) -> None:
    weight, expires = calls.weight[part], calls.expires[part]
    known = expires[expires != NULL_TIME]
    if len(known):
        watch.expires = max(watch.expires or 0, int(known.max()))
    if weight.any():
        watch.used = max(watch.used or 0, int(calls.time[part][weight > 0].max()))
        _reach(watch.reach, calls, part)


def _reach(reach: Reach, calls: _Calls, part: Array) -> None:
    good = part[calls.weight[part] > 0]
    # Lists that are full need no further look.
    aud = _words(calls.aud, calls.aud_code[good]) if len(reach.aud) < MAX_LISTED else ()
    scopes = _words(calls.scopes, calls.scope_code[good]) if len(reach.scopes) < MAX_LISTED else ()
    reach.add(int(calls.weight[good].sum()), aud, scopes)


def _words(lists: Sequence[tuple[str, ...]], codes: Array) -> list[str]:
    found = dict.fromkeys(codes.tolist())  # in the order of first sight
    return [word for code in found if code >= 0 for word in lists[code]]


def _revocations(
    events: Events, watches: Iterable[Watch], starts: Mapping[str, int]
) -> dict[str, list[tuple[int, int]]]:
    """Give for each alert the rows that end what it follows, ascending, and when they take effect, µs."""
    scopes = revoke_scopes(events)
    rows = np.flatnonzero(scopes != NO_SCOPE)
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    if not len(rows):
        return found
    covered: dict[tuple[str, int], list[str]] = defaultdict(list)
    for watch in watches:
        for scope, key in watch.covered.items():
            covered[scope, key].append(watch.alert_id)
    effective = np.where(events["effective_at"] == NULL_TIME, events["time"], events["effective_at"])
    for row, scope in zip(rows.tolist(), _WORDS[scopes[rows]].tolist(), strict=True):
        key = int(events[_COLUMN_OF[scope]][row]) if scope in _COLUMN_OF else 0
        for alert_id in covered.get((scope, key), ()):
            if row >= starts.get(alert_id, 0):
                found[alert_id].append((row, int(effective[row])))
    return found
