"""Tokens that were not made by the issuer, or are not the kind that the API takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from ingest.simulator.applications import Api, Application
from ingest.simulator.clock import HOUR, MINUTE
from ingest.simulator.networks import Fields
from ingest.simulator.population import User
from ingest.simulator.scenarios.case import Attack, Case, Play, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

TRIES: Final = 3
LEAD: Final = 8 * MINUTE
SPELLINGS: Final = ("none", "none", "None", "NONE", "nOnE")  # filters for the one spelling are passed with another
WARM_UP: Final = ("bad-signature", "malformed", "audience-mismatch", "unknown-key")


def _unsigned(case: Case) -> Iterator[Event]:
    """The signature is cut off and `alg` says so."""
    yield from _forged(case, _Scene.of(case), {"alg": case.draws.pick(SPELLINGS)})


def _hmac(case: Case) -> Iterator[Event]:
    """The public key is taken for the secret of an HMAC."""
    scene = _Scene.of(case)
    key = scene.api.key_at(case.start)
    case.names(EntityType.KEY, key)
    algorithm = case.draws.pick(("HS256", "HS256", "HS384", "HS512"))
    yield from _forged(case, scene, {"alg": algorithm, "key_id": key})


def _own_key(case: Case) -> Iterator[Event]:
    """The header brings the key, or says where it lies."""
    scene = _Scene.of(case)
    case.names(EntityType.CLIENT, scene.application.client_id)
    param = case.variant if case.variant in {"jku", "x5u", "x5c"} else case.draws.pick(("jwk", "jwk", "jku", "x5u"))
    params = [param, "jwk"] if param == "jku" and case.draws.chance(0.2) else [param]
    header = {"alg": "RS256", "key_id": f"k-{case.draws.hex_id()}", "header_params": params}
    yield from _forged(case, scene, header)


class _Scene(NamedTuple):
    """Whose token is forged, and for what."""

    victim: User
    application: Application
    api: Api

    @classmethod
    def of(cls, case: Case) -> _Scene:
        purpose = case.attack.name
        application = case.cast.application(purpose, ("spa", "native", "bff", "ssr"))
        return cls(case.cast.victim(), application, case.cast.api(purpose))


def _forged(case: Case, scene: _Scene, header: Fields) -> Iterator[Event]:
    """Tries at one API, other tricks among them; unless it is `refused` the last ones work."""
    victim = scene.victim
    source, number = _source(case, victim), case.dose(TRIES)
    window = 50 * MINUTE if case.variant == "slow" else 4 * MINUTE
    for index, time in enumerate(case.moments(number, window)):
        if case.variant == "distributed":
            source = _source(case, victim)
        token = _token(case, scene)
        if index and case.draws.chance(0.2):
            token |= {"claimed_sub": victim.sub, "reason": case.draws.pick(WARM_UP)}
            yield case.hostile(case.strand.event("verify-failure", time, token, source))
        elif case.variant == "refused" or (index == 0 and number > 1):
            token |= {"claimed_sub": victim.sub, "reason": case.draws.pick(("alg-not-allowed", "bad-signature"))}
            yield case.hostile(case.strand.event("verify-failure", time, token, header, source))
        else:
            taken = {"sub": victim.sub, "sub_type": "user", "operation": "verify", "outcome": "success"}
            yield case.hostile(case.strand.event("key-use", time, token, taken, header, source))


def _source(case: Case, victim: User) -> Fields:
    source = case.stranger(victim)
    case.names(EntityType.IP, source["ip"])
    return source


def _token(case: Case, scene: _Scene) -> Fields:
    """What an API logs of a token that nobody issued."""
    token = {"token_id": f"at-{case.draws.hex_id()}", "token_id_kind": "jti", "token_type": "access"}
    place = {
        "token_format": "jws",
        "aud": scene.api.audience,
        "resource_server": scene.api.name,
        "token_location": "header",
    }
    return {**scene.application.fields(), **token, **place}


def _wrong_kind(case: Case) -> Iterator[Event]:
    """A stolen id or refresh token is tried as if it were an access token."""
    purpose = case.attack.name
    application = case.cast.application(purpose, ("spa", "native", "desktop"))
    session = case.session(case.cast.victim(), application, case.cast.api(purpose))
    opening = case.opening(LEAD)
    home = case.at_home(session.user, session.device)
    kind, taken = ("id", "") if case.attack.name == "id-token-at-api" else ("refresh", session.refresh_id)
    for event in case.signs_in(session, home, opening):
        if event["type"] == "issue" and event["token_type"] == kind:
            taken = event["token_id"]
        yield event
    case.names(EntityType.TOKEN, taken)
    case.names(EntityType.CLIENT, session.application.client_id)
    token = {"token_id": taken, "token_id_kind": "jti", "token_format": "jws"}
    if case.variant != "unsaid":
        token["token_type"] = kind
    yield from _presented(
        case, {**session.identity, **token, "resource_server": session.api.name}, session.user, opening
    )


def _presented(case: Case, token: Fields, victim: User, opening: int) -> Iterator[Event]:
    source = case.stranger(victim)
    window = 40 * MINUTE if case.variant == "slow" else 4 * MINUTE
    for time in case.moments(case.dose(TRIES), window, opening + LEAD):
        if case.variant == "distributed":
            source = case.stranger(victim)
        if case.variant == "refused":
            yield case.hostile(case.strand.event("verify-failure", time, token, source, reason="type-mismatch"))
        else:
            yield case.hostile(case.strand.event("key-use", time, token, source, operation="verify", outcome="success"))


_BRIEF: Final = Variant(25 * MINUTE)
_ON_THE_HOUR: Final = Variant(HOUR + 30 * MINUTE)
_USUAL: Final = {
    "fast": _BRIEF,
    "slow": Variant(HOUR),
    "distributed": _BRIEF,
    "boundary": _ON_THE_HOUR,
    "late": _BRIEF,
    "own-country": _BRIEF,
}


def _forgery(
    name: str, detector: str, accepted: tuple[str, Severity], refused: tuple[str, Severity], play: Play
) -> Attack:
    """`accepted` and `refused` are the class and least severity of forgeries that work and that do not."""
    variants = {**_USUAL, "refused": replace(_BRIEF, min_severity=refused[1], classes=(refused[0],))}
    return Attack(name, (detector,), (accepted[0],), accepted[1], variants, play)


def _with(attack: Attack, variants: dict[str, Variant]) -> Attack:
    return replace(attack, variants={**attack.variants, **variants})


_MEDIUM, _LOW = Severity.MEDIUM, Severity.LOW
FORGERY: Final = (
    _forgery(
        "unsigned-token", "weak-algorithm", ("none-accepted", Severity.CRITICAL), ("none-refused", _MEDIUM), _unsigned
    ),
    _forgery(
        "hmac-by-public-key",
        "weak-algorithm",
        ("algorithm-confusion", Severity.HIGH),
        ("algorithm-confusion-tried", _MEDIUM),
        _hmac,
    ),
    _with(
        _forgery(
            "own-key", "header-injection", ("own-key-accepted", Severity.HIGH), ("own-key-refused", _MEDIUM), _own_key
        ),
        {"jku": _BRIEF, "x5u": _BRIEF, "x5c": replace(_BRIEF, min_severity=_MEDIUM)},
    ),
    _with(
        _forgery(
            "id-token-at-api",
            "token-type-confusion",
            ("id-token-accepted", _MEDIUM),
            ("wrong-token-refused", _LOW),
            _wrong_kind,
        ),
        {"unsaid": _BRIEF},
    ),
    _with(
        _forgery(
            "refresh-token-at-api",
            "token-type-confusion",
            ("refresh-token-accepted", _MEDIUM),
            ("wrong-token-refused", _LOW),
            _wrong_kind,
        ),
        {"unsaid": _BRIEF},
    ),
)
