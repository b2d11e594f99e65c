"""What happens to everybody at once: outages, deploys and password-reset days. Each belongs to (seed, day)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ingest.simulator.clock import DAY, HOUR, MINUTE
from ingest.simulator.draws import Traits


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, µs, end excluded."""

    start: int
    end: int

    def covers(self, micros: int) -> bool:
        """True inside the span."""
        return self.start <= micros < self.end


@dataclass(frozen=True, slots=True)
class Agenda:
    """One day (UTC). `deploy` is when application `deployed` loses its tokens; `resetting` is a company or None."""

    outage: Span | None
    deploy: Span | None
    deployed: int
    resetting: int | None


class Calendar:
    """Answers what is on at a time."""

    def __init__(self, seed: int, companies: int, applications: int) -> None:
        self._seed = seed
        self._companies = companies
        self._applications = applications
        self.day = lru_cache(maxsize=64)(self._plan)

    def _plan(self, day: int) -> Agenda:
        traits = Traits(self._seed, "day", day)
        outage = self._span(traits, day, 0.12, (6, 20), (8, 30))
        deploy = self._span(traits, day, 0.5, (7, 19), (5, 15))
        resetting = traits.below(self._companies) if traits.chance(0.25) else None
        return Agenda(outage, deploy, traits.below(min(6, self._applications)), resetting)

    @staticmethod
    def _span(
        traits: Traits, day: int, probability: float, hours: tuple[float, float], minutes: tuple[float, float]
    ) -> Span | None:
        start = day * DAY + int(traits.between(*hours) * HOUR)
        end = start + int(traits.between(*minutes) * MINUTE)
        return Span(start, end) if traits.chance(probability) else None

    def outage_end(self, micros: int) -> int | None:
        """When the identity provider is back, if it is down at this time."""
        outage = self.day(micros // DAY).outage
        return outage.end if outage is not None and outage.covers(micros) else None

    def deployed_since(self, application: int, since: int, micros: int) -> bool:
        """True if a deploy of this application began after `since`, today."""
        agenda = self.day(micros // DAY)
        deploy = agenda.deploy
        return agenda.deployed == application and deploy is not None and since < deploy.start <= micros

    def resetting(self, company: int, micros: int) -> bool:
        """True on the day a company makes everybody choose a new password."""
        return self.day(micros // DAY).resetting == company
