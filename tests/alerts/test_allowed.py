"""What somebody expects and answers for raises no alert; everything else still does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from alerts.allowed import AllowRule
from alerts.stream import AlertStream
from detectors.findings import report
from detectors.lifecycle.holder_change import HolderChange
from detectors.usage.usage_spike import UsageSpike
from schemas.fields import parse_time
from schemas.findings import Findings
from schemas.frame import Events
from tests.frames import frame

NOON = parse_time("2026-03-02T12:00:00Z")
HOUR = 3_600_000_000
USE = {
    "type": "key-use",
    "time": "2026-03-02T12:00:00Z",
    "iss": "https://id.acme",
    "token_id": "t1",
    "sub": "ana",
    "client_id": "scanner",
    "key_id": "kid-1",
    "ip": "192.0.2.7",
}


def alerts(events: Events, findings: Findings, **rule: Any) -> int:
    """How many alerts there are with one rule."""
    allow = AllowRule.model_validate({"reason": "pen test", "owner": "ana", **rule})
    stream = AlertStream([HolderChange.card(), UsageSpike.card()], allow=[allow])
    found = stream.fold([findings], events, NOON)
    assert stream.allowed.counts["pen test"] + len(found.revisions) == len(findings)
    return len(found.revisions)


def holder_change(**fields: Any) -> tuple[Events, Findings]:
    events = frame([{**USE, **fields}])
    return events, Findings.of("holder-change", report(events, np.array([0]), "token_id", severity=3, confidence=2))


@pytest.mark.parametrize(
    "rule",
    [
        {"ips": ["192.0.2.0/24"]},
        {"ips": ["198.51.100.1", "192.0.2.7"]},
        {"clients": ["scanner", "other"]},
        {"subjects": ["ana"]},
        {"keys": ["kid-1"]},
        {"clients": ["scanner"], "ips": ["192.0.2.7"], "detectors": ["holder-change"], "iss": "https://id.acme"},
        {"subjects": ["ana"], "until": "2026-03-02T13:00:00+00:30"},
    ],
)
def test_what_is_expected_raises_no_alert(rule: dict[str, Any]) -> None:
    assert alerts(*holder_change(), **rule) == 0


@pytest.mark.parametrize(
    "rule",
    [
        {"ips": ["192.0.3.0/24", "2001:db8::/32"]},
        {"clients": ["Scanner"]},
        {"clients": ["scanner"], "ips": ["192.0.2.8"]},
        {"clients": ["scanner"], "detectors": ["refresh-reuse"]},
        {"clients": ["scanner"], "iss": "https://id.beta"},
        {"clients": ["scanner"], "until": "2026-03-02T12:00:00Z"},
    ],
)
def test_what_is_not_expected_does(rule: dict[str, Any]) -> None:
    assert alerts(*holder_change(), **rule) == 1


def test_a_login_stands_for_the_subject_that_is_not_known() -> None:
    assert alerts(*holder_change(sub=None, login="ana"), subjects=["ana"]) == 0
    assert alerts(*holder_change(sub="bob", login="ana"), subjects=["ana"]) == 1


def test_unknown_fields_match_nothing() -> None:
    assert alerts(*holder_change(ip=None), ips=["0.0.0.0/0", "::/0"]) == 1


@pytest.mark.parametrize(
    ("rule", "left"), [({"clients": ["scanner"]}, 0), ({"clients": ["x"]}, 1), ({"ips": ["0.0.0.0/0"]}, 1)]
)
def test_a_timer_is_about_its_entity_even_when_that_came_in_the_same_batch(rule: dict[str, Any], left: int) -> None:
    events = frame([USE])
    rows = report(events, np.array([0]), "client_id", severity=3, confidence=2)
    rows["alert_class"] = [it.entity.field for it in UsageSpike.classes].index("client_id")
    rows["row"], rows["time"] = -1, NOON
    assert alerts(events, Findings.of("usage-spike", rows), **rule) == left


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({}, "name some ips, clients, subjects, keys"),
        ({"ips": ["192.0.2.300"]}, "ips"),
        ({"keys": ["k"], "until": "2026-03-02T12:00:00"}, "timezone"),
        ({"keys": ["k"], "reason": ""}, "reason"),
        ({"keys": ["k"], "kids": ["k"]}, "kids"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        AllowRule.model_validate({"reason": "r", "owner": "o", **rule})
