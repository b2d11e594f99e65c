"""creation-rate: users, addresses and clients that are given far more tokens than they and their peers ever are."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.findings import NO_CLASS
from detectors.rates.memory import Rules
from detectors.rates.spikes import find_spikes, learn_rates, new_spikes
from detectors.rates.uses import KEY, SUB, Array, uses_at
from detectors.recall import paired
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity, code

_USER: Final = EntityField(EntityType.USER, "sub", EntityRole.VICTIM)
_ADDRESS: Final = EntityField(EntityType.IP, "ip", EntityRole.ATTACKER)
_CLIENT: Final = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_TENANT: Final = EntityField(EntityType.TENANT, "iss", EntityRole.VICTIM)
_T1528: Final = ("T1528",)
_COMPARE: Final = (
    "See who asked: addresses, user agents, grants and scopes of the new tokens beside those before.",
    "Ask the owner of the client about a release, a loop of logins or a load test.",
)
_REVOKE: Final = (*_COMPARE, "If nobody can explain it, revoke the tokens given out since, and replace the secret.")
_CONFIRM: Final = ("Confirm with the owner of the client that the new level is meant.",)


def _spike(entity: EntityField, others: tuple[EntityField, ...]) -> AlertClass:
    kind = entity.type.value
    summary = f"{{{kind}}} was given {{tokens}} tokens within {{window}}, {{ratio}} times what was to be expected"
    title = f"One {kind} is given far more tokens than usual"
    metrics = (Metric("tokens", Unit.COUNT), Metric("ratio", Unit.RATIO), Metric("window", Unit.SECONDS))
    return AlertClass(f"{kind}-creation", title, summary, Severity.MEDIUM, entity, metrics, others, _T1528, _REVOKE)


def _shift(entity: EntityField) -> AlertClass:
    kind = entity.type.value
    summary = f"{{{kind}}} is now given {{level}} tokens, {{ratio}} times as many as before, for {{days}} days"
    metrics = (Metric("level", Unit.PER_HOUR), Metric("ratio", Unit.RATIO), Metric("days", Unit.COUNT))
    title = f"One {kind} goes on being given far more tokens than before"
    return AlertClass(f"{kind}-creation-shift", title, summary, Severity.LOW, entity, metrics, (), _T1528, _CONFIRM)


_CLASSES: Final = (
    _spike(_USER, (_CLIENT, _ADDRESS)),
    _spike(_CLIENT, (_USER, _ADDRESS)),
    _spike(_ADDRESS, (_USER, _CLIENT)),
    AlertClass(
        "creation-common-cause",
        "Many are given far more tokens than usual at once",
        "{peers} users, clients or addresses rise at once at {tenant}, of {active} that are active",
        Severity.LOW,
        _TENANT,
        (Metric("peers", Unit.COUNT), Metric("active", Unit.COUNT)),
        (_CLIENT, _ADDRESS),
        (),
        ("Look for a release, an expired cache or the end of an outage at the start.",),
    ),
    _shift(_USER),
    _shift(_CLIENT),
    _shift(_ADDRESS),
)
_SAID: Final = np.array([NO_CLASS, 0, 1, 2, 3, NO_CLASS, 4, 5, 6])
"""Class as the kernels write it, where an address stands for a key → its position here."""
_ADDRESSES: Final = (2, 6)


class CreationRate(Detector):
    """Finds who is suddenly given far more tokens than usual.

    Claim:
        Somebody has tokens made that nobody needs, or a client is broken.

    Why it matters:
        Whoever holds a stolen client secret or session makes tokens in stock, so that some outlive the revocation; so
        does whoever probes an identity provider. A client in a loop of logins looks the same and costs as much.

    Fires when:
        - user-creation, ip-creation, client-creation (medium): in the last 60 s or 60 min at least 50 more tokens than
          expected were given out, at least 3 times as many, and so many that chance brings it about
          `false_findings_a_day`. Of user, address and client the narrowest is named that explains 80 % of the excess.
          Confidence is high once the entity itself is known for 7 active days.
        - creation-common-cause (low): more than 10 % of the active peers, and at least 3, are half-way to their limits
          or beyond within 10 min. It stands in for the spikes of each.
        - user-creation-shift, ip-creation-shift, client-creation-shift (low): 3 active days in a row brought at least
          twice the tokens of the 28-day level, and unusually many. The new level is adopted.

    Stays quiet when:
        Another hour of the day or a weekend is busier: clients and addresses have the rhythm of their client or tenant.
        A service is given tokens in its own name: that is counted for its client, not once more as a user. Fewer than
        24 hours of an entity's kind are known in the tenant.

    Blind spots:
        Who stays below three times the usual. The first hour of a tenant. An address that many share has their level,
        and one thief behind it hides in it; the user or client may still tell. Issuers that log no issue.

    Formula:
        As usage-spike, of `issue` events: every token of a response counts, count / sample_rate. An address has what a
        key has there, for each issuer: a level of its own, and the rhythm of its only client or of its tenant.

    Parameters:
        `least_excess`, `least_ratio`, `false_findings_a_day`: all three set the limit. `hours_ahead`: local time, for
        days and weekends.

    Example:
        >>> CreationRate(least_excess=200).least_ratio
        3.0

    Next steps:
        See who asks, by which grant and for which scopes. Disable the client or end the session if nobody can explain
        it, and revoke what was given out since.

    References:
        MITRE ATT&CK T1528. RFC 9700 section 4.14 (what limits the use of stolen tokens). Efron and Morris, "Data
        Analysis Using Stein's Estimator" (1975).
    """

    type: ClassVar[str] = "creation-rate"
    title: ClassVar[str] = "Many tokens given out"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE})
    keys: ClassVar[tuple[str, ...]] = ("client_id", "sub", "ip", "issuer_key")
    needs: ClassVar[tuple[str, ...]] = ("client_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = _CLASSES
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    cool_down: ClassVar[timedelta] = timedelta(hours=1)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1528/",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "A load test, or a client in a loop of logins",
        "A release that throws cached tokens away",
        "A course or a conference behind one address",
    )

    least_excess: int = Field(50, ge=10, le=100_000, description="Least number of tokens beyond the expected.")
    least_ratio: float = Field(3.0, ge=1.5, le=100, description="Least multiple of the expected.")
    false_findings_a_day: float = Field(
        0.01, ge=0.0001, le=10, description="Chance findings a day to aim at, for each dimension of a tenant."
    )
    hours_ahead: int = Field(0, ge=-12, le=14, description="Hours by which local clocks are ahead of UTC.")

    def new_state(self) -> State:
        """Give the empty state."""
        return new_spikes()

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - it has no timers
        """Learn what peers do, and the rhythm of clients and tenants."""
        learn_rates(_issues(events), state, self.hours_ahead)

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check the issues of one batch."""
        found = find_spikes(_issues(events), watermark, state, self._rules())
        found["alert_class"] = _SAID[found["alert_class"]]
        about = np.isin(found["alert_class"], _ADDRESSES)
        found["entity"][about] = events["ip"][found["row"][about]]
        return Findings.of(self.type, found)

    def _rules(self) -> Rules:
        return Rules(
            float(self.least_excess),
            self.least_ratio,
            self.false_findings_a_day,
            explained_share=0.8,
            common_share=0.1,
            common_peers=3,
            warm_up_days=7,
            shift_days=3,
            silence=0,
            hours_ahead=self.hours_ahead,
            places=True,
        )


def _issues(events: Events) -> Array:
    """Give the tokens given out by a batch in its order, dtype `USE`: an address stands where a key does."""
    found = uses_at(events, np.flatnonzero((events["type"] == code(EventType.ISSUE)) & (events["issuer_key"] != 0)))
    at, ids = found["row"], found["ids"]
    ids[:, SUB] = np.where(events["sub"][at] == found["client"], 0, events["sub"][at])
    ids[:, KEY] = paired(events["ip"][at], found["issuer"])
    return found
