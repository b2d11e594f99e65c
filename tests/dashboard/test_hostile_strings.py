"""Attackers write user agents, names and ids. Whatever they write is shown as text, and nothing comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect
from playwright.sync_api import TimeoutError as NotDrawnError

from schemas.alerts import Alert
from schemas.coverage import Filled
from schemas.triage import Role
from schemas.vocabulary import Severity
from store.access import Actor
from store.checkpoints import Checkpoint, Checkpoints, DeadLetterCount, Rollup
from store.engine import Database, connect
from store.queries import Queries
from store.suppressions import Kind, Named, Scope, Suppressions
from store.triage import Assign, Ticket, Triage, targets
from tests.dashboard.alert_samples import HOSTILE, hostile
from tests.dashboard.filled_store import MINUTE, beat, fill, leading, new_store, now
from tests.dashboard.served import NARROW, Visit, profile, served, visiting

ALERTS = 6
LITERAL = "![x](http"
"""As far as a label shows it unbroken."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = new_store(tmp_path_factory.mktemp("hostile"))
    fill(url, alerts(), watermark=now())
    database = connect(url)
    rollups = [
        Rollup(now() // MINUTE * MINUTE, dimension, 99, HOSTILE, 5) for dimension in ("type", "country", "client")
    ]
    refused = [DeadLetterCount(now(), HOSTILE, 7)]
    with leading(database) as epoch:
        Checkpoints(database).commit(
            Checkpoint(2, "d", {}, {}),
            epoch,
            rollups=rollups,
            dead_letters=refused,
            filled=[Filled(now(), HOSTILE, "key-use", 9, {})],
        )
    beat(database, now(), name=HOSTILE)
    handle(database)
    with served(url) as address:
        yield address
    database.close()


def handle(database: Database) -> None:
    """People write what they like, too; their names come from elsewhere."""
    eve, text = Actor(HOSTILE, Role.ANALYST), HOSTILE.replace("\x07", "")
    first, last = alerts()[0].alert_id, alerts()[-1].alert_id
    triage, queries = Triage(database), Queries(database)
    triage.comment(eve, [first], text)
    for action in (Assign(text[:190]), Ticket(text[:190])):
        triage.act(eve, targets([queries.rows([first])[first]]), action)
    row = queries.rows([last])[last]
    scope = Scope(entities=(Named(type=row.entity_type, id=row.entity_id),), detector=row.detector)
    Suppressions(database).add(eve, Kind.MUTE, scope, reason=text[:900], lasts=timedelta(days=1), severity=Severity.LOW)


def alerts() -> list[Alert]:
    return [hostile(number, at=now() - MINUTE) for number in range(ALERTS)]


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    with profile(browser, width=NARROW) as context:
        yield context


@pytest.fixture
def visit(telephone: BrowserContext, site: str) -> Iterator[Visit]:
    with visiting(telephone, site) as visit:
        yield visit


def assert_inert(visit: Visit) -> None:
    """Nothing of a hostile string became an element, and no hidden character is left in the document."""
    document = visit.page.content()
    assert "foreign.invalid" in document
    assert not {"\u202e", "\u202c", "\u200b", "\x07"} & set(document)
    for element in ("img", "a", "script", "iframe", "link", "form"):
        for attribute in ("src", "href", "action"):
            expect(visit.page.locator(f"{element}[{attribute}*='foreign.invalid']")).to_have_count(0)
    expect(visit.page.locator(".katex, [data-testid=stMarkdownColoredText]")).to_have_count(0)


def test_overview(visit: Visit) -> None:
    visit.go("/")
    assert_inert(visit)


@pytest.mark.parametrize("view", ["Incidents", "Alerts"])
def test_triage_and_what_is_selected(visit: Visit, view: str) -> None:
    visit.go(f"/triage?view={view}&detector={quote(HOSTILE)}&tactic={quote(HOSTILE)}")
    visit.page.get_by_text("Select a").first.wait_for()
    visit.select_row(0)
    card = visit.page.get_by_test_id("stPageLink").filter(has_text=LITERAL).first
    expect(card).to_be_visible()
    assert_inert(visit)
    visit.page.get_by_role("button", name="Resolve", exact=True).click()
    expect(visit.page.get_by_role("dialog").get_by_role("button", name="Confirm")).to_be_visible()
    assert_inert(visit)


def test_suppressions(visit: Visit) -> None:
    visit.go("/suppressions")
    assert LITERAL in visit.cells(4)[0]
    visit.select_row(0)
    expect(visit.page.get_by_test_id("stFormSubmitButton").first).to_be_visible()
    assert_inert(visit)


def opened(visit: Visit, name: str) -> Locator:
    """Open a list as a person does: once more if the page was drawn anew under the first click."""
    option = visit.page.get_by_role("option").filter(has_text=LITERAL).first
    visit.page.get_by_role("combobox", name=name).click()
    try:
        option.wait_for(timeout=5_000)
    except NotDrawnError:
        visit.page.get_by_role("combobox", name=name).click()
    expect(option).to_be_visible()
    return option


def test_lists_of_filters(visit: Visit) -> None:
    visit.go("/triage?age=Last+7+days")
    for name, parameter in (("Detector", "detector="), ("ATT&CK tactic", "tactic=")):
        opened(visit, name).click()
        visit.page.keyboard.press("Escape")
        # The redrawing that a choice begins would close the next list.
        visit.page.wait_for_url(lambda url, chosen=parameter: chosen in url)  # type: ignore[misc]
        visit.drawn()
    assert_inert(visit)


def test_alert_with_its_tips_and_record(visit: Visit) -> None:
    visit.go(f"/alert?id={alerts()[0].alert_id}")
    expect(visit.page.get_by_role("heading", name=LITERAL)).to_be_visible()
    visit.page.get_by_text("Raw record").click()
    expect(visit.page.get_by_test_id("stCode").get_by_text(LITERAL).first).to_be_visible()
    visit.page.locator("svg .mark-symbol path").first.hover(force=True)
    expect(visit.page.locator("#vg-tooltip-element")).to_contain_text(LITERAL)
    assert_inert(visit)


def test_detectors(visit: Visit) -> None:
    visit.go(f"/detectors?detector={quote(HOSTILE)}")
    visit.page.get_by_text("Why not armed").click()
    reasons = visit.page.get_by_test_id("stDataFrame").nth(1)
    expect(reasons.get_by_text(LITERAL).first).to_be_attached()
    assert_inert(visit)


def test_health(visit: Visit) -> None:
    visit.go("/health")
    visit.page.get_by_text("Counters of the worker").click()
    assert any(LITERAL in cell for cell in visit.cells(0))
    assert_inert(visit)


@pytest.mark.parametrize("path", ["/alert?id=", "/triage?entity=user:", "/triage?severity=", "/?window="])
def test_addresses(visit: Visit, path: str) -> None:
    visit.go(path + quote(HOSTILE))
    expect(visit.page.get_by_test_id("stException")).to_have_count(0)
