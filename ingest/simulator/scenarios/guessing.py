"""Attacks that guess: passwords, client secrets, approvals and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ingest.simulator.applications import Application
from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.population import User
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

BURST: Final = "failed-auth-burst"
STALE_ENTRY: Final = 0.08  # tries that go to a name nobody has


def _application(case: Case) -> Application:
    applications = [app for app in case.world.catalogue.applications if app.style.kind in {"spa", "legacy", "bff"}]
    return case.draws.pick(applications[:4])


def _try(case: Case, time: int, user: User, application: Application, source: Fields) -> Event:
    """One wrong password. Lists are old: some names are unknown, and a locked account says so."""
    attempt = {**application.fields(), "grant_type": application.style.grant, **source}
    if case.draws.chance(STALE_ENTRY):
        login = {"login": f"h1:{case.draws.hex_id()}{case.draws.hex_id()}", "reason": "unknown-subject"}
        return case.hostile(case.strand.event("verify-failure", time, attempt, login))
    known = {"sub": user.sub, "sub_type": "user", "login": user.login, "reason": "bad-credentials"}
    return case.hostile(case.strand.event("verify-failure", time, attempt, known))


def _break_in(case: Case, time: int, user: User, application: Application, source: Fields) -> Iterator[Event]:
    """A guess was right: the attacker gets tokens and looks around."""
    session = case.session(user, application)
    for event in session.open(time, source):
        yield case.hostile(event)
    for event in case.calls(session, source, time + 20 * SECOND, 4 + case.draws.below(12), 9):
        yield case.hostile(event)


def _brute_force(case: Case) -> Iterator[Event]:
    user, application = case.cast.victim(), _application(case)
    source = case.rented()
    if case.variant == "own-country":
        source = {**case.resident(user.home), "user_agent": user.laptop.user_agent, "ja4": user.laptop.ja4}
    case.names(EntityType.USER, user.sub)
    case.names(EntityType.IP, source["ip"])
    number, window = (case.dose(30), HOUR) if case.variant == "slow" else (case.dose(10), 5 * MINUTE)
    time = case.start
    for time in case.moments(number, window):
        yield _try(case, time, user, application, source)
    if case.variant == "success":
        yield from _break_in(case, time + 30 * SECOND, user, application, source)


def _distributed_brute_force(case: Case) -> Iterator[Event]:
    user, application = case.cast.victim(), _application(case)
    case.names(EntityType.USER, user.sub)
    number = case.dose(10)
    sources = [_bot(case, user) for _ in range(max(5, number * 2 // 3))]
    window = 5 * MINUTE if case.variant == "fast" else 30 * MINUTE
    for index, time in enumerate(case.moments(number, window)):
        source = sources[index] if index < len(sources) else case.draws.pick(sources)
        yield _try(case, time, user, application, source)


def _bot(case: Case, user: User) -> Fields:
    """One machine of a botnet; in `own-country`, fixed lines all over the victim's country and its neighbours."""
    if case.variant == "own-country" and case.draws.chance(0.8):
        return case.resident(user.home)
    place = case.far_from(user.home)
    return case.resident(place) if case.draws.chance(0.6) else case.rented(place)


def _walk(case: Case, victims: Sequence[User], per_victim: int, window: int, source: Fields) -> Iterator[Event]:
    """Try `per_victim` passwords on everybody, one password at a time, now and then one name twice."""
    application = _application(case)
    order = [user for _ in range(per_victim) for user in victims]
    time = case.start
    for time, user in zip(case.moments(len(order), window), order, strict=True):
        yield _try(case, time, user, application, source)
    if case.variant == "success":
        yield from _break_in(case, time + 5 * SECOND, case.draws.pick(victims), application, source)


def _password_spray(case: Case) -> Iterator[Event]:
    source = _spray_source(case)
    victims = [case.cast.victim() for _ in range(max(1, case.dose(15) // 3))]
    yield from _walk(case, victims, 3, 15 * MINUTE if case.variant == "fast" else HOUR, source)


def _spray_source(case: Case) -> Fields:
    source = case.rented() if case.variant != "own-country" else case.resident(case.cast.victim().home)
    case.names(EntityType.IP, source["ip"])
    return source


def _slow_spray(case: Case) -> Iterator[Event]:
    """A handful of names an hour; in `subnet`, from anywhere in one /24."""
    source, application = case.rented(), _application(case)
    prefix, _, _ = source["ip"].rpartition(".")
    case.names(EntityType.PREFIX, f"{prefix}.0/24")
    if case.variant != "subnet":
        case.names(EntityType.IP, source["ip"])
    for time in case.moments(case.dose(10), 24 * HOUR):
        user = case.cast.victim()
        if case.variant == "subnet":
            source = {**source, "ip": f"{prefix}.{1 + case.draws.below(250)}"}
        for retry in range(1 + case.draws.below(2)):
            yield _try(case, time + retry * 40 * SECOND, user, application, source)


def _credential_stuffing(case: Case) -> Iterator[Event]:
    """Leaked pairs: most names do not exist here, hardly one is tried twice."""
    source, application = _spray_source(case), _application(case)
    known = [case.cast.victim() for _ in range(max(2, case.dose(8)))]
    time = case.start
    for index, time in enumerate(case.moments(case.dose(25), 5 * MINUTE if case.variant == "fast" else 15 * MINUTE)):
        if index % 3 == 0:
            yield _try(case, time, known[index // 3 % len(known)], application, source)
        else:
            stranger = {"login": f"h1:{case.draws.hex_id()}", "reason": "unknown-subject", "grant_type": "password"}
            yield case.hostile(case.strand.event("verify-failure", time, application.fields(), stranger, source))
    if case.variant == "success":
        yield from _break_in(case, time + 3 * SECOND, case.draws.pick(known), application, source)


def _distributed_spray(case: Case) -> Iterator[Event]:
    application = _application(case)
    case.names(EntityType.TENANT, application.fields()["tenant"])
    victims = [case.cast.victim() for _ in range(case.dose(8))]
    sources = [_bot(case, victims[0]) for _ in range(max(5, case.dose(6)))]
    for source in sources:
        case.names(EntityType.IP, source["ip"])
    for index, time in enumerate(case.moments(case.dose(25), HOUR)):
        yield _try(case, time, victims[index % len(victims)], application, case.draws.pick(sources))


def _client_secret_guessing(case: Case) -> Iterator[Event]:
    service = case.cast.service(case.world.services)
    case.names(EntityType.CLIENT, service.client_id)
    sources = [case.rented() for _ in range(4 if case.variant == "distributed" else 1)]
    fields = {key: value for key, value in service.fields().items() if key not in {"sub", "sub_type"}}
    guess = {"grant_type": "client_credentials", "reason": "invalid-client"}
    for time in case.moments(case.dose(10), 5 * MINUTE):
        source = case.draws.pick(sources)
        yield case.hostile(case.strand.event("verify-failure", time, fields, guess, source))


def _mfa_fatigue(case: Case) -> Iterator[Event]:
    """The password is known; push after push until the victim gives in, or does not."""
    user, application = case.cast.victim(), case.world.catalogue.named("spa")
    own_country = case.variant == "own-country"
    source = case.resident(user.home) if own_country else case.rented(case.far_from(user.home))
    case.names(EntityType.USER, user.sub)
    known = {"sub": user.sub, "sub_type": "user", "login": user.login, "amr": ["pwd"]}
    time = case.start
    for time in case.moments(case.dose(5), 10 * MINUTE):
        push = {"reason": "mfa-denied", "grant_type": "authorization_code"}
        yield case.hostile(case.strand.event("verify-failure", time, application.fields(), known, push, source))
    if case.variant == "approved":
        yield from _break_in(case, time + 25 * SECOND, user, application, source)


def _token_probing(case: Case) -> Iterator[Event]:
    """Forged, old and bent tokens against APIs; a few are merely garbage."""
    source, api = case.rented(), case.draws.pick(case.world.catalogue.apis)
    case.names(EntityType.IP, source["ip"])
    reasons = ("bad-signature", "expired", "unknown-key", "audience-mismatch", "malformed", "alg-not-allowed")
    base = {"tenant": "acme", "iss": case.world.catalogue.applications[0].fields()["iss"], "token_type": "access"}
    for time in case.moments(case.dose(20), 5 * MINUTE):
        bad = {"token_id": f"at-{case.draws.hex_id()}", "token_id_kind": "jti", "reason": case.draws.pick(reasons)}
        seen = {"resource_server": api.name, "claimed_sub": f"user-{case.draws.below(10**6):06d}"}
        yield case.hostile(case.strand.event("verify-failure", time, base, bad, seen, source))


def _guess(name: str, variants: dict[str, Variant], play: Play) -> Attack:
    return Attack(name, (BURST,), (name,), Severity.MEDIUM, variants, play)


_SHORT: Final = Variant(12 * MINUTE)
_LONG: Final = Variant(HOUR + 10 * MINUTE)
_ON_THE_HOUR: Final = Variant(HOUR + 30 * MINUTE)

GUESSING: Final = (
    _guess(
        "brute-force",
        {
            "fast": _SHORT,
            "slow": _LONG,
            "boundary": _ON_THE_HOUR,
            "late": _SHORT,
            "own-country": _SHORT,
            "success": Variant(15 * MINUTE, Severity.HIGH),
        },
        _brute_force,
    ),
    _guess(
        "distributed-brute-force",
        {
            "slow": Variant(35 * MINUTE),
            "fast": _SHORT,
            "boundary": _ON_THE_HOUR,
            "late": Variant(35 * MINUTE),
            "own-country": Variant(35 * MINUTE),
        },
        _distributed_brute_force,
    ),
    _guess(
        "password-spray",
        {
            "slow": _LONG,
            "fast": Variant(20 * MINUTE),
            "boundary": Variant(2 * HOUR),
            "late": _LONG,
            "own-country": _LONG,
            "success": Variant(_LONG.span, Severity.HIGH),
        },
        _password_spray,
    ),
    _guess("slow-spray", {"one-source": Variant(22 * HOUR), "subnet": Variant(22 * HOUR)}, _slow_spray),
    _guess(
        "credential-stuffing",
        {
            "slow": Variant(20 * MINUTE),
            "fast": Variant(10 * MINUTE),
            "boundary": _ON_THE_HOUR,
            "late": Variant(20 * MINUTE),
            "own-country": Variant(20 * MINUTE),
            "success": Variant(20 * MINUTE, Severity.HIGH),
        },
        _credential_stuffing,
    ),
    _guess("distributed-spray", {"slow": _LONG, "own-country": _LONG}, _distributed_spray),
    _guess(
        "client-secret-guessing",
        {"fast": _SHORT, "boundary": _ON_THE_HOUR, "late": _SHORT, "distributed": _SHORT},
        _client_secret_guessing,
    ),
    _guess(
        "mfa-fatigue",
        {
            "ignored": Variant(15 * MINUTE),
            "approved": Variant(20 * MINUTE, Severity.HIGH),
            "boundary": _ON_THE_HOUR,
            "own-country": Variant(15 * MINUTE),
        },
        _mfa_fatigue,
    ),
    _guess("token-probing", {"fast": _SHORT, "boundary": _ON_THE_HOUR, "late": _SHORT}, _token_probing),
)
