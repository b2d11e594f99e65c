"""What a detector says about itself: the part that alerts, documentation and dashboard work from without running it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from schemas.findings import MAX_METRICS
from schemas.vocabulary import EntityRole, EntityType, Severity


class Unit(StrEnum):
    """Unit of an observed value; it decides how the value is written in an alert."""

    COUNT = "count"
    SECONDS = "s"
    KILOMETRES = "km"
    KILOMETRES_PER_HOUR = "km/h"
    RATIO = "ratio"
    PROBABILITY = "probability"
    PER_HOUR = "1/h"
    PER_MINUTE = "1/min"
    ASN = "asn"
    COUNTRY = "country"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Metric:
    """One observed quantity of an alert class. `name` is snake_case and usable in the summary template."""

    name: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class EntityField:
    """Where an alert finds one of its entities in the event that raised it.

    `field` is a text field of the event, or `principal` for `sub`, else `login`. Of type `PREFIX`, the field's address
    is cut to its network (/24, /48).
    """

    type: EntityType
    field: str
    role: EntityRole


@dataclass(frozen=True, slots=True)
class AlertClass:
    """One verdict of a detector, and all an alert of it says that does not depend on the event.

    Attributes:
        name: the `class` of the alert record.
        title: one line for the triage table.
        summary: a `str.format` template over the metrics' names and the entities' types, e.g. `{tries}`, `{user}`.
        severity: the usual severity; a finding may carry another.
        entity: what the alert is about; its id is part of the alert's id.
        others: further entities, gathered over the episode.
        metrics: meaning of the columns of `observed`, at most `MAX_METRICS`.
        attack: MITRE ATT&CK technique ids.
        advice: what the analyst does next, in order.
        revoke: whether the token should be flagged for revocation, and how much: `token`, `family`, `session`.
    """

    name: str
    title: str
    summary: str
    severity: Severity
    entity: EntityField
    metrics: tuple[Metric, ...] = ()
    others: tuple[EntityField, ...] = ()
    attack: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    revoke: str | None = None

    def __post_init__(self) -> None:
        """Refuse a card that the finding cannot carry."""
        if len(self.metrics) > MAX_METRICS:
            raise ValueError(f"{self.name}: {len(self.metrics)} metrics, at most {MAX_METRICS} fit a finding")


@dataclass(frozen=True, slots=True)
class DetectorCard:
    """The facts of one detector as it is configured to run; the attributes are those of `detectors.base.Detector`."""

    type: str
    version: int
    title: str
    classes: tuple[AlertClass, ...]
    cool_down: timedelta
    needs: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
