"""The simulator as a source of the worker: one partition of records that arrive by a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson

from ingest.records import RawRecords
from ingest.simulator.simulation import Simulation
from ingest.source import Polled

STEP: Final = 120_000_000
"""Event time that one poll brings at most while it catches up, µs."""
IDLE_SECONDS: Final = 0.02
ORIGIN: Final = "simulator"


class SimulatedSource:
    """Replays a simulation up to a clock, as fast as it is asked.

    Args:
        simulation: fresh; its `now` is where the stream begins.
        clock: event time up to which events have arrived, µs.
        offset: records to pass over, from a checkpoint.
    """

    def __init__(self, simulation: Simulation, clock: Callable[[], int], offset: int = 0) -> None:
        self._simulation = simulation
        self._clock = clock
        self._skip = offset
        self._caught_up = False
        self.delivered = {0: 0}

    @property
    def partitions(self) -> set[int]:
        """The one partition."""
        return {0}

    def poll(self, seconds: float) -> Polled:
        """Give what has arrived; wait up to `seconds` if that is nothing."""
        until = min(self._clock(), self._simulation.now + STEP)
        self._caught_up = until >= self._clock()
        values = [orjson.dumps(event) for event in self._simulation.advance(until)]
        if not values:
            time.sleep(min(seconds, IDLE_SECONDS))
        first = self.delivered[0]
        self.delivered[0] += len(values)
        passed = min(max(self._skip - first, 0), len(values))
        return Polled(RawRecords.of(values[passed:], ORIGIN, first + passed))

    def drained(self, taken: Mapping[int, int]) -> set[int]:
        """The partition, once everything up to the clock was taken."""
        return {0} if self._caught_up and taken.get(0) == self.delivered[0] else set()

    def lag(self) -> dict[int, int]:
        """Nothing is known of what is to come."""
        return {0: 0}

    def hold(self, numbers: Iterable[int]) -> None:
        """Nothing runs ahead of the clock."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Nothing is open."""
