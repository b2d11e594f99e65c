"""The read service: pages that new alerts do not shift, filters, counts, and plans that stay cheap with much stored."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, event, text

from schemas.alerts import Attack, BlastRadius, Containment, Entity
from schemas.coverage import Filled
from schemas.fields import format_time
from schemas.revisions import EntityRisk, Incident, Revision, RiskPart
from schemas.vocabulary import EntityRole, EntityType, Severity
from store.checkpoints import Checkpoint, Checkpoints, DeadLetterCount, Rollup
from store.engine import Database
from store.queries import MAX_ROWS, AlertFilter, Queries
from store.workers import Heartbeat, Workers, WorkerState
from store.writer import AlertWriter
from tests.store.conftest import SECOND, T0

Make = Callable[..., Revision]
Write = Callable[..., None]
NAMES = ("informational", "low", "medium", "high", "critical")
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
M0 = T0 - T0 % MINUTE


@pytest.fixture
def queries(database: Database) -> Queries:
    return Queries(database)


@pytest.fixture
def write(database: Database, epoch: int, make_revision: Make) -> Write:
    """Store one alert: its id, and what is not as usual."""

    def store(alert_id: str, revision: int = 1, *, incident: str | None = None, **fields: object) -> None:
        named = {"incident_id": incident} if incident else {}
        AlertWriter(database).commit_revisions([make_revision(alert_id, revision, **named, **fields)], epoch)

    return store


def test_an_incident_says_what_it_reached_under_its_own_and_a_merged_name(
    queries: Queries, database: Database, epoch: int
) -> None:
    reached, live = BlastRadius(aud=["api"], calls=3), Containment(state="live", live_until=format_time(T0))
    old = Incident("old", T0, T0, Severity.HIGH, "t", 2, (), containment=live, blast_radius=reached)
    new = Incident("new", T0, T0, Severity.LOW, "t", 0, (), merged_into="old")
    AlertWriter(database).commit_revisions([], epoch, incidents=[old, new])
    for name in ("old", "new"):
        found = queries.incident(name)
        assert found is not None
        assert found.incident_id == "old"
        assert BlastRadius.model_validate(found.blast_radius) == reached
        assert Containment.model_validate(found.containment) == live


def ids(queries: Queries, **where: object) -> list[str]:
    return [row.alert_id for row in queries.alerts(AlertFilter(**where)).rows]  # type: ignore[arg-type]


def test_an_empty_store_answers_everything(queries: Queries) -> None:
    assert queries.newest_time() is None
    assert queries.first_time() is None
    assert queries.workers().workers == []
    assert queries.open_by_severity() == {}
    assert queries.alerts(AlertFilter()).rows == []
    assert queries.incidents(AlertFilter()).rows == []
    assert queries.leading_entities([]) == {}
    assert queries.incident("i") is None
    assert queries.count_alerts(AlertFilter()) == 0
    assert queries.alert("a") is None
    assert queries.revision("a") is None
    assert (queries.detectors(), queries.tactics(), queries.bodies(AlertFilter(), limit=5)) == ([], [], [])
    assert queries.event_rate("type", 0, T0, MINUTE) == []
    assert queries.attack_rate(0, T0, MINUTE) == []
    assert queries.dead_letters(MINUTE) == []
    assert (queries.filled(HOUR), queries.sources_since(), queries.fired(0)) == ([], {}, [])
    assert (queries.storage().alerts, queries.storage().checkpoint_at) == (0, None)


def test_filters_restrict_each_by_itself_and_together(queries: Queries, write: Write) -> None:
    ip = Entity(type=EntityType.IP, id="192.0.2.7", role=EntityRole.ATTACKER)
    ana = Entity(type=EntityType.USER, id="ana", role=EntityRole.VICTIM)
    collection = Attack(version="1", techniques=[], tactics=["collection"])
    write("a", at=T0, severity="low", detector="one", entities=[ana, ip], incident="i")
    write("b", at=T0 + SECOND, severity="high", episode="closed", detector="two", incident="i")
    write("c", at=T0 + 2 * SECOND, severity="high", attack=collection)
    assert ids(queries) == ["c", "b", "a"]
    assert ids(queries, severities=[Severity.HIGH]) == ["c", "b"]
    assert ids(queries, severities=[Severity.HIGH, Severity.LOW], episodes=["open"]) == ["c", "a"]
    assert ids(queries, detectors=["one", "two"]) == ["b", "a"]
    assert ids(queries, tactics=["collection"]) == ["c"]
    assert ids(queries, tactics=["coll"]) == []
    assert ids(queries, entity=(EntityType.IP, "192.0.2.7")) == ["a"]
    assert ids(queries, entity=(EntityType.USER, "192.0.2.7")) == []
    assert ids(queries, incident_id="i") == ["b", "a"]
    assert ids(queries, since=T0 + SECOND) == ["c", "b"]
    assert ids(queries, begun=T0 + 2 * SECOND) == ["c"]
    assert ids(queries, severities=[Severity.HIGH], detectors=["one"]) == []


@pytest.mark.parametrize("sort", ["newest", "severity", "risk"])
def test_pages_follow_each_other_while_alerts_arrive(queries: Queries, write: Write, sort: str) -> None:
    for number in range(7):
        write(f"a{number}", at=T0 + number // 2 * SECOND, severity=NAMES[number % 5], risk=number % 3)
    whole = [row.alert_id for row in queries.alerts(AlertFilter(), sort=sort, limit=7).rows]  # type: ignore[arg-type]
    seen: list[str] = []
    after = None
    while True:
        page = queries.alerts(AlertFilter(), sort=sort, after=after, limit=2)  # type: ignore[arg-type]
        seen += [row.alert_id for row in page.rows]
        write(f"later-{len(seen)}", at=T0 + 9 * SECOND, severity="critical", risk=100)
        after = page.following
        if after is None:
            break
    assert seen == whole


def test_no_page_is_larger_than_a_browser_can_bear(
    database: Database, epoch: int, queries: Queries, make_revision: Make
) -> None:
    AlertWriter(database).commit_revisions([make_revision(f"a{number}") for number in range(MAX_ROWS + 1)], epoch)
    page = queries.alerts(AlertFilter(), limit=MAX_ROWS * 10)
    assert len(page.rows) == MAX_ROWS
    assert page.following is not None


def test_new_alerts_are_counted_from_a_page_on_and_later_revisions_are_not_new(queries: Queries, write: Write) -> None:
    write("a", severity="low")
    page = queries.alerts(AlertFilter())
    write("a", 2, severity="high")
    assert queries.count_alerts(AlertFilter(), beyond=page.newest) == 0
    write("b", severity="low")
    write("c", severity="high")
    assert queries.count_alerts(AlertFilter(), beyond=page.newest) == 2
    assert queries.count_alerts(AlertFilter(severities=[Severity.HIGH]), beyond=page.newest) == 1
    assert queries.revision("a") == 2
    assert queries.open_by_severity() == {2: 1, 4: 2}


def test_an_incident_is_found_by_any_alert_in_it_and_led_by_the_worst(
    database: Database, epoch: int, queries: Queries, write: Write
) -> None:
    write("a", at=T0, user="ana", severity="low", detector="one", incident="i")
    write("b", at=T0 + 2 * SECOND, user="bea", severity="high", incident="i")
    write("c", at=T0 + SECOND, user="cem", severity="high", incident="i")
    write("d", user="dan", severity="critical", incident="j")
    incidents = [
        Incident(name, T0, T0, Severity.HIGH, name, 3, (), merged)
        for name, merged in (("i", None), ("j", None), ("k", "j"))
    ]
    AlertWriter(database).commit_revisions([], epoch, incidents=incidents)
    assert [row.incident_id for row in queries.incidents(AlertFilter()).rows] == ["j", "i"]
    for where in ({"severities": [Severity.LOW]}, {"detectors": ["one"]}, {"entity": (EntityType.USER, "bea")}):
        assert [row.incident_id for row in queries.incidents(AlertFilter(**where)).rows] == ["i"]
    assert queries.leading_entities(["i", "j", "nothing"]) == {"i": ("user", "cem"), "j": ("user", "dan")}


def test_a_search_for_incidents_looks_into_each_by_its_own_index(database: Database, queries: Queries) -> None:
    plans = record_plans(database.engine)
    everything = AlertFilter(
        severities=[Severity.HIGH], detectors=["one"], episodes=["open"], tactics=["collection"], since=T0
    )
    for sort in ("newest", "severity"):
        queries.incidents(everything, sort=sort)
    looks = [line for plan in plans for line in plan if "alerts" in line.lower()]
    if database.engine.dialect.name == "sqlite":
        assert {line for line in looks if "incident_id" not in line} == set()
        assert len(looks) == 2


def record_plans(engine: Engine) -> list[list[str]]:
    """The plan of every SELECT over incidents from now on, as SQLite makes it without statistics."""
    plans: list[list[str]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(connection, cursor, statement, parameters, *_):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN202, ARG001
        if "FROM incidents" in statement and engine.dialect.name == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append([row[3] for row in cursor.fetchall()])

    return plans


def test_bodies_are_the_newest_first(queries: Queries, write: Write) -> None:
    for number in range(4):
        write(f"a{number}", at=T0 + number * SECOND, detector="one" if number % 2 else "two", summary=f"n{number}")
    found = queries.bodies(AlertFilter(detectors=["one"]), limit=1)
    assert len(found) == 1
    assert "n3" in found[0]


def test_times_of_the_stream(database: Database, epoch: int, queries: Queries) -> None:
    workers = Workers(database)
    workers.beat(Heartbeat("idle", "h", WorkerState.RUNNING, 1, -1))
    assert queries.newest_time() is None
    workers.beat(Heartbeat("busy", "h", WorkerState.RUNNING, 1, T0))
    assert queries.newest_time() == T0
    rows = [Rollup(M0 + minute * MINUTE, "type", 1, "issue", 10) for minute in range(4)]
    rows += [Rollup(M0 + minute * MINUTE, "country", 1, "DE", 7) for minute in range(2)]
    Checkpoints(database).commit(
        Checkpoint(1, "d", {}, {}), epoch, rollups=rows, dead_letters=[DeadLetterCount(M0, "not-json", 3)]
    )
    assert queries.first_time() == M0
    start = M0 - M0 % (2 * MINUTE)
    buckets = queries.event_rate("type", M0, M0 + 3 * MINUTE, 2 * MINUTE)
    assert sum(row._mapping["count"] for row in buckets) == 40
    assert {(row.minute - start) % (2 * MINUTE) for row in buckets} == {0}
    assert queries.totals("country", M0, M0 + MINUTE) == [("DE", 14)]
    assert queries.storage().checkpoint_at is not None


def test_attacks_are_counted_by_detector_and_severity(queries: Queries, write: Write) -> None:
    write("a", at=M0, severity="low", detector="one")
    write("b", at=M0 + 59 * SECOND, severity="low", detector="one")
    write("c", at=M0 + MINUTE, severity="high", detector="one")
    write("d", at=M0 + 9 * MINUTE, severity="high", detector="two")
    found = queries.attack_rate(M0, M0 + 5 * MINUTE, MINUTE)
    assert [tuple(row) for row in found] == [(M0, "one", 2, 2), (M0 + MINUTE, "one", 4, 1)]


def test_names_for_filters_are_those_that_alerts_have(queries: Queries, write: Write) -> None:
    tactics = [("one", ["a-tactic"]), ("two", ["b-tactic", "a-tactic"])]
    for number, (detector, names) in enumerate(tactics):
        write(f"a{number}", detector=detector, attack=Attack(version="1", techniques=[], tactics=names))
    assert queries.detectors() == ["one", "two"]
    assert queries.tactics() == ["a-tactic", "b-tactic"]


def test_entities_of_highest_risk_come_first(database: Database, epoch: int, queries: Queries) -> None:
    risks = [
        EntityRisk("t", "i", EntityType.USER, name, score, T0, (RiskPart("a", "d", 1.0, T0),))
        for name, score in (("ana", 5), ("bea", 90), ("cem", 40))
    ]
    AlertWriter(database).commit_revisions([], epoch, risks=risks)
    assert [row.id for row in queries.risky_entities(2)] == ["bea", "cem"]


def test_the_history_of_an_alert_is_all_that_was_published(queries: Queries, write: Write) -> None:
    write("a")
    write("a", 2, severity="critical", change="severity")
    assert [(row.revision, row.change, row.severity) for row in queries.revisions("a")] == [
        (1, "new", 4),
        (2, "severity", 5),
    ]
    assert '"revision":2' in (queries.alert("a") or "")


def test_what_sources_fill_in_is_known_of_the_last_hours_and_since_when(
    database: Database, epoch: int, queries: Queries
) -> None:
    filled = [
        Filled(hour * HOUR, source, "key-use", 9, {"sub": 4}) for hour, source in ((1, "a"), (30, "a"), (30, "b"))
    ]
    Checkpoints(database).commit(Checkpoint(1, "d", {}, {}), epoch, filled=filled[:2])
    Checkpoints(database).commit(Checkpoint(2, "d", {}, {}), epoch, filled=filled[1:])
    assert sorted(queries.filled(24 * HOUR), key=lambda total: total.source) == filled[1:]
    assert queries.sources_since() == {"a": HOUR, "b": 30 * HOUR}
    late = [Filled(31 * 24 * HOUR, "a", "key-use", 1, {})]
    Checkpoints(database).commit(Checkpoint(3, "d", {}, {}), epoch, filled=late)
    assert queries.sources_since() == {"a": 30 * HOUR, "b": 30 * HOUR}


def test_alerts_are_counted_by_class(queries: Queries, write: Write) -> None:
    for number in range(3):
        write(f"a{number}", at=T0 + number * SECOND, detector="one" if number else "two", **{"class": "it"})
    found = [tuple(row) for row in queries.fired(T0 + SECOND)]
    assert found == [("one", "it", 2, T0 + 2 * SECOND)]


def test_old_dead_letters_do_not_count(database: Database, epoch: int, queries: Queries) -> None:
    with database.read() as connection:
        clock = (
            "SELECT CAST(strftime('%s','now') AS BIGINT)"
            if database.engine.dialect.name == "sqlite"
            else ("SELECT CAST(extract(epoch FROM now()) AS BIGINT)")
        )
        now = int(connection.execute(text(clock)).scalar_one()) * SECOND
    counts = [DeadLetterCount(now, "late", 1), DeadLetterCount(now - MINUTE, "late", 2), DeadLetterCount(M0, "old", 9)]
    Checkpoints(database).commit(Checkpoint(1, "d", {}, {}), epoch, rollups=[], dead_letters=counts)
    assert [(found.reason, found.count) for found in queries.dead_letters(5 * MINUTE)] == [("late", 3)]
