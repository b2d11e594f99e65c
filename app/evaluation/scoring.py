"""From alerts and labels to the outcome of each attack and the list of false alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.evaluation.sightings import Matcher, Sighting, finds
from ingest.simulator.labels import Label
from schemas.vocabulary import Severity

MICROS_PER_SECOND = 1_000_000


@dataclass(slots=True)
class Outcome:
    """How one attack fared. `delay` is seconds from its first event to the first alert that finds it."""

    label: Label
    delay: float | None = None
    named_right: bool = False
    alerts: set[str] = field(default_factory=set)
    incidents: set[str] = field(default_factory=set)

    @property
    def found(self) -> bool:
        """True if an alert with the right entity, detector, severity and time exists."""
        return self.delay is not None

    def observe(self, sighting: Sighting, *, names_entity: bool) -> None:
        """Take in one sighting about this attack; sightings come in time order."""
        if sighting.severity >= Severity.MEDIUM:
            self.alerts.add(sighting.alert_id)
            self.incidents.add(sighting.incident_id)
        if names_entity and finds(self.label, sighting):
            if self.delay is None:
                self.delay = (sighting.time - self.label.start) / MICROS_PER_SECOND
            self.named_right = self.named_right or sighting.class_ in self.label.classes


@dataclass(frozen=True, slots=True)
class FalseAlert:
    """An alert about no attack, at the highest severity it reached. `time` is its first, µs."""

    alert_id: str
    detector: str
    severity: Severity
    time: int


def score(sightings: Sequence[Sighting], labels: Sequence[Label], grace: int) -> tuple[list[Outcome], list[FalseAlert]]:
    """Match sightings (in time order) with labels.

    An alert is false if none of its revisions is about an attack. `grace` in µs.
    """
    matcher = Matcher(labels, grace)
    outcomes = [Outcome(label) for label in labels]
    true_alerts: set[str] = set()
    for sighting in sightings:
        named, about = matcher.named(sighting), matcher.about(sighting)
        for index in about:
            outcomes[index].observe(sighting, names_entity=index in named)
        if about:
            true_alerts.add(sighting.alert_id)
    return outcomes, _false_alerts(sightings, true_alerts)


def _false_alerts(sightings: Sequence[Sighting], true_alerts: set[str]) -> list[FalseAlert]:
    worst: dict[str, FalseAlert] = {}
    for sighting in sightings:
        if sighting.alert_id in true_alerts:
            continue
        known = worst.get(sighting.alert_id)
        severity = max(sighting.severity, known.severity) if known else sighting.severity
        time = known.time if known else sighting.time
        worst[sighting.alert_id] = FalseAlert(sighting.alert_id, sighting.detector, severity, time)
    return list(worst.values())
