"""The world that benign users and attackers share. It is fixed by the seed and changes with nothing that happens."""

from __future__ import annotations

from typing import Final

from ingest.simulator.applications import Catalogue
from ingest.simulator.calendar import Calendar
from ingest.simulator.machines import draw_services
from ingest.simulator.networks import Networks
from ingest.simulator.population import USERS_PER_COMPANY, Population
from ingest.simulator.whereabouts import Whereabouts

USERS_PER_SERVICE: Final = 50


class World:
    """Population, applications, services, networks and calendar of one seed. `machine_rate` is in events per second."""

    def __init__(self, seed: int, users: int, machine_rate: float) -> None:
        self.seed = seed
        self.catalogue = Catalogue()
        self.population = Population(seed, users, self.catalogue)
        self.networks = Networks(seed)
        self.whereabouts = Whereabouts(seed, self.population, self.networks)
        self.calendar = Calendar(seed, max(1, users // USERS_PER_COMPANY), len(self.catalogue.applications))
        size = max(8, users // USERS_PER_SERVICE)
        self.services = draw_services(seed, self.catalogue, self.whereabouts, machine_rate, size)
