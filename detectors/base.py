"""The contract of a detector: a frozen model of parameters, a card of class facts, and one method, `step`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

from pydantic import BaseModel, ConfigDict

from detectors.tables import Table
from detectors.windows import Window
from schemas.findings import MAX_METRICS, Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity

State: TypeAlias = dict[str, Table | Window]
"""All a detector remembers: named parts, each of which a checkpoint can write and read back."""

MICROSECOND: Final = timedelta(microseconds=1)


def micros(duration: timedelta) -> int:
    """Give a duration in µs, the unit of every time in the frame."""
    return duration // MICROSECOND


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


class Detector(BaseModel, ABC):
    """A detector: parameters as fields, facts as class variables, `step` as behaviour.

    The class docstring has the sections Claim, Why it matters, Fires when, Stays quiet when, Blind spots, Formula,
    Parameters, Example, Next steps, References: documentation, dashboard help and alert text are cut from it.

    The laws every detector keeps (checked for all of them in tests/detectors/test_laws.py): any cut of the stream
    gives the same findings; within one dimension keys are independent; writing the state out and back changes
    nothing; inputs are not written to; state is bounded; placeholders form no group; late rows never raise; a flood
    on one key changes nothing for others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    """The word used in config, alerts and docs; the file's name with hyphens."""
    version: ClassVar[int] = 1
    """Rises when the same events give other alerts."""
    title: ClassVar[str]
    kinds: ClassVar[frozenset[EventType]]
    """Event types it looks at."""
    keys: ClassVar[tuple[str, ...]]
    """Key columns that are its dimensions. Each has its own state; they are never mixed."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns without which it is blind."""
    classes: ClassVar[tuple[AlertClass, ...]]
    cool_down: ClassVar[timedelta]
    """A finding this long after the previous one on the same entity starts a new episode."""
    references: ClassVar[tuple[str, ...]] = ()
    false_positives: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def new_state(self) -> State:
        """Give the empty state."""

    def learn(self, events: Events, watermark: int, state: State) -> None:
        """Update what the detector knows of *other* keys (its peers); nothing, for most detectors.

        Called before `step` with all events of the batch. What is learned within one UTC hour must be invisible to
        `step` until the next: batches never span an hour, so that every cut sees the same.
        """

    @abstractmethod
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check one batch.

        Args:
            events: all events of the stream since the last call, of every type, ordered by `order_time`; within one
                UTC hour of it.
            watermark: no later event has an `order_time` at or below it, µs. Timers due by then fire.
            state: as `new_state` gave it; changed in place.
        """
