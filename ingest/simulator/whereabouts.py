"""Where a user is at a time, and through which network each device speaks from there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from ingest.simulator.clock import DAY, HOUR, local_hour
from ingest.simulator.draws import Dice, Traits
from ingest.simulator.networks import Fields, Networks
from ingest.simulator.places import CITY, PLACES, Place, flight_hours, great_circle_km
from ingest.simulator.population import Company, Device, Population, User

WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY  # the epoch was a Thursday
NEAREST_KM: Final = 300  # nobody flies less
FARTHEST_KM: Final = 10_000  # there and back fits into the week
VPN_STRETCH: Final = 3 * HOUR
OFFICE_HOURS: Final = range(8, 18)
HUBS: Final = tuple(CITY[name] for name in ("Frankfurt", "London", "New York", "San Francisco", "Singapore", "Tokyo"))
SERVER_REGIONS: Final = ("Frankfurt", "Dublin", "Boston")


@cache
def _nearest_hub(place: Place) -> Place:
    return min(HUBS, key=partial(great_circle_km, place))


@dataclass(frozen=True, slots=True)
class Stay:
    """A user in a city until the next departure (µs)."""

    place: Place
    until: int
    home: bool


class Whereabouts:
    """Answers for any user and time without keeping a diary: a trip belongs to (seed, user, week)."""

    def __init__(self, seed: int, population: Population, networks: Networks) -> None:
        self._seed = seed
        self._population = population
        self.networks = networks

    def at(self, user: User, micros: int) -> Stay | None:
        """Where the user is, or None in the air."""
        week = (micros - MONDAY) // WEEK
        week_end = (week + 1) * WEEK + MONDAY
        if not user.traveller:
            return Stay(user.home, week_end, home=True)
        traits = Traits(self._seed, "trip", user.index, week)
        if traits.chance(0.4):
            return Stay(user.home, week_end, home=True)
        return self._on_trip(user, traits, micros, week_end)

    @staticmethod
    def _on_trip(user: User, traits: Traits, micros: int, week_end: int) -> Stay | None:
        reach = [place for place in PLACES if NEAREST_KM < great_circle_km(user.home, place) < FARTHEST_KM]
        there = traits.pick(reach)
        flight = int(flight_hours(user.home, there) * HOUR)
        departure = week_end - WEEK + int(traits.between(6, 80) * HOUR)
        arrival = departure + flight
        way_back = arrival + int(traits.between(14, 50) * HOUR)
        if micros < departure:
            return Stay(user.home, departure, home=True)
        if micros >= way_back + flight:
            return Stay(user.home, week_end, home=True)
        if arrival <= micros < way_back:
            return Stay(there, way_back, home=False)
        return None

    def connection(self, user: User, device: Device, micros: int, dice: Dice) -> Fields | None:
        """Event fields of the network that this device speaks from now; None in the air."""
        stay = self.at(user, micros)
        if stay is None:
            return None
        if user.own_vpn and self._switched_on(user, micros, 0.6):
            hub = HUBS[user.line % len(HUBS)] if user.line % 4 == 0 else _nearest_hub(user.home)
            return self.networks.exit(hub, user.line % 40 + dice.below(3), flagged=user.line % 3 > 0)
        if device.kind == "phone":
            return self._of_phone(user, stay, dice)
        return self._of_laptop(user, device, stay, micros, dice)

    def _of_phone(self, user: User, stay: Stay, dice: Dice) -> Fields:
        if stay.home and dice.chance(0.4):
            return self._line(user, user.home, user.line, dice)
        # Abroad, mobile data comes out at the carrier at home two times out of three.
        roaming_at_home = stay.home or user.line % 3 > 0
        return self.networks.mobile(user.home if roaming_at_home else stay.place, dice.below(64))

    def _of_laptop(self, user: User, device: Device, stay: Stay, micros: int, dice: Dice) -> Fields:
        company = self._population.company(user.company)
        place = self._persona(user, device) if user.shared else stay.place
        if company.vpn and self._switched_on(user, micros, 0.3 if stay.home else 0.6):
            return self._company_vpn(company)
        if stay.home and not user.remote and self._in_office(user, micros):
            return self.networks.office(company.site, company.number)
        line = user.line if stay.home else user.line + 7919
        return self._line(user, place, line, dice)

    def _line(self, user: User, place: Place, line: int, dice: Dice) -> Fields:
        return self.networks.fixed(place, line, dice.below(0x10000) if user.ipv6 else None)

    def _company_vpn(self, company: Company) -> Fields:
        # One company in eight sends everybody out on another continent; the others through the hub next to them.
        far = company.number % 8 == 0
        hub = max(HUBS, key=partial(great_circle_km, company.site)) if far else _nearest_hub(company.site)
        return self.networks.exit(hub, company.number, company.flagged)

    @staticmethod
    def _persona(user: User, device: Device) -> Place:
        """Each of the people behind a shared account sits in a city of their own."""
        others = [place for place in PLACES if place.country == user.home.country]
        return Traits(device.user_agent, device.device_id or "").pick(others)

    def _switched_on(self, user: User, micros: int, probability: float) -> bool:
        """A VPN is on or off for a stretch of work, not call by call."""
        return Traits(self._seed, "vpn", user.index, micros // VPN_STRETCH).chance(probability)

    def _in_office(self, user: User, micros: int) -> bool:
        hour, weekend = local_hour(micros, user.home.hours)
        day = (micros + int(user.home.hours * HOUR)) // DAY
        return not weekend and hour in OFFICE_HOURS and Traits(self._seed, "office", user.index, day).chance(0.55)

    def server(self, number: int) -> Fields:
        """Event fields of a server of the company that runs application or service `number`."""
        return self.networks.cloud(CITY[SERVER_REGIONS[number % len(SERVER_REGIONS)]], number)
