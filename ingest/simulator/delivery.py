"""From what happened to what arrives: records that are late, out of order, doubled or lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from ingest.simulator.clock import SECOND, Clock
from ingest.simulator.draws import Draws
from ingest.simulator.sessions import Event


@dataclass(frozen=True, slots=True)
class Disorder:
    """How badly records arrive. Shares are of all events, `lateness` is the bound of every delay in seconds."""

    late: float = 0.05
    lateness: float = 1.5
    doubled: float = 0.002
    lost_issues: float = 0.0005


IN_ORDER = Disorder(late=0.0, lateness=0.0, doubled=0.0, lost_issues=0.0)


class Delivery:
    """Holds events back until they arrive. Emission order is arrival order; ties keep the order of the events."""

    def __init__(self, seed: int, disorder: Disorder) -> None:
        self._disorder = disorder
        self._draws = Draws(seed, "delivery")
        self._clock = Clock()
        self._waiting: list[tuple[int, int, Event]] = []
        self._count = 0

    def accept(self, event: Event) -> None:
        """Take one event, in event-time order, with `time` in µs; it becomes text here."""
        time: int = event["time"]
        roll = self._draws.unit()
        if event["type"] == "issue" and roll < self._disorder.lost_issues:
            return
        delay = event.pop("delay", 0) or self._delay(1.0 - roll)
        event["time"] = self._clock.text(time)
        self._push(time + delay, event)
        if self._draws.unit() < self._disorder.doubled:
            self._push(time + self._delay(0.0), event)

    def _delay(self, roll: float) -> int:
        if roll >= self._disorder.late:
            return 0
        return int(self._draws.unit() * self._disorder.lateness * SECOND)

    def _push(self, arrival: int, event: Event) -> None:
        self._count += 1
        heappush(self._waiting, (arrival, self._count, event))

    def arrived(self, until: int) -> Iterator[Event]:
        """Events that have arrived by `until` (µs), in order of arrival."""
        while self._waiting and self._waiting[0][0] <= until:
            yield heappop(self._waiting)[2]
