"""Stolen refresh tokens: who redeems first, from where, how late, and what the server says about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.population import User
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event, Session
from schemas.vocabulary import EntityType, Severity


class _Heist:
    """A victim's session, and a thief who holds a copy of its refresh token."""

    def __init__(self, case: Case) -> None:
        self.case = case
        user = case.cast.victim()
        application = case.world.catalogue.named("spa" if case.draws.chance(0.4) else "native")
        self.session: Session = case.session(user, application)
        self.home = case.at_home(user, self.session.device)
        self.thief = self._thief(user)
        self.time = case.start
        case.names(EntityType.FAMILY, self.session.family_id)

    def _thief(self, user: User) -> Fields:
        case, device = self.case, self.session.device
        disguise = {"user_agent": device.user_agent, "ja4": device.ja4}
        if case.variant in {"own-country", "own-network"}:
            same = case.variant == "own-network"
            return {**case.resident(user.home, beside=self.home, same_network=same), **disguise}
        source = case.rented(case.far_from(user.home))
        return {**source, **disguise} if case.draws.chance(0.3) else source

    def open(self, refreshes: int) -> Iterator[Event]:
        """The victim logs in and works for a while."""
        draws = self.case.draws
        yield from self.session.open(self.time, self.home)
        for _ in range(refreshes):
            yield from self.work()
            self.time += int(draws.between(1.0, 1.3) * self.session.application.style.access_life)
            yield from self.session.rotate(self.time, self.home)
        yield from self.work()

    def work(self) -> Iterator[Event]:
        """A few calls of the victim."""
        return self._calls(self.home, 2 + self.case.draws.below(6))

    def _calls(self, where: Fields, number: int) -> Iterator[Event]:
        for event in self.case.calls(self.session, where, self.time + SECOND, number, 12):
            self.time = event["time"]
            yield event

    def steal(self, parent: str) -> Iterator[Event]:
        """The thief redeems the copy and reads what there is; sometimes the first try has a wrong client."""
        for event in self.session.rotate(self.time, self.thief, parent):
            yield self.case.hostile(event)
        for event in self._calls(self.thief, 1 + self.case.draws.below(self.case.dose(6))):
            yield self.case.hostile(event)

    def replay(self, parent: str) -> Iterator[Event]:
        """The victim's own client presents the token that the thief has spent."""
        for event in self.session.rotate(self.time, self.home, parent):
            yield self.case.hostile(event)

    def wait(self, low: int, high: int) -> None:
        """Let this much time pass, µs."""
        self.time += int(self.case.draws.between(low, high))


def _refresh_theft(case: Case) -> Iterator[Event]:
    heist = _Heist(case)
    yield from heist.open(refreshes=1 + case.draws.below(2))
    copy = heist.session.refresh_id
    if case.variant == "thief-first":
        yield from _thief_first(heist, copy)
    else:
        heist.wait(HOUR // 4, HOUR // 3)
        yield from heist.session.rotate(heist.time, heist.home)
        yield from _victim_first(heist, copy)


def _thief_first(heist: _Heist, copy: str) -> Iterator[Event]:
    heist.wait(2 * MINUTE, 12 * MINUTE)
    yield from heist.steal(copy)
    heist.wait(2 * MINUTE, 20 * MINUTE)
    yield from heist.replay(copy)
    yield from heist.work()


def _victim_first(heist: _Heist, copy: str) -> Iterator[Event]:
    variant = heist.case.variant
    if variant == "inside-leeway":
        heist.wait(SECOND, 6 * SECOND)
    elif variant == "old-generation":
        for _ in range(3):
            yield from heist.work()
            heist.wait(15 * MINUTE, 18 * MINUTE)
            yield from heist.session.rotate(heist.time, heist.home)
    elif variant == "slow":
        heist.wait(20 * HOUR, 30 * HOUR)
    else:
        yield from heist.work()
        heist.wait(2 * MINUTE, 10 * MINUTE)
    victims_own = heist.session.refresh_id
    yield from heist.steal(copy)
    if variant == "both-active":
        yield from _share(heist, victims_own)


def _share(heist: _Heist, victims: str) -> Iterator[Event]:
    """Each keeps a branch of the family alive."""
    thiefs = heist.session.refresh_id
    for _ in range(2):
        heist.wait(15 * MINUTE, 20 * MINUTE)
        yield from heist.session.rotate(heist.time, heist.home, victims)
        victims = heist.session.refresh_id
        yield from heist.work()
        yield from heist.steal(thiefs)
        thiefs = heist.session.refresh_id


def _refresh_replay(case: Case) -> Iterator[Event]:
    """A strict server refuses the copy, says why, and (mostly) ends the family."""
    heist = _Heist(case)
    session = heist.session
    yield from heist.open(refreshes=1)
    copy, generation = session.refresh_id, session.generation
    heist.wait(HOUR // 4, HOUR // 3)
    yield from session.rotate(heist.time, heist.home)
    for _ in range(case.dose(2)):
        heist.wait(10 * SECOND, 3 * MINUTE)
        yield case.hostile(session.replayed(heist.time, heist.thief, copy, generation))
    if case.variant == "revoked":
        yield session.revoked(heist.time + SECOND, heist.thief, "reuse-detected", "family")


_MORNING: Final = Variant(3 * HOUR + 30 * MINUTE)

THEFT: Final = (
    Attack(
        "refresh-theft",
        ("refresh-reuse",),
        (),
        Severity.HIGH,
        {
            "thief-first": _MORNING,
            "victim-first": _MORNING,
            "inside-leeway": _MORNING,
            "own-country": _MORNING,
            "own-network": Variant(_MORNING.span, Severity.LOW),
            "late": _MORNING,
            "old-generation": _MORNING,
            "both-active": _MORNING,
            "slow": Variant(38 * HOUR),
        },
        _refresh_theft,
    ),
    Attack(
        "refresh-replay",
        ("refresh-reuse",),
        (),
        Severity.MEDIUM,
        {"revoked": _MORNING, "tolerated": _MORNING, "own-country": _MORNING, "late": _MORNING},
        _refresh_replay,
    ),
)
