"""What an alert of each class of usage-spike says, in the order of the positions in `verdicts`."""

from __future__ import annotations

from typing import Final

from schemas.catalogue import AlertClass, EntityField, Metric, Unit
from schemas.vocabulary import EntityRole, EntityType, Severity

_TOKEN: Final = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)
_USER: Final = EntityField(EntityType.USER, "sub", EntityRole.VICTIM)
_CLIENT: Final = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_KEY: Final = EntityField(EntityType.KEY, "key_id", EntityRole.TARGET)
_TENANT: Final = EntityField(EntityType.TENANT, "iss", EntityRole.VICTIM)
_ADDRESS: Final = EntityField(EntityType.IP, "ip", EntityRole.OBSERVER)

_SPIKE: Final = (Metric("uses", Unit.COUNT), Metric("ratio", Unit.RATIO), Metric("window", Unit.SECONDS))
_SHIFT: Final = (Metric("level", Unit.PER_HOUR), Metric("ratio", Unit.RATIO), Metric("days", Unit.COUNT))
_T1078: Final = ("T1078",)

_COMPARE: Final = (
    "Compare the addresses and user agents of the spike with those before it.",
    "Ask the owner whether a job, a release or a retry loop explains it.",
)
_REVOKE_TOKEN: Final = (*_COMPARE, "If not, revoke the token and the session behind it.")
_GUARD_USER: Final = (*_COMPARE, "If not, end the user's sessions and see which data was read.")
_ROTATE_SECRET: Final = (*_COMPARE, "If not, replace the client's secret and revoke its tokens.")
_ROTATE_KEY: Final = (*_COMPARE, "If not, rotate the key, and revoke what it signed or opened meanwhile.")
_WHAT_CHANGED: Final = (
    "Look for a release, a load test or the end of an outage at the start.",
    "If nothing changed, look for one network or user agent behind all of them.",
)
_CONFIRM: Final = (
    "Confirm with the owner that the new level is meant: an attacker may have raised it step by step.",
    "See which addresses and users the growth comes from.",
)
_MISSED: Final = (
    "See whether the key was disabled, deleted or replaced, and by whom.",
    "See whether the log of what used it still arrives.",
)


def _spike(entity: EntityField, others: tuple[EntityField, ...], advice: tuple[str, ...]) -> AlertClass:
    kind = entity.type.value
    summary = f"{{{kind}}} was used {{uses}} times within {{window}}, {{ratio}} times what was to be expected"
    title = f"One {kind} is used far more than usual"
    revoke = "token" if entity is _TOKEN else None
    return AlertClass(
        f"{kind}-spike", title, summary, Severity.MEDIUM, entity, _SPIKE, (*others, _ADDRESS), _T1078, advice, revoke
    )


def _shift(entity: EntityField) -> AlertClass:
    kind = entity.type.value
    summary = f"{{{kind}}} is now used {{level}}, {{ratio}} times as much as before, for {{days}} days"
    title = f"Use of one {kind} stays far above what it was"
    return AlertClass(f"{kind}-baseline-shift", title, summary, Severity.LOW, entity, _SHIFT, (), _T1078, _CONFIRM)


CLASSES: Final = (
    _spike(_TOKEN, (_USER, _CLIENT, _KEY), _REVOKE_TOKEN),
    _spike(_USER, (_CLIENT, _KEY), _GUARD_USER),
    _spike(_CLIENT, (_USER, _KEY), _ROTATE_SECRET),
    _spike(_KEY, (_USER, _CLIENT), _ROTATE_KEY),
    AlertClass(
        "common-cause",
        "Many are used far more than usual at once",
        "{peers} keys, clients or users of one kind rise at once at {tenant}, of {active} that are active",
        Severity.LOW,
        _TENANT,
        (Metric("peers", Unit.COUNT), Metric("active", Unit.COUNT)),
        (_CLIENT, _KEY),
        _T1078,
        _WHAT_CHANGED,
    ),
    AlertClass(
        "key-silence",
        "A busy key is not used any more",
        "{key} has not been used for {silence}, and no new key has taken over",
        Severity.LOW,
        _KEY,
        (Metric("silence", Unit.SECONDS), Metric("uses", Unit.COUNT)),
        (),
        (),
        _MISSED,
    ),
    _shift(_USER),
    _shift(_CLIENT),
    _shift(_KEY),
)
