"""The truth about an attack, as the labels file states it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from schemas.fields import format_time, parse_time
from schemas.vocabulary import EntityType, Severity

Moment = Annotated[
    int,
    BeforeValidator(lambda value: parse_time(value) if isinstance(value, str) else value),
    PlainSerializer(format_time),
]
SeverityWord = Annotated[
    Severity,
    BeforeValidator(lambda value: Severity[value.upper()] if isinstance(value, str) else value),
    PlainSerializer(lambda severity: severity.name.lower()),
]


class LabelEntity(BaseModel):
    """An entity that an alert about the attack has to name, exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: EntityType
    id: str


class Label(BaseModel):
    """One attack. Times are µs since the epoch in memory and RFC 3339 in JSON.

    `start` and `end` are the first and last hostile event. `expected` are detector types, any of which may find it, and
    `classes` the class it should be given where the detector has classes. `intensity` is the dose in thresholds of the
    design. `posture` marks a fault in how tokens are made, carried or checked, which nobody exploits yet. `complete` is
    false where the stream ended before the attack did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    variant: str
    intensity: float = Field(1.0, gt=0)
    entities: list[LabelEntity]
    start: Moment
    end: Moment
    expected: list[str]
    classes: list[str] = []
    min_severity: SeverityWord
    event_ids: list[str]
    posture: bool = False
    complete: bool = True
