"""Findings that somebody expects and answers for: a penetration test, a scanner, a migration. They raise no alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from alerts.names import Name
from schemas.catalogue import DetectorCard
from schemas.fields import since_epoch
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityType

_LISTS: Final = ("ips", "clients", "subjects", "keys")
_FIELDS: Final = ("ip", "client_id", "sub", "login", "key_id", "iss")
_OF_TIMERS: Final = {EntityType.CLIENT: "client_id", EntityType.USER: "sub", EntityType.KEY: "key_id"}
"""A timer's finding has no event: what is known is the entity it is about."""


class AllowRule(BaseModel):
    """What is expected: findings on events that match every list which is given raise no alert.

    The events still count for detectors' baselines and for the totals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=1, max_length=200, description="Why, as it is counted and shown.")
    owner: str = Field(min_length=1, max_length=200, description="Who answers for it.")
    until: AwareDatetime | None = Field(None, description="Event time from which it no longer holds.")
    detectors: frozenset[str] = Field(frozenset(), description="Types of detectors; all where none is named.")
    iss: str | None = Field(None, description="Issuer that the names below belong to; any where none is named.")
    ips: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Addresses and networks (CIDR).")
    clients: frozenset[str] = Field(frozenset(), description="Client ids.")
    subjects: frozenset[str] = Field(frozenset(), description="Subjects, or logins where there is no subject.")
    keys: frozenset[str] = Field(frozenset(), description="Key ids.")

    @model_validator(mode="after")
    def _of_something(self) -> AllowRule:
        if not any(getattr(self, name) for name in _LISTS):
            raise ValueError(f"name some {', '.join(_LISTS)}; to turn detectors off there is `disabled`")
        return self

    def holds(self, detector: str, time: int, fields: Mapping[str, str | None]) -> bool:
        """Tell whether a finding is expected.

        Args:
            detector: its type.
            time: of the finding, µs.
            fields: what is known of the event.
        """
        return (
            (not self.detectors or detector in self.detectors)
            and (self.until is None or time < since_epoch(self.until))
            and self.iss in {None, fields["iss"]}
            and (not self.ips or self._in_networks(fields["ip"]))
            and (not self.clients or fields["client_id"] in self.clients)
            and (not self.subjects or (fields["sub"] or fields["login"]) in self.subjects)
            and (not self.keys or fields["key_id"] in self.keys)
        )

    def _in_networks(self, ip: str | None) -> bool:
        return ip is not None and any(ip_address(ip) in network for network in self.ips)


class Allowed:
    """Takes away what is expected, and counts it.

    Args:
        rules: the first that holds is the one that counts.
        name_of: id, tenant and issuer of an entity by its key, where they are known.
    """

    def __init__(self, rules: Sequence[AllowRule], name_of: Callable[[int], Name | None]) -> None:
        self._rules = rules
        self._name_of = name_of
        self.counts: Counter[str] = Counter()

    def without(self, findings: Findings, events: Events, card: DetectorCard) -> Findings:
        """Give the findings of one detector that nobody expects."""
        rules = [rule for rule in self._rules if not rule.detectors or card.type in rule.detectors]
        if not (rules and len(findings)):
            return findings
        rows = findings.rows
        known = zip(rows["time"].tolist(), self._known(rows, events, card), strict=True)
        reasons = [_reason(rules, card.type, time, fields) for time, fields in known]
        self.counts.update(reason for reason in reasons if reason is not None)
        return Findings(card.type, rows[np.array([reason is None for reason in reasons])])

    def _known(self, rows: np.ndarray[Any, Any], events: Events, card: DetectorCard) -> Iterable[dict[str, Any]]:
        """Give what is known of the event of each finding, or else of its entity."""
        of_events = iter(events.text.gather(rows["row"][rows["row"] >= 0], _FIELDS).to_pylist())
        for row in rows:
            yield next(of_events) if row["row"] >= 0 else self._entity(row, card)

    def _entity(self, row: np.void, card: DetectorCard) -> dict[str, Any]:
        field = _OF_TIMERS.get(card.classes[row["alert_class"]].entity.type)
        name = self._name_of(int(row["entity"]))
        known = dict.fromkeys(_FIELDS)
        return known if field is None or name is None else known | {"iss": name[2], field: name[0]}


def _reason(rules: Sequence[AllowRule], detector: str, time: int, fields: Mapping[str, str | None]) -> str | None:
    return next((rule.reason for rule in rules if rule.holds(detector, time, fields)), None)
