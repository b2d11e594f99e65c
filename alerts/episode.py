"""One episode: what is remembered of it between batches, and the alert it stands for at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alerts.advice import advice_of
from alerts.attack import attack_of
from alerts.evidence import Item, evidence_of
from alerts.summary import observations, summary_of
from schemas.alerts import Change, Entity, EpisodeState, Revoke
from schemas.catalogue import AlertClass, DetectorCard
from schemas.fields import format_time
from schemas.vocabulary import Confidence, Severity

_CLASSES: Final = 256


def ranks_of(severity: npt.NDArray[np.int8], alert_class: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Precedence of findings within their episode: higher severity first, then the earlier class of the card."""
    return severity.astype(np.int64) * _CLASSES + (_CLASSES - 1) - alert_class


def class_of(rank: int) -> int:
    """Class of a rank: its position in the card's classes."""
    return _CLASSES - 1 - rank % _CLASSES


@dataclass(slots=True)
class Measured:
    """What a finding measured, a value for each metric of its class, None where there is none."""

    confidence: int
    observed: list[float | None]
    threshold: list[float | None]
    baseline: list[float | None]


@dataclass(slots=True)
class Episode:
    """State of an open episode.

    Attributes:
        detector: position in the cards.
        entity_type, entity: type and key of what it is about.
        start, end: event time of the first and the latest finding, µs.
        count: findings so far.
        rank: precedence of the finding that names class and severity.
        measured: of the latest finding of that class.
        entities: who is listed, the main one first.
        known: keys of entities by type, also of those that are not listed twice.
        first, last: shown events; `events` counts all.
        context: fields of the opening event that advice and incidents need.
    """

    detector: int
    entity_type: str
    entity: int
    alert_id: str
    tenant: str | None
    iss: str | None
    start: int
    end: int
    rank: int
    measured: Measured
    count: int = 0
    revision: int = 0
    entities: list[Entity] = field(default_factory=list)
    known: dict[str, list[int]] = field(default_factory=dict)
    first: list[Item] = field(default_factory=list)
    last: list[Item] = field(default_factory=list)
    events: int = 0
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, str, int]:
        """Position of the detector, entity type, entity key."""
        return self.detector, self.entity_type, self.entity

    @property
    def severity(self) -> Severity:
        """Highest severity so far."""
        return Severity(self.rank // _CLASSES)

    def kind(self, card: DetectorCard) -> AlertClass:
        """Class with the highest precedence so far."""
        return card.classes[class_of(self.rank)]

    def revise(self, change: Change, time: int, card: DetectorCard) -> dict[str, Any]:
        """Count a revision and give its alert, all but incident and risk. `time`: of what raised it, µs."""
        self.revision += 1
        kind = self.kind(card)
        return {
            "time": format_time(time),
            "start": format_time(self.start),
            "end": format_time(self.end),
            "alert_id": self.alert_id,
            "revision": self.revision,
            "episode": _STATES.get(change, EpisodeState.UPDATED),
            "change": change,
            "detector": card.type,
            "detector_version": card.version,
            "class": kind.name,
            "title": kind.title,
            "summary": summary_of(kind, self.measured.observed, self.entities),
            "severity": self.severity.name.lower(),
            "confidence": Confidence(self.measured.confidence).name.lower(),
            "tenant": self.tenant,
            "iss": self.iss,
            "entities": list(self.entities),
            "observed": observations(
                kind.metrics, self.measured.observed, self.measured.threshold, self.measured.baseline
            ),
            "count": self.count,
            "distinct": {type_: len(keys) for type_, keys in self.known.items()},
            "evidence": evidence_of(self.first, self.last, self.events),
            "attack": attack_of(kind.attack),
            "advice": advice_of(kind.advice, kind.revoke, self.context),
            "revoke": Revoke(flag=kind.revoke is not None, what=kind.revoke, why=kind.title if kind.revoke else None),
        }

    def record(self) -> dict[str, Any]:
        """Give the state as orjson can write it; its lists are not copied."""
        listed = [entity.model_dump(mode="json", exclude_none=True) for entity in self.entities]
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"entities": listed}

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Episode:
        """Undo `record`."""
        return cls(
            **record
            | {
                "measured": Measured(**record["measured"]),
                "entities": [Entity.model_validate(entity) for entity in record["entities"]],
                "first": _items(record["first"]),
                "last": _items(record["last"]),
            }
        )


_STATES: Final = {Change.NEW: EpisodeState.OPEN, Change.CLOSED: EpisodeState.CLOSED}


def _items(stored: Sequence[Sequence[Any]]) -> list[Item]:
    return [(event_id, row) for event_id, row in stored]
