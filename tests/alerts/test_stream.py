"""The fold from findings to alerts: every cut gives the same bytes, and each revision has a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.stream import AlertStream
from schemas.alerts import Alert
from schemas.catalogue import AlertClass, DetectorCard, EntityField, Metric, Unit
from schemas.fields import format_time, parse_time
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.revisions import Revision
from schemas.vocabulary import Confidence, EntityRole, EntityType, Severity
from tests.frames import frame

T0 = parse_time("2026-03-02T09:00:00Z")
SECOND = 1_000_000
MINUTE = 60 * SECOND
USER = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
SOURCE = EntityField(EntityType.IP, "ip", EntityRole.ATTACKER)
KEY = EntityField(EntityType.KEY, "key_id", EntityRole.TARGET)
TRIES = (Metric("tries", Unit.COUNT),)

BURST = DetectorCard(
    type="burst",
    version=1,
    title="Burst",
    classes=(
        AlertClass("brute-force", "Brute force", "{user} had {tries} tries from {ip}", Severity.MEDIUM, USER, TRIES,
                   (SOURCE,), ("T1110.001",), ("Ask the user",), "session"),
        AlertClass("spray", "Spray", "{ip} tried {tries}", Severity.HIGH, SOURCE, TRIES, (USER,), ("T1110.003",)),
        AlertClass("stuffing", "Stuffing", "{ip} tried {tries}", Severity.HIGH, SOURCE, TRIES, (USER,), ("T1110.004",)),
    ),
    cool_down=timedelta(minutes=30),
)  # fmt: skip
SILENCE = DetectorCard(
    type="silence",
    version=1,
    title="Silence",
    classes=(AlertClass("silent", "Silent key", "{key} fell silent", Severity.LOW, KEY, others=(USER,)),),
    cool_down=timedelta(minutes=5),
)
CARDS = (BURST, SILENCE)
LAST_ROW = int(np.iinfo(np.int64).max)

Found = dict[str, Any]


def event(at: int, user: str = "ana", ip: str = "203.0.113.7", **fields: object) -> dict[str, Any]:
    reason = {"type": "verify-failure", "reason": "bad-credentials"}
    return {**reason, "time": format_time(T0 + at), "sub": user, "ip": ip, "key_id": "k1", "iss": "https://id"} | fields


def findings_on(events: Events, found: Sequence[Found], card: DetectorCard) -> Findings:
    rows = np.zeros(len(found), FINDING)
    for name in ("observed", "threshold", "baseline"):
        rows[name] = np.nan
    for i, finding in enumerate(found):
        row = finding.get("row", -1)
        kind = card.classes[finding.get("alert_class", 0)]
        column = {"principal": "principal", "ip": "ip", "key_id": "key_id"}[kind.entity.field]
        rows[i]["time"] = events["order_time"][row] if row >= 0 else finding["time"]
        rows[i]["row"] = row
        rows[i]["entity"] = (events[column][row] if row >= 0 else finding["entity"]) ^ np.uint64(
            finding.get("apart", 0)
        )
        rows[i]["alert_class"] = finding.get("alert_class", 0)
        rows[i]["severity"] = finding.get("severity", kind.severity)
        rows[i]["confidence"] = Confidence.HIGH
        rows[i]["observed"][0] = finding.get("tries", i)
        rows[i]["related"][: len(finding.get("related", []))] = finding.get("related", [])
    return Findings.of(card.type, rows)


def fold(events: Events, by_card: Sequence[Sequence[Found]], cuts: Sequence[int] = (), *, end: int) -> list[Revision]:
    """Fold at once, or cut before some rows; restore from a dump at every cut."""
    findings = [findings_on(events, found, card) for found, card in zip(by_card, CARDS, strict=True)]
    stream = AlertStream(CARDS)
    out: list[Revision] = []
    bounds = [0, *sorted(set(cuts)), len(events)]
    for start, stop in pairwise(bounds):
        mark = int(events["order_time"][stop]) - 1 if stop < len(events) else T0 + end
        before = int(events["order_time"][start]) - 1 if start else -1
        out += stream.fold([_part(each, start, stop, before, mark) for each in findings],
                           events.take(slice(start, stop)), mark).revisions  # fmt: skip
        restored = AlertStream(CARDS)
        restored.load({name: part() if callable(part) else part for name, part in stream.dump().items()})
        stream = restored
    return out


def _part(findings: Findings, start: int, stop: int, before: int, mark: int) -> Findings:
    rows = findings.rows
    timer = rows["row"] < 0
    # A timer fires in the batch whose watermark first reaches it.
    due = timer & (rows["time"] <= mark) & (rows["time"] > before)
    own = ~timer & (rows["row"] >= start) & (rows["row"] < stop)
    part = rows[own | due].copy()
    part["row"] -= np.where(part["row"] >= 0, start, 0)
    return Findings(findings.detector, part)


def changes(revisions: Sequence[Revision]) -> list[tuple[str, str, int]]:
    return [(r.alert.change.value, r.alert.alert_class, r.alert.count) for r in revisions]


def only(revisions: Sequence[Revision]) -> list[Alert]:
    return [revision.alert for revision in revisions]


events_strategy = st.lists(
    st.tuples(st.integers(0, 40 * MINUTE), st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=40
)
finding_strategy = st.fixed_dictionaries(
    {
        "row": st.integers(0, 39),
        "alert_class": st.integers(0, 2),
        "severity": st.integers(1, 5),
        "back": st.integers(0, 5),
    }
)


@settings(max_examples=60, deadline=None)
@given(events_strategy, st.lists(finding_strategy, max_size=60), st.lists(st.integers(1, 39), max_size=6), st.data())
def test_every_cut_and_every_restart_gives_the_same_bytes(
    gaps: list[tuple[int, str, int]], found: list[Found], cuts: list[int], data: st.DataObject
) -> None:
    times = np.cumsum([gap if gap % 3 else 0 for gap, _, _ in gaps]).tolist()
    events = frame(
        [event(t, user, f"203.0.113.{host}", event_id=f"e{i:03}", seq=i)
         for i, (t, (_, user, host)) in enumerate(zip(times, gaps, strict=True))]
    )  # fmt: skip
    burst = [each | {"related": [int(events["event_key"][max(0, each["row"] - each["back"])])]}
             for each in found if each["row"] < len(events)]  # fmt: skip
    timers = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=3))
    silence = [{"time": int(events["order_time"][row]) + 7, "entity": int(events["key_id"][row])} for row in timers]
    end = int(times[-1]) + 8
    whole = fold(events, [burst, silence], end=end)
    parts = fold(events, [burst, silence], [cut for cut in cuts if cut < len(events)], end=end)
    assert [revision.body for revision in parts] == [revision.body for revision in whole]


def test_two_episodes_of_one_entity_that_begin_at_once_are_two_alerts() -> None:
    """As of one client at two servers: the name of the client alone would be one id."""
    events = frame([event(0), event(0)])
    found = [{"row": 0, "apart": 0xA}, {"row": 1, "apart": 0xB}, {"row": 1}]
    alerts = only(fold(events, [found, []], end=0))
    assert [alert.entities[0].id for alert in alerts] == ["ana"] * 3
    assert len({alert.alert_id for alert in alerts}) == 3
