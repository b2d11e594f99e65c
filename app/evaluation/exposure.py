"""What there was to be wrong about: benign events and users by day, and what a naive rule would have said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.simulator.labels import Label
from schemas.fields import format_time, parse_time
from schemas.vocabulary import EventType

EARLY: Final = 48 * 3_600 * 1_000_000  # µs in which detectors still learn
DAY: Final = 24 * 3_600 * 1_000_000
MINUTE: Final = 60 * 1_000_000
NAIVE_FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class Exposure:
    """Benign events, and the sum over days of the users seen that day (a part of a day counts as that part)."""

    events: int
    user_days: float

    def __add__(self, other: Exposure) -> Exposure:
        return Exposure(self.events + other.events, self.user_days + other.user_days)


@dataclass(frozen=True, slots=True)
class EventTotals:
    """What evaluation has to know about the events. Times in µs; `naive` are the alerts of the naive threshold."""

    start: int
    early: Exposure
    later: Exposure
    hostile: int
    naive: tuple[dict[str, Any], ...] = ()


class Tally:
    """Counts events as they pass by in order of arrival. Duplicates (same `event_id`) count once."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self._hostile = {event_id for label in labels for event_id in label.event_ids}
        self._seen: set[str] = set()
        self._start: int | None = None
        self._days: dict[tuple[bool, int], _Day] = defaultdict(_Day)
        self._failures: Counter[tuple[str, int]] = Counter()
        self._naive: list[dict[str, Any]] = []
        self._hostile_count = 0

    def add(self, event: Mapping[str, Any]) -> None:
        """Count one native event."""
        event_id: str = event["event_id"]
        if event_id in self._seen:
            return
        self._seen.add(event_id)
        time = parse_time(event["time"])
        if self._start is None:
            self._start = time
        self._judge_naively(event, time)
        if event_id in self._hostile:
            self._hostile_count += 1
        else:
            user = event.get("sub") if event.get("sub_type") == "user" else None
            self._days[time >= self._start + EARLY, time // DAY].add(time, user)

    def _judge_naively(self, event: Mapping[str, Any], time: int) -> None:
        """The usual first rule: so many failures of one address in one calendar minute."""
        if event["type"] != EventType.VERIFY_FAILURE or not event.get("ip"):
            return
        bucket = (event["ip"], time // MINUTE)
        self._failures[bucket] += 1
        if self._failures[bucket] == NAIVE_FAILURES:
            self._naive.append(_naive_alert(event["ip"], time))

    def totals(self) -> EventTotals:
        """Sum up; the first 48 hours after the first event count apart."""
        return EventTotals(
            start=self._start or 0,
            early=self._exposure(later=False),
            later=self._exposure(later=True),
            hostile=self._hostile_count,
            naive=tuple(self._naive),
        )

    def _exposure(self, *, later: bool) -> Exposure:
        days = [day for (is_later, _), day in self._days.items() if is_later == later]
        return Exposure(sum(day.events for day in days), sum(day.user_days() for day in days))


@dataclass(slots=True)
class _Day:
    events: int = 0
    first: int = 2**63
    last: int = 0
    users: set[str] = field(default_factory=set)

    def add(self, time: int, user: str | None) -> None:
        self.events += 1
        self.first, self.last = min(self.first, time), max(self.last, time)
        if user:
            self.users.add(user)

    def user_days(self) -> float:
        return len(self.users) * (self.last - self.first) / DAY


def _naive_alert(ip: str, time: int) -> dict[str, Any]:
    """An alert record of the naive rule, at the highest severity so that nothing is held against it."""
    return {
        "alert_id": f"naive:{ip}:{time // MINUTE}",
        "detector": "failed-auth-burst",
        "severity": "critical",
        "time": format_time(time),
        "entities": [{"type": "ip", "id": ip}],
    }


def count_events(events: Iterable[Mapping[str, Any]], labels: Sequence[Label]) -> EventTotals:
    """Tally all events of a stream."""
    tally = Tally(labels)
    for event in events:
        tally.add(event)
    return tally.totals()
