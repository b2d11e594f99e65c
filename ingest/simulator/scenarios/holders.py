"""Tokens in the hands of another client or person, few calls at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ingest.simulator.clock import DAY, HOUR, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event, Session
from schemas.vocabulary import EntityType, Severity

LEAD: Final = 8 * MINUTE  # the victim works before the thief does


def _foreign_client(case: Case) -> Iterator[Event]:
    """A client of the thief's redeems refresh tokens of a public client; a server that checks refuses them."""
    application = case.world.catalogue.named("spa" if case.draws.chance(0.4) else "native")
    rogue = _rogue(case)
    case.names(EntityType.CLIENT, rogue["client_id"])
    time = case.opening(LEAD)
    for _ in range(case.dose(2) if case.variant == "distributed" else 1):
        user = case.cast.victim()
        session = case.session(user, application)
        for event in case.signs_in(session, case.at_home(user, session.device), time):
            time = event["time"]
            yield event
        yield from _redeem(case, session, rogue, time)
        time = max(time + SECOND, session.last_seen + 5 * MINUTE)


def _rogue(case: Case) -> Fields:
    """The thief's client: registered for this, or another one of the catalogue whose secret leaked."""
    if case.variant == "known-client":
        fields = case.cast.application(case.attack.name, ("bff", "ssr")).fields()
        return {name: fields[name] for name in ("client_id", "client_type")}
    return {"client_id": f"app-{case.draws.hex_id()}", "client_type": "public"}


def _redeem(case: Case, session: Session, rogue: Fields, time: int) -> Iterator[Event]:
    source = {**case.stranger(session.user), **rogue}
    copy = session.refresh_id
    for kind, name in ((EntityType.TOKEN, copy), (EntityType.FAMILY, session.family_id)):
        case.names(kind, name)
    wait = (3 * HOUR, 20 * HOUR) if case.variant == "slow" else (MINUTE, 4 * MINUTE)
    time = case.opening(3 * SECOND) if case.variant == "boundary" else time + int(case.draws.between(*wait))
    if case.variant == "refused":
        for moment in case.moments(case.dose(2), MINUTE, time):
            refused = session.replayed(moment, source, copy, 0)
            yield case.hostile({**refused, "reason": "client-mismatch"})
        return
    for event in session.rotate(time, source, copy):
        yield case.hostile(event)
    for event in case.calls(session, source, time + SECOND, 1 + case.draws.below(6), 9):
        yield case.hostile(event)


def _copied_token(case: Case) -> Iterator[Event]:
    """An access token that was read from a browser, a log or a phone, and tried with care."""
    slow = case.variant in {"slow", "boundary"}
    application = case.world.catalogue.named("desktop" if slow or case.draws.chance(0.3) else "spa")
    yield from _copied(case, case.session(case.cast.victim(), application), {})


def _bound_token(case: Case) -> Iterator[Event]:
    """A token that is bound to a phone's key, presented with another key or none where nobody compares."""
    session = case.session(case.cast.victim(), case.cast.application(case.attack.name, ("native-bound",)))
    other: Fields = {"presented_cnf": f"jkt-{case.draws.hex_id()}"}
    if case.attack.name == "unbound-use":
        other = {"presented_cnf": None, "auth_scheme": "bearer", "header_params": None}
    yield from _copied(case, session, other)


def _copied(case: Case, session: Session, changes: Fields) -> Iterator[Event]:
    opening = case.opening(LEAD)
    yield from case.signs_in(session, case.at_home(session.user, session.device), opening)
    case.names(EntityType.TOKEN, session.access.token_id)
    case.names(EntityType.SESSION, session.session_id)
    source = _holder(case, session)
    number = case.dose(3)
    window = 24 * MINUTE if case.variant == "slow" else 5 * MINUTE
    for time in case.moments(number, window, opening + LEAD):
        if case.variant == "distributed":
            source = _holder(case, session)
        use = {**session.usage(source), **changes}
        use = {name: value for name, value in use.items() if value is not None}
        denied = {"outcome": "denied"} if case.draws.chance(0.1) else {}
        yield case.hostile(case.strand.event("key-use", time, use, denied))


def _holder(case: Case, session: Session) -> Fields:
    user, device = session.user, session.device
    looks = {"user_agent": device.user_agent, "ja4": device.ja4}
    if case.variant == "same-looks":
        return {**case.rented(case.far_from(user.home)), **looks}
    if case.variant == "vpn":
        return {**case.stranger(user), **case.world.networks.exit(case.far_from(user.home), 7, flagged=True)}
    return case.stranger(user)


def _attack(
    name: str, detector: str, severity: Severity, class_: str, variants: dict[str, Variant], play: Play
) -> Attack:
    return Attack(name, (detector,), (class_,), severity, variants, play)


_BRIEF: Final = Variant(30 * MINUTE)
_ON_THE_HOUR: Final = Variant(HOUR + 20 * MINUTE)
_USUAL: Final = {
    "fast": _BRIEF,
    "slow": Variant(HOUR),
    "distributed": _BRIEF,
    "boundary": _ON_THE_HOUR,
    "late": _BRIEF,
    "own-country": _BRIEF,
}

HOLDERS: Final = (
    _attack(
        "foreign-client",
        "client-mismatch",
        Severity.HIGH,
        "redeemed-by-another-client",
        {
            **_USUAL,
            "slow": Variant(DAY),
            "distributed": Variant(2 * HOUR),
            "known-client": _BRIEF,
            "refused": replace(_BRIEF, min_severity=Severity.MEDIUM, classes=("refused-for-its-client",)),
        },
        _foreign_client,
    ),
    _attack(
        "copied-token",
        "holder-change",
        Severity.MEDIUM,
        "other-holder",
        # In the victim's country a second network and device are what a phone beside a laptop shows, too.
        {**_USUAL, "own-country": replace(_BRIEF, min_severity=Severity.LOW), "same-looks": _BRIEF, "vpn": _BRIEF},
        _copied_token,
    ),
    _attack("foreign-key", "holder-change", Severity.HIGH, "other-key", _USUAL, _bound_token),
    _attack("unbound-use", "holder-change", Severity.HIGH, "bound-token-as-bearer", _USUAL, _bound_token),
)
