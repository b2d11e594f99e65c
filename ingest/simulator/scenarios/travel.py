"""Sessions and passwords used from where their owner cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.clock import DAY, HOUR, MINUTE
from ingest.simulator.networks import Fields
from ingest.simulator.places import PLACES, Place, great_circle_km
from ingest.simulator.population import User
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event, Session
from schemas.vocabulary import EntityType, Severity

SPEED_KMH: Final = 900.0
FAR_KM: Final = 1_500.0
COUNTRY_KM: Final = 900.0  # far enough to count, within one country


def _victim(case: Case) -> User:
    """For `same-country` somebody in a country wide enough to be in two places of it."""
    while True:
        user = case.cast.victim()
        if case.variant != "same-country" or _within(user.home):
            return user


def _within(home: Place) -> list[Place]:
    return [place for place in PLACES if place.country == home.country and great_circle_km(home, place) > COUNTRY_KM]


def _away(case: Case, home: Place) -> Place:
    if case.variant == "same-country":
        return case.draws.pick(_within(home))
    return case.draws.pick(
        [place for place in PLACES if place.country != home.country and great_circle_km(home, place) > FAR_KM]
    )


def _thief(case: Case, session: Session, place: Place) -> Fields:
    """A thief on a fixed line or a rented server; some take over the browser's looks with its cookie."""
    source = case.rented(place) if case.variant == "rented" else case.resident(place)
    if case.variant in {"same-looks", "same-country"} or case.draws.chance(0.2):
        return {**source, "user_agent": session.device.user_agent, "ja4": session.device.ja4}
    return source


def _impossible_travel(case: Case) -> Iterator[Event]:
    user = _victim(case)
    case.names(EntityType.USER, user.sub)
    time = case.start
    if case.variant == "phished":
        yield from _habit(case, user)
        time += 3 * DAY
    session = case.session(user, case.world.catalogue.named("spa"))
    home = case.at_home(user, session.device)
    yield from session.open(time, home)
    for event in case.calls(session, home, time + MINUTE, 5 + case.draws.below(10), 30):
        time = event["time"]
        yield event
    away = _away(case, user.home)
    yield from _abroad(case, session, _thief(case, session, away), time + _journey(case, user.home, away))


def _journey(case: Case, home: Place, away: Place) -> int:
    """Time between the victim's last call and the thief's first, µs."""
    if case.variant == "boundary":
        return int(great_circle_km(home, away) / (SPEED_KMH * case.intensity) * HOUR)
    return int(case.draws.between(1, 25 / case.intensity + 1) * MINUTE)


def _habit(case: Case, user: User) -> Iterator[Event]:
    """Three evenings at home, so that home is known."""
    for day in range(3):
        time = case.start + day * DAY + int(case.draws.between(0, 2) * HOUR)
        session = case.session(user, case.world.catalogue.named("spa"))
        home = case.at_home(user, session.device)
        yield from session.open(time, home)
        yield from case.calls(session, home, time + MINUTE, 6, 20)


def _abroad(case: Case, session: Session, thief: Fields, time: int) -> Iterator[Event]:
    if case.variant == "phished":
        other = case.session(session.user, session.application)
        for event in other.open(time, thief):
            yield case.hostile(event)
        session = other
    elif time >= session.access.expires:
        for event in session.rotate(time, thief):
            yield case.hostile(event)
    for event in case.calls(session, thief, time + 1, 3 + case.draws.below(20), 15):
        yield case.hostile(event)


_AFTERNOON: Final = Variant(2 * HOUR + 10 * MINUTE)

TRAVEL: Final = (
    Attack(
        "impossible-travel",
        ("impossible-geography",),
        (),
        Severity.MEDIUM,
        {
            "residential": _AFTERNOON,
            "rented": _AFTERNOON,
            "same-looks": _AFTERNOON,
            "late": _AFTERNOON,
            "boundary": Variant(30 * HOUR),
            "same-country": Variant(_AFTERNOON.span, Severity.LOW),
            "phished": Variant(3 * DAY + 6 * HOUR),
        },
        _impossible_travel,
    ),
)
