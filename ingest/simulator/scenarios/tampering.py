"""Keys that are destroyed, copied, opened or read by somebody who is not in charge of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ingest.simulator.applications import MAIN_ISSUER
from ingest.simulator.clock import HOUR, MINUTE
from ingest.simulator.networks import Fields
from ingest.simulator.scenarios.case import Attack, Case, Variant
from ingest.simulator.sessions import Event
from ingest.simulator.signing import secret_of
from schemas.vocabulary import EntityType, Severity

ACTS: Final = 2
EXPOSED: Final = 13  # thieves find some services, not all
CUSTOMER_KEYS: Final = tuple(f"customer-{number:03d}" for number in range(150))
OPERATIONS: Final = {
    "key-sabotage": ("disable", "schedule-delete", "destroy"),
    "key-copy": ("export", "import"),
    "key-opening": ("policy-change",),
    "secret-theft": ("read-secret",),
}


def _tampering(case: Case) -> Iterator[Event]:
    """Looks around first, as any tool does, then acts; now and then a permission is missing."""
    actor, operations = _actor(case), OPERATIONS[case.attack.name]
    opening = case.opening(5 * MINUTE)
    first = _target(case)
    for step in range(1 + case.draws.below(4)):
        look = {"operation": "get-public-key", "outcome": "success", "key_id": first}
        yield case.hostile(case.strand.event("key-use", opening + step * 10_000_000, actor, look))
    several = case.variant == "distributed" or case.attack.name == "secret-theft"
    window = 50 * MINUTE if case.variant == "slow" else 4 * MINUTE
    for index, time in enumerate(case.moments(case.dose(ACTS), window, opening + 5 * MINUTE)):
        key = _target(case) if several and index else first
        outcome = "denied" if case.variant == "refused" or case.draws.chance(0.15) else "success"
        act = {"operation": case.draws.pick(operations), "outcome": outcome, "key_id": key}
        yield case.hostile(case.strand.event("key-use", time, actor, act))


def _target(case: Case) -> str:
    """A key that signs tokens or belongs to a customer, or the secret of a service; an alert should name it."""
    if case.attack.name == "secret-theft":
        exposed = case.world.services[1:EXPOSED]
        key = secret_of(case.cast.turn(exposed, lambda service: f"secret of {service.client_id}"))
    else:
        signing = [api.key_at(case.start) for api in case.world.catalogue.apis]
        key = case.cast.turn([*signing, *CUSTOMER_KEYS], str)
    case.names(EntityType.KEY, key)
    return key


def _actor(case: Case) -> Fields:
    """Leaked credentials of a service at a rented server; in `own-country` an employee at home."""
    fields = {"tenant": "acme", "iss": MAIN_ISSUER, "source": "kms"}
    if case.variant == "own-country":
        user = case.cast.victim()
        return {**fields, "sub": user.sub, "sub_type": "user", **case.at_home(user, user.laptop)}
    service = case.cast.turn(case.world.services, lambda service: service.client_id)
    return {**fields, "sub": service.client_id, "sub_type": "service", "client_id": service.client_id, **case.rented()}


_BRIEF: Final = Variant(20 * MINUTE)
_VARIANTS: Final = {
    "fast": _BRIEF,
    "slow": Variant(HOUR + 10 * MINUTE),
    "distributed": _BRIEF,
    "boundary": Variant(HOUR + 20 * MINUTE),
    "late": _BRIEF,
    "own-country": _BRIEF,
    # Without a list of administrators nobody is known to be in charge: that is one step less.
    "refused": replace(_BRIEF, min_severity=Severity.LOW),
}
_CLASSES: Final = {
    "key-sabotage": "key-disabled",
    "key-copy": "key-material-moved",
    "key-opening": "key-policy-changed",
    "secret-theft": "secret-read",
}
TAMPERING: Final = tuple(
    Attack(
        name,
        ("key-tampering",),
        (_CLASSES[name],),
        Severity.LOW if name == "secret-theft" else Severity.MEDIUM,
        _VARIANTS,
        _tampering,
    )
    for name in OPERATIONS
)
