"""`AlertStream`: findings in, alert revisions with their incidents and risks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerts.allowed import Allowed, AllowRule
from alerts.episodes import Draft, Episodes
from alerts.following import Following, Opening, Pass
from alerts.incidents import Incidents, Sighting, links_of
from alerts.names import Name, Names
from alerts.risk import Risks
from schemas.alerts import Alert, Change
from schemas.catalogue import DetectorCard
from schemas.findings import Findings
from schemas.frame import Events
from schemas.revisions import EntityRisk, Incident, Revision


@dataclass(frozen=True, slots=True)
class AlertChanges:
    """What a batch changed: new revisions in order, and the latest state of incidents and entity risks.

    `shadows`: revisions of detectors on trial, apart from all others.
    """

    revisions: Sequence[Revision]
    incidents: Sequence[Incident]
    risks: Sequence[EntityRisk]
    shadows: Sequence[Revision] = ()


def _never(_source: str) -> bool:
    return False


class AlertStream:
    """The fold from findings to alerts. Equal findings on equal events give equal bytes, however they are cut.

    Args:
        cards: the detectors that run, in their order.
        allow: findings that raise no alert, by rule.
        shared: whether an address or network is an egress that many people share; such ties no alerts together.
    """

    def __init__(
        self, cards: Sequence[DetectorCard], *, allow: Sequence[AllowRule] = (), shared: Callable[[str], bool] = _never
    ) -> None:
        self._names = Names()
        self._cards = {card.type: card for card in cards}
        self.allowed = Allowed(allow, self.name_of)
        self._episodes = Episodes(cards, self._names)
        self._incidents = Incidents()
        self._risks = Risks()
        self._following = Following()
        self._shared = shared

    def name_of(self, key: int) -> Name | None:
        """Give id, tenant and issuer of a client, key or principal by its hash, where it is known."""
        return self._names.get(key)

    @property
    def open_alerts(self) -> int:
        """Number of alerts whose episode is still open."""
        return len(self._episodes)

    def fold(self, findings: Sequence[Findings], events: Events, watermark: int) -> AlertChanges:
        """Take in the findings on one batch.

        Args:
            findings: of every detector on `events`, as `detectors.run.step` gives them; rows refer to `events`.
            events: the batch, in event-time order; may be empty.
            watermark: no later event has an `order_time` at or below it, µs; alerts whose cool-down it passes close.
        """
        revisions: list[Revision] = []
        incidents: dict[str, Incident] = {}
        risks: dict[str, EntityRisk] = {}
        self._names.learn(events)
        unexpected = [self.allowed.without(found, events, self._cards[found.detector]) for found in findings]
        drafts = self._episodes.fold(unexpected, events, watermark)
        reach = self._following.begin(events, map(_opening, filter(_begins, drafts)), _start(events, watermark))
        for draft in drafts:
            alert, changed = self._placed(draft, reach)
            incidents |= {incident.incident_id: incident for incident in changed}
            risks |= {risk.key: risk for risk in self._risks.add(alert, draft.time)}
            revisions.append(Revision(alert.model_copy(update={"risk": self._risks.of(alert, draft.time)})))
        reach.settle(len(events) - 1)
        reached = self._reached(incidents, reach)
        self._incidents.keep_over(lambda name: self._following.reach(name) is not None)
        return AlertChanges(revisions, reached, list(risks.values()))

    def _placed(self, draft: Draft, reach: Pass) -> tuple[Alert, list[Incident]]:
        # An alert without its incident does not exist: the name is filled in as soon as it is known.
        alert = Alert.model_validate(draft.body | {"incident_id": draft.body["alert_id"]})
        closes = alert.change is Change.CLOSED
        seen = Sighting(
            alert.alert_id,
            draft.time,
            draft.severity,
            alert.title,
            tuple(alert.attack.tactics),
            links_of(alert.entities, alert.iss, draft.context, self._shared),
            closes=closes,
        )
        name, changed = self._incidents.assign(seen)
        for merged in changed:
            if merged.merged_into is not None:
                reach.settle(draft.row if draft.opening < 0 else draft.row - 1)
                self._following.merge(merged.incident_id, merged.merged_into)
        fields: dict[str, Any] = {"incident_id": name}
        if (watch := reach.advance(alert.alert_id, draft.row)) is not None:
            self._following.touch(watch, name, draft.time, is_open=not closes)
            reach.changed[name] = max(reach.changed.get(name, 0), draft.time)
            fields |= {"containment": watch.containment(draft.time), "blast_radius": watch.reach.radius()}
        return alert.model_copy(update=fields), changed

    def _reached(self, changed: Mapping[str, Incident], reach: Pass) -> list[Incident]:
        """Give the incidents that changed, with what is known of their reach at its last change."""
        touched = {name: incident for name in reach.changed if (incident := self._incidents.current(name))}
        found = []
        for name, incident in {**changed, **touched}.items():
            containment, radius = self._following.of_incident(name, reach.changed.get(name, incident.end))
            found.append(replace(incident, containment=containment, blast_radius=radius))
        return found

    def dump(self) -> dict[str, bytes | Callable[[], bytes]]:
        """Write the state for a checkpoint, by part; or give what writes a copy of it, on any thread."""
        own = {"incidents": self._incidents.dump(), "risks": self._risks.dump(), "reach": self._following.dump()}
        return {**self._episodes.dump(), **own, "names": self._names.dump()}

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Undo `dump`, on a fresh stream."""
        self._episodes.load(parts)
        self._names.load(parts["names"])
        self._incidents.load(parts["incidents"])
        self._risks.load(parts["risks"])
        if "reach" in parts:
            self._following.load(parts["reach"])


def _begins(draft: Draft) -> bool:
    return draft.body["change"] is Change.NEW


def _opening(draft: Draft) -> Opening:
    body = draft.body
    first = draft.opening if draft.opening >= 0 else draft.row + 1
    return Opening(body["alert_id"], draft.opening, first, draft.time, draft.about, body["revoke"].what, draft.severity)


def _start(events: Events, watermark: int) -> int:
    return int(events["order_time"][0]) if len(events) else watermark
