"""Revisions: written once, repeated safely, contradictions reported."""

import json
from collections.abc import Callable

from sqlalchemy import select

from schemas.alerts import Entity
from schemas.revisions import EntityRisk, Incident, Revision, RiskPart
from schemas.vocabulary import EntityRole, EntityType, Severity
from store.engine import Database
from store.models import ALERT_ENTITIES, ALERTS, ENTITY_RISK, INCIDENTS, SHADOW_ALERTS
from store.outbox import Outbox
from store.writer import AlertWriter, Committed
from tests.store.conftest import T0

Make = Callable[..., Revision]


def test_the_same_revisions_again_after_a_crash_change_nothing(
    database: Database, epoch: int, make_revision: Make
) -> None:
    writer, revisions = AlertWriter(database), [make_revision("a"), make_revision("b"), make_revision("a", 2)]
    assert writer.commit_revisions(revisions, epoch) == Committed(written=3)
    before = Outbox(database).after(0, 10)
    assert writer.commit_revisions(revisions, epoch) == Committed(repeated=3)
    assert Outbox(database).after(0, 10) == before
    assert [(row.alert_id, json.loads(row.body)["revision"]) for row in before] == [("a", 1), ("b", 1), ("a", 2)]


def test_a_different_content_under_a_known_revision_is_reported_and_the_stored_one_stays(
    database: Database, epoch: int, make_revision: Make
) -> None:
    writer = AlertWriter(database)
    writer.commit_revisions([make_revision("a")], epoch)
    committed = writer.commit_revisions([make_revision("a", summary="other"), make_revision("a", 2)], epoch)
    assert committed == Committed(written=1, conflicts=(("a", 1),))
    assert "other" not in Outbox(database).after(0, 1)[0].body


def test_the_current_state_is_the_highest_revision_even_when_an_old_one_is_found_later(
    database: Database, epoch: int, make_revision: Make
) -> None:
    writer = AlertWriter(database)
    writer.commit_revisions([make_revision("a", 2, severity="critical", summary="two")], epoch)
    writer.commit_revisions([make_revision("a", 1, summary="one")], epoch)
    with database.read() as connection:
        row = connection.execute(select(ALERTS)).mappings().one()
    assert (row["revision"], row["summary"], row["severity"], row["alert_class"]) == (2, "two", 5, "reuse")


def test_more_rows_than_one_statement_takes(database: Database, epoch: int, make_revision: Make) -> None:
    revisions = [make_revision(f"alert-{i}") for i in range(1_203)]
    assert AlertWriter(database).commit_revisions(revisions, epoch).written == 1_203
    assert AlertWriter(database).commit_revisions(revisions, epoch).repeated == 1_203
    cursors = [row.cursor for row in Outbox(database).after(0, 5_000)]
    assert len(cursors) == 1_203
    assert cursors == sorted(cursors)


def test_entities_gather_over_revisions(database: Database, epoch: int, make_revision: Make) -> None:
    ana = Entity(type=EntityType.USER, id="ana", role=EntityRole.VICTIM)
    ip = Entity(type=EntityType.IP, id="192.0.2.1", role=EntityRole.ATTACKER)
    writer = AlertWriter(database)
    writer.commit_revisions([make_revision("a", entities=[ana])], epoch)
    writer.commit_revisions([make_revision("a", 2, entities=[ana, ip])], epoch)
    with database.read() as connection:
        rows = connection.execute(select(ALERT_ENTITIES.c.type, ALERT_ENTITIES.c.id)).all()
    assert sorted(map(tuple, rows)) == [("ip", "192.0.2.1"), ("user", "ana")]


def test_a_merged_incident_hands_its_alerts_over(database: Database, epoch: int, make_revision: Make) -> None:
    writer = AlertWriter(database)
    writer.commit_revisions([make_revision("a", incident_id="old"), make_revision("b", incident_id="new")], epoch)
    old = Incident("old", T0, T0, Severity.HIGH, "t", 2, ("persistence",))
    new = Incident("new", T0, T0, Severity.LOW, "t", 0, (), merged_into="old")
    writer.commit_revisions([], epoch, incidents=[old, new])
    with database.read() as connection:
        assert set(connection.execute(select(ALERTS.c.incident_id)).scalars()) == {"old"}
        rows = {row["incident_id"]: row for row in connection.execute(select(INCIDENTS)).mappings()}
    assert (rows["old"]["alert_count"], rows["new"]["merged_into"]) == (2, "old")


def test_risk_keeps_scopes_apart_even_where_they_are_too_long_for_an_index(database: Database, epoch: int) -> None:
    part = RiskPart("a", "refresh-reuse", 50.0, T0)
    long = "\U0001f511" * 1_024
    risks = [EntityRisk(long, iss, EntityType.USER, "ana", 50, T0, (part,)) for iss in (None, "x")]
    writer = AlertWriter(database)
    writer.commit_revisions([], epoch, risks=risks)
    writer.commit_revisions([], epoch, risks=risks[:1])
    with database.read() as connection:
        assert len(connection.execute(select(ENTITY_RISK)).all()) == 2


def test_alerts_on_trial_are_kept_apart_in_their_latest_revision(
    database: Database, epoch: int, make_revision: Make
) -> None:
    writer = AlertWriter(database)
    for revision in (2, 1):
        writer.commit_revisions([], epoch, shadows=[make_revision("a", revision)])
    with database.read() as connection:
        assert connection.execute(select(SHADOW_ALERTS.c.alert_id, SHADOW_ALERTS.c.revision)).all() == [("a", 2)]
        assert connection.execute(select(ALERTS)).all() == []
    assert Outbox(database).after(0, 10) == []
