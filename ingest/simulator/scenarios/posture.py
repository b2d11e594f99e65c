"""Faults in how tokens are made and carried: findings about an integration, not acts of a person.

Each case is an integration that is new, so that cases share neither client nor key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ingest.simulator.applications import STYLES, Application
from ingest.simulator.clock import HOUR, MINUTE
from ingest.simulator.machines import Service
from ingest.simulator.networks import Fields
from ingest.simulator.population import make_device
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event, Session
from schemas.vocabulary import EntityType, Severity

CALLS: Final = 10


def _plain_http(case: Case) -> Iterator[Event]:
    """An integration that was set up with an http address."""
    return _carried(case, {"transport": "http", "token_location": "header"})


def _in_url(case: Case) -> Iterator[Event]:
    """An integration that appends the token to the address."""
    location = "fragment" if case.variant == "fragment" else "query"
    return _carried(case, {"token_location": location, "transport": "https"})


def _carried(case: Case, way: Fields) -> Iterator[Event]:
    if case.variant == "refresh-token":
        return _of_person(case, way)
    return _of_service(case, way)


def _of_service(case: Case, way: Fields) -> Iterator[Event]:
    service = _integration(case)
    case.names(EntityType.CLIENT, service.client_id)
    opening = case.opening(5 * MINUTE)
    if service.api_key is None:
        token, issue = service.grant(case.strand, opening)
        yield issue
        use = service.usage(token)
    else:
        use = service.key_usage()
    for time in _calls(case, opening):
        yield case.hostile(case.strand.event("key-use", time, use, way))


def _of_person(case: Case, way: Fields) -> Iterator[Event]:
    """An application whose back end redeems its refresh tokens this way."""
    application = _application(case)
    case.names(EntityType.CLIENT, application.client_id)
    session = case.session(case.cast.victim(), application)
    home = case.at_home(session.user, session.device)
    opening = case.opening(5 * MINUTE)
    yield from case.signs_in(session, home, opening)
    for time in _calls(case, opening):
        refresh, issue = session.rotate(time, home)
        yield case.hostile({**refresh, **way})
        yield issue


def _calls(case: Case, opening: int) -> Iterator[int]:
    if case.variant == "once":
        return iter((opening + 5 * MINUTE,))
    window = {"slow": 12 * HOUR, "boundary": 4 * MINUTE}.get(case.variant, 20 * MINUTE)
    return case.moments(case.dose(CALLS), window, opening + 5 * MINUTE)


def _integration(case: Case) -> Service:
    draws, api = case.draws, case.cast.api(case.attack.name)
    number = draws.below(1 << 16)
    where = {**case.world.whereabouts.server(number), "user_agent": make_device(draws, "tool").user_agent}
    api_key = f"ak-{draws.hex_id()}" if case.variant == "api-key" else None
    return Service(f"int-{draws.hex_id()}", number, api, float(MINUTE), "steady", api_key, where)


def _application(case: Case) -> Application:
    style = next(style for style in STYLES if style.kind == "spa")
    return Application(f"app-{case.draws.hex_id()}", 0, style)


def _weak_key(case: Case) -> Iterator[Event]:
    """A new issuer key that is too short, or an encryption that is broken."""
    service, key = _integration(case), f"k-{case.draws.hex_id()}"
    case.names(EntityType.KEY, key)
    weakness: Fields = {
        "rsa1_5": {"alg": "RSA1_5", "key_bits": 2048, "key_use": "enc", "token_format": "jwe", "operation": "decrypt"},
        "short-hmac": {"alg": "HS256", "key_bits": 128},
    }.get(case.variant, {"alg": case.draws.pick(("RS256", "PS256")), "key_bits": 1024})
    opening = case.opening(5 * MINUTE)
    token, issue = service.grant(case.strand, opening)
    made = {name: value for name, value in weakness.items() if name in {"alg", "key_bits"}}
    yield case.hostile({**issue, **made, "key_id": key})
    for time in _calls(case, opening):
        yield case.hostile(case.strand.event("key-use", time, service.usage(token), weakness, {"key_id": key}))


def _misdirected(case: Case) -> Iterator[Event]:
    """A new application sends its id or refresh tokens to the API, which takes them or says what is wrong."""
    application = _application(case)
    case.names(EntityType.CLIENT, application.client_id)
    session = case.session(case.cast.victim(), application, case.cast.api(case.attack.name))
    home = case.at_home(session.user, session.device)
    opening = case.opening(5 * MINUTE)
    kind = "refresh" if case.variant == "refresh-token" else "id"
    taken = ""
    for event in case.signs_in(session, home, opening):
        if event["type"] == "issue" and event["token_type"] == kind:
            taken = event["token_id"]
        yield event
    for time in _calls(case, opening):
        yield case.hostile(_sent(case, session, {"token_id": taken, "token_type": kind, **home}, time))


def _sent(case: Case, session: Session, token: Fields, time: int) -> Event:
    known = {"token_id_kind": "jti", "token_format": "jws", "resource_server": session.api.name}
    if case.variant == "refused":
        return case.strand.event("verify-failure", time, session.identity, token, known, reason="type-mismatch")
    taken = {"operation": "verify", "outcome": "success"}
    return case.strand.event("key-use", time, session.identity, token, known, taken)


def _posture(
    name: str, detector: str, severity: Severity, class_: str, variants: dict[str, Variant], play: Play
) -> Attack:
    return Attack(name, (detector,), (class_,), severity, variants, play, posture=True)


_BRIEF: Final = Variant(40 * MINUTE)
_USUAL: Final = {
    "fast": _BRIEF,
    "slow": Variant(11 * HOUR),
    "boundary": Variant(HOUR + 30 * MINUTE),
    "late": _BRIEF,
    "once": _BRIEF,
}


def _carriage(severe: str) -> dict[str, Variant]:
    lasting = replace(_BRIEF, min_severity=Severity.MEDIUM, classes=(severe,))
    return {**_USUAL, "api-key": lasting, "refresh-token": lasting}


POSTURE: Final = (
    _posture(
        "plain-http",
        "cleartext-transport",
        Severity.LOW,
        "token-without-tls",
        _carriage("long-lived-token-without-tls"),
        _plain_http,
    ),
    _posture(
        "token-in-query",
        "token-in-url",
        Severity.LOW,
        "token-in-url",
        {**_carriage("long-lived-token-in-url"), "fragment": _BRIEF},
        _in_url,
    ),
    _posture(
        "weak-key",
        "weak-algorithm",
        Severity.MEDIUM,
        "weak",
        {**_USUAL, "rsa1_5": _BRIEF, "short-hmac": _BRIEF},
        _weak_key,
    ),
    _posture(
        "misdirected-token",
        "token-type-confusion",
        Severity.MEDIUM,
        "id-token-accepted",
        {
            "fast": _BRIEF,
            "late": _BRIEF,
            "refresh-token": replace(_BRIEF, classes=("refresh-token-accepted",)),
            "refused": replace(_BRIEF, min_severity=Severity.LOW, classes=("wrong-token-refused",)),
        },
        _misdirected,
    ),
)
