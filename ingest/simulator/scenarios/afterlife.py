"""Tokens that work after their expiry or revocation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ingest.simulator.clock import DAY, HOUR, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event, Session
from schemas.vocabulary import EntityType, Severity

SKEW: Final = 60 * SECOND  # what the design tolerates after the expiry
LEEWAY: Final = 5 * MINUTE  # what many servers grant (RFC 7519 section 4.1.4): sooner it is no sign of a missing check
FLIGHT: Final = 60 * SECOND  # and what caches take to learn of a revocation
CALLS: Final = 3


def _expired_token(case: Case) -> Iterator[Event]:
    """A copy of an access token is used after its expiry, at an API that does not look or that refuses it."""
    application = case.world.catalogue.named("spa")
    owner = case.attack.posture
    overdue = int((LEEWAY if owner else SKEW) * case.intensity)
    opening = case.opening(application.style.access_life + overdue + 3 * MINUTE)
    session = case.session(case.cast.victim(), application, case.cast.api(case.attack.name))
    home = case.at_home(session.user, session.device)
    yield from case.signs_in(session, home, opening)
    case.names(EntityType.TOKEN, session.access.token_id)
    first = session.access.expires + overdue
    if case.variant == "slow":
        first += int(case.draws.between(8, 40) * HOUR)
    source = home if owner else case.stranger(session.user)
    for time in case.moments(case.dose(CALLS), 3 * MINUTE, first + SECOND):
        if case.variant == "distributed":
            source = case.stranger(session.user)
        if case.variant == "refused":
            yield case.hostile(session.refused(time, source, "expired"))
        else:
            yield case.hostile(case.strand.event("key-use", time, session.usage(source)))


def _revoked_token(case: Case) -> Iterator[Event]:
    """An access token is withdrawn, and its copy still works: the API keeps what it once asked, or never asks."""
    kind = "partner" if case.variant == "opaque" or case.draws.chance(0.4) else "spa"
    session = case.session(case.cast.victim(), case.world.catalogue.named(kind), case.cast.api(case.attack.name))
    home = case.at_home(session.user, session.device)
    opening = case.opening(8 * MINUTE)
    yield from case.signs_in(session, home, opening)
    revoked = opening + 5 * MINUTE
    ended = session.revoked(revoked, home, "compromise", "token")
    token = {name: session.access.fields[name] for name in ("token_id", "token_id_kind", "token_type")}
    yield {**ended, **token}
    yield from _goes_on(case, session, revoked)


def _logged_out(case: Case) -> Iterator[Event]:
    """A self-contained access token outlives the end of its session, in the hands of a thief."""
    session = case.session(case.cast.victim(), case.world.catalogue.named("spa"))
    home = case.at_home(session.user, session.device)
    opening = case.opening(8 * MINUTE)
    yield from case.signs_in(session, home, opening)
    reason = "compromise" if case.variant == "incident" else "logout"
    yield session.revoked(opening + 5 * MINUTE, home, reason, "session")
    yield from _goes_on(case, session, opening + 5 * MINUTE)


def _goes_on(case: Case, session: Session, revoked: int) -> Iterator[Event]:
    """Uses of the access token from the dose's delay after the revocation on."""
    case.names(EntityType.TOKEN, session.access.token_id)
    first = revoked + int(FLIGHT * case.intensity) + SECOND
    window = 7 * MINUTE if case.variant == "slow" else 2 * MINUTE
    source = case.stranger(session.user)
    for time in case.moments(case.dose(CALLS), window, first):
        if case.variant == "distributed":
            source = case.stranger(session.user)
        yield case.hostile(case.strand.event("key-use", time, session.usage(source)))


def _revoked_family(case: Case) -> Iterator[Event]:
    """The family ends, and the thief's copy of its refresh token is redeemed all the same."""
    session = case.session(case.cast.victim(), case.world.catalogue.named("native"))
    home = case.at_home(session.user, session.device)
    opening = case.opening(8 * MINUTE)
    yield from case.signs_in(session, home, opening)
    revoked = opening + 8 * MINUTE - int(FLIGHT * case.intensity) - 4 * SECOND
    scope, reason = {"password": ("subject", "password-change"), "session": ("session", "admin")}.get(
        case.variant, ("family", "compromise")
    )
    yield session.revoked(revoked, home, reason, scope)
    case.names(EntityType.FAMILY, session.family_id)
    time = revoked + int(FLIGHT * case.intensity) + SECOND
    if case.variant == "slow":
        time += int(case.draws.between(5, 30) * HOUR)
    yield from _redeems(case, session, case.stranger(session.user), time)


def _redeems(case: Case, session: Session, source: Fields, time: int) -> Iterator[Event]:
    for _ in range(case.dose(1)):
        for event in session.rotate(time, source):
            yield case.hostile(event)
        for event in case.calls(session, source, time + SECOND, 1 + case.draws.below(4), 8):
            time = event["time"]
            yield case.hostile(event)
        time += int(case.draws.between(1, 4) * MINUTE)


_BRIEF: Final = Variant(45 * MINUTE)
_USUAL: Final = {
    "fast": _BRIEF,
    "slow": _BRIEF,
    "distributed": _BRIEF,
    "boundary": Variant(2 * HOUR),
    "late": _BRIEF,
    "own-country": _BRIEF,
}
_DAYS: Final = Variant(2 * DAY)
_EXPIRY: Final = ("use-after-expiry",)
_REVOKE: Final = ("use-after-revoke",)

AFTERLIFE: Final = (
    Attack(
        "expired-token",
        _EXPIRY,
        ("expired-token-accepted",),
        Severity.MEDIUM,
        {
            **_USUAL,
            "slow": _DAYS,
            "refused": Variant(_BRIEF.span, Severity.INFORMATIONAL, ("expired-token-tried",)),
        },
        _expired_token,
    ),
    Attack(
        "unchecked-expiry",
        _EXPIRY,
        ("expired-token-accepted",),
        Severity.MEDIUM,
        {"fast": _BRIEF, "slow": _DAYS, "boundary": Variant(2 * HOUR), "late": _BRIEF},
        _expired_token,
        posture=True,
    ),
    Attack(
        "revoked-token",
        _REVOKE,
        ("revoked-token-used",),
        Severity.HIGH,
        {**_USUAL, "opaque": _BRIEF},
        _revoked_token,
    ),
    Attack(
        "revoked-family",
        _REVOKE,
        ("refreshed-after-revocation",),
        Severity.HIGH,
        {
            "fast": _BRIEF,
            "slow": _DAYS,
            "boundary": Variant(2 * HOUR),
            "late": _BRIEF,
            "own-country": _BRIEF,
            "session": _BRIEF,
            "password": replace(_BRIEF, min_severity=Severity.LOW),
        },
        _revoked_family,
    ),
    Attack(
        "logged-out-token",
        _REVOKE,
        ("outlives-revocation",),
        Severity.INFORMATIONAL,
        {"fast": _BRIEF, "incident": replace(_BRIEF, min_severity=Severity.LOW), "own-country": _BRIEF},
        _logged_out,
    ),
)
