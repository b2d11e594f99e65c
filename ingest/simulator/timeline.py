"""Merges everything that goes on at the same time into one stream ordered by event time."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace

from ingest.simulator.sessions import Event
from ingest.simulator.traffic import Arrival

Strand = Iterator[Event]


class Timeline:
    """Runs processes (iterators of events in time order) that arrivals bring in. The past of a process is dropped."""

    def __init__(self, arrivals: list[Iterator[Arrival]]) -> None:
        self._arrivals: list[tuple[int, int, Iterator[Event], Iterator[Arrival]]] = []
        self._running: list[tuple[int, int, Event, Iterator[Event]]] = []
        self._count = 0
        for source in arrivals:
            self._expect(source)

    def _expect(self, source: Iterator[Arrival]) -> None:
        arrival = next(source, None)
        if arrival is not None:
            self._count += 1
            heappush(self._arrivals, (arrival[0], self._count, arrival[1], source))

    def _admit(self) -> None:
        _, _, process, source = heappop(self._arrivals)
        event = next(process, None)
        if event is not None:
            self._count += 1
            heappush(self._running, (event["time"], self._count, event, process))
        self._expect(source)

    def events(self) -> Iterator[Event]:
        """Events in time order; ends when nothing runs and nobody is expected."""
        running, arrivals = self._running, self._arrivals
        while running or arrivals:
            if arrivals and (not running or arrivals[0][0] <= running[0][0]):
                self._admit()
                continue
            _, _, event, process = running[0]
            yield event
            following = next(process, None)
            if following is None:
                heappop(running)
            else:
                self._count += 1
                heapreplace(running, (following["time"], self._count, following, process))
