"""The address plan: which address, network and (sometimes wrong) place a connection shows in the log.

Each (autonomous system, city) owns one made-up /16 and one made-up IPv6 /32, so that ip, asn, country and place always
agree, except where a geo database is wrong: then it is wrong for the whole /24, every time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from ingest.simulator.draws import Traits, mixed
from ingest.simulator.places import ANONYMISERS, CARRIERS, CLOUDS, PLACES, RENTED, Place, System

Fields = dict[str, Any]

FIRST_OCTETS: Final = (11, 21, 22, 26, 28, 29, 30, 33)  # unicast, not private, hardly seen on the internet
POOL: Final = 6  # addresses of one carrier-grade NAT
WRONG_CITY: Final = 0.02
WRONG_COUNTRY: Final = 0.002
HUB: Final = {place.country: place for place in reversed(PLACES)}
BLOCKS: Final = {
    owner: number
    for number, owner in enumerate(
        (system.asn, place.city)
        for place in PLACES
        for system in dict.fromkeys((*CARRIERS[place.country], *CLOUDS, *RENTED, *ANONYMISERS))
    )
}


def address(asn: int, city: str, host: int) -> str:
    """IPv4 address number `host` (16 bits) of a network in a city."""
    block = BLOCKS[asn, city]
    return f"{FIRST_OCTETS[block >> 8]}.{block & 255}.{host >> 8 & 255}.{host & 255}"


class Networks:
    """Connections as event fields: ip, ip_role, asn, as_org, country, city, lat, lon, accuracy_km, network."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._located = lru_cache(maxsize=65536)(self._locate)

    def fixed(self, place: Place, line: int, privacy: int | None = None, system: System | None = None) -> Fields:
        """Fixed line number `line` of a city, of any system there; with `privacy`, over IPv6 with that interface id."""
        systems = CARRIERS[place.country][:-1]
        system = system or systems[line % len(systems)]
        host = mixed(line) & 0xFFFF
        fields = self._fields(system, place, host, accuracy=20.0)
        if privacy is not None:
            block = BLOCKS[system.asn, place.city]
            fields["ip"] = f"3100:{block:x}:{mixed(line) >> 48:x}:{host:x}::{privacy & 0xFFFF | 1:x}"
        return fields

    def mobile(self, place: Place, caller: int) -> Fields:
        """Behind a carrier's NAT: few addresses for everybody, shown at the carrier's hub."""
        hub = HUB[place.country]
        return self._fields(CARRIERS[place.country][-1], hub, 256 + caller % POOL, accuracy=200.0, network="mobile")

    def office(self, place: Place, company: int) -> Fields:
        """The egress of a company's site."""
        return self._fields(CARRIERS[place.country][0], place, 0xF000 + company % 0x1000, accuracy=10.0)

    def cloud(self, place: Place, machine: int, role: str = "server") -> Fields:
        """A server in a cloud region."""
        fields = self._fields(CLOUDS[machine % len(CLOUDS)], place, mixed(machine) & 0xFFFF, 1000.0, "hosting")
        fields["ip_role"] = role
        return fields

    def rented(self, place: Place, machine: int) -> Fields:
        """A rented server used as a client; geo data bases do not always know that it is one."""
        network = "hosting" if machine % 3 else None
        return self._fields(RENTED[machine % len(RENTED)], place, mixed(machine) & 0xFFFF, 50.0, network)

    def exit(self, place: Place, number: int, flagged: bool) -> Fields:  # noqa: FBT001 - a property of the exit
        """Exit of a VPN, with or without the flag that says so."""
        system = ANONYMISERS[number % len(ANONYMISERS)]
        return self._fields(system, place, 0xE000 + number % 64, 50.0, "vpn" if flagged else None)

    def _fields(self, system: System, place: Place, host: int, accuracy: float, network: str | None = None) -> Fields:
        ip = address(system.asn, place.city, host)
        shown = self._located(place, ip.rpartition(".")[0])
        fields: Fields = {
            "ip": ip,
            "ip_role": "user",
            "asn": system.asn,
            "as_org": system.name,
            "country": shown.country,
            "city": shown.city,
            "lat": shown.lat,
            "lon": shown.lon,
        }
        if shown is place:
            fields["accuracy_km"] = accuracy
        if network is not None:
            fields["network"] = [network]
        return fields

    def _locate(self, place: Place, prefix: str) -> Place:
        traits = Traits(self._seed, "geo", prefix)
        roll = traits.unit()
        if roll < WRONG_COUNTRY:
            return traits.pick(PLACES)
        if roll < WRONG_CITY:
            return traits.pick([other for other in PLACES if other.country == place.country])
        return place
