"""A bounded stream, as an iterator or as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import orjson

from ingest.simulator.clock import MINUTE
from ingest.simulator.draws import Draws
from ingest.simulator.labels import Label
from ingest.simulator.pace import MACHINE_SHARE, expected_end
from ingest.simulator.plan import spread
from ingest.simulator.sessions import Event
from ingest.simulator.simulation import Simulation, Traffic
from ingest.simulator.world import World


class Stream:
    """A simulation with an end: iterate once, then ask for the labels."""

    def __init__(self, simulation: Simulation, events: int | None, until: int | None) -> None:
        self._simulation = simulation
        self._events = events
        self._until = until

    def __iter__(self) -> Iterator[Event]:
        if self._until is not None:
            return islice(self._by_minutes(self._until), self._events)
        return islice(self._simulation, self._events)

    def _by_minutes(self, until: int) -> Iterator[Event]:
        while self._simulation.now < until:
            yield from self._simulation.advance(min(self._simulation.now + MINUTE, until))

    def labels(self) -> list[Label]:
        """The attacks that have begun so far."""
        return self._simulation.labels()


def simulate(
    seed: int,
    start: int,
    *,
    events: int | None = None,
    duration: int | None = None,
    scenarios: Sequence[str] | None = None,
    traffic: Traffic | None = None,
) -> Stream:
    """Benign traffic and attacks from `start` (µs since the epoch).

    Args:
        seed: same seed, start and parameters: same bytes.
        start: µs since the epoch.
        events: number of events, or
        duration: length of the stream, µs.
        scenarios: names such as `brute-force` or `brute-force/slow`; None for all that fit, empty for none.
        traffic: rate, users, dose, disorder.

    Raises:
        ValueError: neither `events` nor `duration`, or an unknown scenario.
    """
    traffic = traffic or Traffic()
    if events is not None:
        world = World(seed, traffic.users, MACHINE_SHARE * traffic.rate)
        end = expected_end(world, start, events, traffic.rate)
    elif duration is not None:
        end = start + duration
    else:
        raise ValueError("give the number of events or the duration")
    draws = Draws(seed, "plan")
    plan = spread(scenarios, start, end, draws, traffic.intensity, traffic.rounds)
    until = None if duration is None else start + duration
    return Stream(Simulation(seed, start, plan, traffic), events, until)


def write(stream: Stream, out: Path, labels: Path) -> int:
    """Write a stream as NDJSON and its labels, one a line; give the number of events."""
    count = 0
    with out.open("wb") as file:
        for event in stream:
            file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    with labels.open("w", encoding="utf-8") as file:
        file.writelines(f"{label.model_dump_json()}\n" for label in stream.labels())
    return count
