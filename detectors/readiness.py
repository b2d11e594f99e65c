"""Armed or blind: what each detector can see in what each source tells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from detectors.base import Detector
from schemas.coverage import Filled
from schemas.vocabulary import EventType

WELL_FILLED: Final = 0.5
"""A needed field that fewer of the events have leaves most of them unseen."""


class Readiness(StrEnum):
    """Whether a detector can fire on a source, from worst to best."""

    UNUSED = "unused"
    """The source has no events of the kinds that it looks at."""
    BLIND = "blind"
    """A field without which it cannot fire is never there."""
    PARTLY = "partly"
    """Such a field is missing in most events."""
    WARMING = "warming"
    """The source is known for less long than it has to learn."""
    ARMED = "armed"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one detector can see in one source.

    Attributes:
        events: of the kinds that it looks at.
        filled: column that it needs → share of events in which it is known, of the type that has it most often.
        why: why it is not armed, empty when it is.
    """

    detector: str
    source: str
    readiness: Readiness
    events: int
    filled: Mapping[str, float]
    why: str


def sights(
    detectors: Iterable[type[Detector]], totals: Iterable[Filled], since: Mapping[str, int], now: int
) -> list[Sight]:
    """Judge every detector on every source.

    Args:
        detectors: that run.
        totals: what the sources filled in, of the span that counts.
        since: source → the first hour it is known from, µs.
        now: event time reached, µs.
    """
    events: dict[str, Counter[str]] = defaultdict(Counter)
    filled: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for total in totals:
        events[total.source][total.type] += total.events
        filled[total.source][total.type].update(total.filled)
    return [
        _sight(detector, source, events[source], filled[source], timedelta(microseconds=now - since.get(source, now)))
        for detector in detectors
        for source in sorted(events)
    ]


def _sight(
    detector: type[Detector], source: str, events: Counter[str], filled: Mapping[str, Counter[str]], age: timedelta
) -> Sight:
    kinds = [kind.value for kind in EventType if kind in detector.kinds and events[kind.value]]
    shares = {
        column: max((filled[kind][column] / events[kind] for kind in kinds), default=0.0) for column in detector.needs
    }
    readiness, why = _readiness(detector, shares, age) if kinds else (Readiness.UNUSED, _no_events(detector))
    return Sight(detector.type, source, readiness, sum(events[kind] for kind in kinds), shares, why)


def _readiness(detector: type[Detector], shares: Mapping[str, float], age: timedelta) -> tuple[Readiness, str]:
    missing = [column for column, share in shares.items() if share == 0]
    if missing:
        return Readiness.BLIND, f"never there: {', '.join(missing)}"
    columns = {name: share for name, share in shares.items() if "=" not in name}
    rare = [f"{column} in {share:.0%}" for column, share in columns.items() if share < WELL_FILLED]
    if rare:
        return Readiness.PARTLY, f"seldom there: {', '.join(rare)}"
    if age < detector.warm_up:
        return Readiness.WARMING, f"knows the source for {age.days} of {detector.warm_up.days} days"
    return Readiness.ARMED, ""


def _no_events(detector: type[Detector]) -> str:
    return f"no events of type {', '.join(sorted(kind.value for kind in detector.kinds))}"
