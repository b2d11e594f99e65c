"""Benign traffic of people: visits by the hour of the day, each resuming a session or logging in, then using tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.applications import Application
from ingest.simulator.clock import HOUR, MINUTE, SECOND, activity
from ingest.simulator.draws import Traits, zipf_cumulative
from ingest.simulator.logins import Logins
from ingest.simulator.networks import Fields
from ingest.simulator.pace import MEAN_ACTIVITY
from ingest.simulator.population import FIRST_HUMAN_RANK, USER_EXPONENT, Device, User, make_device
from ingest.simulator.sessions import Event, Session, Strand
from ingest.simulator.world import World

EVENTS_PER_VISIT: Final = 15.0
PAGES_MEAN: Final = 6.0
CALLS_PER_PAGE: Final = 4
LOGOUT: Final = 0.12
STALE_USE: Final = 0.08
DENIED: Final = 0.01
CACHE_MISS: Final = 0.3
EXCHANGE: Final = 0.03
TAB_RACE: Final = 0.02
LOST_RESPONSE: Final = 0.0015
STRICT_SERVER: Final = 0.1
BUGGY_CLIENT: Final = 0.0005
SHARERS: Final = 3

Arrival = tuple[int, Iterator[Event]]


class Visits:
    """People coming and going. `rate` is events per second, averaged over a week."""

    def __init__(self, world: World, strand: Strand) -> None:
        self.world = world
        self.strand = strand
        self._live: dict[tuple[int, str], Session] = {}
        self._logins = Logins(world, strand)

    def arrivals(self, start: int, rate: float) -> Iterator[Arrival]:
        """Endless visits from `start` (µs), in order: a Poisson process thinned by the visitor's local hour."""
        draws, population = self.strand.draws, self.world.population
        next_user = draws.ranks(zipf_cumulative(population.size, USER_EXPONENT, FIRST_HUMAN_RANK))
        pace = EVENTS_PER_VISIT * MEAN_ACTIVITY / rate * SECOND
        time = float(start)
        while True:
            time += draws.exponential(pace)
            user = population.user(next_user())
            if draws.chance(activity(int(time), user.home.hours)):
                yield int(time), self.visit(user, draws.pick(user.favourites), int(time))

    def visit(self, user: User, application: Application, time: int) -> Iterator[Event]:
        """One visit; during an outage people come back within minutes of its end."""
        back = self.world.calendar.outage_end(time)
        if back is not None:
            time = back + int(self.strand.draws.exponential(3 * MINUTE))
        device = self._device(user, application)
        connection = self.world.whereabouts.connection(user, device, time, self.strand.draws)
        if connection is None:
            return
        person = {**connection, **device.fields()}
        session = self._live.get((user.index, application.client_id))
        if session is None or user.shared or time - session.last_seen > application.style.idle_life:
            yield from self._arrive(user, application, device, person, time)
        elif time >= session.busy_until:
            yield from self._browse(session, person, time)

    def _device(self, user: User, application: Application) -> Device:
        if user.shared:
            return make_device(Traits("sharer", user.index, self.strand.draws.below(SHARERS)), "laptop")
        return user.device(application.style.device)

    def _holder(self, application: Application, person: Fields) -> Fields:
        """Who presents tokens: the person's device, or the backend in front of it."""
        if not application.style.backend:
            return person
        return {**self.world.whereabouts.server(application.number), "user_agent": "node-fetch/3.3 (bff)"}

    def _arrive(
        self, user: User, application: Application, device: Device, person: Fields, time: int
    ) -> Iterator[Event]:
        catalogue = self.world.catalogue
        api = catalogue.apis[self.strand.draws.ranked(catalogue.demand)]
        session = Session(self.strand, user, application, api, device)
        self._live[user.index, application.client_id] = session
        session.busy_until = time + 10 * MINUTE
        for event in self._logins.play(session, time, person, self._holder(application, person)):
            time = event["time"]
            yield event
        yield from self._browse(session, person, time + SECOND)

    def _browse(self, session: Session, person: Fields, time: int) -> Iterator[Event]:
        """Pages of a few calls each, a pause between them, now and then a log-out at the end."""
        draws = self.strand.draws
        holder = self._holder(session.application, person)
        for _ in range(1 + int(draws.exponential(PAGES_MEAN))):
            session.busy_until = time + MINUTE
            for event in self._renew(session, person, holder, time):
                time = event["time"]
                yield event
            for event in self._page(session, holder, time):
                time = event["time"]
                yield event
            time += int(draws.exponential(70 * SECOND))
        session.busy_until = session.last_seen = time
        if session.application.style.device == "laptop" and draws.chance(LOGOUT):
            self._forget(session)
            yield session.revoked(time, person, "logout", "session")

    def _forget(self, session: Session) -> None:
        self._live.pop((session.user.index, session.application.client_id), None)

    def _page(self, session: Session, holder: Fields, time: int) -> Iterator[Event]:
        draws, event = self.strand.draws, self.strand.event
        fields = session.usage(holder)
        if session.api.freshly_rotated(time) and not session.application.style.opaque and draws.chance(CACHE_MISS):
            yield session.refused(time, holder, "unknown-key")
        for _ in range(1 + draws.below(CALLS_PER_PAGE)):
            time += int(draws.exponential(200_000))
            if draws.chance(DENIED):
                yield event("key-use", time, fields, {"outcome": "denied", "required_scope": ["admin"]})
            else:
                yield event("key-use", time, fields)
        if draws.chance(EXCHANGE):
            yield from self._exchange(session, time)

    def _exchange(self, session: Session, time: int) -> Iterator[Event]:
        """The API calls the next API with a token of its own, exchanged for the user's (RFC 8693)."""
        gateway = {**self.world.whereabouts.server(session.api.number), "client_id": "svc-gateway"}
        token = {
            **session.access.fields,
            **gateway,
            "token_id": f"at-{self.strand.draws.hex_id()}",
            "actor": ["gateway"],
        }
        grant = {"grant_type": "token-exchange", "subject_token_id": session.access.token_id}
        yield self.strand.event("issue", time, token, grant)
        seen = {"operation": "verify", "outcome": "success", "resource_server": "ledger"}
        yield self.strand.event("key-use", time + 30_000, token, seen)

    def _renew(self, session: Session, person: Fields, holder: Fields, time: int) -> Iterator[Event]:
        """Get a fresh access token if this one has expired or a deploy has thrown it away."""
        draws, access = self.strand.draws, session.access
        deployed = self.world.calendar.deployed_since(session.application.number, access.issued, time)
        if time < access.expires and not deployed:
            return
        if draws.chance(STALE_USE) and not deployed:
            yield session.refused(time, holder, "expired")
            time += SECOND
        if not session.application.style.rotates:
            yield from session.rotate(time, holder)
        elif draws.chance(LOST_RESPONSE):
            yield from self._lose_response(session, person, holder, time)
        elif draws.chance(BUGGY_CLIENT) and session.spent:
            yield from session.rotate(time, holder, parent=session.spent[-1])
        else:
            yield from self._rotate(session, holder, time)

    def _rotate(self, session: Session, holder: Fields, time: int) -> Iterator[Event]:
        draws, parent = self.strand.draws, session.refresh_id
        if session.sibling is not None and draws.chance(0.5):
            parent = session.sibling
        session.sibling = None
        yield from session.rotate(time, holder, parent)
        if draws.chance(TAB_RACE):
            session.sibling = session.refresh_id
            yield from session.rotate(time + int(draws.exponential(1_500_000)), holder, parent)

    def _lose_response(self, session: Session, person: Fields, holder: Fields, time: int) -> Iterator[Event]:
        """The answer never reaches the client, which comes back with the spent token minutes to hours later."""
        draws, parent, generation = self.strand.draws, session.refresh_id, session.generation
        yield from session.rotate(time, holder)
        time += int(min(draws.exponential(40 * MINUTE), 5 * HOUR))
        session.busy_until = time + MINUTE
        if not draws.chance(STRICT_SERVER):
            yield from session.rotate(time, holder, parent)
            return
        yield session.replayed(time, holder, parent, generation)
        yield session.revoked(time, holder, "reuse-detected", "family")
        session.start_over()
        yield from self._logins.play(session, time + 20 * SECOND, person, holder)
