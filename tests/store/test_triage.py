"""Triage: what may follow on what, all or nothing, and two people on one alert."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from schemas.alerts import Entity
from schemas.revisions import Revision
from schemas.triage import Role, Status, Verdict, is_overdue
from schemas.vocabulary import EntityRole, EntityType, Severity
from store.access import Actor
from store.audit import AuditLog
from store.engine import Database
from store.errors import ConflictError, ForbiddenError, RefusedError
from store.models import ALERTS
from store.outbox import StateOutbox
from store.queries import AlertFilter, Queries
from store.triage import MAX_TARGETS, Action, Assign, Begin, Reopen, Resolve, Target, Ticket, Triage, targets
from store.writer import AlertWriter
from tests.store.conftest import T0

Make = Callable[..., Revision]
ANA, BOB = Actor("ana", Role.ANALYST), Actor("bob", Role.ANALYST)
FALSE = Resolve(Verdict.FALSE_POSITIVE, "a test of ours")


class Desk:
    """A store with alerts, and what is done with them."""

    def __init__(self, database: Database, epoch: int, make: Make) -> None:
        self.database, self.epoch, self.make = database, epoch, make
        self.triage, self.queries = Triage(database), Queries(database)

    def arrive(self, *ids: str, revision: int = 1, **fields: object) -> None:
        revisions = [self.make(id_, revision, **fields) for id_ in ids]
        AlertWriter(self.database).commit_revisions(revisions, self.epoch)

    def seen(self, *ids: str) -> list[Target]:
        rows = self.queries.rows(ids)
        return targets([rows[id_] for id_ in ids])

    def act(self, *ids: str, action: Action, actor: Actor = ANA) -> None:
        self.triage.act(actor, self.seen(*ids), action)

    def status(self, id_: str) -> tuple[object, ...]:
        row = self.queries.rows([id_])[id_]
        return (row.status, row.owner, row.verdict)

    def trail(self, id_: str) -> list[tuple[str, str]]:
        return [(entry.actor, entry.action) for entry in AuditLog(self.database).of("alert", id_)]


@pytest.fixture
def desk(database: Database, epoch: int, make_revision: Make) -> Desk:
    return Desk(database, epoch, make_revision)


def test_an_alert_from_new_to_closed_and_open_again(desk: Desk) -> None:
    desk.arrive("a")
    assert desk.status("a") == ("new", None, None)
    desk.act("a", action=Assign("bob"))
    assert desk.status("a") == ("new", "bob", None)
    desk.act("a", action=Begin(), actor=BOB)
    desk.act("a", action=Ticket("SEC-7"))
    desk.triage.comment(BOB, ["a"], "two holders\nasked the user")
    desk.act("a", action=FALSE, actor=BOB)
    assert desk.status("a") == ("resolved", "bob", "false_positive")
    desk.act("a", action=Reopen("it came back"))
    assert desk.status("a") == ("new", "bob", None)
    actors = [("ana", "assign"), ("bob", "begin"), ("ana", "ticket"), ("bob", "comment"), ("bob", "resolve")]
    assert desk.trail("a") == [*actors, ("ana", "reopen")]
    row = desk.queries.rows(["a"])["a"]
    assert (row.ticket, row.version) == ("SEC-7", 5)
    assert row.found_at <= row.acknowledged_at
    assert AuditLog(desk.database).verify().faults == ()


def test_what_changes_nothing_leaves_no_entry(desk: Desk) -> None:
    desk.arrive("a")
    for action in (Begin(), Begin(), Assign("ana"), Ticket(None)):
        desk.act("a", action=action)
    assert desk.trail("a") == [("ana", "begin")]


@pytest.mark.parametrize(
    ("first", "then"),
    [(FALSE, Begin()), (FALSE, FALSE), (FALSE, Assign("bob")), (Begin(), Reopen("why"))],
    ids=["closed is taken", "closed twice", "closed is given", "open is opened"],
)
def test_what_may_not_follow(desk: Desk, first: Action, then: Action) -> None:
    desk.arrive("a")
    desk.act("a", action=first)
    before = desk.status("a")
    with pytest.raises(RefusedError):
        desk.act("a", action=then)
    assert desk.status("a") == before


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 5_000, "a\x00b", "a\ud800b", "\x1b[2J"])
def test_a_verdict_needs_a_reason_that_can_be_kept(desk: Desk, reason: str) -> None:
    desk.arrive("a")
    for ask in (lambda: desk.act("a", action=Resolve(Verdict.UNDETERMINED, reason)),
                lambda: desk.triage.comment(ANA, ["a"], reason)):  # fmt: skip
        with pytest.raises(RefusedError):
            ask()
    assert desk.trail("a") == []


def test_the_second_of_two_analysts_is_told_who_was_first_and_nothing_is_half_done(desk: Desk) -> None:
    desk.arrive("a", "b")
    seen_by_both = desk.seen("a", "b")
    desk.triage.act(BOB, seen_by_both[1:], Begin())
    with pytest.raises(ConflictError, match="begin by bob"):
        desk.triage.act(ANA, seen_by_both, FALSE)
    assert desk.status("a") == ("new", None, None)
    assert desk.status("b") == ("in_progress", "bob", None)
    assert desk.trail("a") == []


def test_nobody_closes_what_grew_since_he_saw_it_but_may_take_it(desk: Desk) -> None:
    desk.arrive("a")
    seen = desk.seen("a")
    desk.arrive("a", revision=2, severity="critical", change="severity")
    with pytest.raises(ConflictError, match="grown"):
        desk.triage.act(ANA, seen, FALSE)
    desk.triage.act(ANA, seen, Begin())
    desk.act("a", action=FALSE)
    assert desk.status("a") == ("resolved", "ana", "false_positive")


def test_more_findings_alone_do_not_stand_in_the_way(desk: Desk) -> None:
    desk.arrive("a")
    seen = desk.seen("a")
    desk.arrive("a", revision=2)
    desk.triage.act(ANA, seen, FALSE)
    assert desk.status("a")[0] == "resolved"


@pytest.mark.parametrize("action", [Begin(), Assign("x"), FALSE, Reopen("why"), Ticket("T")])
def test_viewers_do_nothing(desk: Desk, action: Action) -> None:
    desk.arrive("a")
    viewer = Actor("eve", Role.VIEWER)
    with pytest.raises(ForbiddenError, match="analyst"):
        desk.act("a", action=action, actor=viewer)
    with pytest.raises(ForbiddenError):
        desk.triage.comment(viewer, ["a"], "hello")
    assert desk.trail("a") == []


def test_alerts_that_are_gone_and_too_many_are_refused(desk: Desk) -> None:
    desk.arrive("a")
    with pytest.raises(ConflictError, match="not stored"):
        desk.triage.act(ANA, [*desk.seen("a"), Target("gone", 0, 1)], Begin())
    with pytest.raises(RefusedError, match="more than"):
        desk.triage.act(ANA, [Target("a", 0, 1)] * (MAX_TARGETS + 1), Begin())
    assert desk.trail("a") == []


# --- what events do to what was put away ------------------------------------------------------


VICTIMS = [Entity(type=EntityType.USER, id=name, role=EntityRole.VICTIM) for name in ("ana", "new")]


@pytest.mark.parametrize(
    ("growth", "reopens"),
    [
        ({"severity": "critical"}, "higher severity"),
        ({"class": "stolen"}, "new class"),
        ({"entities": VICTIMS}, "new victim"),
        ({"severity": "low"}, None),
        ({"episode": "closed", "change": "closed"}, None),
        ({"entities": [VICTIMS[0], VICTIMS[1].model_copy(update={"role": EntityRole.ATTACKER})]}, None),
    ],
)
def test_a_closed_alert_opens_again_when_it_grows(desk: Desk, growth: dict[str, object], reopens: str | None) -> None:
    desk.arrive("a", "b")
    desk.act("a", "b", action=FALSE)
    desk.arrive("a", revision=2, **growth)
    assert desk.status("a") == (("new", "ana", None) if reopens else ("resolved", "ana", "false_positive"))
    assert desk.status("b")[0] == "resolved"
    last = AuditLog(desk.database).of("alert", "a")[-1]
    assert (last.actor, last.fields["reason"]) == (("worker", reopens) if reopens else ("ana", "a test of ours"))


def test_the_same_revisions_again_after_a_crash_open_nothing_twice(desk: Desk) -> None:
    desk.arrive("a")
    desk.act("a", action=FALSE)
    desk.arrive("a", revision=2, severity="critical")
    desk.act("a", action=Resolve(Verdict.TRUE_POSITIVE, "seen"))
    desk.arrive("a", revision=2, severity="critical")
    desk.arrive("a")
    assert desk.status("a")[0] == "resolved"
    assert desk.trail("a") == [("ana", "resolve"), ("worker", "reopen"), ("ana", "resolve")]


# --- what is asked and published --------------------------------------------------------------


def test_alerts_are_found_by_status_owner_and_ticket(desk: Desk) -> None:
    desk.arrive("a", "b", "c")
    desk.act("a", action=FALSE)
    desk.act("b", action=Assign("bob"))
    desk.act("b", action=Ticket("SEC-1"))
    found = {
        name: sorted(row.alert_id for row in desk.queries.every(where, limit=9))
        for name, where in {
            "open": AlertFilter(statuses=[Status.NEW, Status.IN_PROGRESS]),
            "bob's": AlertFilter(owner="bob"),
            "ticket": AlertFilter(ticket="SEC-1"),
            "high": AlertFilter(severities=[Severity.HIGH]),
        }.items()
    }
    assert found == {"open": ["b", "c"], "bob's": ["b"], "ticket": ["b"], "high": ["a", "b", "c"]}
    assert desk.queries.open_by_severity() == {4: 2}
    assert desk.queries.owners() == ["ana", "bob"]


def test_each_change_of_state_is_offered_to_publishers_once_in_order(desk: Desk) -> None:
    desk.arrive("a", "b")
    desk.act("a", "b", action=Begin())
    desk.triage.comment(ANA, ["a"], "not for others")
    desk.act("a", action=FALSE)
    outbox = StateOutbox(desk.database)
    states = outbox.after(0, 2)
    states += outbox.after(states[-1].cursor, 9)
    assert [(s.alert_id, s.state.version, s.state.status) for s in states] == [
        ("a", 1, "in_progress"),
        ("b", 1, "in_progress"),
        ("a", 2, "resolved"),
    ]
    assert (states[2].state.verdict, states[2].state.reason) == ("false_positive", "a test of ours")
    assert states[2].state.audit == AuditLog(desk.database).verify().head
    assert outbox.cursor("siem") == 0
    outbox.advance("siem", states[-1].cursor)
    assert outbox.after(outbox.cursor("siem"), 9) == []


def test_the_store_and_the_rule_agree_on_what_is_overdue(desk: Desk) -> None:
    sla = {Severity.HIGH: 3_600 * 1_000_000, Severity.MEDIUM: 60 * 1_000_000}
    for severity in ("critical", "high", "medium"):
        desk.arrive(*(f"{severity}-{what}" for what in ("new", "taken", "closed", "again", "late")), severity=severity)
        desk.act(f"{severity}-taken", action=Begin())
        desk.act(f"{severity}-closed", f"{severity}-again", action=FALSE)
        desk.act(f"{severity}-again", action=Reopen("it came back"))
    earlier = ALERTS.c.found_at - 2 * 3_600 * 1_000_000
    with desk.database.write() as connection:
        old = ALERTS.c.alert_id.not_like("%-new")
        connection.execute(update(ALERTS).where(old).values(found_at=earlier))
    page = desk.queries.alerts(AlertFilter())
    late = {row.alert_id: row.incident_id for row in page.rows if is_overdue(sla, row, page.now)}
    assert set(late) == {"high-late", "medium-late"}
    found = desk.queries.alerts(AlertFilter(overdue=sla))
    assert {row.alert_id for row in found.rows} == set(late)
    assert desk.queries.count_alerts(AlertFilter(overdue=sla)) == 2
    assert desk.queries.count_alerts(AlertFilter(overdue={})) == 0
    incidents = [row.incident_id for row in page.rows]
    assert desk.queries.overdue_in(incidents, sla) == dict.fromkeys(late.values(), 1)


def test_verdicts_are_counted_by_detector(desk: Desk) -> None:
    desk.arrive("a", "b", "c", "open")
    desk.arrive("d", detector="key-unknown")
    desk.arrive("old", at=T0 - 1)
    desk.act("a", "b", "old", action=FALSE)
    desk.act("c", "d", action=Resolve(Verdict.TRUE_POSITIVE, "stolen"))
    assert [tuple(row) for row in desk.queries.verdicts(T0)] == [
        ("key-unknown", "true_positive", 1),
        ("refresh-reuse", "false_positive", 2),
        ("refresh-reuse", "true_positive", 1),
    ]
