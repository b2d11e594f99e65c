"""Grants that go to the wrong machine, get wider, or end up in two hands or in a log."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

TURNS: Final = 3
SCOPE: Final = "payments.write"


def _shared_session(case: Case) -> Iterator[Event]:
    """A copied access token is used by its owner and by a thief in turn."""
    session = case.session(case.cast.victim(), case.world.catalogue.named("spa"))
    home, source = case.at_home(session.user, session.device), case.stranger(session.user)
    opening = case.opening(3 * MINUTE)
    yield from case.signs_in(session, home, opening)
    case.names(EntityType.SESSION, session.session_id)
    case.names(EntityType.TOKEN, session.access.token_id)
    for time in case.moments(case.dose(TURNS), 8 * MINUTE, opening + 3 * MINUTE):
        yield case.hostile(case.strand.event("key-use", time, session.usage(source)))
        yield case.strand.event("key-use", time + 3 * SECOND, session.usage(home))


def _phished_device(case: Case) -> Iterator[Event]:
    """A user types the code of the thief's device in: its tokens go abroad."""
    user = case.cast.victim()
    case.names(EntityType.USER, user.sub)
    browser = case.session(user, case.world.catalogue.named("spa"))
    home, opening = case.at_home(user, browser.device), case.opening(5 * MINUTE + 20 * SECOND)
    yield from case.signs_in(browser, home, opening)
    session, source = case.session(user, case.world.catalogue.named("device")), case.stranger(user)
    time = opening + 5 * MINUTE
    for event in session.open(time, source):
        yield case.hostile(event)
    for event in case.calls(session, source, time + SECOND, case.dose(3), 10):
        yield case.hostile(event)


def _widened_refresh(case: Case) -> Iterator[Event]:
    """A refresh gets a scope that its user never granted."""
    session = case.session(case.cast.victim(), case.world.catalogue.named("native"))
    home = case.at_home(session.user, session.device)
    opening = case.opening(8 * MINUTE + 20 * SECOND)
    yield from case.signs_in(session, home, opening)
    case.names(EntityType.FAMILY, session.family_id)
    wait = int(case.draws.between(5, 20) * HOUR) if case.variant == "slow" else 8 * MINUTE
    source = case.stranger(session.user)
    for event in session.rotate(opening + wait, source):
        yield case.hostile({**event, "scope": [*session.scope, SCOPE]})
    for event in case.calls(session, source, opening + wait + SECOND, case.dose(3), 10):
        yield case.hostile(event)


def _token_in_log(case: Case) -> Iterator[Event]:
    """A component begins to write whole tokens to its log."""
    session = case.session(case.cast.victim(), case.world.catalogue.named("spa"))
    home = case.at_home(session.user, session.device)
    opening = case.opening(3 * MINUTE)
    yield from case.signs_in(session, home, opening)
    case.names(EntityType.TOKEN, session.access.token_id)
    raw = _raw_token(case, session.access.token_id)
    text = {"user_agent": f"debug {raw}"} if case.variant == "header" else {"resource_server": f"/items?token={raw}"}
    for time in case.moments(case.dose(2), 5 * MINUTE, opening + 3 * MINUTE):
        yield case.hostile(case.strand.event("key-use", time, session.usage(home), text))


def _raw_token(case: Case, token_id: str) -> str:
    """The token itself, as RFC 7519 writes it; its signature is drawn."""
    parts = (b'{"alg":"ES256","typ":"at+jwt"}', f'{{"jti":"{token_id}"}}'.encode(), case.draws.hex_id().encode() * 3)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


_BRIEF: Final = Variant(30 * MINUTE)
_USUAL: Final = {"fast": _BRIEF, "boundary": Variant(2 * HOUR), "late": _BRIEF}
_HOME: Final = {**_USUAL, "own-country": _BRIEF}

GRANTS: Final = (
    Attack(
        "shared-session",
        ("shared-token",),
        ("shared-session", "shared-access-token"),
        Severity.MEDIUM,
        _HOME,
        _shared_session,
    ),
    Attack("phished-device", ("device-code-phishing",), (), Severity.HIGH, _USUAL, _phished_device),
    Attack(
        "widened-refresh",
        ("scope-escalation",),
        ("scope-beyond-grant",),
        Severity.MEDIUM,
        {**_HOME, "slow": Variant(24 * HOUR)},
        _widened_refresh,
    ),
    Attack(
        "token-in-log",
        ("token-leaked",),
        ("token-in-event",),
        Severity.HIGH,
        {**_USUAL, "header": _BRIEF},
        _token_in_log,
        posture=True,
    ),
)
