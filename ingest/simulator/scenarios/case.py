"""What an attack is made of, and the stage it is played on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ingest.simulator.applications import Api, Application
from ingest.simulator.clock import HOUR, SECOND
from ingest.simulator.draws import Draws
from ingest.simulator.labels import Label, LabelEntity
from ingest.simulator.machines import Service
from ingest.simulator.networks import Fields
from ingest.simulator.places import CARRIERS, PLACES, Place
from ingest.simulator.population import Device, User, make_device
from ingest.simulator.sessions import Event, Session, Strand
from ingest.simulator.world import World
from schemas.vocabulary import EntityType, Severity

Play = Callable[["Case"], Iterator[Event]]
T = TypeVar("T")
WINDOW_SHARE: Final = 0.8  # a dose is given within this part of its window


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to play an attack. `span` is the longest it takes, lead-in of the victim included, µs.

    Severity and classes are the attack's where the variant says none.
    """

    span: int
    min_severity: Severity | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack family: what should find it, and how it is played. `posture` is a fault that no person exploits yet."""

    name: str
    expected: tuple[str, ...]
    classes: tuple[str, ...]
    min_severity: Severity
    variants: dict[str, Variant]
    play: Play
    posture: bool = False


@dataclass(slots=True)
class Cast:
    """Hands out victims, each once, so that attacks are independent cases."""

    world: World
    draws: Draws
    taken: set[int] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    turns: Counter[str] = field(default_factory=Counter)

    def victim(self) -> User:
        """A user who stays at home, shares with nobody and hides behind no VPN of their own."""
        population = self.world.population
        for _ in range(10 * population.size):
            index = self.draws.below(population.size)
            user = population.user(index)
            if index not in self.taken and not (user.traveller or user.shared or user.own_vpn):
                self.taken.add(index)
                return user
        raise ValueError(f"{population.size} users are too few for this many attacks: give more users")

    def service(self, candidates: Sequence[Service]) -> Service:
        """A service of the candidates. There are few: each is used once before any is used again."""
        fresh = [service for service in candidates if service.client_id not in self.used]
        service = self.draws.pick(fresh or candidates)
        self.used.add(service.client_id)
        return service

    def turn(self, candidates: Sequence[T], name: Callable[[T], str]) -> T:
        """One of those that were handed out least often, so that no two cases share it as long as possible."""
        least = min(self.turns[name(one)] for one in candidates)
        chosen = self.draws.pick([one for one in candidates if self.turns[name(one)] == least])
        self.turns[name(chosen)] += 1
        return chosen

    def api(self, purpose: str) -> Api:
        """An API, and thereby the key that signs its tokens; cases of one purpose take turns."""
        return self.turn(self.world.catalogue.apis, lambda api: f"{purpose} {api.name}")

    def application(self, purpose: str, kinds: Collection[str]) -> Application:
        """An application of one of the kinds; cases of one purpose take turns."""
        candidates = [one for one in self.world.catalogue.applications if one.style.kind in kinds]
        return self.turn(candidates, lambda one: f"{purpose} {one.client_id}")


class Case:
    """One attack being played: variant, dose, its own strand of events, and the truth as it comes about."""

    def __init__(
        self, world: World, cast: Cast, attack: Attack, variant: str, start: int, *, number: int, intensity: float
    ) -> None:
        self.world, self.cast, self.attack, self.variant = world, cast, attack, variant
        self.start, self.intensity = start, intensity
        self.strand = Strand(world.seed, f"{attack.name}/{variant}/{number}")
        self.draws = self.strand.draws
        self.lateness = 0.0
        self.finished = False
        self._entities: list[LabelEntity] = []
        self._hostile: list[tuple[int, str]] = []

    def play(self) -> Iterator[Event]:
        """The events of the attack and of its victims, in time order."""
        yield from self.attack.play(self)
        self.finished = True

    def dose(self, threshold: float) -> int:
        """Number of hostile acts for a threshold of the design, by the intensity; at least one."""
        return max(1, round(threshold * self.intensity))

    def opening(self, lead: int) -> int:
        """When the victim begins, `lead` µs before the attack: in `boundary` so that the attack meets a full hour."""
        return (self.start // HOUR + 1) * HOUR - lead if self.variant == "boundary" else self.start

    def moments(self, number: int, window: int, start: int | None = None) -> Iterator[int]:
        """`number` times within most of a window (µs), paced like a script with a random pause.

        The variant `boundary` puts the middle of the attack on a full hour.
        """
        pace = WINDOW_SHARE * window / number
        start = self.start if start is None else start
        if self.variant == "boundary":
            start = (self.start // HOUR + 1) * HOUR - int(pace * number / 2)
        for index in range(number):
            yield start + int(pace * (index + 0.5 * self.draws.unit()))

    def names(self, kind: EntityType, identifier: str) -> None:
        """State that an alert about this attack should name this entity."""
        self._entities.append(LabelEntity(type=kind, id=identifier))

    def hostile(self, event: Event) -> Event:
        """Mark an event as the attacker's doing; in the variant `late` it arrives late."""
        self._hostile.append((event["time"], event["event_id"]))
        if self.variant == "late":
            event["delay"] = int(self.draws.unit() * self.lateness * SECOND)
        return event

    def label(self, until: int) -> Label | None:
        """The truth so far, if anything hostile has happened by `until` (µs)."""
        seen = [(time, event_id) for time, event_id in self._hostile if time <= until]
        if not seen:
            return None
        return Label(
            scenario=self.attack.name,
            variant=self.variant,
            intensity=self.intensity,
            entities=self._entities,
            start=min(time for time, _ in seen),
            end=max(time for time, _ in seen),
            expected=list(self.attack.expected),
            classes=list(self.attack.variants[self.variant].classes or self.attack.classes),
            min_severity=self.attack.variants[self.variant].min_severity or self.attack.min_severity,
            event_ids=[event_id for _, event_id in seen],
            posture=self.attack.posture,
            complete=self.finished,
        )

    # Attackers.

    def far_from(self, home: Place) -> Place:
        """A city in another country."""
        return self.draws.pick([place for place in PLACES if place.country != home.country])

    def rented(self, place: Place | None = None) -> Fields:
        """A rented server as a source, with a tool's or a browser's looks."""
        networks = self.world.networks
        source = networks.rented(place or self.draws.pick(PLACES), self.draws.below(1 << 20))
        return {**source, **self._tool()}

    def resident(self, place: Place, *, beside: Fields | None = None, same_network: bool = False) -> Fields:
        """A hijacked fixed line in a city; with `beside`, in the same or another network than that connection's."""
        system = None
        if beside is not None:
            system = self.draws.pick(
                [one for one in CARRIERS[place.country] if (one.asn == beside["asn"]) == same_network]
            )
        return {**self.world.networks.fixed(place, self.draws.below(1 << 30), system=system), **self._tool()}

    def stranger(self, user: User, device: Device | None = None) -> Fields:
        """A thief abroad, or in `own-country` on a fixed line there; some take over the looks of a device."""
        if self.variant == "own-country":
            source = self.resident(user.home)
        else:
            away = self.far_from(user.home)
            source = self.resident(away) if self.draws.chance(0.4) else self.rented(away)
        if device is not None and self.draws.chance(0.2):
            return {**source, "user_agent": device.user_agent, "ja4": device.ja4}
        return source

    def _tool(self) -> Fields:
        """A fingerprint of its own: with the few of the population all attacks of a stream would look like one."""
        device = make_device(self.draws, self.draws.pick(("tool", "laptop")))
        return {**device.fields(), "ja4": f"{device.ja4[:10]}_{self.draws.hex_id()[:12]}_{self.draws.hex_id()[:12]}"}

    # Victims.

    def at_home(self, user: User, device: Device) -> Fields:
        """Where the victim's own device speaks from."""
        return {**self.world.networks.fixed(user.home, user.line), **device.fields()}

    def session(self, user: User, application: Application, api: Api | None = None) -> Session:
        """A session of a victim, not opened yet; the API is drawn by demand unless it is given."""
        catalogue = self.world.catalogue
        api = api or catalogue.apis[self.draws.ranked(catalogue.demand)]
        return Session(self.strand, user, application, api, user.device(application.style.device))

    def calls(self, session: Session, where: Fields, time: int, number: int, gap: float) -> Iterator[Event]:
        """Uses of the session's access token, `gap` seconds apart on average."""
        fields = session.usage(where)
        for _ in range(number):
            yield self.strand.event("key-use", time, fields)
            time += int(self.draws.exponential(gap) * SECOND)

    def signs_in(self, session: Session, where: Fields, time: int) -> Iterator[Event]:
        """The victim logs in and works for a minute."""
        yield from session.open(time, where)
        yield from self.calls(session, where, time + SECOND, 2 + self.draws.below(5), 6)
