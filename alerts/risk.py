"""Risk of an entity, 0 to 100: what its alerts of the last weeks add up to.

Each episode is one part: w = 0, 5, 20, 50 or 80 by severity, times 1, 0.75 or 0.5 by confidence; the highest weight it
reached counts. Parts halve every 7 days and combine as 100 · (1 - Π(1 - w/100)). An address's part is
divided by log2(1 + users in the alert): what many share says less about each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from math import exp2, log2, prod
from typing import Final

import orjson

from schemas.alerts import Alert, Entity
from schemas.fields import micros
from schemas.revisions import EntityRisk, RiskPart
from schemas.vocabulary import Confidence, EntityRole, EntityType, Severity

HALF_LIFE: Final = micros(timedelta(days=7))
WEIGHTS: Final = {
    Severity.INFORMATIONAL: 0.0,
    Severity.LOW: 5.0,
    Severity.MEDIUM: 20.0,
    Severity.HIGH: 50.0,
    Severity.CRITICAL: 80.0,
}
CERTAINTY: Final = {Confidence.LOW: 0.5, Confidence.MEDIUM: 0.75, Confidence.HIGH: 1.0}
MAX_PARTS: Final = 16
CAPACITY: Final = 100_000
_NEGLIGIBLE: Final = 0.25
_Key = tuple[str | None, str | None, EntityType, str]
_SHARED: Final = frozenset({EntityType.IP, EntityType.PREFIX, EntityType.ASN})


class Risks:
    """Risk of every entity with a live part; the longest untouched leave beyond `CAPACITY`."""

    def __init__(self) -> None:
        self._entities: dict[_Key, EntityRisk] = {}

    def add(self, alert: Alert, time: int) -> list[EntityRisk]:
        """Take in one revision at event time `time`, µs, and give the entities whose parts changed."""
        changed = []
        for entity in alert.entities:
            key = _key(entity, alert.iss)
            before = self._entities.get(key) or EntityRisk(*key, 0, 0, ())
            part = RiskPart(alert.alert_id, alert.detector, _weight(alert, entity), time)
            parts = _with(before.parts, part, time)
            if parts != before.parts:
                after = replace(before, parts=parts, time=time, score=score(parts, time))
                self._entities.pop(key, None)
                self._entities[key] = after
                changed.append(after)
        while len(self._entities) > CAPACITY:
            del self._entities[next(iter(self._entities))]
        return changed

    def of(self, alert: Alert, time: int) -> int:
        """Risk of an alert's main entity at event time `time`, µs."""
        known = self._entities.get(_key(alert.entities[0], alert.iss))
        return score(known.parts, time) if known else 0

    def dump(self) -> bytes:
        """Write the state."""
        return orjson.dumps(list(self._entities.values()))

    def load(self, data: bytes) -> None:
        """Undo `dump`."""
        stored = [
            EntityRisk(
                **risk | {"type": EntityType(risk["type"]), "parts": tuple(RiskPart(**p) for p in risk["parts"])}
            )
            for risk in orjson.loads(data)
        ]
        self._entities = {(risk.tenant, risk.iss, risk.type, risk.id): risk for risk in stored}


def _key(entity: Entity, iss: str | None) -> _Key:
    shared = entity.type in _SHARED
    return None if shared else entity.tenant, None if shared else iss, entity.type, entity.id


def score(parts: Iterable[RiskPart], now: int) -> int:
    """Combine parts at event time `now`, µs."""
    return round(100 * (1 - prod(1 - _decayed(part, now) / 100 for part in parts)))


def _decayed(part: RiskPart, now: int) -> float:
    return part.weight * exp2(-max(0, now - part.time) / HALF_LIFE)


def _weight(alert: Alert, entity: Entity) -> float:
    if entity.role is EntityRole.OBSERVER:
        return 0.0
    weight = WEIGHTS[Severity[alert.severity.upper()]] * CERTAINTY[Confidence[alert.confidence.upper()]]
    users = alert.distinct.get(EntityType.USER, 1)
    return round(weight / max(1.0, log2(1 + users)), 6) if entity.type in _SHARED else weight


def _with(parts: tuple[RiskPart, ...], new: RiskPart, now: int) -> tuple[RiskPart, ...]:
    before = next((part for part in parts if part.alert_id == new.alert_id), None)
    if new.weight <= (before.weight if before else 0.0):
        return parts
    kept = [part for part in parts if part is not before and _decayed(part, now) >= _NEGLIGIBLE]
    return tuple(sorted([*kept, new], key=lambda part: (-_decayed(part, now), part.alert_id))[:MAX_PARTS])
