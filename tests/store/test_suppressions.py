"""Suppressions and mutes: what they hide, what breaks them, and that they end."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from schemas.alerts import Entity
from schemas.revisions import Revision
from schemas.triage import Role
from schemas.vocabulary import EntityRole, EntityType, Severity
from store.access import Actor
from store.audit import AuditLog
from store.engine import Database
from store.errors import ConflictError, ForbiddenError, RefusedError
from store.models import SUPPRESSIONS
from store.outbox import Outbox
from store.queries import Queries
from store.suppressions import MAX_HIDDEN, Kind, Named, Scope, Suppressions
from store.writer import AlertWriter

Make = Callable[..., Revision]
ANA = Actor("ana", Role.ANALYST)
DAY = timedelta(days=1)
REUSE = Scope(detector="refresh-reuse", alert_class="reuse")
OF_ANA = Scope(entities=(Named(type=EntityType.USER, id="ana"),))


class Desk:
    def __init__(self, database: Database, epoch: int, make: Make) -> None:
        self.database, self.epoch, self.make = database, epoch, make
        self.suppressions = Suppressions(database)

    def arrive(self, *ids: str, revision: int = 1, **fields: object) -> None:
        revisions = [self.make(id_, revision, **fields) for id_ in ids]
        AlertWriter(self.database).commit_revisions(revisions, self.epoch)

    def add(self, kind: Kind = Kind.SUPPRESS, scope: Scope = REUSE, **how: object) -> tuple[int, int]:
        return self.suppressions.add(ANA, kind, scope, **({"reason": "a test", "lasts": DAY} | how))  # type: ignore[arg-type]

    def statuses(self) -> dict[str, str]:
        rows = Queries(self.database).rows(["a", "b", "c"])
        return {id_: row.status for id_, row in sorted(rows.items())}

    def states(self) -> list[tuple[str, int, str | None]]:
        listed, now = self.suppressions.all()
        return [(each.state(now), each.hidden, each.row.ended_because) for each in listed]


@pytest.fixture
def desk(database: Database, epoch: int, make_revision: Make) -> Desk:
    return Desk(database, epoch, make_revision)


@pytest.mark.parametrize("kind", Kind)
def test_it_hides_what_is_there_and_what_comes_and_deletes_nothing(desk: Desk, kind: Kind) -> None:
    desk.arrive("a")
    desk.arrive("b", detector="usage-spike")
    assert [row.alert_id for row in desk.suppressions.preview(REUSE)] == ["a"]
    assert desk.add(kind) == (1, 1)
    desk.arrive("c")
    assert desk.statuses() == {"a": "suppressed", "b": "new", "c": "suppressed"}
    assert desk.states() == [("active", 2, None)]
    assert [row.alert_id for row in Outbox(desk.database).after(0, 9)] == ["a", "b", "c"]
    trail = [(entry.actor, entry.action) for entry in AuditLog(desk.database).newest()]
    assert trail == [("worker", "suppress"), ("ana", "suppress"), ("ana", kind.value)]
    assert AuditLog(desk.database).verify().faults == ()


VICTIMS = [Entity(type=EntityType.USER, id=name, role=EntityRole.VICTIM) for name in ("ana", "new")]
BEYOND = [
    ({"severity": "critical"}, "higher severity"),
    ({"class": "x"}, "new class"),
    ({"entities": VICTIMS}, "new victim"),
]


@pytest.mark.parametrize(("fields", "why"), BEYOND)
@pytest.mark.parametrize("grows", [True, False], ids=["a hidden one grows", "a new one comes"])
def test_more_than_was_seen_breaks_a_suppression(desk: Desk, fields: dict[str, object], why: str, grows: bool) -> None:
    desk.arrive("a")
    desk.add(scope=OF_ANA)
    seen = "a" if grows else "b"
    desk.arrive(seen, revision=2 if grows else 1, **fields)
    assert desk.statuses()[seen] == "new"
    assert desk.states() == [("ended", 0 if grows else 1, f"broken: {why} in alert {seen}")]
    desk.arrive("c")
    assert desk.statuses()["c"] == "new"


def test_only_a_higher_severity_passes_a_mute_which_goes_on(desk: Desk) -> None:
    desk.add(Kind.MUTE, OF_ANA, severity=Severity.HIGH)
    desk.arrive("a", entities=VICTIMS)
    desk.arrive("b", severity="critical")
    desk.arrive("c", detector_version=2, **{"class": "x"})  # type: ignore[arg-type]
    assert desk.statuses() == {"a": "suppressed", "b": "new", "c": "suppressed"}
    desk.arrive("a", revision=2, severity="critical")
    assert desk.statuses()["a"] == "new"
    assert desk.states() == [("active", 1, None)]


def test_what_a_suppression_covers_may_grow_within_it(desk: Desk) -> None:
    desk.arrive("a", severity="low")
    desk.add(severity=Severity.HIGH)
    desk.arrive("a", revision=2, severity="high")
    assert desk.statuses() == {"a": "suppressed"}


def test_after_its_end_or_its_day_it_hides_nothing_more(desk: Desk, database: Database) -> None:
    desk.arrive("a")
    first, _ = desk.add()
    desk.suppressions.end(ANA, first, "over")
    desk.arrive("b")
    desk.add()
    with database.write() as connection:
        connection.execute(update(SUPPRESSIONS).where(SUPPRESSIONS.c.suppression_id == 2).values(expires_at=1))
    desk.arrive("c")
    assert desk.statuses() == {"a": "suppressed", "b": "suppressed", "c": "new"}
    assert [state for state, *_ in desk.states()] == ["expired", "ended"]
    for number in (1, 2, 3):
        with pytest.raises(ConflictError, match="no such suppression"):
            desk.suppressions.end(ANA, number, "again")


@pytest.mark.parametrize("lasts", [timedelta(0), -DAY, timedelta(days=90, seconds=1)])
def test_it_has_an_end_within_ninety_days(desk: Desk, lasts: timedelta) -> None:
    desk.arrive("a")
    with pytest.raises(RefusedError, match="90 days"):
        desk.add(lasts=lasts)
    desk.add(lasts=timedelta(days=90))


def test_a_suppression_of_what_nobody_saw_is_refused(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="mute"):
        desk.add()
    desk.arrive("a")
    with pytest.raises(RefusedError, match="reason"):
        desk.add(reason=" ")
    assert desk.states() == []
    assert desk.statuses() == {"a": "new"}


def test_too_many_at_once_are_refused(desk: Desk) -> None:
    desk.arrive(*(f"x{number}" for number in range(MAX_HIDDEN + 1)))
    with pytest.raises(RefusedError, match="narrow"):
        desk.add()
    assert len(desk.suppressions.preview(REUSE)) == MAX_HIDDEN + 1


def test_viewers_hide_and_end_nothing(desk: Desk) -> None:
    desk.arrive("a")
    desk.add()
    viewer = Actor("eve", Role.VIEWER)
    with pytest.raises(ForbiddenError):
        desk.suppressions.add(viewer, Kind.MUTE, REUSE, reason="x", lasts=DAY)
    with pytest.raises(ForbiddenError):
        desk.suppressions.end(viewer, 1, "x")


@pytest.mark.parametrize("fields", [{}, {"tenant": "acme"}, {"alert_class": "reuse"}])
def test_nothing_hides_everything(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="name a detector or an entity"):
        Scope(**fields)  # type: ignore[arg-type]
