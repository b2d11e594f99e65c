"""`AlertStream`: findings in, alert revisions with their incidents and risks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alerts.allowed import Allowed, AllowRule
from alerts.episodes import Draft, Episodes
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
    """What a batch changed: new revisions in order, and the latest state of incidents and entity risks."""

    revisions: Sequence[Revision]
    incidents: Sequence[Incident]
    risks: Sequence[EntityRisk]


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
        for draft in self._episodes.fold(unexpected, events, watermark):
            alert, changed = self._placed(draft)
            incidents |= {incident.incident_id: incident for incident in changed}
            risks |= {risk.key: risk for risk in self._risks.add(alert, draft.time)}
            revisions.append(Revision(alert.model_copy(update={"risk": self._risks.of(alert, draft.time)})))
        return AlertChanges(revisions, list(incidents.values()), list(risks.values()))

    def _placed(self, draft: Draft) -> tuple[Alert, list[Incident]]:
        # An alert without its incident does not exist: the name is filled in as soon as it is known.
        alert = Alert.model_validate(draft.body | {"incident_id": draft.body["alert_id"]})
        seen = Sighting(
            alert.alert_id,
            draft.time,
            draft.severity,
            alert.title,
            tuple(alert.attack.tactics),
            links_of(alert.entities, alert.iss, draft.context, self._shared),
            closes=alert.change is Change.CLOSED,
        )
        name, changed = self._incidents.assign(seen)
        return alert.model_copy(update={"incident_id": name}), changed

    def dump(self) -> dict[str, bytes | Callable[[], bytes]]:
        """Write the state for a checkpoint, by part; or give what writes a copy of it, on any thread."""
        own = {"incidents": self._incidents.dump(), "risks": self._risks.dump()}
        return {**self._episodes.dump(), **own, "names": self._names.dump()}

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Undo `dump`, on a fresh stream."""
        self._episodes.load(parts)
        self._names.load(parts["names"])
        self._incidents.load(parts["incidents"])
        self._risks.load(parts["risks"])
