"""The scorer: what counts as found, what as false, and how sure one can be."""

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from app.evaluate import EventTotals, Exposure, Report, count_events, evaluate, judge, summary
from ingest.simulator import Label, LabelEntity
from schemas.fields import format_time, parse_time
from schemas.intervals import Delay, Rate, Share
from schemas.vocabulary import EntityType, Severity

START = parse_time("2026-09-21T06:00:00Z")
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TOTALS = EventTotals(START, Exposure(200_000, 1_000.0), Exposure(100_000, 500.0), hostile=20)


def attack(**changes: Any) -> Label:
    fields: dict[str, Any] = {
        "scenario": "brute-force",
        "variant": "fast",
        "entities": [LabelEntity(type=EntityType.USER, id="alice"), LabelEntity(type=EntityType.IP, id="11.0.0.1")],
        "start": START + HOUR,
        "end": START + HOUR + 5 * MINUTE,
        "expected": ["failed-auth-burst"],
        "classes": ["brute-force"],
        "min_severity": Severity.MEDIUM,
        "event_ids": ["e1", "e2"],
    }
    return Label(**(fields | changes))


def alert(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "alert_id": "a1",
        "incident_id": "i1",
        "detector": "failed-auth-burst",
        "class": "brute-force",
        "severity": "medium",
        "time": format_time(START + HOUR + 40 * SECOND),
        "entities": [{"type": "user", "id": "alice", "role": "victim"}],
        "evidence": {"event_ids": []},
    }
    return record | changes


def false(report: Report) -> dict[tuple[str, str], int]:
    return {(noise.detector, noise.severity): noise.per_100k_events.count for noise in report.noise_by_detector}


def test_an_alert_with_entity_detector_severity_and_time_finds_the_attack() -> None:
    report = evaluate([alert()], [attack()], TOTALS)
    assert (report.total.recall.hits, report.total.recall.cases) == (1, 1)
    assert report.total.named_right.value == 1
    assert report.total.delay == Delay(40.0, 40.0)
    assert (report.total.alerts_per_attack, report.total.incidents_per_attack) == (1, 1)
    assert all(noise.per_100k_events.count == 0 for noise in report.noise)


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": "low"},
        {"detector": "usage-spike"},
        {"entities": [{"type": "user", "id": "alicia"}]},
        {"entities": [{"type": "client", "id": "alice"}]},
        {"time": format_time(START + HOUR - SECOND)},
        {"time": format_time(START + HOUR + 5 * MINUTE + 16 * MINUTE)},
    ],
    ids=["too mild", "other detector", "other id", "other type", "too early", "too late"],
)
def test_anything_less_does_not(changes: dict[str, Any]) -> None:
    assert evaluate([alert(**changes)], [attack()], TOTALS).total.recall.hits == 0


def test_an_alert_at_the_end_of_the_grace_still_counts() -> None:
    time = format_time(START + HOUR + 20 * MINUTE)
    assert evaluate([alert(time=time)], [attack()], TOTALS).total.recall.hits == 1
    assert evaluate([alert(time=time)], [attack()], TOTALS, grace=MINUTE).total.recall.hits == 0


def test_the_revision_that_became_severe_enough_sets_the_delay() -> None:
    later = alert(severity="high", time=format_time(START + HOUR + 90 * SECOND), revision=2)
    report = evaluate([later, alert(severity="low", revision=1)], [attack()], TOTALS)
    assert report.total.delay.median == 90
    assert report.total.alerts_per_attack == 1


@pytest.mark.parametrize(
    ("change", "found"),
    [("count", 0), ("entity", 0), ("closed", 0), ("severity", 1), ("class", 1)],
)
def test_an_alert_that_was_open_before_finds_only_by_getting_worse(change: str, found: int) -> None:
    older = alert(start=format_time(START), change=change)
    assert evaluate([older], [attack()], TOTALS).total.recall.hits == found


def test_closing_an_alert_is_about_no_attack() -> None:
    closing = alert(change="closed", evidence={"event_ids": ["e1"]})
    report = evaluate([closing], [attack()], TOTALS)
    assert false(report) == {("failed-auth-burst", "medium"): 1, ("failed-auth-burst", "medium+"): 1}


def test_dealt_times_that_overlap_the_true_one_are_no_chance() -> None:
    labels = [attack(), attack(start=START + HOUR + MINUTE, end=START + HOUR + 2 * MINUTE)]
    (shuffled,) = [row for row in evaluate([alert()], labels, TOTALS).baselines if row.name == "shuffled labels"]
    assert shuffled.recall.cases == 0


def test_a_wrong_class_is_found_but_not_named_right() -> None:
    report = evaluate([alert(**{"class": "password-spray"})], [attack()], TOTALS)
    assert report.total.recall.hits == 1
    assert report.total.named_right.hits == 0


def test_every_medium_alert_on_an_attack_counts_as_noise_of_that_attack() -> None:
    others = [
        alert(alert_id="a2", incident_id="i2", detector="new-context", severity="high"),
        alert(alert_id="a3", incident_id="i1", entities=[], evidence={"event_ids": ["e2"]}),
        alert(alert_id="a4", severity="low"),
    ]
    report = evaluate([alert(), *others], [attack()], TOTALS)
    assert report.total.alerts_per_attack == 3
    assert report.total.incidents_per_attack == 2
    assert false(report) == {("failed-auth-burst", "medium+"): 0}


def test_an_alert_about_no_attack_is_false_once_at_its_worst_severity() -> None:
    stranger = {"alert_id": "f1", "entities": [{"type": "user", "id": "bob"}]}
    records = [alert(**stranger, severity="low"), alert(**stranger, severity="high"), alert()]
    report = evaluate(records, [attack()], TOTALS)
    assert false(report) == {("failed-auth-burst", "high"): 1, ("failed-auth-burst", "medium+"): 1}
    early = {noise.severity: noise for noise in report.noise if noise.period == "first 48 h"}
    assert early["high"].per_100k_events.value == pytest.approx(0.5)
    assert early["high"].per_1000_users_a_day.value == pytest.approx(1.0)
    assert early["medium+"].per_100k_events.count == 1
    assert early["low"].per_100k_events.count == 0


def test_false_alerts_after_two_days_stand_apart() -> None:
    record = alert(alert_id="f1", entities=[], time=format_time(START + 49 * HOUR))
    noise = {(row.severity, row.period): row for row in evaluate([record], [], TOTALS).noise}
    assert noise["medium", "after 48 h"].per_100k_events.value == pytest.approx(1.0)
    assert noise["medium", "first 48 h"].per_100k_events.count == 0


def test_incomplete_attacks_are_neither_found_nor_missed_nor_false() -> None:
    report = evaluate([alert()], [attack(complete=False)], TOTALS)
    assert report.total.recall.cases == 0
    assert report.incomplete == 1
    assert false(report) == {("failed-auth-burst", "medium+"): 0}


def test_rows_by_variant_and_dose() -> None:
    entities = [LabelEntity(type=EntityType.USER, id="carol")]
    labels = [
        attack(intensity=0.5, entities=entities),
        attack(intensity=2.0),
        attack(variant="slow", entities=entities),
    ]
    report = evaluate([alert()], labels, TOTALS)
    assert [(row.scenario, row.variant, row.recall.hits, row.recall.cases) for row in report.variants] == [
        ("brute-force", "fast", 1, 2),
        ("brute-force", "slow", 0, 1),
    ]
    assert [(dose.intensity, dose.recall.hits) for dose in report.doses] == [(0.5, 0), (1.0, 0), (2.0, 1)]


def test_shuffled_labels_find_next_to_nothing() -> None:
    labels = [
        attack(
            entities=[LabelEntity(type=EntityType.USER, id=f"user-{number}")],
            start=START + number * HOUR,
            end=START + number * HOUR + MINUTE,
        )
        for number in range(20)
    ]
    records = [
        alert(
            alert_id=f"a{number}",
            entities=[{"type": "user", "id": f"user-{number}"}],
            time=format_time(START + number * HOUR + 30 * SECOND),
        )
        for number in range(20)
    ]
    report = evaluate(records, labels, TOTALS)
    assert report.total.recall.value == 1
    (shuffled,) = [baseline for baseline in report.baselines if baseline.name == "shuffled labels"]
    assert shuffled.recall.cases == 400
    assert shuffled.recall.hits == 0


def failures(number: int, start: int, gap: int, prefix: str = "e") -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"{prefix}{index}",
            "type": "verify-failure",
            "time": format_time(start + index * gap),
            "ip": "11.0.0.1",
            "sub": "alice",
            "sub_type": "user",
        }
        for index in range(number)
    ]


def test_the_naive_rule_sees_a_burst_within_a_minute_but_not_across_its_edge() -> None:
    label = attack(start=START, end=START + MINUTE, event_ids=[])
    inside = count_events(failures(12, START, 2 * SECOND), [label])
    across = count_events(failures(12, START + 48 * SECOND, 2 * SECOND), [label])
    assert evaluate([], [label], inside).baselines[0].recall.hits == 1
    assert evaluate([], [label], across).baselines[0].recall.hits == 0


def test_events_count_once_and_hostile_ones_apart() -> None:
    label = attack(event_ids=["e0", "e1"])
    events = failures(5, START, HOUR)
    totals = count_events([*events, *events], [label])
    assert (totals.hostile, totals.early.events, totals.later.events) == (2, 3, 0)
    assert totals.early.user_days == pytest.approx(2 / 24)


def test_exposure_is_split_48_hours_after_the_first_event() -> None:
    totals = count_events([*failures(2, START, HOUR), *failures(3, START + 48 * HOUR, HOUR, "later")], [])
    assert (totals.early.events, totals.later.events) == (2, 3)


def test_intervals_agree_with_published_values() -> None:
    share = Share.of(73, 73)
    assert share.low == pytest.approx(0.9500, abs=5e-4)
    assert Share.of(8, 10).low == pytest.approx(0.4902, abs=5e-4)
    rate = Rate.of(0, 2.0)
    assert (rate.value, rate.low) == (0, 0)
    assert rate.high == pytest.approx(3.689 / 2, abs=1e-3)
    assert Rate.of(5, 1.0).low == pytest.approx(1.6235, abs=1e-3)
    assert Rate.of(3, 0.0).value is None


def test_an_alert_that_lacks_a_field_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="alert a1: cannot be scored, KeyError"):
        evaluate([alert(severity="nonsense")], [attack()], TOTALS)
    with pytest.raises(ValueError, match="alert without alert_id"):
        evaluate([{"detector": "x"}], [attack()], TOTALS)


def test_the_report_as_json_and_as_a_table() -> None:
    report = evaluate([alert()], [attack()], TOTALS)
    data = json.loads(report.to_json())
    assert data["total"]["recall"]["value"] == 1
    assert {baseline["name"] for baseline in data["baselines"]} == {
        "naive threshold on failed-auth attacks",
        "shuffled labels",
    }
    console = Console(width=80, record=True, file=StringIO())
    console.print(report.table())
    text = console.export_text()
    assert "Attacks found" in text
    assert "1/1" in text
    assert "…" not in text


def test_streams_are_summed_up_as_independent() -> None:
    stranger = alert(alert_id="f1", entities=[{"type": "user", "id": "bob"}])
    late = EventTotals(START - 60 * HOUR, Exposure(100_000, 1_000.0), Exposure(100_000, 500.0), hostile=20)
    report = summary([judge([alert(), stranger], [attack()], TOTALS), judge([stranger], [attack()], late)])
    assert (report.total.recall.hits, report.total.recall.cases) == (1, 2)
    assert false(report)["failed-auth-burst", "medium+"] == 2
    (severe,) = [noise for noise in report.noise_by_detector if noise.severity == "medium+"]
    assert severe.per_100k_events.value == pytest.approx(2 / 5)
    assert severe.per_1000_users_a_day.value == pytest.approx(2 / 3)
    periods = {noise.period: noise.per_100k_events for noise in report.noise if noise.severity == "medium+"}
    assert (periods["first 48 h"].count, periods["first 48 h"].exposure) == (1, 3)
    assert (periods["after 48 h"].count, periods["after 48 h"].exposure) == (1, 2)


def test_nothing_at_all_gives_an_empty_report() -> None:
    report = evaluate([], [], EventTotals(0, Exposure(0, 0), Exposure(0, 0), 0))
    assert report.total.recall.cases == 0
    assert report.noise[0].per_100k_events.value is None
