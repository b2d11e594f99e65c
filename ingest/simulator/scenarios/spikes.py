"""Stolen credentials that work hard: API keys, access tokens, whole clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.machines import Service
from ingest.simulator.networks import Fields
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

EXCESS: Final = 50  # calls beyond the expected in one minute, and at least three times as many
RATIO: Final = 3.0
MINUTES: Final = 6


def _hammer(case: Case, fields: Fields, rates: list[float], start: int) -> Iterator[Event]:
    """Calls by the minute, with hiccups; scrapers are refused a part of what they ask for."""
    for minute, rate in enumerate(rates):
        time = float(start + minute * MINUTE)
        end = time + MINUTE
        while (time := time + case.draws.exponential(MINUTE / rate)) < end:
            outcome = {"outcome": "denied"} if case.draws.chance(0.03) else {}
            yield case.hostile(case.strand.event("key-use", int(time), fields, outcome))
        if case.draws.chance(0.1):
            start += int(case.draws.between(2, 12) * SECOND)


def _rates(case: Case, usual: float) -> list[float]:
    """Calls per minute of the attacker, on top of the `usual` ones."""
    peak = max(EXCESS, (RATIO - 1) * usual) * case.intensity
    if case.variant == "ramp":
        return [peak * (step + 1) / 40 for step in range(60)]
    return [peak * case.draws.between(0.8, 1.2) for _ in range(MINUTES)]


def _key_theft(case: Case) -> Iterator[Event]:
    """An API key found in a repository, used from a rented server beside its owner."""
    service = _service(case, with_key=True)
    for kind in (EntityType.KEY, EntityType.TOKEN):
        case.names(kind, str(service.api_key))
    case.names(EntityType.CLIENT, service.client_id)
    case.names(EntityType.USER, service.client_id)
    source = {key: value for key, value in service.where.items() if key == "user_agent"}
    if case.variant != "inside":
        source = case.rented()
    fields = {**service.key_usage(), **source}
    yield from _hammer(case, fields, _rates(case, MINUTE / service.pace), _begin(case))


def _client_theft(case: Case) -> Iterator[Event]:
    """A client secret: the thief gets tokens of their own and works with them."""
    service = _service(case, with_key=False)
    case.names(EntityType.CLIENT, service.client_id)
    case.names(EntityType.USER, service.client_id)
    start = _begin(case)
    source = case.rented()
    token, issue = service.grant(case.strand, start)
    yield case.hostile({**issue, **source})
    fields = {**service.usage(token), **source}
    yield from _hammer(case, fields, _rates(case, MINUTE / service.pace), start + SECOND)


def _token_theft(case: Case) -> Iterator[Event]:
    """One user's access token, taken out of a browser and given to a scraper."""
    user = case.cast.victim()
    session = case.session(user, case.world.catalogue.named("spa"))
    home = case.at_home(user, session.device)
    yield from session.open(case.start, home)
    yield from case.calls(session, home, case.start + SECOND, 8, 5)
    case.names(EntityType.TOKEN, session.access.token_id)
    case.names(EntityType.USER, user.sub)
    thief = case.resident(user.home) if case.variant == "own-country" else case.rented()
    yield from _hammer(case, session.usage(thief), _rates(case, 2.0), case.start + 5 * MINUTE)


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
        {"fast": _BURST, "inside": _BURST, "boundary": _ON_THE_HOUR, "late": _BURST, "ramp": _RAMP},
        _key_theft,
    ),
    _spike(
        "stolen-client-secret",
        {"fast": _BURST, "boundary": _ON_THE_HOUR, "late": _BURST, "ramp": _RAMP},
        _client_theft,
    ),
    _spike("stolen-access-token", {"fast": _BURST, "own-country": _BURST, "late": _BURST}, _token_theft),
)
