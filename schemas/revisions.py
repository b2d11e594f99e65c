"""What `alerts` hands to `store`: revisions, with incidents and entity risk after them, and what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID, uuid5

from schemas.alerts import Alert, BlastRadius, Change, Containment
from schemas.fields import parse_time
from schemas.vocabulary import EntityType, Severity


@dataclass(frozen=True)
class Revision:
    """One revision of one alert. Equal events give equal bytes: the body has no wall clock in it."""

    alert: Alert

    @cached_property
    def body(self) -> str:
        """The alert as compact JSON, fields in their declared order, nulls left out."""
        return self.alert.model_dump_json(by_alias=True, exclude_none=True, exclude={"detected_at"})

    @property
    def key(self) -> tuple[str, int]:
        """Alert id and revision number, unique."""
        return self.alert.alert_id, self.alert.revision

    @property
    def severity(self) -> Severity:
        """Severity as a number that compares."""
        return Severity[self.alert.severity.upper()]

    @cached_property
    def time(self) -> int:
        """Event time of what raised this revision, µs."""
        return parse_time(self.alert.time)

    @cached_property
    def start(self) -> int:
        """Event time of the episode's first finding, µs."""
        return parse_time(self.alert.start)

    @cached_property
    def end(self) -> int:
        """Event time of the episode's latest finding, µs."""
        return parse_time(self.alert.end)


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that share a victim, a token family or an attacking source within a day, as far as they are known.

    `merged_into` names the older incident that took this one's alerts when an alert tied the two together.
    """

    incident_id: str
    start: int
    end: int
    severity: Severity
    title: str
    alert_count: int
    tactics: tuple[str, ...]
    merged_into: str | None = None
    containment: Containment | None = None
    blast_radius: BlastRadius | None = None


@dataclass(frozen=True, slots=True)
class RiskPart:
    """What one episode adds to an entity's risk: its weight (0-100) at event time `time`, µs, before decay."""

    alert_id: str
    detector: str
    weight: float
    time: int


@dataclass(frozen=True, slots=True)
class EntityRisk:
    """Risk of one entity at event time `time`, µs: 0 to 100, with the parts that explain it, heaviest first."""

    tenant: str | None
    iss: str | None
    type: EntityType
    id: str
    score: int
    time: int
    parts: tuple[RiskPart, ...]

    @property
    def key(self) -> str:
        """One short id for tenant, issuer, type and id together."""
        return scoped_id("entity", self.tenant, self.iss, self.type, self.id)


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A revision as publishers read it back, in the order of `cursor`. `detected_at`: wall clock, µs."""

    cursor: int
    alert_id: str
    change: Change
    detected_at: int
    body: str


_NAMESPACE: Final = UUID("6f1d2c52-8a0f-5d0e-9a52-3d6f0c1b7e11")


def scoped_id(*parts: str | int | None) -> str:
    """Derive an id from what it identifies (UUIDv5 over the parts as JSON): a replay finds the same one."""
    return str(uuid5(_NAMESPACE, json.dumps(parts, separators=(",", ":"))))
