"""Each page as Streamlit runs it, on stores with nothing, little and much in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard.views.alerts import ALERT_COLUMNS, INCIDENT_COLUMNS
from schemas.vocabulary import Severity
from store.engine import connect
from store.workers import WorkerState
from tests.dashboard.alert_samples import NOON, SECOND, sample, samples
from tests.dashboard.apptest import charts, run_page, words
from tests.dashboard.filled_store import add, beat, fill, new_store, now

MANY = 260
PAGES = (
    *("overview", "triage", "suppressions", "alert", "events", "entity", "family", "event"),
    *("detectors", "health"),
)
HOUR = 3600 * SECOND


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = new_store(tmp_path_factory.mktemp("few"))
    fill(url, samples(3))
    return url


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = new_store(tmp_path_factory.mktemp("many"))
    fill(url, samples(MANY))
    return url


@pytest.fixture
def empty(tmp_path: Path) -> str:
    return new_store(tmp_path)


def live(url: str, watermark: int | None = None, **how: object) -> None:
    """The worker has just been heard."""
    database = connect(url)
    beat(database, watermark, **how)  # type: ignore[arg-type]
    database.close()


def button(app: AppTest, label: str) -> Button:
    return next(found for found in app.button if found.label == label)


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The table that has a column of that name."""
    return next(found.value for found in app.dataframe if column in found.value)


# --- every page -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_before_a_worker_has_made_the_tables_every_page_says_what_to_start(page: str, tmp_path: Path) -> None:
    text = words(run_page(f"sqlite:///{tmp_path / 'nothing.db'}", page))
    assert text.count("start `tokentrail run`") == 1


@pytest.mark.parametrize("page", PAGES)
def test_the_header_says_how_old_the_data_is(page: str, few: str) -> None:
    live(few, NOON)
    text = words(run_page(few, page))
    assert "Data as of: 2026-11-24 12:00:00 UTC" in text
    assert "Event-time lag: " in text
    assert "Consumer lag: 250 records" in text
    assert "DEMO DATA" not in text


def test_the_demo_is_marked_as_made_up(few: str) -> None:
    assert "DEMO DATA" in words(run_page(few, demo=True))


def test_a_worker_that_judges_what_comes_is_live(few: str) -> None:
    live(few, now())
    app = run_page(few, "health")
    assert ":green-badge[:material/check_circle: Live]" in [element.value for element in app.markdown]
    assert not app.error


def test_a_dead_worker_is_an_error_on_the_page(few: str) -> None:
    live(few, NOON, state=WorkerState.STOPPED)
    app = run_page(few)
    assert next(error.value for error in app.error).startswith("Worker stopped")


def test_a_worker_on_an_empty_topic_has_no_time_yet(empty: str) -> None:
    live(empty, -1)
    text = words(run_page(empty))
    assert "Data as of: no event yet" in text
    assert "This page fills by itself" in text
    assert "1969" not in text


# --- overview ---------------------------------------------------------------------------------


def test_overview_of_an_empty_store_says_what_will_come(empty: str) -> None:
    app = run_page(empty)
    assert [metric.value for metric in app.metric] == ["0"] * 5
    assert charts(app) == 0
    assert "No worker has reported yet" in words(app)


def test_overview_counts_open_alerts_worst_first(few: str) -> None:
    app = run_page(few)
    assert [metric.value for metric in app.metric] == ["1", "1", "1", "0", "0"]
    assert charts(app) == 4


def test_overview_of_many_alerts_counts_them_by_time_instead_of_marking_each(many: str) -> None:
    app = run_page(many)
    timeline = app.get("vega_lite_chart")[2].proto.spec
    assert '"count"' in timeline
    is_open = Counter(number % 4 for number in range(MANY) if number % 7 != 6)
    assert [int(metric.value) for metric in app.metric] == [*(is_open[place] for place in range(4)), 0]


def test_overview_ranks_entities_by_risk_and_says_why(few: str) -> None:
    risk = table(run_page(few), "Because")
    assert risk["Risk"].is_monotonic_decreasing
    links = risk["More"].tolist()
    assert all(link.startswith(("/entity?type=", "/family?id=")) for link in links)
    assert set(risk["Because"]) == {"refresh-reuse", "impossible-geography", "failed-auth-burst"}


def test_overview_begins_with_the_first_event_when_the_window_is_longer(few: str) -> None:
    app = run_page(few, query={"window": "7 days"})
    assert "Events began to arrive at 2026-11-23 12:01:00 UTC." in words(app)


def test_a_shorter_window_holds_less(few: str) -> None:
    app = run_page(few, query={"window": "1 hour"})
    assert "No alert began in this window." in words(app)
    assert "Events began to arrive" not in words(app)


# --- incidents and alerts ---------------------------------------------------------------------


def test_triage_shows_open_incidents_worst_first(few: str) -> None:
    found = table(run_page(few, "triage"), "Incident")
    assert tuple(found.columns) == INCIDENT_COLUMNS
    assert found["Severity"].tolist() == [["◆ Critical"], ["■ Medium"]]
    assert found["Entity"].tolist() == ["family family-0", "ip ip-2"]
    assert found["Alerts"].tolist() == [2, 1]


def test_triage_shows_alerts_when_asked(few: str) -> None:
    found = table(run_page(few, "triage", {"view": "Alerts"}), "Alert")
    assert tuple(found.columns) == ALERT_COLUMNS
    assert found["Severity"].tolist() == [["◆ Critical"], ["▲ High"], ["■ Medium"]]
    assert found["State"].tolist() == ["New"] * 3


def test_what_nobody_took_in_time_is_counted_and_found(few: str) -> None:
    past = {Severity.HIGH: 1, Severity.MEDIUM: 3_600 * 24 * 365 * SECOND}
    overview = run_page(few, sla=past)
    assert [metric.value for metric in overview.metric] == ["1", "1", "1", "0", "0", "1"]
    found = table(run_page(few, "triage", {"view": "Alerts", "overdue": "true"}, sla=past), "Alert")
    assert found["Alert"].tolist() == ["Two places, too far"]
    assert found["SLA"].str.endswith(" over").tolist() == [True]
    every = table(run_page(few, "triage", {"view": "Alerts"}, sla=past), "Alert")
    assert [words.split()[-1] if words else "" for words in every["SLA"]] == ["", "over", "left"]
    incidents = table(run_page(few, "triage", sla=past), "Incident")
    assert incidents["Overdue"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"severity": "High"}, ["Two places, too far"]),
        ({"detector": "failed-auth-burst"}, ["Source tries many"]),
        ({"tactic": "Initial Access"}, ["Two places, too far"]),
        ({"entity": "ip:192.0.2.2"}, ["Source tries many"]),
        ({"entity": "user user-1"}, ["Two places, too far"]),
        ({"age": "Last 24 hours", "sort": "Newest first"}, ["Source tries many", "Two places, too far"]),
        ({"sort": "Highest risk first", "severity": "Critical"}, ["A spent refresh token came back"]),
    ],
)
def test_filters_and_order_come_from_the_address(few: str, query: dict[str, str], titles: list[str]) -> None:
    found = table(run_page(few, "triage", {"view": "Alerts"} | query), "Alert")
    assert found["Alert"].tolist()[:2] == titles


def test_an_entity_that_is_none_is_said_to_be_none(few: str) -> None:
    app = run_page(few, "triage", {"entity": "nobody"})
    assert "Write an entity as type:id." in words(app)
    assert len(table(app, "Incident")) == 2


def test_filters_that_nothing_passes_say_so(few: str) -> None:
    quiet = words(run_page(few, "triage", {"severity": "Informational"}))
    assert "No open alert matches these filters." in quiet
    assert "No alert matches these filters." in words(run_page(few, "triage", {"state": "Suppressed"}))


def test_triage_of_an_empty_store_waits_for_events(empty: str) -> None:
    assert "No event has been judged yet." in words(run_page(empty, "triage"))


def test_many_alerts_come_in_pages_that_neither_repeat_nor_miss_one(many: str) -> None:
    app = run_page(many, "triage", {"view": "Alerts"})
    seen: list[str] = []
    for first in (1, 101, 201):
        page = table(app, "Alert")
        assert f"{first}-{first + len(page) - 1}, as of" in words(app)
        seen += page["Page"].tolist()
        assert button(app, "Next").disabled == (first == 201)
        if first < 201:
            button(app, "Next").click().run()
    assert len(seen) == len(set(seen)) == sum(number % 7 != 6 for number in range(MANY))
    button(app, "Previous").click().run()
    assert table(app, "Alert")["Page"].tolist() == seen[100:200]


def test_one_page_of_alerts_has_no_buttons_to_turn_it(few: str) -> None:
    assert [found.label for found in run_page(few, "triage").button] == ["Nothing new", "Shift handover"]


def test_new_alerts_are_counted_and_the_table_waits(tmp_path: Path) -> None:
    url = new_store(tmp_path)
    fill(url, samples(3))
    app = run_page(url, "triage", {"view": "Alerts"})
    before = table(app, "Alert")
    add(url, [sample(number, at=NOON) for number in (100, 101)])
    app.run()
    assert table(app, "Alert").equals(before)
    assert app.button[0].label == "2 new"
    app.button[0].click().run()
    assert len(table(app, "Alert")) == 5
    assert app.button[0].label == "Nothing new"


def test_new_alerts_that_the_filters_leave_out_are_not_counted(tmp_path: Path) -> None:
    url = new_store(tmp_path)
    fill(url, samples(3))
    app = run_page(url, "triage", {"view": "Alerts", "severity": "High"})
    add(url, [sample(100, at=NOON, severity="low")])
    app.run()
    assert app.button[0].label == "Nothing new"


# --- alert ------------------------------------------------------------------------------------


def test_an_alert_shows_what_it_stands_on(few: str) -> None:
    app = run_page(few, "alert", {"id": sample(0).alert_id})
    text = words(app)
    for said in (
        "A spent refresh token came back",
        "◆ Critical",
        "High confidence",
        "Expired 2026-11-23 13:00:00 UTC.",
        "Since the first bad event: 12 calls at https://api.example with read, write.",
        "The whole incident: Revoked, and not accepted since. 30 calls at https://api.example.",
        "1. Revoke the token family.",
        "Two holders redeemed it.",
        "Credential Access · matrix version 17.1",
    ):
        assert said in text
    seen = table(app, "Measured")
    assert seen["Seen"].tolist() == ["48", "10\u202f450 km/h"]
    assert seen["Ratio"].tolist() == ["32 × expected", "11.6 × threshold"]
    assert len(table(app, "What")) == 4
    assert table(app, "Role")["Entity"].tolist() == ["family family-0", "ip 192.0.2.0"]
    assert table(app, "Change")["Change"].tolist() == ["new"]
    assert charts(app) == 1
    assert "Two places, too far" in text  # the other alert of the incident


def test_an_alert_that_is_not_stored_is_said_to_be_so(few: str) -> None:
    for query in ({"id": "nothing"}, {}):
        app = run_page(few, "alert", query)
        assert "The address names no stored alert." in words(app)


# --- health -----------------------------------------------------------------------------------


def test_health_lists_workers_refused_records_and_the_store(few: str) -> None:
    live(few, NOON)
    app = run_page(few, "health")
    assert table(app, "Worker")["State"].tolist() == ["● running"]
    refused = table(app, "Reason")
    assert refused["Reason"].tolist() == ["too-late", "not-json"]
    assert refused["Records"].tolist() == [41, 3]
    assert {metric.label: metric.value for metric in app.metric}["Alerts"] == "3"
    assert table(app, "Counter")["Counter"].tolist() == ["duplicate", "late", "records"]


def test_health_of_an_empty_store_says_how_to_begin(empty: str) -> None:
    text = words(run_page(empty, "health"))
    assert "tokentrail run" in text
    assert "No record was refused." in text


# --- detectors --------------------------------------------------------------------------------


def test_each_detector_is_armed_or_blind_on_each_source_and_says_why(few: str) -> None:
    app = run_page(few, "detectors")
    marks = {detector: list(row) for detector, *row in app.dataframe[0].value.itertuples(index=False)}
    assert marks["usage-spike"] == ["◔ warming", "● armed"]
    assert marks["refresh-reuse"] == ["no events", "● armed"]
    why = table(app, "Why").set_index(["Detector", "Source"])["Why"]
    assert why["holder-change", "gateway"] == "never there: token_id, same_asn, same_country, same_device"
    assert why["usage-spike", "gateway"] == "knows the source for 0 of 7 days"


def test_the_catalogue_says_what_was_found_and_what_of_attack_is_covered(few: str) -> None:
    app = run_page(few, "detectors")
    assert table(app, "Finds")["Alerts"].sum() == 3
    covered = table(app, "Technique")
    (detectors,) = covered.loc[covered["Technique"] == "T1550.001", "Detectors"]
    assert "refresh-reuse" in detectors.split(", ")


def test_the_documentation_of_a_detector_can_be_read(few: str) -> None:
    text = words(run_page(few, "detectors", {"detector": "holder-change"}))
    assert "Blind spots" in text
    assert "A thief in the victim's country or network." in text


def test_without_events_nobody_is_called_blind(empty: str) -> None:
    app = run_page(empty, "detectors")
    assert "known after the first checkpoint" in words(app)
    assert table(app, "Finds")["Alerts"].sum() == 0


def test_precision_comes_from_verdicts(few: str, many: str) -> None:
    assert "No alert of these days has a verdict." in words(run_page(few, "detectors"))
    found = table(run_page(many, "detectors"), "Precision").set_index("Detector")
    closed = Counter(number % 4 for number in range(MANY) if number % 7 == 6)
    assert found["Benign true positive"].to_dict()["refresh-reuse"] == closed[0]
    assert set(found["Precision"]) == {1.0}
    assert (found["At least"] < 1).all()
