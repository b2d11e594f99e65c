"""Benign traffic that a detector of token abuse could take for an attack, beside what all people and machines do.

It has a strand of its own: the rest of the benign traffic is the same with it and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ingest.simulator.clock import DAY, HOUR, MINUTE, SECOND, activity
from ingest.simulator.draws import Traits
from ingest.simulator.networks import Fields
from ingest.simulator.places import CITY
from ingest.simulator.population import BROWSERS, Device, User
from ingest.simulator.sessions import Event, Session, Strand
from ingest.simulator.traffic import Arrival
from ingest.simulator.world import World

SHARE: Final = 0.02
"""Look-alikes as a share of all benign events, on top of their rate."""
EVENTS_EACH: Final = 4.0
MEAN_ACTIVITY: Final = 0.4
CLOCK_LAG: Final = 12 * SECOND
CACHE: Final = 45 * SECOND
LONG_STREAM: Final = 0.02
OFFLINE: Final = 0.1
EXPIRED_CERTIFICATE: Final = 0.03
"""Share of days on which a partner's certificate has run out."""

FAMILY_CLIENT: Final = "app-native-mail"
"""Shares refresh tokens with the other first-party clients."""
AUTHORIZATION_SERVERS: Final = ("userinfo", "introspection")
"""Names under which the identity provider's own endpoints log."""
PROXIED_SERVERS: Final = ("reports-legacy", "metrics")
"""Reached without TLS, behind a proxy or within one machine."""
DOWNLOADS: Final = "app-downloads"
"""Makes links for single downloads."""
IN_QUERY: Final = {"token_location": "query"}

Scene = Callable[["LookAlikes", User, int], Iterator[Event]]


class LookAlikes:
    """People and machines doing what looks wrong and is not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.strand = Strand(world.seed, "lookalikes")

    def arrivals(self, start: int, rate: float) -> Iterator[Arrival]:
        """Endless scenes from `start` (µs), in people's hours; `rate` is all benign events a second."""
        draws, population, time = self.strand.draws, self.world.population, float(start)
        pace = EVENTS_EACH * MEAN_ACTIVITY / (SHARE * rate) * SECOND
        while True:
            time += draws.exponential(pace)
            user = population.user(draws.below(population.size))
            if not user.shared and draws.chance(activity(int(time), user.home.hours)):
                yield int(time), draws.pick(SCENES)(self, user, int(time))

    def _at(self, user: User, device: Device, time: int) -> Fields | None:
        connection = self.world.whereabouts.connection(user, device, time, self.strand.draws)
        return None if connection is None else {**connection, **device.fields()}

    def _opened(self, user: User, kind: str, time: int) -> tuple[Session, Fields, list[Event]] | None:
        """A session, where it is used from, and its login; None while its user flies."""
        application, catalogue = self.world.catalogue.named(kind), self.world.catalogue
        device = user.device(application.style.device)
        where = self._at(user, device, time)
        if where is None:
            return None
        api = catalogue.apis[self.strand.draws.ranked(catalogue.demand)]
        session = Session(self.strand, user, application, api, device)
        return session, where, session.open(time, where)

    def _use(self, session: Session, where: Fields, time: int, *parts: Fields, **more: object) -> Event:
        return self.strand.event("key-use", time, session.usage(where), *parts, **more)

    def stream(self, user: User, time: int) -> Iterator[Event]:
        """A web socket or server-sent events: browsers set no header there. Some servers log the end of it."""
        opened = self._opened(user, "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            yield self._use(session, where, time + SECOND, IN_QUERY, resource_server="messages")
            end = int(session.application.style.access_life * self.strand.draws.between(0.2, 0.9))
            if self.strand.draws.chance(LONG_STREAM):
                end += session.application.style.access_life
            yield self._use(session, where, time + end, IN_QUERY, resource_server="messages")

    def download(self, user: User, time: int) -> Iterator[Event]:
        """A link with a token of its own, good for two minutes."""
        opened = self._opened(user, "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            clock, draws = self.strand.clock, self.strand.draws
            link = {"client_id": DOWNLOADS, "token_id": f"dl-{draws.hex_id()}", **IN_QUERY}
            link |= {"exp": clock.text(time + 2 * MINUTE), "resource_server": "files"}
            use = {**session.usage(where), **link}
            issue = {name: value for name, value in use.items() if name not in {"operation", "outcome"}}
            yield self.strand.event("issue", time + 20 * SECOND, issue)
            yield self.strand.event("key-use", time + 25 * SECOND, use)

    def behind_proxy(self, user: User, time: int) -> Iterator[Event]:
        """An old server that sees plain HTTP, since a proxy in front of it ends TLS."""
        opened = self._opened(user, "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            for _ in range(3):
                time += int(self.strand.draws.exponential(20 * SECOND))
                yield self._use(session, where, time, transport="http", resource_server=PROXIED_SERVERS[0])

    def health_check(self, user: User, time: int) -> Iterator[Event]:  # noqa: ARG002 - no person takes part
        """A machine asks itself how it is, with a token and without TLS."""
        service = self.strand.draws.pick(self.world.services)
        token, issue = service.grant(self.strand, time)
        yield issue
        use = {name: value for name, value in service.usage(token).items() if name not in service.where}
        use |= {"ip": "127.0.0.1", "ip_role": "server", "transport": "http", "resource_server": PROXIED_SERVERS[1]}
        for step in range(1, 5):
            yield self.strand.event("key-use", time + step * 15 * SECOND, use)

    def at_the_provider(self, user: User, time: int) -> Iterator[Event]:
        """Id and refresh tokens at endpoints of the identity provider, which log like any resource server."""
        opened = self._opened(user, "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            known = {"token_id_kind": "jti", "operation": "verify", "outcome": "success"}
            for event, server in zip(reversed(login), AUTHORIZATION_SERVERS, strict=False):
                shown = {"token_id": event["token_id"], "token_type": event["token_type"], "resource_server": server}
                yield self.strand.event("key-use", time + 2 * SECOND, session.identity, known, shown, where)

    def first_party(self, user: User, time: int) -> Iterator[Event]:
        """A second application of the same maker signs in with the first one's refresh token."""
        opened = self._opened(user, "native", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            yield from session.rotate(time + 20 * SECOND, {**where, "client_id": FAMILY_CLIENT})

    def hybrid(self, user: User, time: int) -> Iterator[Event]:
        """A web view within an application says another user agent and no device; a VPN is switched on meanwhile."""
        opened = self._opened(user, "native", time)
        if opened is None:
            return
        session, where, login = opened
        yield from login
        draws = self.strand.draws
        view = {name: value for name, value in where.items() if name != "device_id"}
        view |= {"user_agent": BROWSERS[3].format(18, draws.below(7))}
        yield self._use(session, view, time + 30 * SECOND)
        if draws.chance(0.05):
            hub = CITY[draws.pick(("Frankfurt", "London", "New York"))]
            view |= self.world.networks.exit(hub, draws.below(40), flagged=draws.chance(0.7))
            yield self._use(session, view, time + 4 * MINUTE)

    def updated(self, user: User, time: int) -> Iterator[Event]:
        """A browser updates itself while its token lives."""
        opened = self._opened(user, "desktop", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            version = str(where["user_agent"]).replace("/13", "/14")
            yield self._use(session, {**where, "user_agent": version}, time + 9 * MINUTE)

    def clock_lag(self, user: User, time: int) -> Iterator[Event]:
        """An API whose clock is late still takes what has just expired."""
        opened = self._opened(user, "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            lag = int(self.strand.draws.exponential(CLOCK_LAG))
            yield self._use(session, where, session.access.expires + lag)

    def logged_out(self, user: User, time: int) -> Iterator[Event]:
        """Another tab goes on until its token expires; an opaque one until the API asks again."""
        opaque = self.strand.draws.chance(0.3)
        opened = self._opened(user, "partner" if opaque else "spa", time)
        if opened is not None:
            session, where, login = opened
            yield from login
            time += 3 * MINUTE
            yield session.revoked(time, where, "logout", "session")
            lag = self.strand.draws.between(0, CACHE if opaque else 9 * MINUTE)
            yield self._use(session, where, time + int(lag))

    def offline(self, user: User, time: int) -> Iterator[Event]:
        """A phone keeps synchronising after the log-out: its refresh token is for offline use."""
        opened = self._opened(user, "native", time)
        if opened is not None and self.strand.draws.chance(OFFLINE):
            session, where, login = opened
            yield from login
            yield session.revoked(time + MINUTE, where, "logout", "session")
            later = time + int(self.strand.draws.between(1, 5) * HOUR)
            there = self._at(user, session.device, later)
            if there is not None:
                yield from session.rotate(later, there)

    def assertion(self, user: User, time: int) -> Iterator[Event]:  # noqa: ARG002 - no person takes part
        """A partner proves itself with a certificate in the header; on some days it has run out."""
        expired = Traits(self.world.seed, "certificate", time // DAY).chance(EXPIRED_CERTIFICATE)
        partner = self.world.catalogue.named("partner").fields() | {"client_id": "svc-partner-sync"}
        header = {"header_params": ["x5c"], "alg": "RS256", "grant_type": "client_credentials"}
        fields = {**partner, **header, **self.world.whereabouts.server(4000), "user_agent": "java-http-client/21"}
        if expired:
            yield self.strand.event("verify-failure", time, fields, reason="invalid-client")
        else:
            token = {"token_id": f"at-{self.strand.draws.hex_id()}", "token_id_kind": "hash", "token_type": "access"}
            yield self.strand.event("issue", time, fields, token)

    def internal(self, user: User, time: int) -> Iterator[Event]:  # noqa: ARG002 - no person takes part
        """Two services of one team share a secret of full length and sign with it."""
        service = self.strand.draws.pick(self.world.services)
        token, issue = service.grant(self.strand, time)
        signed = {"alg": "HS256", "key_id": "internal-shared", "key_bits": 256}
        yield {**issue, **signed}
        for step in range(1, 4):
            yield self.strand.event("key-use", time + step * 5 * SECOND, service.usage(token), signed)


SCENES: Final[tuple[Scene, ...]] = (
    LookAlikes.stream,
    LookAlikes.download,
    LookAlikes.behind_proxy,
    LookAlikes.health_check,
    LookAlikes.at_the_provider,
    LookAlikes.first_party,
    LookAlikes.hybrid,
    LookAlikes.updated,
    LookAlikes.clock_lag,
    LookAlikes.logged_out,
    LookAlikes.offline,
    LookAlikes.assertion,
    LookAlikes.internal,
)
