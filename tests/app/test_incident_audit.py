"""`tokentrail audit incidents` from outside, and the sums behind it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from app.incident_audit import SHOWN_OPEN, audit
from schemas.triage import Role, Status, Verdict
from schemas.vocabulary import Severity
from store.access import Actor
from store.engine import connect
from store.models import ALERTS
from store.queries import Queries
from store.triage import Action, Begin, Resolve, Triage, targets
from tests.app.conftest import Ran, Tokentrail
from tests.dashboard.alert_samples import NOON, SECOND, hostile, sample

HOUR = 3_600 * SECOND
ANA = Actor("ana", Role.ANALYST)
TIMES = (
    # number, found, acknowledged and resolved after, in s
    (0, 60, 30, 600),
    (1, 120, 90, 1200),
    (4, 180, 150, 1800),
    (5, 240, None, None),
    (8, 300, 10, None),
)
"""Alerts 0, 4 and 8 are of refresh-reuse (critical), 1 and 5 of impossible-geography (high)."""


@pytest.fixture
def store(tokentrail: Tokentrail, store_alerts: Callable[..., Path], tmp_path: Path) -> Callable[..., Ran]:
    """Alerts that were judged, with times that are set; gives `audit incidents` on them."""
    config = store_alerts(*(sample(number) for number, *_ in TIMES), hostile(7))
    database = connect(f"sqlite:///{tmp_path / 'store.db'}")

    def act(number: int, action: Action) -> None:
        rows = Queries(database).rows([sample(number).alert_id])
        Triage(database).act(ANA, targets(list(rows.values())), action)

    act(0, Resolve(Verdict.TRUE_POSITIVE, "stolen"))
    act(1, Resolve(Verdict.FALSE_POSITIVE, "a VPN"))
    act(4, Resolve(Verdict.BENIGN_TRUE_POSITIVE, "a test of ours"))
    act(8, Begin())
    with database.write() as connection:
        for number, found, taken, resolved in TIMES:
            at = NOON + found * SECOND
            after = {"acknowledged_at": taken, "resolved_at": resolved}
            values = {"found_at": at, **{name: s if s is None else at + s * SECOND for name, s in after.items()}}
            connection.execute(update(ALERTS).where(ALERTS.c.alert_id == sample(number).alert_id).values(values))
    database.close()

    def run(*arguments: object, code: int = 0, columns: int = 200) -> Ran:
        ran = tokentrail("audit", "incidents", "--config", config, *arguments, columns=columns)
        assert ran.code == code, ran.stderr
        return ran

    return run


SPAN = ("--since", "2026-11-24T12:00:00Z", "--until", "2026-11-24T12:10:00Z")


def figures(ran: Ran) -> dict[tuple[str, str, str], Any]:
    return {(f["section"], f["name"], f["measure"]): f["value"] for f in orjson.loads(ran.stdout)["figures"]}


def test_counts_times_and_verdicts(store: Callable[..., Ran]) -> None:
    found = figures(store(*SPAN, "--as", "json"))
    assert [found["total", "all", what] for what in ("incidents", "alerts", "open")] == [3, 5, 2]
    assert [found["severity", "critical", what] for what in ("incidents", "alerts")] == [3, 3]
    assert [found["severity", "high", what] for what in ("incidents", "alerts")] == [0, 2]
    assert [found["status", status, "alerts"] for status in Status] == [1, 1, 3, 0]
    assert [found["time", "detected after", what] for what in ("alerts", "median", "p95")] == [5, 180, 288]
    assert [found["time", "taken after", what] for what in ("alerts", "median", "p95")] == [4, 60, 141]
    assert [found["time", "resolved after", what] for what in ("alerts", "median", "p95")] == [3, 1200, 1740]
    reuse = [found["detector", "refresh-reuse", what] for what in ("alerts", "true positive", "benign true positive")]
    assert reuse == [3, 1, 1]
    # Wilson (1927): two of two, and none of one.
    assert [found["detector", "refresh-reuse", what] for what in ("precision", "at least", "at most")] == [
        1.0,
        0.3424,
        1.0,
    ]
    place = [found["detector", "impossible-geography", what] for what in ("precision", "at least", "at most")]
    assert place == [0.0, 0.0, 0.7935]


def test_what_is_open_and_overdue(store: Callable[..., Ran], tmp_path: Path) -> None:
    with (tmp_path / "store.toml").open("a", encoding="utf-8") as config:
        config.write('[triage]\nsla = { high = "1s" }\n')
    listed = orjson.loads(store(*SPAN, "--as", "json").stdout)["open"]
    # Alert 8 was taken, so that it is not overdue, however long it stays open.
    assert [(each["alert_id"], each["status"], each["owner"], each["overdue"]) for each in listed] == [
        (sample(5).alert_id, "new", None, True),
        (sample(8).alert_id, "in_progress", "ana", False),
    ]
    assert figures(store(*SPAN, "--as", "json"))["severity", "high", "overdue"] == 1


def test_a_former_report_stands_beside_it(store: Callable[..., Ran], tmp_path: Path) -> None:
    former = tmp_path / "former.json"
    former.write_bytes(
        store("--since", "2026-11-24T12:00:00Z", "--until", "2026-11-24T12:03:30Z", "--as", "json").stdout
    )
    text_ = store(*SPAN, "--former", former).text
    assert "alerts 5 (was 3)" in text_
    assert "median 0:03:00 (was 0:02:00)" in text_
    both = orjson.loads(store(*SPAN, "--former", former, "--as", "json").stdout)["figures"]
    new = {(f["name"], f["change"]) for f in both if f["section"] == "status"}
    assert new == {("new", "changed"), ("in_progress", "changed"), ("resolved", ""), ("suppressed", "")}
    gone = store("--until", "2020-01-01T00:00:00Z", "--former", former, "--as", "json").stdout
    former.write_bytes(gone)
    assert "gone" in {figure["change"] for figure in orjson.loads(gone)["figures"]}
    again = store("--until", "2020-01-01T00:00:00Z", "--former", former, "--as", "json").stdout
    assert {figure["change"] for figure in orjson.loads(again)["figures"]} == {""}


def test_it_is_written_for_people_and_for_spreadsheets(store: Callable[..., Ran]) -> None:
    shown = store(columns=120).text
    assert "precision 1; at least 0.3424; at most 1" in " ".join(shown.split())
    assert "\u202e" not in shown
    markdown = store("--as", "markdown").text
    assert "| section | name | figures |" in markdown
    assert "| waits since | severity | status | owner | detector | alert |" in markdown
    assert "<script>" not in markdown
    assert "![x]" not in markdown
    rows = list(csv.DictReader(io.StringIO(store("--as", "csv").text)))
    assert [rows[0][name] for name in ("section", "measure", "value")] == ["total", "incidents", "4"]
    assert not any(row["name"].startswith("=") for row in rows)


def test_a_store_without_alerts(tokentrail: Tokentrail, store_alerts: Callable[..., Path]) -> None:
    ran = tokentrail("audit", "incidents", "--config", store_alerts(), columns=120)
    assert ran.code == 0
    assert "alerts 0; median -; p95 -" in ran.text


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--as", "pdf"), 2, "text, markdown, csv, json"),
        (("--since", "yesterday"), 2, "--since"),
        (("--former", "none.json"), 1, "none.json: cannot be read"),
        (("--former", "store.toml"), 1, "is no audit of incidents"),
    ],
)
def test_errors_name_the_place_and_the_next_step(
    arguments: Sequence[str], code: int, says: str, store: Callable[..., Ran]
) -> None:
    ran = store(*arguments, code=code)
    assert ran.stdout == b""
    assert says in " ".join(ran.stderr.split())


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "severity": st.sampled_from([int(severity) for severity in Severity]),
            "status": st.sampled_from([status.value for status in Status]),
            "verdict": st.sampled_from([None, *(verdict.value for verdict in Verdict)]),
            "detector": st.sampled_from(["a", "b"]),
            "incident_id": st.sampled_from(["i", "j", "k"]),
            "acknowledged_at": st.none() | st.integers(0, 10 * HOUR),
        }
    ),
    max_size=3 * SHOWN_OPEN,
)


@given(ROWS)
def test_sums_agree_with_each_other(drawn: list[dict[str, Any]]) -> None:
    fixed = {"title": "t", "owner": None, "start": 5 * HOUR, "resolved_at": None}
    rows = [
        SimpleNamespace(alert_id=str(place), found_at=HOUR + place, **fixed, **fields)
        for place, fields in enumerate(drawn)
    ]
    report = audit(rows, {Severity.HIGH: 1, Severity.LOW: 200}, HOUR + 250, (None, None))
    found = {figure.key: figure.value or 0 for figure in report.figures}

    def total(section: str, measure: str) -> Any:
        return sum(value for (part, _, what), value in found.items() if (part, what) == (section, measure))

    assert {total(part, "alerts") for part in ("severity", "status", "detector", "total")} == {len(rows)}
    assert total("severity", "incidents") == found["total", "all", "incidents"]
    assert total("severity", "overdue") == found["total", "all", "overdue"]
    assert len(report.open) == min(SHOWN_OPEN, found["total", "all", "open"])
    named = [alert.overdue for alert in report.open]
    assert sum(named) == min(SHOWN_OPEN, found["total", "all", "overdue"])
    assert named == sorted(named, reverse=True)
