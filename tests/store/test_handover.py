"""What stands in a handover note, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from schemas.revisions import Revision
from schemas.triage import Role, Verdict
from schemas.vocabulary import EntityType, Severity
from store import handover as handing
from store.access import Actor
from store.engine import Database, clock
from store.handover import Handover, handover
from store.models import ALERTS, AUDIT_LOG, SUPPRESSIONS
from store.queries import Queries
from store.suppressions import Kind, Named, Scope, Suppressions
from store.triage import Action, Begin, Reopen, Resolve, Triage, targets
from store.writer import AlertWriter

Make = Callable[..., Revision]
ANA, BOB = Actor("ana", Role.ANALYST), Actor("bob", Role.ANALYST)
HOUR = 3_600 * 1_000_000
LOAD_TEST = Scope(entities=(Named(type=EntityType.CLIENT, id="load-test"),))
WEEK = timedelta(days=7)


class Shift:
    """A store in which things were done, at times that are set."""

    def __init__(self, database: Database, epoch: int, make: Make) -> None:
        self.database, self.epoch, self.make = database, epoch, make
        with database.read() as connection:
            self.now: int = connection.execute(select(clock())).scalar_one()

    def arrive(self, *ids: str, hours_ago: int = 0, severity: str = "high") -> None:
        revisions = [self.make(id_, severity=severity) for id_ in ids]
        AlertWriter(self.database).commit_revisions(revisions, self.epoch)
        self.move(ALERTS, ALERTS.c.alert_id.in_(ids), found_at=self.now - hours_ago * HOUR)

    def act(self, id_: str, action: Action, actor: Actor = ANA) -> None:
        rows = Queries(self.database).rows([id_])
        Triage(self.database).act(actor, targets(list(rows.values())), action)

    def move(self, table: object, where: object, **values: int) -> None:
        with self.database.write() as connection:
            connection.execute(update(table).where(where).values(values))  # type: ignore[arg-type]

    def note(self, hours: int = 8) -> Handover:
        return handover(self.database, self.now - hours * HOUR, {Severity.HIGH: HOUR})


@pytest.fixture
def shift(database: Database, epoch: int, make_revision: Make) -> Shift:
    return Shift(database, epoch, make_revision)


def ids(found: handing.Alerts) -> list[str]:
    assert found.total == len(found.shown)
    return [alert.alert_id for alert in found.shown]


def test_alerts_stand_where_the_next_shift_looks_for_them(shift: Shift) -> None:
    shift.arrive("fresh", "fresh-closed", "fresh-taken")
    shift.arrive("late", hours_ago=2)
    shift.arrive("low", severity="low", hours_ago=3)
    shift.arrive("old", "old-taken", "old-closed", "old-again", hours_ago=20)
    shift.act("fresh-closed", Resolve(Verdict.FALSE_POSITIVE, "a scanner\nof ours"), BOB)
    shift.act("fresh-taken", Begin())
    shift.act("old-taken", Begin(), BOB)
    shift.act("old-closed", Resolve(Verdict.TRUE_POSITIVE, "stolen"))
    shift.move(ALERTS, ALERTS.c.alert_id == "old-closed", resolved_at=shift.now - 9 * HOUR)
    shift.act("old-again", Resolve(Verdict.BENIGN_TRUE_POSITIVE, "a test"))
    shift.act("old-again", Reopen("no test"))
    note = shift.note()
    assert (note.found, note.older) == (5, 2)
    assert ids(note.new) == ["late", "fresh", "low"]
    assert ids(note.in_progress) == ["old-taken", "fresh-taken"]
    assert ids(note.overdue) == ["old", "late"]
    assert ids(note.resolved) == ["fresh-closed"]
    [closed] = note.resolved.shown
    assert (closed.verdict, closed.reason, closed.owner) == ("false_positive", "a scanner\nof ours", "bob")
    assert (closed.severity, closed.entity) == ("high", "user ana")
    assert ids(shift.note(hours=24).resolved) == ["old-closed", "fresh-closed"]


def test_the_reason_is_that_of_the_last_verdict(shift: Shift) -> None:
    shift.arrive("a")
    shift.act("a", Resolve(Verdict.FALSE_POSITIVE, "first"))
    shift.act("a", Reopen("look again"))
    shift.act("a", Resolve(Verdict.TRUE_POSITIVE, "second"))
    [closed] = shift.note().resolved.shown
    assert (closed.verdict, closed.reason) == ("true_positive", "second")


def test_suppressions_that_were_made_ended_or_ran_out(shift: Shift) -> None:
    made = Suppressions(shift.database)
    numbers = {
        word: made.add(ANA, Kind.MUTE, LOAD_TEST, reason=word, lasts=WEEK)[0]
        for word in ("fresh", "ended", "over", "old", "long over")
    }
    table = SUPPRESSIONS.c
    for word in ("ended", "over", "old", "long over"):
        shift.move(SUPPRESSIONS, table.suppression_id == numbers[word], created_at=shift.now - 50 * HOUR)
    shift.move(SUPPRESSIONS, table.suppression_id == numbers["over"], expires_at=shift.now - HOUR)
    shift.move(SUPPRESSIONS, table.suppression_id == numbers["long over"], expires_at=shift.now - 20 * HOUR)
    made.end(BOB, numbers["ended"], "the test is over")
    found = {each.reason: (each.state, each.ended_by, each.ended_because) for each in shift.note().suppressions}
    assert found == {
        "fresh": ("active", None, None),
        "ended": ("ended", "bob", "the test is over"),
        "over": ("expired", None, None),
    }


def test_comments_of_the_shift_oldest_first(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    shift.arrive("a", "b")
    triage = Triage(shift.database)
    for text, alert in (("yesterday", "a"), ("one", "a"), ("two", "b"), ("three", "a")):
        triage.comment(BOB, [alert], text)
    shift.move(AUDIT_LOG, AUDIT_LOG.c.detail.contains("yesterday"), time=shift.now - 30 * HOUR)
    found = shift.note().comments
    assert [(it.text, it.alert_id, it.actor) for it in found.shown] == [
        ("one", "a", "bob"),
        ("two", "b", "bob"),
        ("three", "a", "bob"),
    ]
    monkeypatch.setattr(handing, "SHOWN", 2)
    cut = shift.note()
    assert (cut.comments.total, [it.text for it in cut.comments.shown]) == (3, ["two", "three"])


def test_long_lists_are_cut_and_counted(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "SHOWN", 2)
    shift.arrive(*"abc")
    assert (shift.note().new.total, len(shift.note().new.shown)) == (3, 2)
