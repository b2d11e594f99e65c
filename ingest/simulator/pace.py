"""How long a number of events takes: people sleep and have weekends, so a rate is only a mean."""

from __future__ import annotations

from typing import Final

from ingest.simulator.clock import MINUTE, SECOND, activity
from ingest.simulator.population import FIRST_HUMAN_RANK, USER_EXPONENT
from ingest.simulator.world import World

STEP: Final = 10 * MINUTE
SAMPLE: Final = 150  # the busiest users make most of the traffic
MACHINE_SHARE: Final = 0.3
MEAN_ACTIVITY: Final = 0.40


def expected_end(world: World, start: int, events: int, rate: float) -> int:
    """About when (µs) a stream of `rate` events per second on average has brought `events`."""
    homes = [world.population.user(index).home.hours for index in range(min(SAMPLE, world.population.size))]
    weights = [(FIRST_HUMAN_RANK + index) ** -USER_EXPONENT for index in range(len(homes))]
    time, left = start, float(events)
    while True:
        awake = sum(weight * activity(time, home) for weight, home in zip(weights, homes, strict=True)) / sum(weights)
        brought = rate * (MACHINE_SHARE + (1 - MACHINE_SHARE) * awake / MEAN_ACTIVITY) * (STEP / SECOND)
        if brought >= left:
            return time + int(STEP * left / brought)
        time, left = time + STEP, left - brought
