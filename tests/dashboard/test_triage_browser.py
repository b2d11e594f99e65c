"""The analyst in a real browser: from the first look to a verdict, a suppression, and an audit that shows it all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from schemas.triage import Role, Verdict
from store.access import Actor
from store.audit import AuditLog
from store.engine import Database, connect
from store.queries import Queries
from store.suppressions import Suppressions
from store.triage import Begin, Resolve, Triage, targets
from tests.dashboard.alert_samples import SECOND, sample, samples
from tests.dashboard.filled_store import add, beating, fill, new_store, now
from tests.dashboard.served import Visit, profile, served, shows, visiting

SOON = 15_000
BOB = Actor("bob", Role.ANALYST)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    url = new_store(tmp_path)
    fill(url, samples(8, until=now()), watermark=now())
    with beating(url):
        yield url


@pytest.fixture
def database(store: str) -> Iterator[Database]:
    database = connect(store)
    yield database
    database.close()


@pytest.fixture
def visit(browser: Browser, store: str) -> Iterator[Visit]:
    with served(store) as site, profile(browser) as desk, visiting(desk, site) as visit:
        yield visit


@pytest.fixture(name="desk")
def _desk(visit: Visit) -> BrowserContext:
    return visit.page.context


def press(visit: Visit, name: str) -> None:
    visit.page.get_by_role("button", name=name, exact=True).click()


def confirm(visit: Visit) -> None:
    visit.drawn()  # a form that is drawn anew under the click loses it
    visit.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()


def status(database: Database, number: int) -> tuple[str, str | None, str | None]:
    row = Queries(database).rows([sample(number).alert_id])[sample(number).alert_id]
    return row.status, row.owner, row.verdict


def test_from_the_first_look_to_the_audit(visit: Visit, database: Database) -> None:
    visit.go("/")
    visit.page.get_by_role("link", name="Show").first.click()
    expect(visit.page).to_have_url(re.compile("severity=Critical"))
    visit.drawn()
    visit.select_row(0)
    visit.page.get_by_role("link", name="A spent refresh token came back").first.click()
    shows(visit, "Seen and expected")
    press(visit, "Take")
    shows(visit, "Take 1 alert:")
    confirm(visit)
    shows(visit, "Take: 1 alert changed.")
    press(visit, "Comment")
    visit.page.get_by_label("Comment", exact=True).fill("The second holder sits in another country.")
    confirm(visit)
    shows(visit, "Comment: 1 alert changed.")
    press(visit, "Resolve")
    confirm(visit)
    shows(visit, "verdict: is missing")
    visit.page.get_by_role("dialog").get_by_text("True positive", exact=True).click()
    visit.page.get_by_label("Reason").fill("The family was stolen and is revoked.")
    confirm(visit)
    shows(visit, "Resolve: 1 alert changed.")
    shows(visit, "Resolved, True positive, owner")
    closed = 4 if status(database, 4)[0] == "resolved" else 0
    assert status(database, closed)[2] == "true_positive"
    visit.go(f"/alert?id={sample(2).alert_id}")
    press(visit, "Suppress")
    shows(visit, "Hides now: 1 open alert.")
    visit.page.get_by_label("Reason").fill("A scanner of ours.")
    confirm(visit)
    shows(visit, "Suppress: 1 alert changed.")
    visit.go("/suppressions")
    expect(visit.column(4)).to_have_text([re.compile("detector failed-auth-burst.*ip ip-2")])
    assert status(database, 2)[0] == "suppressed"
    [listed], at = Suppressions(database).all()
    assert (listed.hidden, listed.row.expires_at - at <= 7 * 86_400 * SECOND) == (1, True)
    trail = [entry.action for entry in AuditLog(database).of("alert", sample(closed).alert_id)]
    assert trail == ["begin", "comment", "resolve"]
    assert AuditLog(database).verify().faults == ()


def test_an_action_is_about_the_rows_that_were_seen_whatever_arrives(
    visit: Visit, store: str, database: Database
) -> None:
    visit.go("/triage?view=Alerts&sort=Newest+first")
    chosen = visit.cells(3)[0]
    visit.select_row(0)
    press(visit, "Take")
    shows(visit, "Take 1 alert:")
    add(store, [sample(number, at=now() + SECOND) for number in (1_001, 1_002)])
    expect(visit.pill()).to_contain_text("2 new", timeout=SOON)
    confirm(visit)
    shows(visit, "Take: 1 alert changed.")
    number = int(chosen.rpartition("-")[2])
    assert status(database, number)[0] == "in_progress"
    assert [status(database, other)[0] for other in (1_001, 1_002)] == ["new", "new"]


def test_all_that_match_are_named_before_they_are_closed_together(visit: Visit, database: Database) -> None:
    visit.go("/triage?view=Alerts&severity=High")
    visit.page.get_by_text(re.compile("All 2 matching")).click()
    press(visit, "Resolve")
    shows(visit, "Resolve 2 alerts:")
    named = visit.page.get_by_role("dialog").locator("[data-testid^=glide-cell-1-]")
    expect(named).to_have_text(["Two places, too far"] * 2)
    visit.page.get_by_role("dialog").get_by_text("False positive", exact=True).click()
    visit.page.get_by_label("Reason").fill("A VPN of ours.")
    confirm(visit)
    shows(visit, "Resolve: 2 alerts changed.")
    assert [status(database, number)[2] for number in (1, 5)] == ["false_positive"] * 2
    assert status(database, 0)[0] == "new"


def test_the_second_of_two_analysts_is_told_and_nothing_is_half_done(visit: Visit, database: Database) -> None:
    ids = [sample(number).alert_id for number in (1, 5)]
    visit.go("/triage?view=Alerts&severity=High")
    visit.page.get_by_text(re.compile("All 2 matching")).click()
    press(visit, "Take")
    shows(visit, "Take 2 alerts:")
    rows = Queries(database).rows(ids)
    Triage(database).act(BOB, targets([rows[ids[1]]]), Begin())
    confirm(visit)
    shows(visit, "changed since you read it")
    shows(visit, "begin by bob")
    assert [status(database, number)[:2] for number in (1, 5)] == [("new", None), ("in_progress", "bob")]


def test_a_press_on_an_old_page_is_about_what_stood_there(visit: Visit, database: Database) -> None:
    alert_id = sample(1).alert_id
    visit.go(f"/alert?id={alert_id}")
    rows = Queries(database).rows([alert_id])
    Triage(database).act(BOB, targets(list(rows.values())), Resolve(Verdict.FALSE_POSITIVE, "bob knows it"))
    press(visit, "Take")
    shows(visit, "Take 1 alert:")
    confirm(visit)
    shows(visit, "resolve by bob")
    assert status(database, 1) == ("resolved", "bob", "false_positive")
