"""Alert records as the scorer sees them, and which attack each of them is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.simulator.labels import Label
from schemas.fields import parse_time
from schemas.vocabulary import Severity

Record = Mapping[str, Any]
CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One revision of one alert. `entities` are (type, id); `start` (of the alert) and `time` are epoch µs."""

    alert_id: str
    incident_id: str
    detector: str
    class_: str | None
    severity: Severity
    change: str
    start: int
    time: int
    entities: frozenset[tuple[str, str]]
    event_ids: frozenset[str]

    @classmethod
    def read(cls, record: Record) -> Sighting:
        """Read an alert record of the native contract.

        Raises:
            ValueError: a field that scoring needs is missing or wrong; the message names the alert.
        """
        try:
            return cls(
                alert_id=record["alert_id"],
                incident_id=record.get("incident_id") or record["alert_id"],
                detector=record["detector"],
                class_=record.get("class"),
                severity=Severity[record["severity"].upper()],
                change=record.get("change", "new"),
                start=parse_time(record.get("start", record["time"])),
                time=parse_time(record["time"]),
                entities=frozenset((entity["type"], entity["id"]) for entity in record["entities"]),
                event_ids=frozenset((record.get("evidence") or {}).get("event_ids") or ()),
            )
        except (KeyError, TypeError, AttributeError) as error:
            name = record.get("alert_id", "without alert_id")
            raise ValueError(f"alert {name}: cannot be scored, {error!r}") from error


class Matcher:
    """Finds the attacks that a sighting is about: within [start, end + grace] and naming one of its entities.

    That an alert is closed says nothing new about anybody, so that revision is about no attack.
    Evidence that holds one of the attack's own events also makes an alert about it, but not a find.
    """

    def __init__(self, labels: Sequence[Label], grace: int) -> None:
        self._labels = labels
        self._grace = grace
        self._by_entity: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_event: dict[str, int] = {}
        for index, label in enumerate(labels):
            for entity in label.entities:
                self._by_entity[entity.type.value, entity.id].append(index)
            self._by_event.update(dict.fromkeys(label.event_ids, index))

    def named(self, sighting: Sighting) -> set[int]:
        """Indexes of the labels whose entity this sighting names at the right time."""
        if sighting.change == CLOSED:
            return set()
        candidates = {index for entity in sighting.entities for index in self._by_entity.get(entity, ())}
        return {index for index in candidates if self._in_time(self._labels[index], sighting.time)}

    def about(self, sighting: Sighting) -> set[int]:
        """Indexes of the labels that this sighting belongs to, by entity or by evidence."""
        if sighting.change == CLOSED:
            return set()
        shown = {self._by_event[event_id] for event_id in sighting.event_ids if event_id in self._by_event}
        return self.named(sighting) | shown

    def _in_time(self, label: Label, time: int) -> bool:
        return label.start <= time <= label.end + self._grace


def finds(label: Label, sighting: Sighting) -> bool:
    """True if a sighting that names the label's entity in time also has the right detector and enough severity.

    An alert that was open before the attack finds it only by getting worse or changing class; merely counting on, or
    taking in one more entity, is still the older story.
    """
    own = sighting.start >= label.start or sighting.change in {"severity", "class"}
    return own and sighting.detector in label.expected and sighting.severity >= label.min_severity


def read_all(records: Iterable[Record]) -> list[Sighting]:
    """Read alert records, in order of event time."""
    return sorted((Sighting.read(record) for record in records), key=lambda sighting: sighting.time)
