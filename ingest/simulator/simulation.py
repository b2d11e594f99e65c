"""The simulation: one seed, one start, one stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.simulator.delivery import Delivery, Disorder
from ingest.simulator.draws import Draws
from ingest.simulator.labels import Label
from ingest.simulator.lookalikes import LookAlikes
from ingest.simulator.machines import Machines
from ingest.simulator.pace import MACHINE_SHARE
from ingest.simulator.plan import DEFAULT_INTENSITY, Planned
from ingest.simulator.scenarios import ATTACKS
from ingest.simulator.scenarios.case import Case, Cast
from ingest.simulator.sessions import Event, Strand
from ingest.simulator.signing import KeyService
from ingest.simulator.timeline import Timeline
from ingest.simulator.traffic import Arrival, Visits
from ingest.simulator.world import World

DEFAULT_RATE: Final = 20.0
DEFAULT_USERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much there is of what.

    `rate` is benign events per second, averaged over a week; `intensity` the dose of planned attacks; `rounds` how
    often each attack is planned; `signatures` adds the key service's `sign` for every signed token.
    """

    rate: float = DEFAULT_RATE
    users: int = DEFAULT_USERS
    intensity: float = DEFAULT_INTENSITY
    rounds: int = 1
    signatures: bool = False
    disorder: Disorder = field(default_factory=Disorder)

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate must be above 0 events per second, not {self.rate}")
        if self.users < 1:
            raise ValueError(f"there must be at least one user, not {self.users}")


class Simulation:
    """Endless traffic with labelled attacks. Iterate, or `advance` to a time; not both.

    The same (seed, start, plan, traffic) gives the same events, and the benign ones do not depend on the plan.
    """

    def __init__(self, seed: int, start: int, plan: Sequence[Planned] = (), traffic: Traffic | None = None) -> None:
        traffic = traffic or Traffic()
        self.now = start
        self._world = World(seed, traffic.users, MACHINE_SHARE * traffic.rate)
        self._keys = KeyService(self._world)
        self._signatures = traffic.signatures
        self._delivery = Delivery(seed, traffic.disorder)
        cast = Cast(self._world, Draws(seed, "cast"))
        self._cases = [self._case(cast, number, planned, traffic) for number, planned in enumerate(plan)]
        self._events = Timeline(self._arrivals(start, traffic)).events()
        self._next = next(self._events)

    def _case(self, cast: Cast, number: int, planned: Planned, traffic: Traffic) -> Case:
        attack = ATTACKS[planned.scenario]
        case = Case(
            self._world, cast, attack, planned.variant, planned.start, number=number, intensity=planned.intensity
        )
        case.lateness = traffic.disorder.lateness
        return case

    def _arrivals(self, start: int, traffic: Traffic) -> list[Iterator[Arrival]]:
        visits = Visits(self._world, Strand(self._world.seed, "people"))
        machines = Machines(Strand(self._world.seed, "machines"))
        work = ((start, machines.work(service, start)) for service in self._world.services)
        keys = ((start, self._keys.rotations(api, start)) for api in self._world.catalogue.apis)
        readings = ((start, self._keys.readings(service, start)) for service in self._world.services)
        odd = LookAlikes(self._world).arrivals(start, traffic.rate)
        attacks = ((case.start, case.play()) for case in sorted(self._cases, key=lambda case: case.start))
        people = visits.arrivals(start, (1 - MACHINE_SHARE) * traffic.rate)
        return [people, work, keys, iter([(start, self._keys.administration(start))]), readings, odd, attacks]

    def advance(self, until: int) -> list[Event]:
        """Events that arrive from the last call up to `until` (µs since the epoch), in order of arrival."""
        while self._next["time"] <= until:
            self._take()
        self.now = max(self.now, until)
        return list(self._delivery.arrived(until))

    def _take(self) -> None:
        self.now = self._next["time"]
        if self._signatures and self._next["type"] == "issue" and "key_id" in self._next:
            self._delivery.accept(self._keys.signature(self._next))
        self._delivery.accept(self._next)
        self._next = next(self._events)

    def __iter__(self) -> Iterator[Event]:
        while True:
            time = self._next["time"]
            self._take()
            yield from self._delivery.arrived(time)

    def labels(self) -> list[Label]:
        """The attacks that have begun, as far as they have come."""
        labels = (case.label(self.now) for case in self._cases)
        return sorted((label for label in labels if label is not None), key=lambda label: (label.start, label.scenario))
