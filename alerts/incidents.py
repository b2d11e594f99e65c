"""Incidents: alerts that share a victim, a token family or an attacking source within 24 hours.

An alert joins the incident of the newest alert it shares something with. When it ties several incidents together, the
oldest takes the alerts of the others, which stay as empty records that name it. An incident's id comes from its first
alert. Revisions already published keep the incident they named; later ones name the one that took over. A server's
address, a private one, or one that the caller knows as a shared egress never ties alerts together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

import orjson

from alerts.attack import in_order
from alerts.entities import Row
from schemas.alerts import Entity
from schemas.fields import micros
from schemas.revisions import Incident, scoped_id
from schemas.vocabulary import EntityRole, EntityType, IpRole, Severity

SPAN: Final = micros(timedelta(hours=24))
_SOURCES: Final = frozenset({EntityType.IP, EntityType.PREFIX, EntityType.DEVICE})
_CROSS_TENANT: Final = frozenset({EntityType.IP, EntityType.PREFIX})


@dataclass(slots=True)
class _Record:
    incident_id: str
    start: int
    end: int
    severity: int
    title: str
    count: int = 0
    tactics: list[str] = field(default_factory=list)
    open_alerts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def incident(self, merged_into: str | None = None) -> Incident:
        return Incident(
            self.incident_id,
            self.start,
            self.end,
            Severity(self.severity),
            self.title,
            0 if merged_into else self.count,
            tuple(self.tactics),
            merged_into,
        )


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an incident needs to know of one revision. `time`: event time, µs."""

    alert_id: str
    time: int
    severity: Severity
    title: str
    tactics: tuple[str, ...]
    links: tuple[str, ...]
    closes: bool


class Incidents:
    """Incidents that may still grow."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._links: dict[str, tuple[str, int]] = {}
        self._members: dict[str, str] = {}
        self._over: dict[str, _Record] = {}

    def assign(self, seen: Sighting) -> tuple[str, list[Incident]]:
        """Give the incident of a revision, and the incidents that it changed. Revisions come in event-time order."""
        self._forget(seen.time)
        joined = self._joined(seen)
        record = joined[0] if joined else self._found(seen)
        merged = [self._merge(other, record) for other in joined[1:]]
        new = seen.alert_id not in self._members
        changed = self._update(record, seen, new=new)
        return record.incident_id, [*([record.incident()] if changed or merged else []), *merged]

    def current(self, incident_id: str) -> Incident | None:
        """Give an incident that may still grow, or one that is over and kept."""
        record = self._records.get(incident_id) or self._over.get(incident_id)
        return None if record is None else record.incident()

    def keep_over(self, wanted: Callable[[str], bool]) -> None:
        """Forget the incidents that are over, but for some: their tokens may still be used."""
        self._over = {name: record for name, record in self._over.items() if wanted(name)}

    def _joined(self, seen: Sighting) -> list[_Record]:
        ids = [self._links[link][0] for link in seen.links if link in self._links]
        if (own := self._members.get(seen.alert_id)) is not None:
            ids.append(own)
        records = [self._records[name] for name in dict.fromkeys(ids)]
        return sorted(records, key=lambda record: (record.start, record.incident_id))

    def _found(self, seen: Sighting) -> _Record:
        name = scoped_id("incident", seen.alert_id)
        self._records[name] = _Record(name, seen.time, seen.time, int(seen.severity), seen.title)
        return self._records[name]

    def _merge(self, other: _Record, into: _Record) -> Incident:
        del self._records[other.incident_id]
        into.count += other.count
        into.end = max(into.end, other.end)
        if other.severity > into.severity:
            into.severity, into.title = other.severity, other.title
        into.tactics = in_order([*into.tactics, *other.tactics])
        into.open_alerts += other.open_alerts
        into.links += other.links
        self._members |= dict.fromkeys(other.open_alerts, into.incident_id)
        self._links |= {link: (into.incident_id, self._links[link][1]) for link in other.links if link in self._links}
        return other.incident(merged_into=into.incident_id)

    def _update(self, record: _Record, seen: Sighting, *, new: bool) -> bool:
        before = (record.severity, record.tactics, record.count, record.end)
        if not seen.closes:
            record.end = max(record.end, seen.time)
        if seen.severity > record.severity:
            record.severity, record.title = int(seen.severity), seen.title
        record.tactics = in_order([*record.tactics, *seen.tactics])
        if new:
            record.count += 1
            record.open_alerts.append(seen.alert_id)
            self._members[seen.alert_id] = record.incident_id
        if seen.closes:
            record.open_alerts.remove(seen.alert_id)
            del self._members[seen.alert_id]
            self._drop_if_over(record)
        else:
            self._link(record, seen)
        return before != (record.severity, record.tactics, record.count, record.end)

    def _link(self, record: _Record, seen: Sighting) -> None:
        for link in seen.links:
            if self._links.pop(link, None) is None:
                record.links.append(link)
            self._links[link] = (record.incident_id, seen.time)  # at the end: links stand in order of their times

    def _forget(self, now: int) -> None:
        while self._links:
            link, (name, time) = next(iter(self._links.items()))
            if now - time <= SPAN:
                break
            del self._links[link]
            record = self._records[name]
            record.links.remove(link)
            self._drop_if_over(record)

    def _drop_if_over(self, record: _Record) -> None:
        if not record.links and not record.open_alerts:
            self._over[record.incident_id] = self._records.pop(record.incident_id)

    def dump(self) -> bytes:
        """Write the state."""
        state = {"records": list(self._records.values()), "over": list(self._over.values())}
        return orjson.dumps(state | {"links": list(self._links.items())})

    def load(self, data: bytes) -> None:
        """Undo `dump`."""
        stored = orjson.loads(data)
        self._records = {record["incident_id"]: _Record(**record) for record in stored["records"]}
        self._links = {link: (name, time) for link, (name, time) in stored["links"]}
        self._over = {record["incident_id"]: _Record(**record) for record in stored.get("over", ())}
        self._members = {name: record.incident_id for record in self._records.values() for name in record.open_alerts}


def links_of(
    entities: Iterable[Entity], iss: str | None, context: Row, shared: Callable[[str], bool]
) -> tuple[str, ...]:
    """What ties an alert to others, as keys."""
    return tuple(
        "\0".join((*_scope(entity, iss), entity.type.value, entity.id))
        for entity in entities
        if _ties(entity, context, shared)
    )


def _scope(entity: Entity, iss: str | None) -> tuple[str, ...]:
    return () if entity.type in _CROSS_TENANT else (entity.tenant or "", iss or "")


def _ties(entity: Entity, context: Row, shared: Callable[[str], bool]) -> bool:
    if entity.type is EntityType.FAMILY or entity.role is EntityRole.VICTIM:
        return True
    if entity.role is not EntityRole.ATTACKER or entity.type not in _SOURCES:
        return False
    if entity.type in _CROSS_TENANT:
        public = ip_address(entity.id.partition("/")[0]).is_global
        return public and context.get("ip_role") != IpRole.SERVER and not shared(entity.id)
    return True
