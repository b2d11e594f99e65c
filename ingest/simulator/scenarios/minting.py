"""Tokens made in stock, and tokens signed past the issuer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.applications import MAIN_ISSUER
from ingest.simulator.clock import HOUR, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event
from schemas.vocabulary import EntityType, Severity

EXCESS: Final = 50  # tokens beyond the expected in a minute
NAMED: Final = 3  # signatures beyond the usual, whose token is named and was never issued
UNNAMED: Final = 40  # those that name none: five deviations of the usual, for the APIs of the simulator
ADDRESSES: Final = 12


def _client_hoard(case: Case) -> Iterator[Event]:
    """A stolen client secret: token after token, in stock, from a rented server or many."""
    services = [service for service in case.world.services[1:] if service.api_key is None]
    service = case.cast.service(services)
    case.names(EntityType.CLIENT, service.client_id)
    sources = [case.rented() for _ in range(ADDRESSES if case.variant == "distributed" else 1)]
    for source in sources:
        case.names(EntityType.IP, source["ip"])
    window = 50 * MINUTE if case.variant == "slow" else MINUTE
    for time in case.moments(case.dose(EXCESS), window):
        _, issue = service.grant(case.strand, time)
        yield case.hostile({**issue, **case.draws.pick(sources)})


def _session_hoard(case: Case) -> Iterator[Event]:
    """A thief with a password, or with many of them, logs in again and again, for tokens to keep."""
    application, api = case.world.catalogue.named("spa"), case.cast.api(case.attack.name)
    several = case.variant == "distributed"
    users = [case.cast.victim() for _ in range(ADDRESSES if several else 1)]
    source = case.resident(users[0].home) if case.variant == "own-country" else case.rented()
    case.names(EntityType.IP, source["ip"])
    if not several:
        case.names(EntityType.USER, users[0].sub)
    window = 50 * MINUTE if case.variant == "slow" else MINUTE
    for time in case.moments(case.dose(EXCESS / 3), window):
        for event in case.session(case.draws.pick(users), application, api).open(time, source):
            yield case.hostile(event)


def _rogue_signer(case: Case) -> Iterator[Event]:
    """Whoever may call the key service has tokens signed that the issuer never gives out, and uses them."""
    api = case.cast.api(case.attack.name)
    key, window = api.key_at(case.start), 55 * MINUTE if case.variant == "slow" else 10 * MINUTE
    case.names(EntityType.KEY, key)
    signer = case.cast.turn(case.world.services, lambda service: f"signer {service.client_id}")
    who = {"sub": signer.client_id, "sub_type": "service", "client_id": signer.client_id, "source": "kms"}
    done = {"operation": "sign", "outcome": "success", "key_use": "sig", "key_id": key, "alg": "ES256"}
    fields: Fields = {"tenant": "acme", "iss": MAIN_ISSUER, **who, **done, **signer.where}
    named, forged, time = case.variant != "unnamed", [], case.start
    for time in case.moments(case.dose(NAMED if named else UNNAMED), window):
        token = {"token_id": f"at-{case.draws.hex_id()}", "token_id_kind": "jti"}
        forged.append(token["token_id"])
        yield case.hostile(case.strand.event("key-use", time, fields, token if named else {}))
    yield from _used(case, forged, key, time)


def _used(case: Case, forged: list[str], key: str, since: int) -> Iterator[Event]:
    """The forged tokens at the API, in the name of a user, for half an hour."""
    application, api = case.world.catalogue.named("spa"), case.cast.api(f"{case.attack.name} used")
    session = case.session(case.cast.victim(), application, api)
    session.open(since, {})
    use = {**session.usage(case.rented()), "key_id": key}
    for time in case.moments(max(20, len(forged)), 30 * MINUTE, since + SECOND):
        yield case.hostile(case.strand.event("key-use", time, use, token_id=case.draws.pick(forged)))


_BURST: Final = Variant(20 * MINUTE)
_SLOW: Final = Variant(HOUR + 10 * MINUTE)
_BOUNDARY: Final = Variant(HOUR + 20 * MINUTE)
_HOARD: Final = {"fast": _BURST, "slow": _SLOW, "distributed": _BURST, "boundary": _BOUNDARY, "late": _BURST}
_CREATION: Final = ("creation-rate",)

MINTING: Final = (
    Attack("client-hoard", _CREATION, ("client-creation", "ip-creation"), Severity.MEDIUM, _HOARD, _client_hoard),
    Attack(
        "session-hoard",
        _CREATION,
        ("user-creation", "ip-creation"),
        Severity.MEDIUM,
        {**_HOARD, "own-country": _BURST},
        _session_hoard,
    ),
    Attack(
        "rogue-signer",
        ("mint-mismatch",),
        ("unissued-signatures",),
        Severity.HIGH,
        {
            "fast": Variant(HOUR),
            "slow": Variant(2 * HOUR),
            "late": Variant(HOUR),
            "unnamed": Variant(HOUR, classes=("excess-signatures",)),
        },
        _rogue_signer,
    ),
)
