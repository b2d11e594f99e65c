"""What each detector finds in its cases becomes alerts: its card names what can be written."""

from __future__ import annotations

import pytest

from alerts.attack import TECHNIQUES
from alerts.stream import AlertStream
from detectors.base import Detector
from detectors.registry import DETECTORS
from schemas.findings import Findings
from tests.alerts.siem import cef, ocsf
from tests.detectors.casefile import configured, read_cases
from tests.detectors.laws import run

KINDS = pytest.mark.parametrize("kind", DETECTORS.values(), ids=list(DETECTORS))


@KINDS
def test_techniques_have_tactics(kind: type[Detector]) -> None:
    assert {technique for it in kind.classes for technique in it.attack} <= set(TECHNIQUES)


@KINDS
def test_findings_of_every_class_become_alerts(kind: type[Detector]) -> None:
    alerted = set()
    judged = set()
    for case in read_cases(kind.type):
        events = case.stream()
        end = case.end(events)
        found = run(configured(kind, case), [(events, end)])
        changes = AlertStream([kind.card()]).fold([Findings(kind.type, found)], events, end)
        assert bool(changes.revisions) == bool(len(found)), case.name
        alerted |= {revision.alert.alert_class for revision in changes.revisions}
        for alert in (revision.alert for revision in changes.revisions):
            # Validating is slow: each class once in each of its changes.
            if (alert.alert_class, alert.change) not in judged:
                judged.add((alert.alert_class, alert.change))
                assert ocsf(alert)["metadata"]["event_code"] == alert.alert_class
                assert cef(alert)["cat"] == alert.alert_class
    assert alerted == {it.name for it in kind.classes}
