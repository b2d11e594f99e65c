"""Stolen credentials that work hard: API keys, access tokens, whole clients."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.machines import Service
from ingest.simulator.networks import Fields
from ingest.simulator.population import User
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

EXCESS: Final = 50  # calls beyond the expected in one minute, and at least three times as many
RATIO: Final = 3.0
MINUTES: Final = 6
SLOW_MINUTES: Final = 50  # at a pace that adds up in the hour only
KEYS: Final = 3
TOKENS: Final = 10
ADDRESSES: Final = 20


def _hammer(case: Case, fields: list[Fields], rates: list[float], start: int) -> Iterator[Event]:
    """Calls by the minute, with hiccups, each with one of `fields`; scrapers are refused a part of what they ask."""
    for minute, rate in enumerate(rates):
        time = float(start + minute * MINUTE)
        end = time + MINUTE
        while (time := time + case.draws.exponential(MINUTE / rate)) < end:
            outcome = {"outcome": "denied"} if case.draws.chance(0.03) else {}
            call = fields[0] if len(fields) == 1 else case.draws.pick(fields)
            yield case.hostile(case.strand.event("key-use", int(time), call, outcome))
        if case.draws.chance(0.1):
            start += int(case.draws.between(2, 12) * SECOND)


def _rates(case: Case, usual: float) -> list[float]:
    """Calls per minute of the attacker, on top of the `usual` ones."""
    if case.variant == "slow":
        pace = max(EXCESS, (RATIO - 1) * 60 * usual) * case.intensity / SLOW_MINUTES
        return [pace * case.draws.between(0.8, 1.2) for _ in range(SLOW_MINUTES)]
    peak = max(EXCESS, (RATIO - 1) * usual) * case.intensity
    if case.variant == "ramp":
        return [peak * (step + 1) / 40 for step in range(60)]
    return [peak * case.draws.between(0.8, 1.2) for _ in range(MINUTES)]


def _key_theft(case: Case) -> Iterator[Event]:
    """API keys found in a repository, used from a rented server beside their owners."""
    drawn = [_service(case, with_key=True) for _ in range(KEYS if case.variant == "distributed" else 1)]
    services = {service.client_id: service for service in drawn}.values()
    for service in services:
        for kind in (EntityType.KEY, EntityType.TOKEN):
            case.names(kind, str(service.api_key))
        case.names(EntityType.CLIENT, service.client_id)
        case.names(EntityType.USER, service.client_id)
    rented = {} if case.variant == "inside" else case.rented()
    calls = []
    for service in services:
        source = rented or {"user_agent": service.where["user_agent"]}
        fields = {**service.key_usage(), **source}
        calls.append(_hammer(case, [fields], _rates(case, MINUTE / service.pace), _begin(case)))
    yield from heapq.merge(*calls, key=itemgetter("time"))


def _client_theft(case: Case) -> Iterator[Event]:
    """A client secret: the thief gets tokens of their own and works with them."""
    service = _service(case, with_key=False)
    case.names(EntityType.CLIENT, service.client_id)
    case.names(EntityType.USER, service.client_id)
    start, calls = _begin(case), []
    for _ in range(TOKENS if case.variant == "distributed" else 1):
        source = case.rented()
        token, issue = service.grant(case.strand, start)
        yield case.hostile({**issue, **source})
        calls.append({**service.usage(token), **source})
        start += SECOND
    yield from _hammer(case, calls, _rates(case, MINUTE / service.pace), start)


def _token_theft(case: Case) -> Iterator[Event]:
    """One user's access token, taken out of a browser and given to a scraper, or to many."""
    user = case.cast.victim()
    session = case.session(user, case.world.catalogue.named("spa"))
    home = case.at_home(user, session.device)
    yield from session.open(case.start, home)
    yield from case.calls(session, home, case.start + SECOND, 8, 5)
    case.names(EntityType.TOKEN, session.access.token_id)
    case.names(EntityType.USER, user.sub)
    thieves = [_thief(case, user) for _ in range(ADDRESSES if case.variant == "distributed" else 1)]
    calls = [session.usage(thief) for thief in thieves]
    yield from _hammer(case, calls, _rates(case, 2.0), case.start + 5 * MINUTE)


def _thief(case: Case, user: User) -> Fields:
    return case.resident(user.home) if case.variant == "own-country" else case.rented()


def _service(case: Case, *, with_key: bool) -> Service:
    """One of the services of a middling pace."""
    services = case.world.services[1:]
    return case.cast.service([service for service in services if (service.api_key is not None) == with_key])


def _begin(case: Case) -> int:
    """For `boundary`, half a minute before a full hour; else at once."""
    if case.variant == "boundary":
        return (case.start // HOUR + 1) * HOUR - 30 * SECOND
    return case.start


def _spike(name: str, variants: dict[str, Variant], play: Play) -> Attack:
    return Attack(name, ("usage-spike",), (), Severity.MEDIUM, variants, play)


_BURST: Final = Variant(20 * MINUTE)
_ON_THE_HOUR: Final = Variant(HOUR + 20 * MINUTE)
_RAMP: Final = Variant(HOUR + 30 * MINUTE)

SPIKES: Final = (
    _spike(
        "stolen-api-key",
        {
            "fast": _BURST,
            "slow": _RAMP,
            "ramp": _RAMP,
            "distributed": _BURST,
            "inside": _BURST,
            "boundary": _ON_THE_HOUR,
            "late": _BURST,
        },
        _key_theft,
    ),
    _spike(
        "stolen-client-secret",
        {
            "fast": _BURST,
            "slow": _RAMP,
            "ramp": _RAMP,
            "distributed": _BURST,
            "boundary": _ON_THE_HOUR,
            "late": _BURST,
        },
        _client_theft,
    ),
    _spike(
        "stolen-access-token",
        {"fast": _BURST, "distributed": _BURST, "own-country": _BURST, "late": _BURST},
        _token_theft,
    ),
)
