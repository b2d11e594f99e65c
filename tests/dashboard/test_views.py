"""The pure views: rows in, frames and charts out, no Streamlit, no store, no clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import altair as alt
import pandas as pd
import pytest

from dashboard.theme import SEVERITIES
from dashboard.views import alerts, attacks, charts, detectors, events, evidence, geography, health, rates
from dashboard.views.frames import frame, instants, texts
from dashboard.words import DAY, HOUR, MINUTE, SECOND, clock_time, counted, duration, figure, size, tactic_name
from schemas.alerts import Alert, Observation
from schemas.vocabulary import EventType, Severity
from tests.dashboard.alert_samples import HOSTILE, NOON, hostile, sample

WINDOW = (NOON - DAY, NOON)


def stored(alert: Alert) -> SimpleNamespace:
    """An alert as a row of the store."""
    first = alert.entities[0]
    return SimpleNamespace(
        alert_id=alert.alert_id,
        status="new",
        found_at=NOON,
        acknowledged_at=None,
        owner=HOSTILE,
        severity=["informational", "low", "medium", "high", "critical"].index(alert.severity) + 1,
        detector=alert.detector,
        alert_class=alert.alert_class,
        title=alert.title,
        entity_type=first.type.value,
        entity_id=first.id,
        tactics=alert.attack.tactics,
        start=NOON,
        end=NOON + 120 * SECOND,
        count=alert.count,
        risk=alert.risk,
        episode=alert.episode.value,
    )


def bucket(**fields: Any) -> dict[str, Any]:
    return fields


def drawn(chart: alt.TopLevelMixin) -> list[dict[str, Any]]:
    """All rows of data of a chart."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def inside(node: Any, key: str) -> Iterator[Any]:
    """Every value of a key in a specification."""
    if isinstance(node, dict):
        yield from (node[key] for _ in [0] if key in node)
        for value in node.values():
            yield from inside(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from inside(value, key)


def time_charts() -> dict[str, alt.TopLevelMixin]:
    events = rates.event_rates([bucket(minute=NOON - HOUR, value="issue", count=60)], MINUTE, WINDOW)
    counts = [bucket(bucket=NOON - HOUR, detector="a", severity=4, count=3)]
    return {
        "events": rates.event_chart(events, WINDOW),
        "alerts": rates.alert_chart(rates.alert_counts(counts, MINUTE, WINDOW[0]), MINUTE, WINDOW),
        "timeline": attacks.timeline(attacks.episodes([stored(sample(0))]), WINDOW),
        "density": attacks.density(attacks.attack_counts(counts), WINDOW),
        "evidence": evidence.evidence_chart(sample(0)),
    }


# --- axes and scales --------------------------------------------------------------------------


@pytest.mark.parametrize("name", time_charts())
def test_every_time_axis_is_in_utc_and_says_so_with_its_day(name: str) -> None:
    spec = time_charts()[name].to_dict()
    axes = [x for x in inside(spec, "x") if isinstance(x, dict) and x.get("type") == "temporal"]
    assert axes
    for axis in axes:
        assert axis["scale"]["type"] == "utc"
        assert axis["axis"]["title"].startswith("UTC, 2026-11-2")


def test_a_window_over_midnight_names_both_days() -> None:
    assert charts.days((NOON, NOON + HOUR)) == "2026-11-24"
    assert charts.days(WINDOW) == "2026-11-23 to 2026-11-24"


def test_severity_is_told_by_shape_and_word_as_well_as_by_colour() -> None:
    looks = list(SEVERITIES.values())
    assert len({look.shape for look in looks}) == len({look.mark for look in looks}) == len(looks)
    for chart in (time_charts()["timeline"], time_charts()["density"]):
        assert any("shape" in encoding for encoding in inside(chart.to_dict(), "encoding"))
    assert "\\u25b2 High: 3, peak 3 in 1 min" in json.dumps(time_charts()["alerts"].to_dict()["layer"]).replace(
        "\\\\", "\\"
    )


# --- rates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "step"), [(MINUTE, MINUTE), (HOUR, MINUTE), (DAY, 15 * MINUTE), (7 * DAY, 2 * HOUR), (900 * DAY, DAY)]
)
def test_a_window_is_cut_into_as_many_bars_as_can_be_told_apart(span: int, step: int) -> None:
    assert rates.step_for(span) == step


def test_a_rate_is_per_minute_whatever_the_bucket() -> None:
    rows = [bucket(minute=NOON - HOUR, value="refresh", count=1800)]
    assert rates.event_rates(rows, 15 * MINUTE, WINDOW)["rate"].tolist() == [120.0]


def test_a_bucket_that_is_not_over_is_not_a_fall_in_the_rate() -> None:
    rows = [bucket(minute=NOON - 3 * MINUTE, value="refresh", count=360)]
    assert rates.event_rates(rows, 15 * MINUTE, WINDOW)["rate"].tolist() == [120.0]


def test_a_rare_type_of_event_has_a_row_as_high_as_a_frequent_one() -> None:
    rows = [
        bucket(minute=NOON - HOUR + minute * MINUTE, value=kind, count=count)
        for minute in range(60)
        for kind, count in (("key-use", 10_000), ("verify-failure", 3))
    ]
    found = drawn(rates.event_chart(rates.event_rates(rows, MINUTE, WINDOW), WINDOW))
    heights = {(row["row"], round(row["high"] - row["low"], 3)) for row in found if "high" in row}
    assert {height for _, height in heights} == {0.6}
    assert {kind for kind, _ in heights} == {"key-use", "verify-failure"}


def test_rows_say_the_latest_rate_and_the_highest() -> None:
    rows = [bucket(minute=NOON - n * MINUTE, value="issue", count=count) for n, count in ((1, 7), (2, 1250), (3, 9))]
    chart = rates.event_chart(rates.event_rates(rows, MINUTE, WINDOW), WINDOW)
    assert "issue: 7 / min, peak 1\\u202f250" in json.dumps(chart.to_dict()).replace("\\\\", "\\")


def test_a_type_that_the_contract_does_not_know_gets_no_row() -> None:
    rows = [bucket(minute=NOON - HOUR, value=value, count=1) for value in (HOSTILE, *EventType)]
    spec = json.dumps(rates.event_chart(rates.event_rates(rows, MINUTE, WINDOW), WINDOW).to_dict())
    assert "foreign.invalid" not in spec


def test_alert_rows_stand_worst_first_and_sum_over_detectors() -> None:
    rows = [
        bucket(bucket=NOON - HOUR, detector=detector, severity=severity, count=2)
        for severity, detector in ((2, "a"), (5, "a"), (5, "b"))
    ]
    counts = rates.alert_counts(rows, MINUTE, WINDOW[0])
    assert counts["severity"].tolist() == ["◆ Critical", "● Low"]
    assert counts["count"].tolist() == [4, 2]


# --- timeline ---------------------------------------------------------------------------------


def test_an_episode_from_before_the_window_is_a_line_from_its_edge_without_a_beginning() -> None:
    row = stored(sample(0))
    row.start, row.end = WINDOW[0] - DAY, NOON
    spec = attacks.timeline(attacks.episodes([row]), WINDOW).to_dict()
    lines, marks = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"])
    assert lines[0]["shown"].startswith("2026-11-23T12:00:00")
    assert marks == []


def test_the_worst_of_a_bucket_is_drawn_on_top() -> None:
    rows = [bucket(bucket=NOON, detector="a", severity=severity, count=1) for severity in (5, 1, 3)]
    assert attacks.attack_counts(rows)["severity"].tolist() == ["Informational", "Medium", "Critical"]


# --- map --------------------------------------------------------------------------------------


def test_events_of_unknown_countries_are_left_off_the_map() -> None:
    found = geography.activity([("DE", 5), ("XX", 9), (HOSTILE, 3)])
    assert found[["country", "events"]].values.tolist() == [["Germany", 5]]


def test_the_shortest_way_from_london_to_tokyo_passes_north_of_both() -> None:
    # Clairaut: cos(51.5°) · sin(31.6°, the bearing at London) is the cosine of the northernmost latitude, 71°.
    london, tokyo = geography.Place("London", -0.13, 51.5), geography.Place("Tokyo", 139.7, 35.7)
    points = geography.great_circle(london, tokyo, steps=200)
    assert max(lat for _, lat in points) == pytest.approx(71, abs=0.5)
    assert points[0] == pytest.approx((-0.13, 51.5))
    assert points[-1] == pytest.approx((139.7, 35.7))


def test_a_journey_over_the_date_line_is_two_lines() -> None:
    alert = travelling("US", "NZ")
    found = geography.journeys([alert])
    assert found["arc"].nunique() == 2
    assert found["journey"].unique().tolist() == ["United States of America → New Zealand"]


def test_the_same_journey_of_many_alerts_is_one_arc_of_the_worst_severity() -> None:
    found = geography.journeys([travelling("FR", "ZA"), travelling("FR", "ZA", severity="critical")])
    assert set(found["arc"]) == {"0.0"}
    assert set(found["severity"]) == {"Critical"}
    assert set(found["alerts"]) == {2}


def test_a_country_other_than_expected_is_a_journey_too() -> None:
    seen = Observation(metric="country", value="ZA", baseline="FR", unit="country")
    alert = travelling("ZA", "ZA").model_copy(update={"observed": [seen]})
    assert set(geography.journeys([alert])["journey"]) == {"France → South Africa"}


def test_who_stays_or_comes_from_nowhere_travels_not() -> None:
    assert geography.journeys([travelling("FR", "FR"), travelling("FR", "XX")]).empty


def travelling(origin: str, goal: str, *, severity: str = "low") -> Alert:
    alert = sample(1)
    rows = [
        row.model_copy(update={"country": country})
        for row, country in zip(alert.evidence.rows, (origin, goal), strict=False)
    ]
    kept = alert.evidence.model_copy(update={"rows": rows})
    return alert.model_copy(update={"evidence": kept, "severity": severity})


# --- evidence ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (48.0, "count", "48"),
        (1220.157807, "s", "20 min 20 s"),
        (0.25, "s", "0.25 s"),
        (8882.56759, "km", "8\u202f883 km"),
        (26207.465248, "km/h", "26\u202f207 km/h"),
        (0.123456, "ratio", "12.3 %"),
        (3.0, "1/min", "3 / min"),
        ("AS64500", "asn", "AS64500"),
        (None, "km", ""),
    ],
)
def test_measured_values_carry_a_unit_that_people_read(value: float | str | None, unit: str, written: str) -> None:
    assert evidence.measured(value, unit) == written


def test_columns_that_nothing_fills_are_left_out() -> None:
    alert = sample(0).model_copy(update={"observed": [Observation(metric="denials", value=10, unit="count")]})
    assert evidence.observed_table(alert).columns.tolist() == ["Measured", "Seen"]
    assert "Name" not in evidence.entity_table(sample(0))
    assert "Vendor's id" not in evidence.evidence_table(sample(0))


def test_what_is_missing_beside_what_is_there_is_empty_and_numbers_stay_whole() -> None:
    alert = sample(0)
    named = [alert.entities[0].model_copy(update={"name": "Petra"}), alert.entities[1]]
    rows = [row.model_copy(update={"asn": asn}) for row, asn in zip(alert.evidence.rows, (64500, None), strict=False)]
    alert = alert.model_copy(update={"entities": named, "evidence": alert.evidence.model_copy(update={"rows": rows})})
    assert evidence.entity_table(alert)["Name"].tolist() == ["Petra", ""]
    assert evidence.evidence_table(alert)["ASN"].tolist() == ["64500", ""]


def test_the_evidence_axis_spans_events_from_before_the_alert() -> None:
    alert = sample(0)
    early = alert.evidence.rows[0].model_copy(update={"time": "2026-11-24T11:00:00.000Z"})
    alert = alert.model_copy(update={"evidence": alert.evidence.model_copy(update={"rows": [early]})})
    ends = next(inside(evidence.evidence_chart(alert).to_dict(), "domain"))
    assert [int(end["expr"]) for end in ends] == [(NOON - HOUR) // 1000, (NOON + 120 * SECOND) // 1000]


# --- health -----------------------------------------------------------------------------------


def worker(**fields: Any) -> SimpleNamespace:
    usual = {"state": "running", "seen_at": NOON, "watermark": NOON, "lag": 0}
    return SimpleNamespace(**usual | fields)


@pytest.mark.parametrize(
    ("workers", "level", "headline"),
    [
        ([], "lost", "No worker has reported yet"),
        ([worker(state="standby")], "lost", "Standby only: nobody leads"),
        ([worker()], "live", "Live"),
        ([worker(seen_at=NOON - 3 * SECOND)], "live", "Live"),
        ([worker(seen_at=NOON - 3 * SECOND - 1)], "lost", "No heartbeat for 3 s: this is old data"),
        ([worker(state="paused", seen_at=NOON - MINUTE)], "lost", "No heartbeat for 1 min: this is old data"),
        ([worker(state="stopped", seen_at=NOON - HOUR)], "lost", "Worker stopped 1 h ago: this is old data"),
        ([worker(state="paused")], "waiting", "Worker is paused"),
        ([worker(state="restoring", watermark=None)], "waiting", "Worker is restoring"),
        ([worker(watermark=None)], "waiting", "Worker waits for the first event"),
        ([worker(watermark=-1)], "waiting", "Worker waits for the first event"),
        ([worker(watermark=NOON - HOUR, lag=5)], "waiting", "Worker is catching up"),
        ([worker(watermark=NOON - HOUR, lag=0)], "waiting", "No recent event"),
        ([worker(state="stopped", seen_at=NOON - HOUR), worker()], "live", "Live"),
        ([worker(state="standby"), worker(seen_at=NOON - HOUR)], "lost", "No heartbeat for 1 h: this is old data"),
    ],
)
def test_the_header_believes_only_a_leader_that_is_heard(
    workers: list[SimpleNamespace], level: str, headline: str
) -> None:
    found = health.freshness(workers, NOON)
    assert (found.level, found.headline) == (level, headline)


def test_the_header_says_how_far_behind_the_data_is() -> None:
    facts = dict(health.freshness([worker(watermark=NOON - 65 * SECOND, lag=1)], NOON).facts)
    assert facts == {
        "Data as of": "2026-11-24 11:58:55 UTC",
        "Event-time lag": "1 min 5 s",
        "Consumer lag": "1 record",
    }


def test_a_silent_worker_is_marked_in_the_table() -> None:
    workers: list[dict[str, Any]] = [{}, {"seen_at": NOON - HOUR}, {"state": "standby"}]
    rows = [worker(worker_id="a", host="h", epoch=None, started_at=NOON, **fields) for fields in workers]
    found = health.worker_table(rows, NOON)
    assert found["State"].tolist() == ["● running", "✖ running, then silent", "◌ standby"]
    assert found["Heartbeat"].tolist() == ["< 1 s ago", "1 h ago", "< 1 s ago"]


# --- lists ------------------------------------------------------------------------------------


def test_addresses_of_pages_carry_ids_as_data_only() -> None:
    assert alerts.alert_link("a&b=c/../x#y") == "/alert?id=a%26b%3Dc%2F..%2Fx%23y"
    assert events.entity_link("user", "a&view=x") == "/entity?type=user&id=a%26view%3Dx"
    assert events.event_link("a&at=1", 5) == "/event?id=a%26at%3D1&at=5"


def test_lists_without_rows_keep_their_columns() -> None:
    assert tuple(alerts.alert_table([], {}, NOON).columns) == alerts.ALERT_COLUMNS
    assert tuple(alerts.incident_table([], {}, {}).columns) == alerts.INCIDENT_COLUMNS


@pytest.mark.parametrize(
    ("fields", "later", "words"),
    [
        ({}, 30 * MINUTE, "30 min left"),
        ({}, HOUR, "< 1 s left"),
        ({}, 3 * HOUR, "⚠ 2 h over"),
        ({"acknowledged_at": NOON + 5}, 3 * HOUR, ""),
        ({"status": "resolved"}, 3 * HOUR, ""),
        ({"status": "suppressed"}, 3 * HOUR, ""),
        ({"severity": Severity.LOW}, 3 * HOUR, ""),
    ],
)
def test_ageing_against_the_sla(fields: dict[str, Any], later: int, words: str) -> None:
    row = SimpleNamespace(**vars(stored(sample(0))) | {"severity": Severity.HIGH} | fields)
    [found] = alerts.alert_table([row], {Severity.HIGH: HOUR}, NOON + later)["SLA"]
    assert found == words


def test_precision_leaves_out_what_is_undetermined_and_says_how_sure_it_is() -> None:
    verdicts = {"a": {"true_positive": 3, "benign_true_positive": 2, "false_positive": 5}, "b": {"undetermined": 40}}
    rows = [
        SimpleNamespace(detector=name, verdict=verdict, count=count)
        for name, mine in verdicts.items()
        for verdict, count in mine.items()
    ]
    table = detectors.precision_table(rows)
    assert table["Detector"].tolist() == ["b", "a"]
    # Wilson (1927) for 5 of 10.
    unknown, known = table[["Precision", "At least", "At most"]].round(4).to_numpy().tolist()
    assert known == [0.5, 0.2366, 0.7634]
    assert pd.isna(unknown).all()
    assert (table["False positive"].tolist(), table["Undetermined"].tolist()) == ([0, 5], [40, 0])
    assert detectors.precision_table([]).empty


def test_an_updated_episode_is_open_to_the_reader() -> None:
    assert [alerts.state_word(episode) for episode in ("open", "updated", "closed")] == ["Going on", "Going on", "Over"]


def test_hidden_characters_of_events_are_shown_in_every_table() -> None:
    alert = hostile()
    tables = [
        alerts.alert_table([stored(alert)], {}, NOON).drop(columns="Page"),
        evidence.observed_table(alert),
        evidence.evidence_table(alert).drop(columns="Event"),
        evidence.entity_table(alert).drop(columns="More"),
    ]
    for found in tables:
        assert "\u202e" not in found.to_string()
        assert "\x07" not in found.to_string()


def test_a_missing_column_value_is_no_word() -> None:
    found = frame([{"a": "x"}, {"a": None}], ["a"])
    assert texts(found["a"]).tolist() == ["x", ""]
    assert instants(frame([{"a": None}], ["a"])["a"]).isna().all()


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (0, "< 1 s"),
        (SECOND, "1 s"),
        (59 * SECOND, "59 s"),
        (MINUTE, "1 min"),
        (HOUR + 5 * MINUTE, "1 h 5 min"),
        (36 * HOUR, "1 d 12 h"),
        (-90 * SECOND, "-1 min 30 s"),
    ],
)
def test_a_span_is_its_two_largest_units(micros: int, words: str) -> None:
    assert duration(micros) == words


def test_figures_clock_times_sizes_and_names() -> None:
    assert clock_time(NOON + 999_999) == "2026-11-24 12:00:00 UTC"
    assert [figure(value) for value in (None, 1234567, 0.1234567)] == ["-", "1\u202f234\u202f567", "0.123457"]
    assert [size(octets) for octets in (999, 1536, 5 * 2**30)] == ["999 B", "1.5 KiB", "5.0 GiB"]
    assert [counted(number, "call") for number in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]
    assert tactic_name("credential-access") == "Credential access"
    assert tactic_name("a\u202eb") == "a\ufffdb"
