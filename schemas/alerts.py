"""The alert record: what leaves tokentrail on topics and files, and what the store keeps of an alert revision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import EntityRole, EntityType

MAX_ALERT_BYTES = 8_000
"""rsyslog's imkafka cuts messages at 8 096 bytes by default."""

Id = Annotated[str, Field(min_length=1, max_length=256)]
UtcTime = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z$")]
SeverityName = Literal["informational", "low", "medium", "high", "critical"]
ConfidenceName = Literal["low", "medium", "high"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EpisodeState(StrEnum):
    """Life of an alert."""

    OPEN = "open"
    UPDATED = "updated"
    CLOSED = "closed"


class Change(StrEnum):
    """Why a revision was published. All but `count` are material."""

    NEW = "new"
    SEVERITY = "severity"
    CLASS = "class"
    ENTITY = "entity"
    CLOSED = "closed"
    COUNT = "count"


class Entity(_Record):
    """Someone or something an alert is about."""

    type: EntityType
    id: Id
    role: EntityRole
    tenant: str | None = None
    name: str | None = None


class Observation(_Record):
    """One measured quantity beside what was expected of it."""

    metric: str
    value: float | str
    threshold: float | None = None
    baseline: float | str | None = None
    unit: str


class EvidenceRow(_Record):
    """The readable part of one event."""

    time: UtcTime
    type: str
    ip: str | None = None
    asn: int | None = None
    country: str | None = None
    ua: str | None = None
    device: str | None = None
    outcome: str | None = None
    vendor_event_id: str | None = None


class Evidence(_Record):
    """Events that carry the alert: the first few and the last few of the episode."""

    event_ids: list[str]
    rows: Annotated[list[EvidenceRow], Field(max_length=6)]
    truncated: bool = False


class Attack(_Record):
    """MITRE ATT&CK techniques and their tactics, with the version of the matrix."""

    version: str
    techniques: list[str]
    tactics: list[str]


class Containment(_Record):
    """Whether the token, session or user can still be used, as far as the events tell, when this was written."""

    state: Literal["live", "revoked", "expired"]
    live_until: UtcTime | None = None


class BlastRadius(_Record):
    """What was reached since the first bad event: accepted calls, and the audiences and scopes they name, bounded."""

    aud: list[str] = []
    scopes: list[str] = []
    calls: int = 0


class Revoke(_Record):
    """Whether the token should be flagged for revocation."""

    flag: bool
    what: str | None = None
    why: str | None = None


class Alert(_Record):
    """One revision of one alert. `detected_at` is wall clock and left out of every comparison of two runs."""

    model_config = ConfigDict(title="Token alert", populate_by_name=True)

    time: UtcTime = Field(description="Event time of the event that raised this revision.")
    detected_at: UtcTime | None = Field(None, description="Wall clock of the worker.")
    start: UtcTime = Field(description="Event time of the episode's first finding.")
    end: UtcTime = Field(description="Event time of the latest finding.")
    alert_id: Id
    incident_id: Id
    revision: int = Field(ge=1)
    episode: EpisodeState
    change: Change
    detector: str
    detector_version: int
    alert_class: str = Field(alias="class", serialization_alias="class")
    title: str
    summary: str
    severity: SeverityName
    confidence: ConfidenceName
    risk: int = Field(0, ge=0, le=100)
    tenant: str | None = None
    iss: str | None = None
    entities: list[Entity]
    observed: list[Observation]
    count: int = Field(ge=1, description="Findings in the episode so far.")
    distinct: dict[str, int] = Field(default_factory=dict, description="Distinct entities by type, capped.")
    evidence: Evidence
    containment: Containment | None = None
    blast_radius: BlastRadius | None = None
    attack: Attack
    advice: list[str]
    revoke: Revoke
    labels: list[str] = []
    url: str | None = None
    truncated: bool = False
